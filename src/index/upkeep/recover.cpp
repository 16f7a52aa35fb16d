#include "index/upkeep/recover.hpp"

#include <algorithm>

#include "index/storage/cell.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/room.hpp"
#include "pg/delay_point.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
}

namespace vecdot::index {

namespace {

void release(Buffer* buffers, int count) {
    for (int i = 0; i < count; ++i) {
        if (BufferIsValid(buffers[i])) {
            UnlockReleaseBuffer(buffers[i]);
        }
    }
}

// Blocks at the end of what is allocated that the file does not have are as if they had never been
// allocated: a disk that was full leaves no trace. What is left of the runs stays, in another
// order.
uint32 take_back(Relation index, Meta* meta, BlockRun* runs, uint32 count) {
    const BlockNumber length = RelationGetNumberOfBlocks(index);
    std::sort(runs, runs + count,
              [](const BlockRun& a, const BlockRun& b) { return a.start < b.start; });
    while (count > 0 && meta->allocated > length &&
           runs[count - 1].start + runs[count - 1].length == meta->allocated) {
        BlockRun* last = &runs[count - 1];
        meta->allocated = Max(last->start, length);
        last->length = meta->allocated - last->start;
        count -= last->length == 0 ? 1 : 0;
    }
    return count;
}

// Extents of cells that were never published: nobody has seen them.
void free_intents(Relation index) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const Meta* current = meta_of(BufferGetPage(buffer));
    if (current->unfinished.intent_count > 0) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        Buffer locked[2];
        const uint32 left =
            take_back(index, meta, meta->unfinished.intents, meta->unfinished.intent_count);
        free_runs(index, meta, meta->unfinished.intents, left, 0, &record, locked);
        meta->unfinished.intent_count = 0;
        record.finish();
        release(locked, 2);
    }
    UnlockReleaseBuffer(buffer);
}

// One cell that is out of the directory: flags it and frees its extents, as one record, which also
// takes it off the meta page: the last one of the list of retiring cells, or, retired_next being
// given, the slot before that of the directory that was replaced.
void free_retiring(Relation index, const Parameters& parameters, const Retiring& cell,
                   uint32 retired_next = 0) {
    const Buffer head_buffer = read_page(
        index, cell.head, {PageKind::head, cell.cell, 0, cell.generation}, BUFFER_LOCK_EXCLUSIVE);
    CellView view;
    view_head(index, parameters, cell.head, BufferGetPage(head_buffer), &view);
    BlockRun runs[max_extents];
    for (uint32 e = 0; e < view.extent_count; ++e) {
        runs[e] = {view.extents[e].start, view.layout.pages(e == 0, view.extents[e].blocks)};
    }
    const Buffer meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(meta_buffer));
    reinterpret_cast<CellHeader*>(payload(record.add(head_buffer)))->retired = 1;
    Unfinished& unfinished = meta->unfinished;
    if (retired_next > 0) {
        meta->retired_next = retired_next;
    } else {
        Assert(unfinished.retiring_count > 0);
        unfinished.retiring_count -= 1;
        Assert(unfinished.retiring[unfinished.retiring_count].head == cell.head);
    }
    Buffer locked[2];
    free_runs(index, meta, runs, view.extent_count,
              U64FromFullTransactionId(ReadNextFullTransactionId()), &record, locked);
    record.finish();
    release(locked, 2);
    UnlockReleaseBuffer(meta_buffer);
    UnlockReleaseBuffer(head_buffer);
}

// Room on the free list, made by joining its entries where there is no other.
bool have_room(Relation index, uint32 entries) {
    if (!reserve_free_entries(index, entries)) {
        coalesce_free_list(index);
        return reserve_free_entries(index, entries);
    }
    return true;
}

// The cells of a directory that was replaced as a whole, and then its pages.
bool free_retired_directory(Relation index, const Meta& before) {
    uint32 next = 0;
    Retiring cell;
    while (next_retired_cell(index, before, &next, &cell)) {
        pg::delay_point();
        if (!have_room(index, max_extents)) {
            return false;
        }
        free_retiring(index, before.parameters, cell, next);
    }
    if (!have_room(index, 2 * max_segments + 2)) {
        return false;
    }
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    BlockRun runs[2 * max_segments + 2];
    uint32 count = 0;
    for (const Segments* segments : {&meta->retired_slot_pages, &meta->retired_centroid_pages}) {
        for (uint32 k = 0; k < segments->count; ++k) {
            runs[count++] = {segments->start[k], segment_pages(k)};
        }
    }
    for (const BlockRun& run : {meta->retired_origin, meta->retired_summaries}) {
        if (run.length != 0) {
            runs[count++] = run;
        }
    }
    Buffer locked[2];
    free_runs(index, meta, runs, count, U64FromFullTransactionId(ReadNextFullTransactionId()),
              &record, locked);
    meta->retired_slots = 0;
    meta->retired_next = 0;
    meta->retired_slot_pages = {};
    meta->retired_centroid_pages = {};
    meta->retired_origin = {};
    meta->retired_summaries = {};
    record.finish();
    release(locked, 2);
    UnlockReleaseBuffer(buffer);
    return true;
}

}  // namespace

bool next_retired_cell(Relation index, const Meta& meta, uint32* next, Retiring* cell) {
    for (uint32 i = Max(*next, Max(meta.retired_next, special_slots)); i < meta.retired_slots;
         ++i) {
        CHECK_FOR_INTERRUPTS();
        const Buffer buffer = read_array_page(index, meta.retired_slot_pages, PageKind::slots,
                                              i / slots_per_page, BUFFER_LOCK_SHARE);
        const Slot slot =
            reinterpret_cast<const Slot*>(payload(BufferGetPage(buffer)))[i % slots_per_page];
        UnlockReleaseBuffer(buffer);
        if (slot.state == SlotState::live) {
            *next = i + 1;
            *cell = {slot.head, i, slot.generation};
            return true;
        }
    }
    return false;
}

bool finish_unfinished(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    if (meta.frozen != 0) {
        // Whoever was replacing all cells has not got to the end.
        freeze(index, false);
    }
    if (meta.retired_slots > 0 && !free_retired_directory(index, meta)) {
        return false;
    }
    if (meta.unfinished.intent_count > 0) {
        if (!have_room(index, meta.unfinished.intent_count)) {
            return false;
        }
        free_intents(index);
    }
    for (uint32 i = meta.unfinished.retiring_count; i > 0; --i) {
        if (!have_room(index, max_extents)) {
            return false;
        }
        free_retiring(index, meta.parameters, meta.unfinished.retiring[i - 1]);
    }
    return true;
}

bool lock_finished_structure(Relation index) {
    if (!try_lock_structure(index)) {
        return false;
    }
    if (!finish_unfinished(index)) {
        unlock_structure(index);
        return false;
    }
    return true;
}

}  // namespace vecdot::index
