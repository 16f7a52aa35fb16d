// Where the search node can serve a query, what it costs, and its plan.
#include "index/am/cost.hpp"
#include "index/am/order.hpp"
#include "index/search_node/node.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace vecdot::index {

namespace {

// A sort key that an index of ours gives.
struct Match {
    IndexOptInfo* index;
    OpExpr* distance;
    int vector_arg;
};

bool is_query_vector(Node* expression, Index relation) {
    return !bms_is_member(static_cast<int>(relation), pull_varnos(nullptr, expression)) &&
           !contain_volatile_functions(expression) && !contain_subplans(expression);
}

bool match_operator(const OpExpr* expression, const PathKey* key, IndexOptInfo* index,
                    Match* match) {
    if (list_length(expression->args) != 2) {
        return false;
    }
    for (int vector_arg = 0; vector_arg < 2; ++vector_arg) {
        Oid op = expression->opno;
        if (vector_arg == 1) {
            op = get_commutator(op);
        }
        Node* vector = static_cast<Node*>(list_nth(expression->args, vector_arg));
        Node* query = static_cast<Node*>(list_nth(expression->args, 1 - vector_arg));
        if (OidIsValid(op) &&
            get_op_opfamily_sortfamily(op, index->opfamily[0]) == key->pk_opfamily &&
            match_index_to_operand(vector, 0, index) && is_query_vector(query, index->rel->relid)) {
            *match = {index, const_cast<OpExpr*>(expression), vector_arg};
            return true;
        }
    }
    return false;
}

bool match_member(const EquivalenceMember* member, const PathKey* key, const RelOptInfo* relation,
                  Match* match) {
    if (!bms_equal(member->em_relids, relation->relids) || !IsA(member->em_expr, OpExpr)) {
        return false;
    }
    const OpExpr* expression = reinterpret_cast<const OpExpr*>(member->em_expr);
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        if (is_our_index(index) && (index->indpred == NIL || index->predOK) &&
            match_operator(expression, key, index, match)) {
            return true;
        }
    }
    return false;
}

bool match_key(const PathKey* key, const RelOptInfo* relation, Match* match) {
    if (key->pk_nulls_first || key->pk_eclass->ec_has_volatile || !is_ascending(key)) {
        return false;
    }
#if PG_VERSION_NUM >= 180000
    EquivalenceMemberIterator iterator;
    setup_eclass_member_iterator(&iterator, key->pk_eclass, relation->relids);
    while (const EquivalenceMember* member = eclass_member_iterator_next(&iterator)) {
        if (match_member(member, key, relation, match)) {
            return true;
        }
    }
#else
    for (int i = 0; i < list_length(key->pk_eclass->ec_members); ++i) {
        const EquivalenceMember* member =
            static_cast<const EquivalenceMember*>(list_nth(key->pk_eclass->ec_members, i));
        if (match_member(member, key, relation, match)) {
            return true;
        }
    }
#endif
    return false;
}

// Whether exactly the rows that LIMIT wants are asked for, and no more: nothing between it and this
// relation drops rows or multiplies them.
bool feeds_limit(PlannerInfo* root, const List* keys) {
    const Query* query = root->parse;
    return query->commandType == CMD_SELECT && query->limitOption == LIMIT_OPTION_COUNT &&
           query->rowMarks == NIL && root->rowMarks == NIL && !query->hasTargetSRFs &&
           bms_membership(root->all_baserels) == BMS_SINGLETON && is_limited_order(root, keys);
}

// Of a LIMIT that is not known when the plan is made.
constexpr double usual_limit = 100;

double wanted_rows(const PlannerInfo* root) {
    return root->limit_tuples > 0 ? root->limit_tuples : usual_limit;
}

void estimate(PlannerInfo* root, CustomPath* path, const Match& match) {
    const RelOptInfo* relation = path->path.parent;
    const IndexOptInfo* index = match.index;
    const SearchCost search =
        search_cost(root, index, list_make1(match.distance), pg::recall_setting(), 1);
    const double all = Max(index->tuples, 1);
    const double share = relation->tuples > 0 ? relation->rows / relation->tuples : 1;
    const double fetched = Min(all, wanted_rows(root) / Max(share, 1e-9) + 3);
    double random_page_cost = 0;
    get_tablespace_page_costs(relation->reltablespace, &random_page_cost, nullptr);
    // As the planner reckons a LIMIT above an index scan: a share of what all rows cost.
    const double pages =
        index_pages_fetched(all, relation->pages, index->pages, root) * fetched / all;
    const Cost row = cpu_tuple_cost + relation->baserestrictcost.per_tuple;
    const PathTarget* target = path->path.pathtarget;
    path->path.startup_cost = search.startup + (search.total - search.startup) * fetched / all +
                              pages * random_page_cost + fetched * row +
                              relation->baserestrictcost.startup + target->cost.startup;
    path->path.total_cost =
        path->path.startup_cost + path->path.rows * (cpu_operator_cost + target->cost.per_tuple);
    if (!enable_indexscan) {
#if PG_VERSION_NUM >= 180000
        path->path.disabled_nodes = 1;
#else
        path->path.startup_cost += disable_cost;
        path->path.total_cost += disable_cost;
#endif
    }
}

// Plain paths of our indexes in the relation's list, which the node replaces.
void remove_plain_paths(RelOptInfo* relation) {
    List* kept = NIL;
    for (int i = 0; i < list_length(relation->pathlist); ++i) {
        Path* path = static_cast<Path*>(list_nth(relation->pathlist, i));
        if (!IsA(path, IndexPath) || !is_our_index(reinterpret_cast<IndexPath*>(path)->indexinfo)) {
            kept = lappend(kept, path);
        }
    }
    relation->pathlist = kept;
}

