// The verifier, first part: the meta page, the directory, the cells' heads, and who owns which
// block.
//
// The structure lock is taken in share mode for as long as this part lasts (a head page a cell is
// read): splits, merges and vacuum wait, inserts and searches don't. What inserts may do meanwhile
// is to add an extent to a cell, whose blocks were free or beyond the end before. So the free list
// is read twice, each time as one with the meta page:
//   - a block that is free afterwards had no owner all the time;
//   - a block that was allocated and not free before had an owner all the time, which was found.
// Both are exact: there are no false alarms, and nothing is overlooked.
//
// A standby knows no such lock. There the meta page must be the same before and after, and what
// looks like damage is believed only if it is the same still.
#include "index/inspect/check.hpp"
#include "index/inspect/reserve.hpp"
#include "index/opclass.hpp"
#include "index/storage/keys.hpp"
#include "index/upkeep/recover.hpp"

#include <algorithm>

#include "engine/verify.hpp"
#include "index/storage/meta.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
}

namespace vecdot::index {

namespace {

constexpr int standby_tries = 20;
constexpr long standby_wait = 20000;  // microseconds

enum class Owner : uint8 {
    meta,
    slots,
    centroids,
    free_list,
    origin,
    summaries,
    intent,
    retired,
    cell,
    free
};

const char* owner_name(Owner owner) {
    switch (owner) {
        case Owner::meta:
            return "the meta page";
        case Owner::slots:
            return "the directory's slots";
        case Owner::centroids:
            return "the directory's centroids";
        case Owner::free_list:
            return "the free list's pages";
        case Owner::origin:
            return "the origin";
        case Owner::summaries:
            return "the summaries of keys";
        case Owner::intent:
            return "an unfinished operation";
        case Owner::retired:
            return "a replaced cell";
        case Owner::cell:
            return "a cell";
        case Owner::free:
            break;
    }
    return "the free list";
}

struct OwnedRun {
    BlockNumber start;
    uint32 length;
    Owner owner;
    uint32 number;  // slot number of a cell
};

// A growing list.
struct Runs {
    OwnedRun* run;
    Size count;
    Size capacity;

    void add(BlockNumber start, uint32 length, Owner owner, uint32 number = 0) {
        if (length == 0) {
            return;
        }
        pg::make_room(&run, &capacity, count + 1, Size{256});
        run[count++] = {start, length, owner, number};
    }
};

// The meta page and the free list at one moment.
struct Moment {
    Meta meta;
    Runs free;
};

bool is_same_structure(const Meta& a, const Meta& b) {
    return memcmp(&a, &b, sizeof(Meta)) == 0;
}

[[noreturn]] void changing_too_fast(Relation index) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("index \"%s\" is changing too fast to be checked on a standby",
                           RelationGetRelationName(index)),
                    errhint("Retry, or check it on the primary.")));
    pg_unreachable();
}

// Before damage is reported that something replayed since `meta` might have feigned. No page may be
// locked.
void suspect(Relation index, const Meta& meta) {
    if (RecoveryInProgress()) {
        Meta now;
        read_meta(index, &now);
        if (!is_same_structure(now, meta)) {
            changing_too_fast(index);
        }
    }
}

// Raises an ERROR unless the pages of an array that are in use are within the file.
void check_array(Relation index, const Segments& segments, uint32 pages, BlockNumber* known) {
    for (uint32 k = 0; k < segments.count && pages_before_segment(k) < pages; ++k) {
        const uint32 used = Min(segment_pages(k), pages - pages_before_segment(k));
        check_blocks(index, meta_block, segments.start[k] + used, known);
    }
}

