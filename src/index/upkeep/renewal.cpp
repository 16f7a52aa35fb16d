#include "index/upkeep/renewal.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"

#include "engine/growth.hpp"
#include "index/storage/room.hpp"
#include "index/upkeep/recover.hpp"
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

void take(void* state, const WalkedRow&, float* rotated, float error) {
    RowSample* sample = static_cast<RowSample*>(state);
    const bool is_skipped = sample->skipped != nullptr && sample->skipped[sample->seen];
    if (!is_skipped && sample->count < sample->wanted &&
        sample->seen * sample->wanted / sample->live >= sample->count) {
        const uint32 padded = sample->renewal->parameters.padded;
        to_new_space(*sample->renewal, error, rotated);
        memcpy(sample->rows + sample->count * padded, rotated, padded * sizeof(float));
        sample->count += 1;
    }
    sample->seen += 1;
}

Extent room_for(const Renewal& renewal, const CellLayout& layout, uint64 rows) {
    const double room = static_cast<double>(rows) * (1 + renewal.slack) + 1;
    return {0, layout.round_up(true, divide_up(static_cast<uint32>(room), rows_per_block))};
}

// An array in new pages, all of them formatted, whatever they held before. False if there is no
// room for it.
bool write_array(const Renewal& renewal, PageKind kind, const char* bytes, uint64 length,
                 Size page_bytes, Segments* result) {
    Segments& segments = *result;
    segments = {};
    uint32 page = 0;
    for (uint64 done = 0; done < length;) {
        if (segments.count == max_segments) {
            elog(ERROR, "no room for another segment");
        }
        const uint32 pages = segment_pages(segments.count);
        const BlockRun run = allocate_intent(renewal.index, pages);
        if (!try_extend(renewal.index, run.start + pages)) {
            return false;
        }
        segments.start[segments.count++] = run.start;
        for (uint32 i = 0; i < pages; ++i, ++page) {
            CHECK_FOR_INTERRUPTS();
            const Buffer buffer = lock_fresh_page(renewal.index, run.start + i);
            Record record(renewal.index);
            const Page image = record.add_fresh(buffer, {kind, 0, page, 0});
            const Size piece = Min(length - done, static_cast<uint64>(page_bytes));
            memcpy(payload(image), bytes + done, piece);
            done += piece;
            record.finish();
            UnlockReleaseBuffer(buffer);
        }
    }
    return true;
}

// The new origin, in new pages. False if there is no room for it.
bool write_origin(const Renewal& renewal, BlockRun* result) {
    const core::VectorView origin = renewal.space->origin();
    const Size bytes = origin.size_bytes();
    const BlockRun run = allocate_intent(renewal.index, divide_up(bytes, payload_size));
    if (!try_extend(renewal.index, run.start + run.length)) {
        return false;
    }
    for (uint32 page = 0; page < run.length; ++page) {
        const Buffer buffer = lock_fresh_page(renewal.index, run.start + page);
        Record record(renewal.index);
        const Page image = record.add_fresh(buffer, {PageKind::origin, 0, page, 0});
        const Size done = Size{page} * payload_size;
        memcpy(payload(image), reinterpret_cast<const char*>(origin.data()) + done,
               Min(bytes - done, payload_size));
        record.finish();
        UnlockReleaseBuffer(buffer);
    }
    *result = run;
    return true;
}

// What the new cells' keys have in common, in new pages. False if there is no room for it.
bool write_summaries(const Renewal& renewal, KeySummaries* result) {
    const uint32 pages = end_summaries(renewal.summaries, renewal.count);
    *result = {};
    if (pages == 0) {
        return true;
    }
    const BlockRun run = allocate_intent(renewal.index, pages);
    if (!try_extend(renewal.index, run.start + run.length)) {
        return false;
    }
    *result = {run, renewal.summaries->groups, renewal.summaries->shape.bucket_pages,
               next_generation(renewal.index)};
    for (uint32 page = 0; page < pages; ++page) {
        CHECK_FOR_INTERRUPTS();
        const Buffer buffer = lock_fresh_page(renewal.index, run.start + page);
        Record record(renewal.index);
        memcpy(payload(record.add_fresh(buffer, summary_page(*result, page))),
               renewal.summaries->bytes + Size{page} * payload_size, payload_size);
        record.finish();
        UnlockReleaseBuffer(buffer);
    }
    return true;
}