// What a row consists of in the node: what is asked of the relation, and the distance last.
List* row_of(const RelOptInfo* relation, const List* wanted, const OpExpr* distance) {
    List* row = NIL;
    List* columns = list_copy(wanted);
    columns = list_concat(
        columns, pull_var_clause(const_cast<Node*>(reinterpret_cast<const Node*>(distance)), 0));
    for (int i = 0; i < list_length(relation->baserestrictinfo); ++i) {
        const RestrictInfo* clause =
            static_cast<const RestrictInfo*>(list_nth(relation->baserestrictinfo, i));
        columns = list_concat(columns, pull_var_clause(reinterpret_cast<Node*>(clause->clause), 0));
    }
    for (int i = 0; i < list_length(columns); ++i) {
        Expr* column = static_cast<Expr*>(list_nth(columns, i));
        if (tlist_member(column, row) == nullptr) {
            row = lappend(row, makeTargetEntry(static_cast<Expr*>(copyObjectImpl(column)),
                                               static_cast<AttrNumber>(list_length(row) + 1),
                                               nullptr, false));
        }
    }
    return lappend(row,
                   makeTargetEntry(static_cast<Expr*>(copyObjectImpl(distance)),
                                   static_cast<AttrNumber>(list_length(row) + 1), nullptr, false));
}

// All that a relation's target may hold is columns of its own.
bool has_columns_only(const List* expressions, Index relation) {
    for (int i = 0; i < list_length(expressions); ++i) {
        const Var* column = static_cast<const Var*>(list_nth(expressions, i));
        if (!IsA(column, Var) || column->varno != static_cast<int>(relation)) {
            return false;
        }
    }
    return true;
}

Node* or_null(Node* limit) {
    return limit != nullptr ? static_cast<Node*>(copyObjectImpl(limit))
                            : reinterpret_cast<Node*>(makeNullConst(INT8OID, -1, InvalidOid));
}

// custom_private of a path: what the plan is made from.
enum PathPart { part_plan, part_expressions, part_row, part_clauses };

Plan* make_plan(PlannerInfo*, RelOptInfo* relation, CustomPath* path, List* target, List* clauses,
                List* children) {
    CustomScan* scan = makeNode(CustomScan);
    scan->scan.scanrelid = relation->relid;
    scan->scan.plan.targetlist = target;
    const List* checked = static_cast<List*>(list_nth(path->custom_private, part_clauses));
    scan->scan.plan.qual = extract_actual_clauses(
        list_difference_ptr(clauses, list_difference_ptr(clauses, checked)), false);
    scan->flags = path->flags;
    scan->custom_plans = children;
    scan->custom_private = static_cast<List*>(list_nth(path->custom_private, part_plan));
    scan->custom_exprs = static_cast<List*>(list_nth(path->custom_private, part_expressions));
    scan->custom_scan_tlist = static_cast<List*>(list_nth(path->custom_private, part_row));
    scan->methods = &search_scan_methods;
    return &scan->scan.plan;
}

}  // namespace

const CustomPathMethods search_path_methods = {"VecdotSearch", make_plan, nullptr};

void add_search_path(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry) {
    if (entry->rtekind != RTE_RELATION || entry->inh || entry->tablesample != nullptr ||
        (entry->relkind != RELKIND_RELATION && entry->relkind != RELKIND_MATVIEW) ||
        (relation->reloptkind != RELOPT_BASEREL &&
         relation->reloptkind != RELOPT_OTHER_MEMBER_REL) ||
        relation->lateral_relids != nullptr || list_length(root->query_pathkeys) != 1 ||
        !feeds_limit(root, root->query_pathkeys) ||
        !has_columns_only(relation->reltarget->exprs, relation->relid)) {
        return;
    }
    Match match;
    if (!match_key(linitial_node(PathKey, root->query_pathkeys), relation, &match)) {
        return;
    }
    CustomPath* path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = relation;
    path->path.pathtarget = relation->reltarget;
    path->path.parallel_safe = relation->consider_parallel;
    path->path.rows = relation->rows;
    path->path.pathkeys = root->query_pathkeys;
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = &search_path_methods;
    const SearchPlan plan{match.index->indexoid, get_opcode(match.distance->opno),
                          match.distance->inputcollid, match.vector_arg};
    Node* query = static_cast<Node*>(list_nth(match.distance->args, 1 - match.vector_arg));
    // Of WHERE what a partial index does not imply.
    path->custom_private = list_make4(
        make_private(plan),
        list_make3(copyObjectImpl(query), or_null(root->parse->limitCount),
                   or_null(root->parse->limitOffset)),
        row_of(relation, relation->reltarget->exprs, match.distance), match.index->indrestrictinfo);
    estimate(root, path, match);
    remove_plain_paths(relation);
    add_path(relation, &path->path);
}

List* make_private(const SearchPlan& plan) {
    return list_make2(list_make3_oid(plan.index, plan.function, plan.collation),
                      list_make1_int(plan.vector_arg));
}

SearchPlan read_private(const List* custom_private) {
    const List* oids = static_cast<const List*>(linitial(custom_private));
    const List* numbers = static_cast<const List*>(lsecond(custom_private));
    return {list_nth_oid(oids, 0), list_nth_oid(oids, 1), list_nth_oid(oids, 2),
            list_nth_int(numbers, 0)};
}

}  // namespace vecdot::index
