#include "index/upkeep/recover.hpp"
#include "index/storage/meta.hpp"

#include "index/storage/cell.hpp"
#include "index/storage/free_list.hpp"
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

// Extents of cells that were never published: nobody has seen them.
void free_intents(Relation index) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const Meta* current = meta_of(BufferGetPage(buffer));
    if (current->unfinished.intent_count > 0) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        Buffer locked[2];
        free_runs(index, meta, meta->unfinished.intents, meta->unfinished.intent_count, 0, &record,
                  locked);
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

// The cells of a directory that was replaced as a whole, and then its pages.
void free_retired_directory(Relation index, const Meta& before) {
    uint32 next = 0;
    Retiring cell;
    while (next_retired_cell(index, before, &next, &cell)) {
        pg::delay_point();
        free_retiring(index, before.parameters, cell, next);
    }
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    BlockRun runs[2 * max_segments];
    uint32 count = 0;
    for (const Segments* segments : {&meta->retired_slot_pages, &meta->retired_centroid_pages}) {
        for (uint32 k = 0; k < segments->count; ++k) {
            runs[count++] = {segments->start[k], segment_pages(k)};
        }
    }
    Buffer locked[2];
    free_runs(index, meta, runs, count, U64FromFullTransactionId(ReadNextFullTransactionId()),
              &record, locked);
    meta->retired_slots = 0;
    meta->retired_next = 0;
    meta->retired_slot_pages = {};
    meta->retired_centroid_pages = {};
    record.finish();
    release(locked, 2);
    UnlockReleaseBuffer(buffer);
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

void finish_unfinished(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    if (meta.frozen != 0) {
        // Whoever was replacing all cells has not got to the end.
        freeze(index, false);
    }
    if (meta.retired_slots > 0) {
        free_retired_directory(index, meta);
    }
    if (meta.unfinished.intent_count > 0) {
        free_intents(index);
    }
    for (uint32 i = meta.unfinished.retiring_count; i > 0; --i) {
        free_retiring(index, meta.parameters, meta.unfinished.retiring[i - 1]);
    }
}

}  // namespace vecdot::index