// Pages of arrays are never anything else: those not in use are new or were in use once.
void check_array_pages(Relation index, const Segments& segments, PageKind kind) {
    const BlockNumber length = RelationGetNumberOfBlocks(index);
    for (uint32 page = 0; page < pages_before_segment(segments.count); ++page) {
        CHECK_FOR_INTERRUPTS();
        const BlockNumber block = array_block(index, segments, page);
        if (block >= length) {
            continue;
        }
        const Buffer buffer = ReadBuffer(index, block);
        lock_buffer(index, buffer, BUFFER_LOCK_SHARE);
        if (!PageIsNew(BufferGetPage(buffer))) {
            check_page(index, block, BufferGetPage(buffer), {kind, 0, page, 0});
        }
        UnlockReleaseBuffer(buffer);
    }
}

void read_free_list(Relation index, const Meta& meta, Runs* free) {
    const Segments& segments = meta.free_pages[meta.free_active];
    const uint32 pages = divide_up(meta.free_count, free_extents_per_page);
    BlockNumber known = 0;
    check_array(index, segments, pages, &known);
    for (uint32 page = 0; page < pages; ++page) {
        const Buffer buffer =
            read_array_page(index, segments, PageKind::free_list, page, BUFFER_LOCK_SHARE);
        const FreeExtent* extents =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(buffer)));
        const uint32 n = Min(meta.free_count - page * free_extents_per_page, free_extents_per_page);
        for (uint32 i = 0; i < n; ++i) {
            const BlockRun& run = extents[i].run;
            if (run.length == 0) {
                continue;
            }
            if (run.start == meta_block || run.start >= meta.allocated ||
                run.length > meta.allocated - run.start) {
                corrupted(index, BufferGetBlockNumber(buffer), "%u free blocks at %u of %u",
                          run.length, run.start, meta.allocated);
            }
            free->add(run.start, run.length, Owner::free);
        }
        UnlockReleaseBuffer(buffer);
    }
}

// The free list is changed under the lock of the meta page only.
void read_moment(Relation index, Moment* moment) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_SHARE);
    moment->meta = *meta_of(BufferGetPage(buffer));
    moment->free.count = 0;
    read_free_list(index, moment->meta, &moment->free);
    UnlockReleaseBuffer(buffer);
}

void check_calibration(Relation index, const Meta& meta) {
    engine::Calibration calibration;
    memcpy(&calibration, meta.calibration, sizeof calibration);
    if (!(calibration.remote >= 0)) {
        corrupted(index, meta_block, "the stopping rule takes a remoteness of %g to be common",
                  static_cast<double>(calibration.remote));
    }
    for (Size rank = 0; rank < engine::Calibration::rank_count; ++rank) {
        float last = 0;
        for (const auto& taus : calibration.tau) {
            if (!(taus[rank] >= last)) {
                corrupted(index, meta_block, "the stopping rule's threshold is %g after %g",
                          static_cast<double>(taus[rank]), static_cast<double>(last));
            }
            last = taus[rank];
        }
    }
}

// What the meta page says beyond what every reader of it checks.
void check_meta_contents(Relation index, const Meta& meta) {
    const Parameters& p = meta.parameters;
    const uint32 metric = static_cast<uint32>(operator_class_of(index).metric);
    const uint32 declared = static_cast<uint32>(declared_dimensions(index));
    if (p.metric != metric || (declared != 0 && p.dimensions != declared)) {
        corrupted(index, meta_block, "metric %u and %u dimensions instead of %u and %u", p.metric,
                  p.dimensions, metric, declared);
    }
    if (meta.cells > meta.slots - special_slots) {
        corrupted(index, meta_block, "%u cells in %u slots", meta.cells, meta.slots);
    }
    if (!are_keys_of_classes(index, p.keys)) {
        corrupted(index, meta_block, "keys are not made as the operator classes say");
    }
    check_calibration(index, meta);
    check_meta_reserve(index, meta);
}

void add_segments(const Segments& segments, Owner owner, Runs* runs) {
    for (uint32 k = 0; k < segments.count; ++k) {
        runs->add(segments.start[k], segment_pages(k), owner);
    }
}

