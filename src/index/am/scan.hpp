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
// How the search node wants a search.
struct ScanMode {
    double recall = 1;
    // Rows that are found late come at once, with their bounds, which then go down. Without it
    // bounds are proven.
    bool late_at_once = false;
    // NULLs come before all others, then those whose distance is NaN.
    bool nulls_first = false;
    bool undefined_first = false;
};
// For the search that index_rescan() has just prepared.
void set_mode(IndexScanDesc scan, const ScanMode& mode);
// From now on few of the rows that come are fetched from the table: its blocks are not to be read
// ahead.
void fetch_few(IndexScanDesc scan);
// What the scan has done so far; null before its first row. In the scan's memory.
const engine::SearchWork* scan_work(IndexScanDesc scan);

}  // namespace vecdot::index
