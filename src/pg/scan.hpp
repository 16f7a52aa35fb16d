// Beginning a scan, whose parameters PostgreSQL changed with 18 and 19.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
}

namespace vecdot::pg {

// Of so many conditions, and one ORDER BY.
inline IndexScanDesc begin_index_scan(Relation table, Relation index, Snapshot snapshot,
                                      int conditions) {
#if PG_VERSION_NUM >= 190000
    return index_beginscan(table, index, snapshot, nullptr, conditions, 1, SO_NONE);
#elif PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, snapshot, nullptr, conditions, 1);
#else
    return index_beginscan(table, index, snapshot, conditions, 1);
#endif
}

// Of rows by their addresses.
inline IndexFetchTableData* begin_fetch(Relation table) {
#if PG_VERSION_NUM >= 190000
    return table_index_fetch_begin(table, SO_NONE);
#else
    return table_index_fetch_begin(table);
#endif
}

inline TableScanDesc begin_parallel_scan(Relation table, ParallelTableScanDesc shared) {
#if PG_VERSION_NUM >= 190000
    return table_beginscan_parallel(table, shared, SO_NONE);
#else
    return table_beginscan_parallel(table, shared);
#endif
}

}  // namespace vecdot::pg