void publish(const Renewal& renewal, const Segments& slots, const Segments& centroids,
             const BlockRun& origin, const KeySummaries& summaries) {
    const Buffer buffer = lock_meta(renewal.index, BUFFER_LOCK_EXCLUSIVE);
    Record record(renewal.index);
    Meta* meta = meta_of(record.add(buffer));
    meta->parameters = renewal.parameters;
    meta->directory_version += 1;
    meta->retired_slots = meta->slots;
    meta->retired_next = special_slots;
    meta->retired_slot_pages = meta->slot_pages;
    meta->retired_centroid_pages = meta->centroid_pages;
    meta->slot_pages = slots;
    meta->centroid_pages = centroids;
    meta->slots = renewal.count;
    meta->cells = renewal.count - special_slots;
    if (renewal.shift != nullptr) {
        meta->retired_origin = meta->has_origin != 0 ? meta->origin : BlockRun{};
        meta->has_origin = 1;
        meta->origin = origin;
    }
    meta->retired_summaries = meta->summaries.run;
    meta->summaries = summaries;
    meta->unfinished.intent_count = 0;
    meta->frozen = 0;
    if (renewal.clustered) {
        meta->clustered_cells = meta->cells;
        meta->clustered_rows = renewal.rows;
        meta->started_cells = 0;
        end_upkeep(meta, Upkeep::clustering);
    }
    meta->calibrated_cells = 0;
    end_upkeep(meta, Upkeep::calibration);
    if (renewal.ratio != 1) {
        // What was learnt is of another space.
        memset(meta->calibration, 0, sizeof meta->calibration);
    }
    record.finish();
    UnlockReleaseBuffer(buffer);
}

}  // namespace

Renewal begin_renewal(Relation index) {
    const Directory* directory = open_directory(index);
    Renewal renewal{};
    renewal.index = index;
    renewal.old_parameters = directory->parameters;
    renewal.parameters = directory->parameters;
    renewal.old_space = directory->space;
    renewal.space = renewal.old_space;
    renewal.ratio = 1;
    renewal.slack = room_of_inserter;
    renewal.list = list_cells(index);
    for (uint32 i = special_slots; i < renewal.list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        const CellRef& ref = renewal.list.cells[i];
        CellView view;
        open_cell(index, renewal.parameters, ref.slot, ref.head,
                  static_cast<uint32>(ref.generation), &view, nullptr);
        const bool is_long = (view.flags & cell_long_rows) != 0;
        renewal.rows += live_rows(view);
        renewal.extents += view.extent_count;
        renewal.pages +=
            view.layout.pages(true, room_for(renewal, view.layout, live_rows(view)).blocks);
        renewal.long_rows += is_long ? live_rows(view) : 0;
    }
    return renewal;
}

void open_old(const Renewal& renewal, const CellRef& ref, OldRows* cell) {
    cell->ref = ref;
    cell->centroid = static_cast<float*>(palloc(sizeof(float) * renewal.parameters.padded));
    open_cell(renewal.index, renewal.old_parameters, ref.slot, ref.head,
              static_cast<uint32>(ref.generation), &cell->view, cell->centroid);
}

void walk(const OldRows& cell, uint32 first, const Visitor& visitor) {
    const CellView& view = cell.view;
    if (first >= view.rows) {
        return;
    }
    RowBlock* block = new_block(view.layout);
    float* rotated = static_cast<float*>(palloc(view.layout.centroid_bytes));
    while (first < view.rows) {
        CHECK_FOR_INTERRUPTS();
        const uint32 count = Min(view.rows - first, rows_per_block - first % rows_per_block);
        read_block(view, first, count, false, block);
        for (uint32 i = 0; i < count; ++i) {
            if (!is_dead(block->entries[i])) {
                const float error = engine::decode_row(
                    view.layout.padded, block->refinements + Size{i} * view.layout.padded,
                    block->entries[i].refine, cell.centroid, rotated);
                visitor.visit(visitor.state, {block->entries[i], keys_of(view, *block, i)}, rotated,
                              error);
            }
        }
        first += count;
    }
    pfree(rotated);
    free_block(block);
}

void set_origin(Renewal* renewal, const float* origin) {
    core::Arena arena = pg::arena();
    const Size padded = renewal->parameters.padded;
    renewal->space = arena.create<engine::Space>(arena, space_parameters(renewal->parameters),
                                                 core::VectorView(origin, padded));
    renewal->shift = static_cast<float*>(palloc(sizeof(float) * padded));
    renewal->shift_error = renewal->old_space->translation(*renewal->space, renewal->shift);
}