void add_extents(Relation index, const CellView& view, BlockNumber allocated, Owner owner,
                 Runs* runs) {
    for (uint32 e = 0; e < view.extent_count; ++e) {
        const Extent& extent = view.extents[e];
        const uint32 length = view.layout.pages(e == 0, extent.blocks);
        if (extent.start >= allocated || length > allocated - extent.start) {
            corrupted(index, view.head, "extent %u has %u blocks at %u of %u", e, length,
                      extent.start, allocated);
        }
        runs->add(extent.start, length, owner, view.cell);
    }
}

bool by_start(const OwnedRun& a, const OwnedRun& b) {
    return a.start < b.start;
}

BlockNumber end_of(const OwnedRun& run) {
    return run.start + run.length;
}

// Sorts by block; no block may have two owners.
void check_disjoint(Relation index, Runs* runs) {
    std::sort(runs->run, runs->run + runs->count, by_start);
    for (Size i = 1; i < runs->count; ++i) {
        const OwnedRun& a = runs->run[i - 1];
        const OwnedRun& b = runs->run[i];
        if (end_of(a) > b.start) {
            corrupted(index, b.start, "the block belongs to %s (%u) and to %s (%u)",
                      owner_name(a.owner), a.number, owner_name(b.owner), b.number);
        }
    }
}

// Every block below `before.meta.allocated` was free or has an owner; both are sorted.
void check_complete(Relation index, const Moment& before, const Runs& owned) {
    BlockNumber next = 0;
    Size i = 0;
    Size f = 0;
    while (next < before.meta.allocated) {
        while (i < owned.count && end_of(owned.run[i]) <= next) {
            i += 1;
        }
        while (f < before.free.count && end_of(before.free.run[f]) <= next) {
            f += 1;
        }
        if (i < owned.count && owned.run[i].start <= next) {
            next = end_of(owned.run[i]);
        } else if (f < before.free.count && before.free.run[f].start <= next) {
            next = end_of(before.free.run[f]);
        } else {
            corrupted(index, next, "the block is allocated and belongs to nothing");
        }
    }
}

// A cell that no directory names any more.
void add_retiring(Relation index, const Meta& meta, const Retiring& cell, BlockNumber* known,
                  Runs* runs) {
    check_blocks(index, meta_block, cell.head + 1, known);
    CellView view;
    open_cell(index, meta.parameters, cell.cell, cell.head, static_cast<uint32>(cell.generation),
              &view, nullptr);
    add_extents(index, view, meta.allocated, Owner::retired, runs);
}

// What a directory that was replaced as a whole still holds: cells that are not freed yet, its
// pages.
void add_retired_directory(Relation index, const Meta& meta, Runs* runs) {
    BlockNumber known = 0;
    check_array(index, meta.retired_slot_pages, divide_up(meta.retired_slots, slots_per_page),
                &known);
    add_segments(meta.retired_slot_pages, Owner::retired, runs);
    add_segments(meta.retired_centroid_pages, Owner::retired, runs);
    for (const BlockRun& run : {meta.retired_origin, meta.retired_summaries}) {
        runs->add(run.start, run.length, Owner::retired);
    }
    uint32 next = 0;
    Retiring cell;
    while (next_retired_cell(index, meta, &next, &cell)) {
        add_retiring(index, meta, cell, &known, runs);
    }
}

