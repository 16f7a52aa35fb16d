// What stands above a path that returns rows in the order of their distance.
//
// Below recall 1 a search gives the nearest rows that it finds, as many as LIMIT says. Whatever
// else relies on an order (groups, DISTINCT, windows, a merge join) needs all rows in their places,
// which only proven bounds give.
#include "index/am/order.hpp"

extern "C" {
#include "access/stratnum.h"
#include "nodes/primnodes.h"
#include "optimizer/paths.h"
}

namespace vecdot::index {

namespace {

bool is_null_constant(const Node* expression) {
    return IsA(expression, Const) && reinterpret_cast<const Const*>(expression)->constisnull;
}

// A clause that says that two things are equal makes one class of them, and could be a merge
// join's.
bool is_of_one_expression(const PathKey* key) {
    int members = 0;
    for (int i = 0; i < list_length(key->pk_eclass->ec_members); ++i) {
        const EquivalenceMember* member =
            static_cast<const EquivalenceMember*>(list_nth(key->pk_eclass->ec_members, i));
        members += member->em_is_child ? 0 : 1;
    }
    return members == 1;
}

}  // namespace

bool is_minimum(const Query* query) {
    if (list_length(query->targetList) == 0) {
        return false;
    }
    const TargetEntry* entry = linitial_node(TargetEntry, query->targetList);
    return entry->resname != nullptr && strcmp(entry->resname, "agg_target") == 0;
}

bool is_ascending(const PathKey* key) {
#if PG_VERSION_NUM >= 180000
    return key->pk_cmptype == COMPARE_LT;
#else
    return key->pk_strategy == BTLessStrategyNumber;
#endif
}

bool is_limited_order(const PlannerInfo* root, const List* path_keys) {
    const Query* query = root->parse;
    if (query->limitCount == nullptr || is_null_constant(query->limitCount) ||
        (query->sortClause == NIL) != (path_keys == NIL) || query->groupClause != NIL ||
        query->groupingSets != NIL || query->hasAggs || query->hasWindowFuncs ||
        query->distinctClause != NIL || query->setOperations != nullptr || is_minimum(query)) {
        return false;
    }
    for (int i = 0; i < list_length(path_keys); ++i) {
        if (!is_of_one_expression(static_cast<const PathKey*>(list_nth(path_keys, i)))) {
            return false;
        }
    }
    return true;
}

}  // namespace vecdot::index
