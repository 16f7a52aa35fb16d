// What stands above a path that returns rows in the order of their distance.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// Whether what a path with these keys returns is put in order and cut off by the query level's
// ORDER BY and LIMIT, and nothing else makes use of its order. Without ORDER BY and keys: whether
// it is cut off by LIMIT.
bool is_limited_order(const PlannerInfo* root, const List* path_keys);

// min(distance) is planned as a query of its own, ORDER BY distance LIMIT 1; who writes min() means
// the least of all.
bool is_minimum(const Query* query);

// Least first.
bool is_ascending(const PathKey* key);

}  // namespace vecdot::index
