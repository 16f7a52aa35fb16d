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
// What the scan has done so far; null before its first row. In the scan's memory.
const engine::SearchWork* scan_work(IndexScanDesc scan);

}  // namespace vecdot::index
