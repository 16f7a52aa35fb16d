// Conditions on an index's key columns, which the search tests before it scores a row.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/skey.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

struct KeyConditions {
    List* clauses;    // the index's column is what they compare, on the left
    List* columns;    // of the index, from 1: integers
    List* originals;  // what of WHERE they are made of: RestrictInfos
};

// Those of WHERE that PostgreSQL itself would have the index test.
KeyConditions find_key_conditions(PlannerInfo* root, RelOptInfo* relation, IndexOptInfo* index);

// In the executor: the scan key of one of the clauses, and what its value comes from, or null.
ExprState* make_scan_key(const Expr* clause, int column, Relation index, PlanState* state,
                         ScanKey key);

}  // namespace vecdot::index
