// What a scan costs, for the planner.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

void estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup_cost,
                   Cost* total_cost, Selectivity* selectivity, double* correlation, double* pages);

}  // namespace vecdot::index