void check_ownership(Relation index, Moment* before, Moment* after, const Census& census) {
    const Meta& meta = after->meta;
    Runs runs{};
    runs.add(meta_block, 1, Owner::meta);
    add_segments(meta.slot_pages, Owner::slots, &runs);
    add_segments(meta.centroid_pages, Owner::centroids, &runs);
    add_segments(meta.free_pages[0], Owner::free_list, &runs);
    add_segments(meta.free_pages[1], Owner::free_list, &runs);
    if (meta.has_origin != 0) {
        runs.add(meta.origin.start, meta.origin.length, Owner::origin);
    }
    runs.add(meta.summaries.run.start, meta.summaries.run.length, Owner::summaries);
    for (uint32 i = 0; i < meta.unfinished.intent_count; ++i) {
        const BlockRun& run = meta.unfinished.intents[i];
        if (run.start >= meta.allocated || run.length > meta.allocated - run.start) {
            corrupted(index, meta_block, "an intent has %u blocks at %u of %u", run.length,
                      run.start, meta.allocated);
        }
        runs.add(run.start, run.length, Owner::intent);
    }
    BlockNumber known = 0;
    for (uint32 i = 0; i < meta.unfinished.retiring_count; ++i) {
        add_retiring(index, meta, meta.unfinished.retiring[i], &known, &runs);
    }
    if (meta.retired_slots > 0) {
        add_retired_directory(index, meta, &runs);
    }
    for (uint32 i = 0; i < census.count; ++i) {
        add_extents(index, census.cells[i], meta.allocated, Owner::cell, &runs);
    }
    check_disjoint(index, &before->free);
    for (Size i = 0; i < after->free.count; ++i) {
        const OwnedRun& run = after->free.run[i];
        runs.add(run.start, run.length, run.owner);
    }
    check_disjoint(index, &runs);
    check_complete(index, *before, runs);
}

// A copy of all slots of the directory.
Slot* read_slots(Relation index, const Meta& meta) {
    BlockNumber known = 0;
    check_array(index, meta.slot_pages, divide_up(meta.slots, slots_per_page), &known);
    Slot* slots = static_cast<Slot*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Slot) * Size{meta.slots}));
    for (uint32 first = 0; first < meta.slots; first += slots_per_page) {
        const Buffer buffer = read_array_page(index, meta.slot_pages, PageKind::slots,
                                              first / slots_per_page, BUFFER_LOCK_SHARE);
        memcpy(slots + first, payload(BufferGetPage(buffer)),
               sizeof(Slot) * Min(slots_per_page, meta.slots - first));
        UnlockReleaseBuffer(buffer);
    }
    return slots;
}

bool is_size(float x) {
    return std::isfinite(x) && x >= 0;
}

void check_slot(Relation index, const Meta& meta, uint32 number, const Slot& slot) {
    const BlockNumber block = array_block(index, meta.slot_pages, number / slots_per_page);
    constexpr uint16 list_flags[special_slots] = {cell_loose, cell_undefined, cell_nulls};
    const bool is_flagged_well = number < special_slots
                                     ? slot.flags == list_flags[number]
                                     : (slot.flags & ~cell_long_rows) == cell_has_codes;
    if (!is_flagged_well) {
        suspect(index, meta);
        corrupted(index, block, "slot %u has flags %x", number, slot.flags);
    }
    if (slot.generation == 0 || slot.generation >= meta.next_generation) {
        suspect(index, meta);
        corrupted(index, block,
                  "slot %u has generation " UINT64_FORMAT ", the next one is " UINT64_FORMAT,
                  number, slot.generation, meta.next_generation);
    }
    if (slot.head == meta_block || slot.head >= meta.allocated) {
        suspect(index, meta);
        corrupted(index, block, "slot %u has its head at block %u of %u", number, slot.head,
                  meta.allocated);
    }
    if (number >= special_slots &&
        (!is_size(slot.radius) || !is_size(slot.centroid.scale) ||
         !std::isfinite(slot.centroid.add) || !is_size(slot.centroid.error))) {
        suspect(index, meta);
        corrupted(index, block, "slot %u has radius %g and factors %g, %g, %g", number,
                  static_cast<double>(slot.radius), static_cast<double>(slot.centroid.scale),
                  static_cast<double>(slot.centroid.add), static_cast<double>(slot.centroid.error));
    }
}

