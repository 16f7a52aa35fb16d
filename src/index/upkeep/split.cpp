// A cell that has grown too large becomes two, or more where splits have been missed. rewrite.cpp
// has the protocol and the locks.
#include "index/upkeep/split.hpp"

#include "core/random.hpp"
#include "engine/growth.hpp"
#include "engine/kmeans.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/calibrate.hpp"
#include "index/upkeep/recluster.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/rescale.hpp"
#include "index/upkeep/rewrite.hpp"
#include "index/upkeep/strays.hpp"
#include "pg/delay_point.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

// Rows that the new centroids are learnt from.
constexpr uint64 sample_for_two = 4096;
constexpr uint64 sample_for_each = 256;

constexpr uint64 split_seed = 0x7665636474;

// Cells that are split in one transaction of the background worker.
constexpr uint32 most_in_turn = 8;

// Where one of the rows is sampled with these odds.
struct Sample {
    float* rows;
    uint64 count;
};

// Decoded rows of a cell, at most `most` of the live ones, evenly from all.
Sample take_sample(const OldCell& cell, uint64 most, uint64 live) {
    const CellLayout& layout = cell.view.layout;
    const uint64 wanted = Min(most, live);
    Sample sample{static_cast<float*>(MemoryContextAllocHuge(
                      CurrentMemoryContext, Max(wanted, uint64{1}) * layout.centroid_bytes)),
                  0};
    RowBlock* block = new_block(layout);
    uint64 seen = 0;
    for (uint32 first = 0; first < cell.view.rows; first += rows_per_block) {
        pg::delay_point();
        read_block(cell.view, first, Min(rows_per_block, cell.view.rows - first), false, block);
        for (uint32 i = 0; i < block->count; ++i) {
            if (is_dead(block->entries[i])) {
                continue;
            }
            // Row n of live is taken when n·wanted/live passes a whole number.
            if (sample.count < wanted && seen * wanted / live >= sample.count) {
                engine::decode_row(layout.padded, block->refinements + Size{i} * layout.padded,
                                   block->entries[i].refine, cell.centroid,
                                   sample.rows + sample.count * layout.padded);
                sample.count += 1;
            }
            seen += 1;
        }
    }
    return sample;
}

// How many live rows each new cell gets.
void count_rows(Rewrite* rewrite, const OldCell& old) {
    visit_rows(old, [rewrite](const float* rotated) {
        rewrite->cells[nearest_new_cell(*rewrite, rotated)].rows += 1;
    });
}

// Not before the cell has twice its rows.
void give_up(Relation index, const OldCell& cell) {
    const Buffer buffer =
        read_page(index, cell.ref.head, {PageKind::head, cell.ref.slot, 0, cell.ref.generation},
                  BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    CellHeader* header = reinterpret_cast<CellHeader*>(payload(record.add(buffer)));
    header->no_split_below = header->rows > UINT32_MAX / 2 ? UINT32_MAX : header->rows * 2;
    header->split_begun = 0;
    record.finish();
    UnlockReleaseBuffer(buffer);
}

// As begin_upkeep(), for what ends with the cell.
bool begin_split(Relation index, const CellRef& cell) {
    const Buffer buffer = read_page(
        index, cell.head, {PageKind::head, cell.slot, 0, cell.generation}, BUFFER_LOCK_EXCLUSIVE);
    const CellHeader* known = reinterpret_cast<const CellHeader*>(payload(BufferGetPage(buffer)));
    const bool begins = engine::is_split_tried_again(known->rows, known->split_begun);
    if (begins) {
        Record record(index);
        CellHeader* header = reinterpret_cast<CellHeader*>(payload(record.add(buffer)));
        header->split_begun = header->rows;
        record.finish();
    }
    UnlockReleaseBuffer(buffer);
    return begins;
}

bool split(Relation index, Relation table, const Directory& directory, const CellRef& ref) {
    Rewrite rewrite{};
    rewrite.index = index;
    rewrite.parameters = directory.parameters;
    core::Arena arena = pg::arena();
    rewrite.space = directory.space;
    const uint64 cells = directory.cells.count;
    const OldCell& old = *add_old_cell(&rewrite, ref);
    const uint64 live = live_rows(old.view);
    if (live <= engine::split_above(cells) || old.view.rows < old.view.no_split_below) {
        return false;
    }
    if (table != nullptr) {
        if (!begin_split(index, ref)) {
            return false;
        }
        pg::test_point("upkeep: split");
    }
    const uint32 padded = rewrite.parameters.padded;
    const Size row_bytes = sizeof(float) * padded;
    const uint64 memory = static_cast<uint64>(maintenance_work_mem) * 1024 / 4;
    const uint64 fit = Max(memory / row_bytes, uint64{64});
    const uint64 parts =
        engine::cells_of_split(live, cells, Min(uint64{max_new_cells}, Max(uint64{2}, fit / 64)));
    const uint64 seed = split_seed ^ ref.generation;
    const Sample sample =
        take_sample(old, Min(fit, parts == 2 ? sample_for_two : parts * sample_for_each), live);
    float* centroids = static_cast<float*>(palloc(engine::most_clusters(parts) * row_bytes));
    uint64 found = 2;
    if (sample.count < 2) {
        return false;
    }
    if (parts == 2) {
        uint8* side = static_cast<uint8*>(palloc0(sample.count));
        engine::split_in_two(arena, sample.rows, sample.count, padded, seed, centroids, side);
    } else {
        engine::KmeansOptions options{};
        options.clusters = parts;
        options.seed = seed;
        found = engine::train_kmeans(sample.rows, sample.count, padded, options, pg::interrupt(),
                                     centroids);
    }
    pfree(sample.rows);
    rewrite.choose = nearest_new_cell;
    rewrite.cells = static_cast<NewCell*>(palloc0(sizeof(NewCell) * found));
    rewrite.new_count = static_cast<uint32>(found);
    for (uint32 i = 0; i < rewrite.new_count; ++i) {
        rewrite.cells[i].flags = static_cast<uint16>(old.view.flags);
        rewrite.cells[i].same_as = no_cell;
        rewrite.cells[i].centroid = centroids + Size{i} * padded;
    }
    count_rows(&rewrite, old);
    uint64 largest = 0;
    uint32 kept = 0;
    for (uint32 i = 0; i < rewrite.new_count; ++i) {
        largest = Max(largest, rewrite.cells[i].rows);
        if (rewrite.cells[i].rows > 0) {
            rewrite.cells[kept++] = rewrite.cells[i];
        }
    }
    rewrite.new_count = kept;
    if (kept < 2 || engine::is_split_in_vain(largest, live)) {
        give_up(index, old);
        return false;
    }
    rewrite.table = begin_reading(index, table);
    const Replaced result = replace_cells(&rewrite, room_to_grow);
    end_reading(rewrite.table);
    for (uint32 i = 0; result == Replaced::done && i < kept; ++i) {
        gather_strays(index, table, rewrite.cells[i].slot);
    }
    return result == Replaced::done;
}

// False if the directory no longer has the cell.
bool grow_cell(Relation index, Relation table, const CellRef& cell) {
    return pg::in_context("vecdot growth", [&] {
        const Directory* directory = open_directory(index);
        if (!is_current(*directory, cell)) {
            return false;
        }
        if (!directory->cells.summaries[find_slot(*directory, cell.slot)].long_rows) {
            split(index, table, *directory, cell);
        } else if (begin_split(index, cell)) {
            pg::test_point("upkeep: scale");
            rescale(index);
        }
        return true;
    });
}

}  // namespace