float to_new_space(const Renewal& renewal, float error, float* rotated) {
    if (renewal.shift != nullptr) {
        return engine::translate(renewal.shift, renewal.shift_error, error,
                                 {rotated, renewal.parameters.padded});
    }
    return renewal.ratio == 1 ? error : renewal.old_space->rescale(renewal.ratio, error, rotated);
}

uint64 live_rows(const Plan& plan) {
    uint64 live = 0;
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        live += live_rows(plan.cells[i].view);
    }
    return live;
}

void walk(const Plan& plan, const Visitor& visitor) {
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        walk(plan.cells[i], 0, visitor);
    }
}

RowSample sample_rows(const Plan& plan, uint64 wanted, const bool* skipped) {
    const Size row_bytes = sizeof(float) * plan.renewal->parameters.padded;
    const uint64 fit = Max(static_cast<uint64>(maintenance_work_mem) * 256 / row_bytes, uint64{64});
    const uint64 live = live_rows(plan);
    RowSample sample{plan.renewal, nullptr, 0, Min(Min(fit, wanted), live), 0, live, skipped};
    sample.rows = static_cast<float*>(
        MemoryContextAllocHuge(CurrentMemoryContext, row_bytes * (sample.wanted + 1)));
    walk(plan, {take, &sample});
    return sample;
}

void plan_same(Plan* plan) {
    const Renewal& renewal = *plan->renewal;
    const Size bytes = sizeof(float) * renewal.parameters.padded;
    plan->count = 1;
    plan->centroids = static_cast<float*>(palloc(bytes));
    memcpy(plan->centroids, plan->cells[0].centroid, bytes);
    // The centroid's place under another scale, as if it were that of a row.
    to_new_space(renewal, 0, plan->centroids);
    plan->rows = static_cast<uint64*>(palloc0(sizeof(uint64)));
    plan->rows[0] = live_rows(*plan);
}

uint64 count_pages(const Plan& plan) {
    const CellLayout layout = CellLayout::of(plan.renewal->parameters, cell_has_codes);
    uint64 pages = 0;
    for (uint32 i = 0; i < plan.count; ++i) {
        pages += layout.pages(true, room_for(*plan.renewal, layout, plan.rows[i]).blocks);
    }
    return pages;
}

BlockNumber allocate_cells(const Renewal& renewal, uint64 pages) {
    if (pages > MaxBlockNumber) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("index \"%s\" cannot have more than %u blocks",
                               RelationGetRelationName(renewal.index), MaxBlockNumber)));
    }
    const BlockRun run = allocate_intent(renewal.index, static_cast<uint32>(pages));
    return try_extend(renewal.index, run.start + run.length) ? run.start : InvalidBlockNumber;
}

bool is_room_likely(const Renewal& renewal) {
    const Relation index = renewal.index;
    // One for each array's segments, for origin and summaries, and for what is given up.
    const uint64 entries = renewal.extents + 2 * max_segments + 2 + max_intents;
    return finish_unfinished(index) && entries <= UINT32_MAX &&
           reserve_free_entries(index, static_cast<uint32>(entries)) &&
           is_room_likely(index, renewal.pages);
}

