// A query vector that comes from another table of FROM, of which there is one row at most: a nested
// loop of that row and the search node has the order of the node.
//
// PostgreSQL sees an order in a join only where it is that of the outer side. What it can't know is
// that there is one outer row: a table read by a unique key, a sub-select with LIMIT 1 or an
// aggregate, a CTE of such.
#include "index/am/order.hpp"
#include "index/search_node/path.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"
}

namespace vecdot::index {

namespace {

bool has_one_row(PlannerInfo* root, const RelOptInfo* relation);

bool is_at_most_one(const Node* limit) {
    const Const* constant = reinterpret_cast<const Const*>(limit);
    return limit != nullptr && IsA(limit, Const) && !constant->constisnull &&
           DatumGetInt64(constant->constvalue) <= 1;
}

// Whether a query that has been planned gives at most one row.
bool gives_one_row(PlannerInfo* root) {
    const Query* query = root->parse;
    if (query->commandType != CMD_SELECT) {
        return false;
    }
    if (query->limitOption == LIMIT_OPTION_COUNT && is_at_most_one(query->limitCount)) {
        return true;
    }
    if (query->hasTargetSRFs || query->setOperations != nullptr || query->groupingSets != NIL) {
        return false;
    }
    if (query->groupClause == NIL && (query->hasAggs || query->havingQual != nullptr)) {
        return true;
    }
    const int relation = bms_membership(root->all_baserels) == BMS_SINGLETON
                             ? bms_singleton_member(root->all_baserels)
                             : 0;
    return relation > 0 && root->simple_rel_array != nullptr &&
           root->simple_rel_array[relation] != nullptr &&
           has_one_row(root, root->simple_rel_array[relation]);
}

// The planner's state of the query that is a CTE; null where there is none.
PlannerInfo* planned_cte(PlannerInfo* root, const RangeTblEntry* entry) {
    PlannerInfo* level = root;
    for (Index up = 0; up < entry->ctelevelsup && level != nullptr; ++up) {
        level = level->parent_root;
    }
    const List* ctes = level == nullptr ? NIL : level->parse->cteList;
    for (int i = 0; i < list_length(ctes); ++i) {
        const CommonTableExpr* cte = static_cast<const CommonTableExpr*>(list_nth(ctes, i));
        if (strcmp(cte->ctename, entry->ctename) != 0) {
            continue;
        }
        const int plan =
            i < list_length(level->cte_plan_ids) ? list_nth_int(level->cte_plan_ids, i) : 0;
        return plan > 0 && !cte->cterecursive
                   ? static_cast<PlannerInfo*>(list_nth(root->glob->subroots, plan - 1))
                   : nullptr;
    }
    return nullptr;
}

// Whether it is known of a relation, before anything is executed, that it has at most one row.
bool has_one_row(PlannerInfo* root, const RelOptInfo* relation) {
    const RangeTblEntry* entry = root->simple_rte_array[relation->relid];
    switch (entry->rtekind) {
        case RTE_RELATION:
            // Looks at the conditions "column = constant" too.
#if PG_VERSION_NUM >= 190000
            return relation_has_unique_index_for(root, const_cast<RelOptInfo*>(relation), NIL,
                                                 nullptr);
#else
            return relation_has_unique_index_for(root, const_cast<RelOptInfo*>(relation), NIL, NIL,
                                                 NIL);
#endif
        case RTE_SUBQUERY:
            return relation->subroot != nullptr && gives_one_row(relation->subroot);
        case RTE_CTE: {
            PlannerInfo* cte = entry->self_reference ? nullptr : planned_cte(root, entry);
            return cte != nullptr && gives_one_row(cte);
        }
        case RTE_VALUES:
            return list_length(entry->values_lists) == 1;
        case RTE_RESULT:
            return true;
        case RTE_FUNCTION: {
            const List* functions = entry->functions;
            return list_length(functions) == 1 &&
                   !expression_returns_set(
                       static_cast<const RangeTblFunction*>(linitial(functions))->funcexpr);
        }
        default:
            return false;
    }
}

bool have_one_row(PlannerInfo* root, const RelOptInfo* outer) {
    int relation = -1;
    while ((relation = bms_next_member(outer->relids, relation)) >= 0) {
        if (!has_one_row(root, root->simple_rel_array[relation])) {
            return false;
        }
    }
    return true;
}

bool match_member(const EquivalenceMember* member, const PathKey* key, const RelOptInfo* join,
                  const RelOptInfo* inner, Match* match) {
    if (!bms_is_subset(member->em_relids, join->relids) ||
        !bms_is_member(static_cast<int>(inner->relid), member->em_relids)) {
        return false;
    }
    for (int i = 0; i < list_length(inner->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(inner->indexlist, i));
        if (can_use(index) && match_value(reinterpret_cast<Node*>(member->em_expr), index, match) &&
            match->family == key->pk_opfamily && is_ascending(key) != is_descending(match->form)) {
            return true;
        }
    }
    return false;
}

// The first sort key, if it is of one expression, which an index of the inner relation gives.
bool match_key(const PathKey* key, const RelOptInfo* join, const RelOptInfo* inner, Match* match) {
    const List* members = key->pk_eclass->ec_members;
    return !key->pk_eclass->ec_has_volatile && list_length(members) == 1 &&
           match_member(static_cast<const EquivalenceMember*>(linitial(members)), key, join, inner,
                        match);
}

}  // namespace

void add_join_path(PlannerInfo* root, RelOptInfo* join, RelOptInfo* outer, RelOptInfo* inner,
                   JoinType type, JoinPathExtraData* extra) {
    const Query* query = root->parse;
    // All rows of the join go to the LIMIT, and none is dropped or added on the way.
    if (type != JOIN_INNER || root->join_info_list != NIL || root->query_pathkeys == NIL ||
        !bms_equal(join->relids, root->all_baserels) || join->lateral_relids != nullptr ||
        inner->reloptkind != RELOPT_BASEREL || outer->cheapest_total_path == nullptr ||
        outer->cheapest_total_path->param_info != nullptr ||
        query->limitOption != LIMIT_OPTION_COUNT || query->hasTargetSRFs ||
        has_gate(extra->restrictlist) ||
        !can_read(root, inner, root->simple_rte_array[inner->relid])) {
        return;
    }
    PathKey* key = linitial_node(PathKey, root->query_pathkeys);
    Task task{};
    task.keys = list_make1(key);
    if (!is_limited_order(root, task.keys) || !match_key(key, join, inner, &task.match) ||
        !have_one_row(root, outer)) {
        return;
    }
    task.is_ordered = task.is_limited = true;
    task.nulls_first = key->pk_nulls_first;
    task.keeps_ties = list_length(root->query_pathkeys) > 1;
    find_radius(
        list_concat_copy(task.match.index->indrestrictinfo,
                         get_baserel_parampathinfo(root, inner, outer->relids)->ppi_clauses),
        &task);
    Path* search = make_search_path(root, inner, task, outer->relids);
    JoinCostWorkspace workspace;
#if PG_VERSION_NUM >= 190000
    initial_cost_nestloop(root, &workspace, type, PGS_NESTLOOP_PLAIN, outer->cheapest_total_path,
                          search, extra);
#else
    initial_cost_nestloop(root, &workspace, type, outer->cheapest_total_path, search, extra);
#endif
    NestPath* loop =
        create_nestloop_path(root, join, type, &workspace, extra, outer->cheapest_total_path,
                             search, extra->restrictlist, task.keys, nullptr);
    // What the loop itself would test could drop rows that were counted.
    if (loop->jpath.joinrestrictinfo == NIL) {
        watch_join(root, inner);
        add_path(join, &loop->jpath.path);
    }
}

}  // namespace vecdot::index
