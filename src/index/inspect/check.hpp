// The verifier behind vecdot_index_check(), and what else counts or measures an index.
#pragma once

#include "engine/code.hpp"
#include "index/storage/cell.hpp"

extern "C" {
#include "utils/snapshot.h"
}

namespace vecdot::index {

// All cells that the directory named at one moment. What stands below a view's rows doesn't change
// any more, and its blocks are not reused while this backend's snapshot lasts.
struct Census {
    Meta meta;
    uint32 count;  // the special lists are the first three
    CellView* cells;
    uint64 free_blocks;  // in the free list
};

// Checks the meta page, the directory, the head pages, and that each allocated block belongs to one
// owner (check.cpp). Memory is CurrentMemoryContext's. On a standby it may give
// ERRCODE_T_R_SERIALIZATION_FAILURE.
Census take_census(Relation index);

// A live row as the index has it.
struct StoredRow {
    const CellView* cell;
    BlockNumber block;  // of its address entry
    uint32 number;      // within the cell
    ItemPointerData tid;
    engine::RowKeys keys;
    engine::RefineFactors refine;
    const float* centroid;  // null in a list
    const uint8* refinement;
};

// What is known of the table, and which rows of it have been found in the index (check_heap.cpp).
struct HeapCheck;
HeapCheck* begin_heap_check(Relation heap, Relation index, const Census& census, Snapshot snapshot);
// Looks the row up in the table and compares, if the snapshot sees it.
void check_stored_row(HeapCheck* check, const StoredRow& row);
// Reads the table: each of its rows must have been found exactly once.
void end_heap_check(HeapCheck* check);

// Checks every page of the cells and all numbers on them (check_rows.cpp). heap: also handed each
// live row, may be null.
void check_rows(Relation heap, Relation index, const Census& census, HeapCheck* check);

// What an index consists of, from a census alone (counters.cpp). Dead rows are those that were
// dead when VACUUM last counted.
struct Counters {
    uint64 rows;  // live
    uint64 dead;
    uint64 loose_rows, undefined_rows, null_rows;                 // live
    uint32 cells;                                                 // with codes
    uint32 smallest_cell, median_cell, large_cell, largest_cell;  // rows; large: 95 % have fewer
    double mean_cell;
    uint64 head_blocks, address_blocks, sign_blocks, refine_blocks,
        key_blocks;           // allocated to cells
    uint64 directory_blocks;  // meta, slots, centroids, free list, origin, summaries
    uint64 free_blocks;
    uint64 total_blocks;  // allocated in all; the file may be shorter or longer
};
Counters count(const Census& census);

// Recall at the current setting, measured (recall.cpp).
struct Measured {
    uint32 queries;       // fewer than asked for if the table has fewer rows
    double recall;        // mean
    double least;         // of a query
    double cells;         // opened by a query, mean
    double scored;        // rows whose signs were scored
    double refined;       // rows whose refinements were read
    double fetched;       // rows fetched from the table
    double milliseconds;  // a query
};
Measured measure_recall(Relation heap, Relation index, Snapshot snapshot, uint32 k, uint32 queries);

}  // namespace vecdot::index
