// The verifier behind vecdot_index_check(): what its parts hand to each other.
#pragma once

#include "algo/code.hpp"
#include "index/cell.hpp"
#include "index/storage.hpp"

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
    algo::RefineFactors refine;
    const float* centroid;  // null in a list
    const uint8* code;
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

}  // namespace vecdot::index