// Whether the directory's code of a centroid describes it as well as it says.
void check_centroid(Relation index, const Meta& meta, uint32 number, const Slot& slot,
                    const float* centroid, uint8* code, BlockNumber* known) {
    const uint32 padded = meta.parameters.padded;
    const uint64 first = uint64{number} * padded;
    check_array(index, meta.centroid_pages,
                static_cast<uint32>((first + padded - 1) / payload_size) + 1, known);
    for (uint32 done = 0; done < padded;) {
        const StreamPosition at = stream_position(first + done);
        const Buffer buffer = read_array_page(index, meta.centroid_pages, PageKind::centroids,
                                              at.page, BUFFER_LOCK_SHARE);
        const uint32 n = Min(padded - done, static_cast<uint32>(payload_size) - at.offset);
        memcpy(code + done, payload(BufferGetPage(buffer)) + at.offset, n);
        UnlockReleaseBuffer(buffer);
        done += n;
    }
    const engine::CentroidVerdict verdict =
        engine::verify_centroid(padded, centroid, code, slot.centroid);
    if (verdict.fault == engine::CentroidFault::none) {
        return;
    }
    suspect(index, meta);
    switch (verdict.fault) {
        case engine::CentroidFault::infinite:
            corrupted(index, slot.head, "the centroid of cell %u is not finite", number);
        case engine::CentroidFault::error:
            corrupted(index, array_block(index, meta.centroid_pages, stream_position(first).page),
                      "the code of centroid %u is off by %g, more than %g", number, verdict.away,
                      static_cast<double>(slot.centroid.error));
        default:
            corrupted(index, array_block(index, meta.slot_pages, number / slots_per_page),
                      "slot %u says %g of a code of length %g", number,
                      static_cast<double>(slot.centroid.add), verdict.length_squared);
    }
}

void check_origin_values(Relation index, const Meta& meta) {
    if (meta.has_origin == 0) {
        return;
    }
    BlockNumber known = 0;
    check_blocks(index, meta_block, meta.origin.start + meta.origin.length, &known);
    constexpr uint32 values_per_page = payload_size / sizeof(float);
    for (uint32 first = 0; first < meta.parameters.padded; first += values_per_page) {
        const BlockNumber block = meta.origin.start + first / values_per_page;
        const Buffer buffer = read_page(
            index, block, {PageKind::origin, 0, first / values_per_page, 0}, BUFFER_LOCK_SHARE);
        const float* values = reinterpret_cast<const float*>(payload(BufferGetPage(buffer)));
        for (uint32 i = 0; i < Min(values_per_page, meta.parameters.padded - first); ++i) {
            const bool is_padding = first + i >= meta.parameters.dimensions;
            if (!std::isfinite(values[i]) || (is_padding && values[i] != 0)) {
                corrupted(index, block, "dimension %u of the origin is %g", first + i + 1,
                          static_cast<double>(values[i]));
            }
        }
        UnlockReleaseBuffer(buffer);
    }
}

