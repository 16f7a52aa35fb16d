// Inner product: the index's scale 1/M is made for rows up to the length M. Longer ones live in a
// cell that every search reads. When there are many, all rows get a new scale.
//
// Every image changes, so all cells are replaced at once: under the structure lock, with the index
// frozen (whoever wants to add a row waits for the structure lock; searches go on), each cell is
// written anew, the one of long rows as several, and a new directory beside the old one. One record
// on the meta page publishes them, with the new scale, and thaws. The old cells and the old
// directory are freed by finish_unfinished(), as are the new ones after a crash before.
#include "algo/growth.hpp"
#include "algo/kmeans.hpp"
#include "index/meta.hpp"
#include "index/rewrite.hpp"
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

constexpr double slack = 0.25;

// The new M over the longest row. What the stopping rule has learnt changes with the lengths, so
// rows that are longer still had better be long rows, which are never missed, than far from their
// cell.
constexpr double headroom = 1.25;
constexpr uint64 sample_for_each = 256;

struct Rescale {
    Relation index;
    Parameters old_parameters;
    Parameters parameters;
    const algo::Space* old_space;
    const algo::Space* space;
    double ratio;
    CellList list;
    // The new directory. All its cells lie in one run of blocks.
    uint32 count;  // slots
    uint32 capacity;
    Slot* slots;
    uint8* codes;  // slot after slot
};

// What a walk over a cell's live rows calls: rotated is the row's old image, within error.
struct Visitor {
    void (*visit)(void* state, const AddressEntry& entry, float* rotated, float error);
    void* state;
};

void walk(const CellView& view, const float* centroid, const Visitor& visitor) {
    RowBlock* block = new_block(view.layout);
    float* rotated = static_cast<float*>(palloc(view.layout.centroid_bytes));
    for (uint32 first = 0; first < view.rows; first += rows_per_block) {
        CHECK_FOR_INTERRUPTS();
        read_block(view, first, Min(rows_per_block, view.rows - first), false, block);
        for (uint32 i = 0; i < block->count; ++i) {
            if (!is_dead(block->entries[i])) {
                const float error = algo::decode_row(
                    view.layout.padded, block->codes + Size{i} * view.layout.padded,
                    refine_factors(block->entries[i]), centroid, rotated);
                visitor.visit(visitor.state, block->entries[i], rotated, error);
            }
        }
    }
}

struct Longest {
    const algo::Space* space;
    double norm;
    uint64 rows;
};

void note_norm(void* state, const AddressEntry&, float* rotated, float error) {
    Longest* longest = static_cast<Longest*>(state);
    const double norm = longest->space->scaled_norm(rotated) * (1 + 0x1p-12) + 2 * error;
    longest->norm = Max(longest->norm, norm);
    longest->rows += 1;
}

struct Sample {
    const Rescale* rescale;
    float* rows;
    uint64 count;
    uint64 wanted;
    uint64 seen;
    uint64 live;
};

void take(void* state, const AddressEntry&, float* rotated, float error) {
    Sample* sample = static_cast<Sample*>(state);
    if (sample->count < sample->wanted &&
        sample->seen * sample->wanted / sample->live >= sample->count) {
        const uint32 padded = sample->rescale->parameters.padded;
        sample->rescale->old_space->rescale(sample->rescale->ratio, error, rotated);
        memcpy(sample->rows + sample->count * padded, rotated, padded * sizeof(float));
        sample->count += 1;
    }
    sample->seen += 1;
}

// The new cells of one old one.
struct Parts {
    const Rescale* rescale;
    uint32 count;
    float* centroids;
    uint64* rows;
    CellWriter* writers;
    algo::EncodedRow row;
};

