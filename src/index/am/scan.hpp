// Index scans.
#pragma once

#include "engine/search.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
}

namespace vecdot::index {

IndexScanDesc begin_scan(Relation index, int keys, int order_bys);
void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys, int order_by_count);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);
// Uses this recall, below 1 too, from the search that index_rescan() has just prepared on; rows
// that are found late come at once, with their bounds, which then go down. Without it bounds are
// proven.
void set_recall(IndexScanDesc scan, double recall, bool late_at_once);
// What the scan has done so far; null before its first row. In the scan's memory.
const engine::SearchWork* scan_work(IndexScanDesc scan);

}  // namespace vecdot::index
