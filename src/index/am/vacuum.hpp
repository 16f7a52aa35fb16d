// Dead rows, and what is tidied on the way.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
}

namespace vecdot::index {

// ambulkdelete and amvacuumcleanup; neither reads the heap.
IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state);
IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);

}  // namespace vecdot::index
