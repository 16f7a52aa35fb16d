// Why an index is not used, found where the planner knows it: what the query asks of a relation,
// beside what its indexes can give.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// What there is to say about a relation, as parts of a sentence without a full stop.
struct Reason {
    // Why no index of ours can give what is asked for; null: one can.
    const char* mismatch;
    // Why the search node can't; a plain index scan may. Null: it can.
    const char* obstacle;
};

// Requires that the search node has been offered, where it can be (is_offered).
Reason find_reason(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry,
                   bool is_offered);

const char* name_of_index(Oid index);

}  // namespace vecdot::index
