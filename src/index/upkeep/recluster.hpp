// Better cells for all rows.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Clusters all rows anew, if the number of cells has changed enough since that was done, and
// maintenance_work_mem and the room on the disk allow. Needs the structure lock, and nothing
// unfinished. table: an inserter's, or null for vacuum.
void recluster_if_due(Relation index, Relation table);

}  // namespace vecdot::index