// All live cells, in order of their slots.
void read_cells(Relation index, const Meta& meta, Census* census) {
    const Slot* slots = read_slots(index, meta);
    const uint32 padded = meta.parameters.padded;
    float* centroid = static_cast<float*>(palloc(sizeof(float) * padded));
    uint8* code = static_cast<uint8*>(palloc(padded));
    uint32 count = 0;
    for (uint32 i = 0; i < meta.slots; ++i) {
        const bool is_live = slots[i].state == SlotState::live;
        if ((!is_live && slots[i].state != SlotState::free) || (!is_live && i < special_slots)) {
            suspect(index, meta);
            corrupted(index, array_block(index, meta.slot_pages, i / slots_per_page),
                      "slot %u has state %d", i, static_cast<int>(slots[i].state));
        }
        count += is_live ? 1 : 0;
    }
    if (count != meta.cells + special_slots) {
        suspect(index, meta);
        corrupted(index, meta_block, "%u cells instead of %u in the directory", meta.cells,
                  count - special_slots);
    }
    census->count = 0;
    census->cells = static_cast<CellView*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(CellView) * Size{count}));
    BlockNumber known = 0;
    BlockNumber known_centroids = 0;
    bool has_cell = false;
    bool has_long_cell =
        meta.parameters.metric != static_cast<uint32>(engine::Metric::inner_product);
    for (uint32 i = 0; i < meta.slots; ++i) {
        const Slot& slot = slots[i];
        if (slot.state != SlotState::live) {
            continue;
        }
        CHECK_FOR_INTERRUPTS();
        check_slot(index, meta, i, slot);
        check_blocks(index, array_block(index, meta.slot_pages, i / slots_per_page), slot.head + 1,
                     &known);
        CellView& view = census->cells[census->count++];
        open_cell(index, meta.parameters, i, slot.head, static_cast<uint32>(slot.generation), &view,
                  centroid);
        if (view.generation != slot.generation || view.retired || view.flags != slot.flags) {
            suspect(index, meta);
            corrupted(index, slot.head,
                      "the head is of generation " UINT64_FORMAT
                      ", flags %x%s, the slot of "
                      "generation " UINT64_FORMAT ", flags %x",
                      view.generation, view.flags, view.retired ? ", retired" : "", slot.generation,
                      slot.flags);
        }
        check_cell_reserve(view, meta, slot,
                           array_block(index, meta.slot_pages, i / slots_per_page));
        if (view.dead > view.rows) {
            suspect(index, meta);
            corrupted(index, slot.head, "%u dead of %u rows", view.dead, view.rows);
        }
        if (!view.layout.has_codes) {
            continue;
        }
        ((view.flags & cell_long_rows) != 0 ? has_long_cell : has_cell) = true;
        if (!is_size(view.radius) || !(view.radius <= slot.radius)) {
            // The slot was read before the head, and an insert raises both.
            const Buffer buffer = read_array_page(index, meta.slot_pages, PageKind::slots,
                                                  i / slots_per_page, BUFFER_LOCK_SHARE);
            const float now =
                reinterpret_cast<const Slot*>(payload(BufferGetPage(buffer)))[i % slots_per_page]
                    .radius;
            UnlockReleaseBuffer(buffer);
            if (!is_size(view.radius) || !(view.radius <= now)) {
                suspect(index, meta);
                corrupted(index, slot.head, "the cell has radius %g, its slot %g",
                          static_cast<double>(view.radius), static_cast<double>(now));
            }
        }
        check_centroid(index, meta, i, slot, centroid, code, &known_centroids);
    }
    if (!has_cell || !has_long_cell) {
        suspect(index, meta);
        corrupted(index, meta_block, "the directory has no cell for %s rows",
                  has_cell ? "long" : "ordinary");
    }
    pfree(const_cast<Slot*>(slots));
    pfree(centroid);
    pfree(code);
}

}  // namespace

Census take_census(Relation index) {
    const bool standby = RecoveryInProgress();
    Census census{};
    Moment before{};
    Moment after{};
    if (!standby) {
        lock_structure_shared(index);
    }
    for (int i = 0;; ++i) {
        read_moment(index, &before);
        check_meta_contents(index, before.meta);
        check_origin_values(index, before.meta);
        read_cells(index, before.meta, &census);
        read_moment(index, &after);
        if (!standby || is_same_structure(before.meta, after.meta)) {
            break;
        }
        pfree(census.cells);
        if (i == standby_tries) {
            changing_too_fast(index);
        }
        CHECK_FOR_INTERRUPTS();
        pg_usleep(standby_wait);
    }
    check_ownership(index, &before, &after, census);
    check_array_pages(index, after.meta.slot_pages, PageKind::slots);
    check_array_pages(index, after.meta.centroid_pages, PageKind::centroids);
    check_array_pages(index, after.meta.free_pages[0], PageKind::free_list);
    check_array_pages(index, after.meta.free_pages[1], PageKind::free_list);
    if (!standby) {
        unlock_structure_shared(index);
    }
    census.meta = before.meta;
    for (Size i = 0; i < after.free.count; ++i) {
        census.free_blocks += after.free.run[i].length;
    }
    return census;
}

}  // namespace vecdot::index
