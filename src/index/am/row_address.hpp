// Whether a row's address survives the executor.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// Whether the plan above a scan of this relation wants addresses that the executor would lose.
bool loses_row_address(const RelOptInfo* relation);

}  // namespace vecdot::index