void begin_directory(Renewal* renewal, uint32 capacity) {
    const Relation index = renewal->index;
    renewal->capacity = capacity;
    renewal->slots = static_cast<Slot*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Slot) * capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    renewal->centroid_codes = static_cast<uint8*>(MemoryContextAllocExtended(
        CurrentMemoryContext, Size{renewal->parameters.padded} * capacity,
        MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    Meta meta;
    read_meta(index, &meta);
    const Buffer buffer =
        read_array_page(index, meta.slot_pages, PageKind::slots, 0, BUFFER_LOCK_SHARE);
    memcpy(renewal->slots, payload(BufferGetPage(buffer)), sizeof(Slot) * special_slots);
    UnlockReleaseBuffer(buffer);
    renewal->count = special_slots;
    renewal->summaries = static_cast<NewSummaries*>(palloc(sizeof(NewSummaries)));
    *renewal->summaries =
        new_summaries(renewal->parameters, renewal->rows, capacity - special_slots);
}

BlockNumber begin_cells(Renewal* renewal, Plan* plan, BlockNumber at) {
    const uint32 padded = renewal->parameters.padded;
    plan->first_slot = renewal->count;
    plan->writers = static_cast<CellWriter*>(
        MemoryContextAllocExtended(CurrentMemoryContext, sizeof(CellWriter) * Max(plan->count, 1u),
                                   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    plan->row.signs = static_cast<uint8*>(palloc(engine::sign_bytes(padded)));
    plan->row.refinement = static_cast<uint8*>(palloc(padded));
    const CellLayout layout = CellLayout::of(renewal->parameters, plan->flags);
    for (uint32 i = 0; i < plan->count; ++i) {
        const float* centroid = plan->centroids + Size{i} * padded;
        Extent extent = room_for(*renewal, layout, plan->rows[i]);
        extent.start = at;
        const uint32 number = renewal->count++;
        Assert(number < renewal->capacity);
        Slot* slot = &renewal->slots[number];
        slot->state = SlotState::live;
        slot->flags = plan->flags;
        slot->head = at;
        slot->generation = next_generation(renewal->index);
        const engine::RefineFactors factors = engine::encode_centroid(
            padded, centroid, renewal->centroid_codes + Size{number} * padded);
        slot->centroid = factors;
        begin_writing(&plan->writers[i], renewal->index, MAIN_FORKNUM, true, renewal->parameters,
                      number, slot->generation, plan->flags, extent, centroid);
        if (renewal->clustered && plan->flags == cell_has_codes) {
            plan->writers[i].no_split_below = engine::split_again_above(plan->rows[i], plan->count);
        }
        at += layout.pages(true, extent.blocks);
    }
    return at;
}

uint32 nearest_with_room(const Plan& plan, const float* rotated) {
    const uint32 padded = plan.renewal->parameters.padded;
    uint32 best = no_cell;
    double least = 0;
    for (uint32 i = 0; i < plan.count; ++i) {
        if (plan.writers != nullptr && plan.writers[i].rows == plan.writers[i].capacity) {
            continue;
        }
        const double d =
            kernels::active().floats.l2_squared(rotated, plan.centroids + Size{i} * padded, padded);
        if (best == no_cell || d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

void write_to(Plan* plan, uint32 cell, const WalkedRow& row, float* rotated, float error) {
    const Renewal& renewal = *plan->renewal;
    error = read_exactly(renewal.table, *renewal.space, address_of(row.entry), error, rotated);
    engine::encode_row(*renewal.space, rotated, error,
                       plan->centroids + Size{cell} * renewal.parameters.padded, plan->row);
    write_row(&plan->writers[cell], address_of(row.entry), &plan->row, &row.keys);
    add_to_summaries(renewal.summaries, plan->first_slot + cell, row.keys);
}

void write_cells_so_far(Plan* plan) {
    if (plan->written == nullptr) {
        plan->written = static_cast<uint32*>(palloc(sizeof(uint32) * Max(plan->count, 1u)));
        memset(plan->written, 0xff, sizeof(uint32) * plan->count);
    }
    for (uint32 i = 0; i < plan->count; ++i) {
        CHECK_FOR_INTERRUPTS();
        if (plan->written[i] != plan->writers[i].rows) {
            plan->written[i] = plan->writers[i].rows;
            pg::in_context("vecdot cell so far", [&] { write_so_far(plan->writers[i]); });
        }
    }
}

void end_cells(Renewal* renewal, Plan* plan) {
    for (uint32 i = 0; i < plan->count; ++i) {
        if (plan->written == nullptr || plan->written[i] != plan->writers[i].rows) {
            end_writing(&plan->writers[i]);
        }
        renewal->slots[plan->first_slot + i].radius = plan->writers[i].radius;
    }
}

void stop_inserters(const Renewal& renewal) {
    freeze(renewal.index, true);
    // Whoever had found the index not frozen has let go of his cell's head when this has locked it.
    for (uint32 i = 0; i < renewal.list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        const CellRef& ref = renewal.list.cells[i];
        UnlockReleaseBuffer(read_page(renewal.index, ref.head,
                                      {PageKind::head, ref.slot, 0, ref.generation},
                                      BUFFER_LOCK_EXCLUSIVE));
    }
}

bool end_renewal(Renewal* renewal) {
    Segments slots;
    Segments centroids;
    BlockRun origin{};
    KeySummaries summaries;
    if (!write_array(*renewal, PageKind::slots, reinterpret_cast<const char*>(renewal->slots),
                     uint64{sizeof(Slot)} * renewal->count, slots_per_page * sizeof(Slot),
                     &slots) ||
        !write_array(
            *renewal, PageKind::centroids, reinterpret_cast<const char*>(renewal->centroid_codes),
            uint64{renewal->parameters.padded} * renewal->count, payload_size, &centroids) ||
        (renewal->shift != nullptr && !write_origin(*renewal, &origin)) ||
        !write_summaries(*renewal, &summaries)) {
        return false;
    }
    publish(*renewal, slots, centroids, origin, summaries);
    return true;
}

}  // namespace vecdot::index
