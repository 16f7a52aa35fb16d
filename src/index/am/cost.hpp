// What a scan costs, for the planner.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// From nothing to the first row and to the last, without what the table costs.
struct SearchCost {
    Cost startup;
    Cost total;
};
SearchCost search_cost(PlannerInfo* root, const IndexOptInfo* index, List* order_bys, double recall,
                       double loop_count);

// What a row takes that a search leaves out by its keys, with its part of opening the cell.
constexpr Cost key_cost = 0.01;

// What a search spends, by what it counts, in microseconds.
struct WorkCost {
    Cost cell;     // opened
    Cost scored;   // a row, by its signs
    Cost refined;  // a row, by more of its code
    Cost given;    // a row, in its order
};
WorkCost work_cost(const IndexOptInfo* index);

void estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup_cost,
                   Cost* total_cost, Selectivity* selectivity, double* correlation, double* pages);

}  // namespace vecdot::index
