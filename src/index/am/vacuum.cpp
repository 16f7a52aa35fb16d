// VACUUM: marks the entries of dead rows; at its end rewrites, splits and merges cells, counts, and
// calibrates anew where the index has changed much. The heap is never read.
//
// The structure lock is held throughout a pass that marks, so that no address moves to a place that
// the pass has been at.
//
// An entry is never used again in place, and a row is only dead to everybody once ambulkdelete says
// so: readers may see the mark or not. Rows that arrive meanwhile can't be among the ones to
// remove: their addresses are still taken.
#include "index/am/vacuum.hpp"

#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/room.hpp"
#include "index/upkeep/calibrate.hpp"
#include "index/upkeep/recluster.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/shrink.hpp"
#include "index/upkeep/tidy.hpp"
#include "pg/delay_point.hpp"

extern "C" {
#include "commands/vacuum.h"
}

namespace vecdot::index {

namespace {

struct Marked {
    uint64 live;
    uint64 dead;     // marked so, before or now
    uint64 removed;  // now
};

// Marks the rows of one cell that callback names; callback may be null: counts.
Marked mark_cell(Relation index, const Parameters& parameters, const CellRef& cell,
                 IndexBulkDeleteCallback callback, void* state) {
    CellView view;
    open_cell(index, parameters, cell.slot, cell.head, static_cast<uint32>(cell.generation), &view,
              nullptr);
    Marked marked{};
    for (uint32 first = 0; first < view.rows;) {
        pg::delay_point();
        const AddressPlace place = address_place(view, first);
        const uint32 n = Min(place.run, view.rows - first);
        const Buffer buffer =
            read_page(index, place.block,
                      {place.on_head ? PageKind::head : PageKind::address, view.cell,
                       place.position, view.generation},
                      callback == nullptr ? BUFFER_LOCK_SHARE : BUFFER_LOCK_EXCLUSIVE);
        RowEntry* entries =
            address_entries(view, BufferGetPage(buffer), place.on_head) + place.entry;
        Record record(index);
        RowEntry* changed = nullptr;
        for (uint32 i = 0; i < n; ++i) {
            ItemPointerData address = address_of(entries[i]);
            if (!ItemPointerIsValid(&address)) {
                corrupted(index, place.block, "row %u of the cell has no address", first + i);
            }
            if (is_dead(entries[i])) {
                marked.dead += 1;
            } else if (callback != nullptr && callback(&address, state)) {
                if (changed == nullptr) {
                    changed =
                        address_entries(view, record.add(buffer), place.on_head) + place.entry;
                }
                changed[i].flags |= engine::RowFlags::dead;
                marked.dead += 1;
                marked.removed += 1;
            } else {
                marked.live += 1;
            }
        }
        record.finish();
        UnlockReleaseBuffer(buffer);
        first += n;
    }
    if (marked.dead != view.dead) {
        const Buffer buffer = read_page(index, view.head, cell_page(view, PageKind::head, 0, 0),
                                        BUFFER_LOCK_EXCLUSIVE);
        Record record(index);
        reinterpret_cast<CellHeader*>(payload(record.add(buffer)))->dead = marked.dead;
        record.finish();
        UnlockReleaseBuffer(buffer);
    }
    return marked;
}

void write_rows(Relation index, uint64 rows) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const Meta* known = meta_of(BufferGetPage(buffer));
    if (known->rows != rows || known->started_cells != 0) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        meta->rows = rows;
        meta->started_cells = 0;
        record.finish();
    }
    UnlockReleaseBuffer(buffer);
}

// Live rows, by the counts on the heads: they are right, as only vacuum marks.
uint64 count_live(Relation index) {
    const CellList list = list_cells(index);
    uint64 live = 0;
    for (uint32 i = 0; i < list.count; ++i) {
        pg::delay_point();
        CellView view;
        open_cell(index, list.parameters, list.cells[i].slot, list.cells[i].head,
                  static_cast<uint32>(list.cells[i].generation), &view, nullptr);
        live += live_rows(view);
    }
    pfree(list.cells);
    return live;
}

void report(Relation index, uint64 live, IndexBulkDeleteResult* stats) {
    stats->num_pages = RelationGetNumberOfBlocks(index);
    stats->estimated_count = false;
    stats->num_index_tuples = static_cast<double>(live);
}

IndexBulkDeleteResult* new_stats() {
    return static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult)));
}

}  // namespace

IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state) {
    const Relation index = info->index;
    if (stats == nullptr) {
        stats = new_stats();
    }
    lock_structure(index);
    finish_unfinished(index);
    const CellList list = list_cells(index);
    Marked total{};
    for (uint32 i = 0; i < list.count; ++i) {
        const Marked marked = mark_cell(index, list.parameters, list.cells[i], callback, state);
        total.live += marked.live;
        total.removed += marked.removed;
    }
    pfree(list.cells);
    unlock_structure(index);
    report(index, total.live, stats);
    stats->tuples_removed += static_cast<double>(total.removed);
    return stats;
}

IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
    if (info->analyze_only) {
        return stats;
    }
    if (stats == nullptr) {
        stats = new_stats();
    }
    const Relation index = info->index;
    forget_refusals();
    lock_structure(index);
    if (finish_unfinished(index)) {
        tidy(index);
        recluster_if_due(index, nullptr);
    }
    const uint64 live = count_live(index);
    write_rows(index, live);
    coalesce_free_list(index);
    unlock_structure(index);
    shrink(index);
    // A vacuum's snapshot holds nobody back: only the lock keeps the cells that calibration reads
    // from being replaced and their blocks from being used again.
    lock_structure_shared(index);
    calibrate_if_due(index, CalibratedBy::vacuum);
    unlock_structure_shared(index);
    warn_of_refusals(index);
    report(index, live, stats);
    return stats;
}

}  // namespace vecdot::index