uint32 nearest_part(const Parts& parts, const float* rotated) {
    const uint32 padded = parts.rescale->parameters.padded;
    uint32 best = 0;
    double least = 0;
    for (uint32 i = 0; i < parts.count; ++i) {
        const double d = kernels::active().floats.l2_squared(
            rotated, parts.centroids + Size{i} * padded, padded);
        if (i == 0 || d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

void count_row(void* state, const AddressEntry&, float* rotated, float error) {
    Parts* parts = static_cast<Parts*>(state);
    parts->rescale->old_space->rescale(parts->rescale->ratio, error, rotated);
    parts->rows[nearest_part(*parts, rotated)] += 1;
}

void write_one(void* state, const AddressEntry& entry, float* rotated, float error) {
    Parts* parts = static_cast<Parts*>(state);
    const Rescale& rescale = *parts->rescale;
    const float new_error = rescale.old_space->rescale(rescale.ratio, error, rotated);
    const uint32 part = nearest_part(*parts, rotated);
    algo::encode_row(*rescale.space, rotated, new_error,
                     parts->centroids + Size{part} * rescale.parameters.padded, parts->row);
    write_row(&parts->writers[part], entry.tid, &parts->row);
}

// May own C++ memory: calls no PostgreSQL.
uint64 find_centroids(const float* rows, uint64 count, std::size_t padded, uint64 k, uint64 seed,
                      float* centroids, const core::Interrupt& interrupt) {
    algo::KmeansOptions options{};
    options.clusters = k;
    options.seed = seed;
    const std::vector<float> found = algo::train_kmeans(rows, count, padded, options, interrupt);
    std::copy(found.begin(), found.end(), centroids);
    return found.size() / padded;
}

// Where the rows of an old cell go.
struct Plan {
    CellRef ref;
    CellView view;
    float* old_centroid;
    Parts parts;
    BlockNumber pages;
};

// The centroid's place under the new scale, as if it were that of a row.
void move_centroid(const Rescale& rescale, float* centroid) {
    rescale.old_space->rescale(rescale.ratio, 0, centroid);
}

Extent room_for(const CellLayout& layout, uint64 rows) {
    const double room = static_cast<double>(rows) * (1 + slack) + 1;
    return {0, layout.round_up(true, divide_up(static_cast<uint32>(room), rows_per_block))};
}

void open_plan(const Rescale& rescale, const CellRef& ref, Plan* plan) {
    const uint32 padded = rescale.parameters.padded;
    plan->ref = ref;
    plan->old_centroid = static_cast<float*>(palloc(sizeof(float) * padded));
    open_cell(rescale.index, rescale.old_parameters, ref.slot, ref.head,
              static_cast<uint32>(ref.generation), &plan->view, plan->old_centroid);
}

uint64 live_rows(const CellView& view) {
    return view.rows - Min(view.dead, view.rows);
}

// A cell stays one; that of long rows becomes as many as make cells of the usual size.
void make_plan(const Rescale& rescale, uint64 cells, Plan* plan) {
    const uint32 padded = rescale.parameters.padded;
    const uint64 live = live_rows(plan->view);
    Parts& parts = plan->parts;
    parts.rescale = &rescale;
    if ((plan->view.flags & cell_always_first) == 0) {
        parts.count = 1;
        parts.centroids = static_cast<float*>(palloc(sizeof(float) * padded));
        memcpy(parts.centroids, plan->old_centroid, sizeof(float) * padded);
        move_centroid(rescale, parts.centroids);
        parts.rows = static_cast<uint64*>(palloc0(sizeof(uint64)));
        parts.rows[0] = live;
    } else if (live > 0) {
        const uint64 fit =
            Max(static_cast<uint64>(maintenance_work_mem) * 1024 / 4 / (sizeof(float) * padded),
                uint64{64});
        const uint64 wanted = algo::cells_of_split(live, cells, Max(fit / 64, uint64{2}));
        Sample sample{&rescale, nullptr, 0, Min(Min(fit, wanted * sample_for_each), live), 0, live};
        sample.rows = static_cast<float*>(
            MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * padded * sample.wanted));
        walk(plan->view, plan->old_centroid, {take, &sample});
        parts.centroids = static_cast<float*>(
            MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * padded * wanted));
        parts.count = static_cast<uint32>(find_centroids(
            sample.rows, sample.count, padded, wanted,
            rescale.parameters.seed ^ plan->ref.generation, parts.centroids, pg::interrupt()));
        pfree(sample.rows);
        parts.rows = static_cast<uint64*>(palloc0(sizeof(uint64) * parts.count));
        walk(plan->view, plan->old_centroid, {count_row, &parts});
    }
    const CellLayout layout = CellLayout::of(rescale.parameters, cell_has_codes);
    plan->pages = 0;
    for (uint32 i = 0; i < parts.count; ++i) {
        plan->pages += layout.pages(true, room_for(layout, parts.rows[i]).blocks);
    }
}

// Begins a cell in a new slot at block `at`; returns the block behind it.
BlockNumber begin_cell(Rescale* rescale, CellWriter* writer, uint16 flags, const float* centroid,
                       uint64 rows, BlockNumber at) {
    const CellLayout layout = CellLayout::of(rescale->parameters, flags);
    Extent extent = room_for(layout, rows);
    extent.start = at;
    const uint32 number = rescale->count++;
    Assert(number < rescale->capacity);
    Slot* slot = &rescale->slots[number];
    slot->state = SlotState::live;
    slot->flags = flags;
    slot->head = at;
    slot->generation = next_generation(rescale->index);
    const algo::RefineFactors factors = algo::encode_centroid(
        layout.padded, centroid, rescale->codes + Size{number} * layout.padded);
    memcpy(slot->centroid, &factors, sizeof slot->centroid);
    begin_writing(writer, rescale->index, MAIN_FORKNUM, true, rescale->parameters, number,
                  slot->generation, flags, extent, centroid);
    return at + layout.pages(true, extent.blocks);
}

// Writes the new cells of an old one.
BlockNumber write_cells(Rescale* rescale, Plan* plan, BlockNumber at) {
    const uint32 padded = rescale->parameters.padded;
    Parts& parts = plan->parts;
    const uint32 first = rescale->count;
    parts.writers = static_cast<CellWriter*>(palloc0(sizeof(CellWriter) * parts.count));
    parts.row.signs = static_cast<uint8*>(palloc(algo::sign_bytes(padded)));
    parts.row.code = static_cast<uint8*>(palloc(padded));
    for (uint32 i = 0; i < parts.count; ++i) {
        at = begin_cell(rescale, &parts.writers[i], cell_has_codes,
                        parts.centroids + Size{i} * padded, parts.rows[i], at);
    }
    walk(plan->view, plan->old_centroid, {write_one, &parts});
    for (uint32 i = 0; i < parts.count; ++i) {
        end_writing(&parts.writers[i]);
        rescale->slots[first + i].radius = parts.writers[i].radius;
    }
    return at;
}

// An array in new pages, all of them formatted, whatever they held before.
Segments write_array(const Rescale& rescale, PageKind kind, const char* bytes, uint64 length,
                     Size page_bytes) {
    Segments segments{};
    uint32 page = 0;
    for (uint64 done = 0; done < length;) {
        if (segments.count == max_segments) {
            elog(ERROR, "no room for another segment");
        }
        const uint32 pages = segment_pages(segments.count);
        const BlockRun run = allocate_intent(rescale.index, pages);
        segments.start[segments.count++] = run.start;
        for (uint32 i = 0; i < pages; ++i, ++page) {
            CHECK_FOR_INTERRUPTS();
            const Buffer buffer = lock_fresh_page(rescale.index, run.start + i);
            Record record(rescale.index);
            const Page image = record.add_fresh(buffer, {kind, 0, page, 0});
            const Size piece = Min(length - done, static_cast<uint64>(page_bytes));
            memcpy(payload(image), bytes + done, piece);
            done += piece;
            record.finish();
            UnlockReleaseBuffer(buffer);
        }
    }
    return segments;
}

void publish(const Rescale& rescale, const Segments& slots, const Segments& centroids) {
    const Buffer buffer = lock_meta(rescale.index, BUFFER_LOCK_EXCLUSIVE);
    Record record(rescale.index);
    Meta* meta = meta_of(record.add(buffer));
    meta->parameters = rescale.parameters;
    meta->directory_version += 1;
    meta->retired_slots = meta->slots;
    meta->retired_next = special_slots;
    meta->retired_slot_pages = meta->slot_pages;
    meta->retired_centroid_pages = meta->centroid_pages;
    meta->slot_pages = slots;
    meta->centroid_pages = centroids;
    meta->slots = rescale.count;
    meta->cells = rescale.count - special_slots;
    meta->unfinished.intent_count = 0;
    meta->frozen = 0;
    // What was learnt is of another space.
    memset(meta->calibration, 0, sizeof meta->calibration);
    meta->calibrated_cells = 0;
    record.finish();
    UnlockReleaseBuffer(buffer);
}

// Nobody is adding a row to any of the cells any more: whoever had found the index not frozen has
// let go of its head.
void wait_for_inserters(const Rescale& rescale) {
    for (uint32 i = 0; i < rescale.list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        const CellRef& ref = rescale.list.cells[i];
        UnlockReleaseBuffer(read_page(rescale.index, ref.head,
                                      {PageKind::head, ref.slot, 0, ref.generation},
                                      BUFFER_LOCK_EXCLUSIVE));
    }
}

void replace_all(Rescale* rescale) {
    const Relation index = rescale->index;
    const CellList& list = rescale->list;
    const uint32 padded = rescale->parameters.padded;
    freeze(index, true);
    wait_for_inserters(*rescale);
    Plan* plans =
        static_cast<Plan*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Plan) * list.count));
    memset(static_cast<void*>(plans), 0, sizeof(Plan) * list.count);
    Longest longest{rescale->old_space, 1, 0};
    for (uint32 i = special_slots; i < list.count; ++i) {
        open_plan(*rescale, list.cells[i], &plans[i]);
        if ((plans[i].view.flags & cell_always_first) != 0) {
            walk(plans[i].view, plans[i].old_centroid, {note_norm, &longest});
        }
    }
    rescale->ratio = 1 / (headroom * longest.norm);
    rescale->parameters.scale *= rescale->ratio;
    core::Arena arena = pg::arena();
    rescale->space =
        arena.create<algo::Space>(arena, space_parameters(rescale->parameters), core::VectorView());

    uint64 pages = CellLayout::of(rescale->parameters, cell_has_codes).pages(true, 1);
    rescale->capacity = special_slots + 1;
    for (uint32 i = special_slots; i < list.count; ++i) {
        make_plan(*rescale, list.count, &plans[i]);
        pages += plans[i].pages;
        rescale->capacity += plans[i].parts.count;
    }
    if (pages > MaxBlockNumber) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("index \"%s\" cannot have more than %u blocks",
                               RelationGetRelationName(index), MaxBlockNumber)));
    }
    rescale->slots = static_cast<Slot*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Slot) * rescale->capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    rescale->codes = static_cast<uint8*>(MemoryContextAllocExtended(
        CurrentMemoryContext, Size{padded} * rescale->capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    // The special lists stay what they are.
    Meta meta;
    read_meta(index, &meta);
    const Buffer buffer =
        read_array_page(index, meta.slot_pages, PageKind::slots, 0, BUFFER_LOCK_SHARE);
    memcpy(rescale->slots, payload(BufferGetPage(buffer)), sizeof(Slot) * special_slots);
    UnlockReleaseBuffer(buffer);
    rescale->count = special_slots;

    BlockNumber at = allocate_intent(index, static_cast<uint32>(pages)).start;
    const MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescaled cell", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = CurrentMemoryContext;
    for (uint32 i = special_slots; i < list.count; ++i) {
        MemoryContextSwitchTo(memory);
        at = write_cells(rescale, &plans[i], at);
        MemoryContextSwitchTo(old);
        MemoryContextReset(memory);
    }
    // For rows that are longer still.
    CellWriter writer;
    float* zero = static_cast<float*>(palloc0(sizeof(float) * padded));
    begin_cell(rescale, &writer, cell_has_codes | cell_always_first, zero, 0, at);
    end_writing(&writer);
    const Segments slots =
        write_array(*rescale, PageKind::slots, reinterpret_cast<const char*>(rescale->slots),
                    uint64{sizeof(Slot)} * rescale->count, slots_per_page * sizeof(Slot));
    const Segments centroids =
        write_array(*rescale, PageKind::centroids, reinterpret_cast<const char*>(rescale->codes),
                    uint64{padded} * rescale->count, payload_size);
    publish(*rescale, slots, centroids);
}

}  // namespace

void rescale(Relation index) {
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescale", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    core::Arena arena = pg::arena();
    const Directory* directory = open_directory(index);
    Rescale rescale{};
    rescale.index = index;
    rescale.old_parameters = directory->parameters;
    rescale.parameters = directory->parameters;
    rescale.old_space = copy_space(arena, *directory);
    rescale.list = list_cells(index);
    uint64 rows = 0;
    uint64 long_rows = 0;
    for (uint32 i = special_slots; i < rescale.list.count; ++i) {
        const CellRef& ref = rescale.list.cells[i];
        CellView view;
        open_cell(index, rescale.parameters, ref.slot, ref.head,
                  static_cast<uint32>(ref.generation), &view, nullptr);
        rows += live_rows(view);
        long_rows += (view.flags & cell_always_first) != 0 ? live_rows(view) : 0;
    }
    if (algo::is_rescale_due(long_rows, rows)) {
        replace_all(&rescale);
        finish_unfinished(index);
    }
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
}

}  // namespace vecdot::index