bool split_cell(Relation index, Relation table, const CellRef& cell) {
    return pg::in_context("vecdot split",
                          [&] { return split(index, table, *open_directory(index), cell); });
}

bool is_large(const CellView& view, uint32 rows, const Meta& meta) {
    const uint64 live = live_rows(view, rows);
    return view.layout.has_codes && rows >= view.no_split_below &&
           engine::is_split_tried_again(rows, view.split_begun) &&
           ((view.flags & cell_long_rows) != 0
                ? engine::is_rescale_due(live, Max(meta.rows, engine::rows_of_cells(meta.cells)))
                : live > engine::split_above(meta.cells));
}

void grow(Relation index, Relation table, const CellRef& cell) {
    if (lock_finished_structure(index)) {
        if (grow_cell(index, table, cell)) {
            recluster_if_due(index, table);
        }
        unlock_structure(index);
        calibrate_if_due(index, CalibratedBy::inserter);
    }
}

void catch_up(Relation index, Relation table, const CellRef& cell) {
    if (lock_finished_structure(index)) {
        grow_cell(index, table, cell);
        unlock_structure(index);
    }
    Meta meta;
    read_meta(index, &meta);
    if (engine::is_calibration_overdue(meta.cells, meta.calibrated_cells)) {
        calibrate_if_due(index, CalibratedBy::inserter);
    }
}

bool keep_up(Relation index, Relation table) {
    if (!lock_finished_structure(index)) {
        return false;
    }
    Meta before;
    read_meta(index, &before);
    const CellList list = list_cells(index);
    CellRef large[most_in_turn];
    uint32 count = 0;
    for (uint32 i = special_slots; i < list.count && count < most_in_turn; ++i) {
        CHECK_FOR_INTERRUPTS();
        const CellRef& ref = list.cells[i];
        CellView view;
        open_cell(index, list.parameters, ref.slot, ref.head, static_cast<uint32>(ref.generation),
                  &view, nullptr);
        if (is_large(view, view.rows, before)) {
            large[count++] = ref;
        }
    }
    for (uint32 i = 0; i < count; ++i) {
        // Another one's split may have written it anew.
        grow_cell(index, table, large[i]);
    }
    recluster_if_due(index, table);
    unlock_structure(index);
    calibrate_if_due(index, CalibratedBy::background);
    Meta after;
    read_meta(index, &after);
    return count > 0 || before.cells != after.cells ||
           before.clustered_rows != after.clustered_rows ||
           before.calibrated_cells != after.calibrated_cells;
}

}  // namespace vecdot::index
