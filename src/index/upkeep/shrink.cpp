// Giving blocks back to the file system at the end of a vacuum: cells and arrays at the end of the
// file are moved to free blocks before them, and the file is cut off.
//
// Blocks may be used again at once, and cut off, only where nobody can be reading them: so this
// needs an AccessExclusiveLock on the index, which is only tried, never waited for, and given up
// as soon as somebody else waits for it: as vacuum does to truncate a table. A standby replays that
// lock before it replays the rest. Locks: AccessExclusiveLock -> structure lock -> as everywhere.
#include "index/upkeep/shrink.hpp"

#include <algorithm>

#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/room.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/tidy.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "storage/lmgr.h"
}

namespace vecdot::index {

namespace {

// Not worth it for less than an eighth of the file.
bool is_shrinking_due(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    const uint64 length = Max(RelationGetNumberOfBlocks(index), meta.allocated);
    return (free_blocks(index) + length - meta.allocated) * 8 > length;
}

struct Place {
    BlockNumber end;  // of the cell's last extent
    uint32 number;    // in the list
};

BlockNumber end_of(const CellView& view) {
    BlockNumber end = 0;
    for (uint32 e = 0; e < view.extent_count; ++e) {
        end = Max(end, view.extents[e].start + view.layout.pages(e == 0, view.extents[e].blocks));
    }
    return end;
}

// Copies the pages of a segment to new blocks; those never written are formatted.
void copy_segment(Relation index, const Segments& segments, uint32 k, PageKind kind,
                  BlockNumber to) {
    for (uint32 i = 0; i < segment_pages(k); ++i) {
        CHECK_FOR_INTERRUPTS();
        const uint32 page = pages_before_segment(k) + i;
        const BlockNumber from = segments.start[k] + i;
        const Buffer target = lock_fresh_page(index, to + i);
        Record record(index);
        const Page image = record.add_fresh(target, {kind, 0, page, 0});
        if (from < RelationGetNumberOfBlocks(index)) {
            const Buffer source = ReadBuffer(index, from);
            LockBuffer(source, BUFFER_LOCK_SHARE);
            if (!PageIsNew(BufferGetPage(source))) {
                check_page(index, from, BufferGetPage(source), {kind, 0, page, 0});
                memcpy(payload(image), payload(BufferGetPage(source)), payload_size);
            }
            UnlockReleaseBuffer(source);
        }
        record.finish();
        UnlockReleaseBuffer(target);
    }
}

// The pages of the old run have been copied to an intent: set(meta) says where they are now.
template <typename Set>
void publish_move(Relation index, const BlockRun& old, Set&& set) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    set(meta);
    meta->unfinished.intent_count = 0;
    Buffer locked[2];
    free_runs(index, meta, &old, 1, U64FromFullTransactionId(ReadNextFullTransactionId()), &record,
              locked);
    record.finish();
    for (const Buffer one : locked) {
        if (BufferIsValid(one)) {
            UnlockReleaseBuffer(one);
        }
    }
    UnlockReleaseBuffer(buffer);
}

// Moves a segment of an array to free blocks before it, if there are any. which: chooses the array
// of a meta page.
void move_segment(Relation index, Segments* (*which)(Meta*), uint32 k, PageKind kind) {
    Meta before;
    read_meta(index, &before);
    const Segments& segments = *which(&before);
    const uint32 pages = segment_pages(k);
    if (k >= segments.count || lowest_free(index, pages) >= segments.start[k] ||
        !reserve_free_entries(index, 1)) {
        return;
    }
    const BlockRun run = allocate_intent(index, pages);
    copy_segment(index, segments, k, kind, run.start);
    publish_move(index, {segments.start[k], pages},
                 [&](Meta* meta) { which(meta)->start[k] = run.start; });
}

void move_arrays(Relation index) {
    for (uint32 k = 0; k < max_segments; ++k) {
        move_segment(
            index, [](Meta* meta) { return &meta->slot_pages; }, k, PageKind::slots);
        move_segment(
            index, [](Meta* meta) { return &meta->centroid_pages; }, k, PageKind::centroids);
        move_segment(
            index, [](Meta* meta) { return &meta->free_pages[0]; }, k, PageKind::free_list);
        move_segment(
            index, [](Meta* meta) { return &meta->free_pages[1]; }, k, PageKind::free_list);
    }
}

// Moves a run of pages to free blocks before it, if there are any. which: where a meta page has it.
void move_run(Relation index, BlockRun* (*which)(Meta*), PageKind kind, uint64 generation) {
    Meta before;
    read_meta(index, &before);
    const BlockRun old = *which(&before);
    if (old.length == 0 || lowest_free(index, old.length) >= old.start ||
        !reserve_free_entries(index, 1)) {
        return;
    }
    const BlockRun run = allocate_intent(index, old.length);
    for (uint32 page = 0; page < old.length; ++page) {
        const PageIdentity identity{kind, 0, page, generation};
        const Buffer target = lock_fresh_page(index, run.start + page);
        const Buffer source = read_page(index, old.start + page, identity, BUFFER_LOCK_SHARE);
        Record record(index);
        memcpy(payload(record.add_fresh(target, identity)), payload(BufferGetPage(source)),
               payload_size);
        record.finish();
        UnlockReleaseBuffer(source);
        UnlockReleaseBuffer(target);
    }
    publish_move(index, old, [&](Meta* meta) {
        *which(meta) = run;
        // A directory in memory knows where summaries are.
        meta->directory_version += kind == PageKind::summaries ? 1 : 0;
    });
}

void move_runs(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    if (meta.has_origin != 0) {
        move_run(
            index, [](Meta* of) { return &of->origin; }, PageKind::origin, 0);
    }
    move_run(
        index, [](Meta* of) { return &of->summaries.run; }, PageKind::summaries,
        meta.summaries.generation);
}

// Moves cells down, the last one first, until one doesn't fit before its end.
void move_cells(Relation index) {
    const CellList list = list_cells(index);
    Place* places = static_cast<Place*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Place) * list.count));
    for (uint32 i = 0; i < list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        CellView view;
        open_cell(index, list.parameters, list.cells[i].slot, list.cells[i].head,
                  static_cast<uint32>(list.cells[i].generation), &view, nullptr);
        places[i] = {end_of(view), i};
    }
    std::sort(places, places + list.count,
              [](const Place& a, const Place& b) { return a.end > b.end; });
    for (uint32 i = 0; i < list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        if (LockHasWaitersRelation(index, AccessExclusiveLock)) {
            break;
        }
        const CellRef& cell = list.cells[places[i].number];
        CellView view;
        open_cell(index, list.parameters, cell.slot, cell.head,
                  static_cast<uint32>(cell.generation), &view, nullptr);
        const uint64 live = live_rows(view);
        const uint32 pages =
            view.layout.pages(true, view.layout.round_up(true, blocks_to_rewrite(live)));
        if (lowest_free(index, pages) >= places[i].end) {
            break;
        }
        if (!rewrite_cell(index, cell)) {
            break;
        }
        coalesce_free_list(index);
    }
    pfree(places);
    pfree(list.cells);
}

}  // namespace

void shrink(Relation index) {
    // A standby is told of that lock by a record that needs a transaction's number, which can't be
    // had while workers run: a parallel vacuum leaves it to the next one.
    if (IsInParallelMode() || !is_shrinking_due(index) ||
        !ConditionalLockRelation(index, AccessExclusiveLock)) {
        return;
    }
    lock_structure(index);
    if (finish_unfinished(index)) {
        coalesce_free_list(index);
        move_cells(index);
        move_arrays(index);
        move_runs(index);
        coalesce_free_list(index);
        cut_off_end(index);
    }
    unlock_structure(index);
    UnlockRelation(index, AccessExclusiveLock);
}

}  // namespace vecdot::index
