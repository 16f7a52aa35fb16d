// The access method's callbacks, as handler.cpp registers them.
#pragma once

#include "engine/search.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// The metric of an index's operator class: support function 1 tells it.
engine::Metric metric_of(Relation index);

// The dimensions that the indexed column is declared with, 0 if none: it may lose them (ALTER
// COLUMN TYPE vector) without the index being built again.
int declared_dimensions(Relation index);
// The same; 22023 if there are none.
int dimensions_of(Relation index);

// What the index's random numbers start from: its option, mixed.
uint64 seed_of(Relation index);
uint32 refine_bits_of(Relation index);

// build.cpp
IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);

// scan.cpp
IndexScanDesc begin_scan(Relation index, int keys, int order_bys);
void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys, int order_by_count);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);
// What the scan has done so far; null before its first row. In the scan's memory.
const engine::SearchWork* scan_work(IndexScanDesc scan);

// cost.cpp
void estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup_cost,
                   Cost* total_cost, Selectivity* selectivity, double* correlation, double* pages);

// row_address.cpp: whether the plan above this path wants addresses that the executor would lose.
bool loses_row_address(const IndexPath* path);

}  // namespace vecdot::index
