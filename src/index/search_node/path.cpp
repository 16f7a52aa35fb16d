// Where the search node can serve a query, what it costs, and its plan.
#include <initializer_list>

#include "index/am/cost.hpp"
#include "index/am/handler.hpp"
#include "index/am/order.hpp"
#include "index/options.hpp"
#include "index/search_node/path.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
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

bool can_use(const IndexOptInfo* index) {
    return is_our_index(index) && (index->indpred == NIL || index->predOK);
}

namespace {

bool match_member(const EquivalenceMember* member, const PathKey* key, const RelOptInfo* relation,
                  Match* match) {
    if (!bms_equal(member->em_relids, relation->relids)) {
        return false;
    }
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        if (can_use(index) && match_value(reinterpret_cast<Node*>(member->em_expr), index, match) &&
            match->family == key->pk_opfamily && is_ascending(key) != is_descending(match->form)) {
            return true;
        }
    }
    return false;
}

bool match_key(const PathKey* key, const RelOptInfo* relation, Match* match) {
    if (key->pk_eclass->ec_has_volatile) {
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

// Whether rows that the node leaves out, below recall 1, are missed by no more than a SELECT: none
// of the rows is locked or changed.
bool only_reads(PlannerInfo* root) {
    return root->parse->commandType == CMD_SELECT && root->parse->rowMarks == NIL &&
           root->rowMarks == NIL;
}

// Whether exactly the rows that LIMIT wants are asked for, and no more: nothing between it and this
// relation drops rows or multiplies them.
bool feeds_limit(PlannerInfo* root, const List* keys) {
    const Query* query = root->parse;
    return query->limitOption == LIMIT_OPTION_COUNT && !query->hasTargetSRFs &&
           bms_membership(root->all_baserels) == BMS_SINGLETON && is_limited_order(root, keys);
}

}  // namespace

bool has_gate(const List* conditions) {
    for (int i = 0; i < list_length(conditions); ++i) {
        if (static_cast<const RestrictInfo*>(list_nth(conditions, i))->pseudoconstant) {
            return true;
        }
    }
    return false;
}

void find_radius(const List* conditions, Task* task) {
    for (int i = 0; i < list_length(conditions); ++i) {
        Match match;
        Node* radius = match_radius(static_cast<const RestrictInfo*>(list_nth(conditions, i)),
                                    task->match.index, &match);
        if (radius != nullptr && equal(match.vector, task->match.vector) &&
            equal(match.query, task->match.query)) {
            task->radius = radius;
            task->radius_form = match.form;
            return;
        }
    }
}

namespace {

// LIMIT rows in order.
bool find_order(PlannerInfo* root, const RelOptInfo* relation, Task* task) {
    if (root->query_pathkeys == NIL) {
        return false;
    }
    PathKey* key = linitial_node(PathKey, root->query_pathkeys);
    task->keys = list_make1(key);
    if (!feeds_limit(root, task->keys) || !match_key(key, relation, &task->match)) {
        return false;
    }
    task->is_ordered = task->is_limited = true;
    task->nulls_first = key->pk_nulls_first;
    task->keeps_ties = list_length(root->query_pathkeys) > 1;
    find_radius(task->match.index->indrestrictinfo, task);
    return true;
}

// All rows within a radius, in no order.
bool find_range(PlannerInfo* root, const RelOptInfo* relation, Task* task) {
    if (is_minimum(root->parse)) {
        return false;
    }
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        const List* conditions = index->indrestrictinfo;
        for (int j = 0; can_use(index) && j < list_length(conditions); ++j) {
            task->radius = match_radius(static_cast<const RestrictInfo*>(list_nth(conditions, j)),
                                        index, &task->match);
            if (task->radius != nullptr && !has_gate(conditions)) {
                task->radius_form = task->match.form;
                task->is_limited = root->parse->sortClause == NIL && feeds_limit(root, NIL);
                return true;
            }
        }
    }
    return false;
}

double wanted_rows(const PlannerInfo* root, const Task& task) {
    return task.is_limited && root->limit_tuples > 0 ? root->limit_tuples : usual_rows;
}

// The share of the rows that pass all that says nothing about the distance.
double passing_share(PlannerInfo* root, const RelOptInfo* relation, IndexOptInfo* index) {
    List* others = NIL;
    for (int i = 0; i < list_length(relation->baserestrictinfo); ++i) {
        RestrictInfo* condition =
            static_cast<RestrictInfo*>(list_nth(relation->baserestrictinfo, i));
        if (!is_about_value(condition, index)) {
            others = lappend(others, condition);
        }
    }
    return clauselist_selectivity(root, others, 0, JOIN_INNER, nullptr);
}

// What a row takes that is read in no order, beside its page, and its distance: in the planner's
// units a microsecond is about one, with the table in memory.
constexpr Cost row_work = 1;

// Filter last: the search, until enough rows have passed.
Cost cost_filter_last(PlannerInfo* root, const CustomPath* path, const Task& task,
                      SearchPlan* plan) {
    const RelOptInfo* relation = path->path.parent;
    IndexOptInfo* index = task.match.index;
    const SearchCost search =
        search_cost(root, index, list_make1(task.match.value), recall_of(index->indexoid), 1);
    const double share = passing_share(root, relation, index);
    const double walked = Min(plan->rows, wanted_rows(root, task) / Max(share, 1e-9) + 3);
    const double fetched = Min(walked, walked * plan->given / plan->rows + 3);
    const Cost left_out = (walked - fetched) * key_cost;
    double random_page_cost = 0;
    get_tablespace_page_costs(relation->reltablespace, &random_page_cost, nullptr);
    // As the planner reckons a LIMIT above an index scan: a share of what all rows cost.
    const double pages =
        index_pages_fetched(plan->rows, relation->pages, index->pages, root) * fetched / plan->rows;
    const Cost row = cpu_tuple_cost + relation->baserestrictcost.per_tuple;
    plan->passing = plan->rows * Min(share, 1);
    plan->search = search.startup + left_out;
    plan->fetch = random_page_cost + row + row_work;
    plan->skip = row_work / 2;
    // A microsecond is about one unit where the table is read page by page. Of rows here and there
    // the planner reckons random_page_cost for most, six times as much where all is in memory.
    const bool reads_here_and_there =
        path->custom_paths != NIL && IsA(linitial(path->custom_paths), BitmapHeapPath);
    const double scale = reads_here_and_there ? 6 : 1;
    const WorkCost work = work_cost(index);
    plan->cell = work.cell * scale;
    plan->scored = work.scored * scale;
    plan->refined = work.refined * scale;
    plan->returned = work.given * scale;
    return plan->search + (search.total - search.startup) * fetched / plan->rows +
           pages * random_page_cost + fetched * row;
}

// Filter first: reading the rows that pass.
Cost cost_filter_first(const Path* child, SearchPlan* plan) {
    const double rows = Max(child->rows, 1);
    const Cost cost = child->total_cost + rows * row_work / 2;
    plan->first = cost;
    if (child->pathtype == T_SeqScan) {
        // A page that is in memory takes a microsecond, but an expression of which the planner
        // reckons so much four (an array of 50 numbers compared with a column, 60,000 times: a cost
        // of 4,800, 17 ms).
        double page_cost = 0;
        get_tablespace_page_costs(child->parent->reltablespace, nullptr, &page_cost);
        plan->first += 3 * Max(child->total_cost - page_cost * child->parent->pages, 0);
    }
    if (IsA(child, BitmapHeapPath)) {
        // Of a single index the path's own cost is that of a scan with the table's rows.
        Path* bitmap = reinterpret_cast<const BitmapHeapPath*>(child)->bitmapqual;
        Selectivity selectivity = 0;
        cost_bitmap_tree_node(bitmap, &plan->bitmap, &selectivity);
        plan->first_row = Max(plan->first - plan->bitmap, 0) / rows;
        // Likewise: 6,000 entries a cost of 113, 0.6 ms.
        plan->bitmap *= 4;
    }
    return cost;
}

void estimate(PlannerInfo* root, CustomPath* path, const Task& task, SearchPlan* plan) {
    const RelOptInfo* relation = path->path.parent;
    plan->rows = Max(task.match.index->tuples, 1);
    plan->given =
        plan->rows * clauselist_selectivity(root, task.on_keys.originals,
                                            static_cast<int>(relation->relid), JOIN_INNER, nullptr);
    Cost cost = cost_filter_last(root, path, task, plan);
    if (path->custom_paths != NIL) {
        cost = Min(cost, cost_filter_first(static_cast<Path*>(linitial(path->custom_paths)), plan));
    }
    const PathTarget* target = path->path.pathtarget;
    path->path.startup_cost = cost + relation->baserestrictcost.startup + target->cost.startup;
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

// A path of the node's own: those of the relation may be freed when others turn out to be better.
template <typename T>
Path* copy_path(const Path* path) {
    T* copy = static_cast<T*>(palloc(sizeof(T)));
    memcpy(copy, path, sizeof(T));
    return reinterpret_cast<Path*>(copy);
}

// The cheapest other way to the rows that pass, as a bitmap where it can be one.
Path* choose_child(PlannerInfo* root, RelOptInfo* relation, Relids outer) {
    const Path* best = nullptr;
    for (int i = 0; i < list_length(relation->pathlist); ++i) {
        const Path* path = static_cast<const Path*>(list_nth(relation->pathlist, i));
        // An index without a condition gives all rows, as the table does.
        const bool has_all =
            IsA(path, IndexPath) && reinterpret_cast<const IndexPath*>(path)->indexclauses == NIL;
        if (path->param_info == nullptr && !path->parallel_aware && !has_all &&
            (IsA(path, Path) || IsA(path, BitmapHeapPath) || IsA(path, IndexPath) ||
             IsA(path, TidPath) || IsA(path, TidRangePath)) &&
            (best == nullptr || path->total_cost < best->total_cost)) {
            best = path;
        }
    }
    if (best != nullptr && IsA(best, IndexPath)) {
        const IndexPath* index = reinterpret_cast<const IndexPath*>(best);
        if (index->indexinfo->amhasgetbitmap) {
            return reinterpret_cast<Path*>(
                create_bitmap_heap_path(root, relation, const_cast<Path*>(best), nullptr, 1, 0));
        }
        best = nullptr;
    }
    // Of a bitmap only the addresses count: the node tests what depends on the outer row.
    if (best == nullptr || (outer != nullptr && !IsA(best, BitmapHeapPath))) {
        return create_seqscan_path(root, relation, outer, 0);
    }
    return IsA(best, BitmapHeapPath) ? copy_path<BitmapHeapPath>(best)
           : IsA(best, TidPath)      ? copy_path<TidPath>(best)
           : IsA(best, TidRangePath) ? copy_path<TidRangePath>(best)
                                     : copy_path<Path>(best);
}

// The child's rows: the node's without the distance, then the address.
void set_child_target(PlannerInfo* root, Path* child, const List* row) {
    PathTarget* target = create_empty_pathtarget();
    for (int i = 0; i + 1 < list_length(row); ++i) {
        const TargetEntry* entry = static_cast<const TargetEntry*>(list_nth(row, i));
        add_column_to_pathtarget(target, static_cast<Expr*>(copyObjectImpl(entry->expr)), 0);
    }
    Var* address = makeVar(static_cast<int>(child->parent->relid), SelfItemPointerAttributeNumber,
                           TIDOID, -1, InvalidOid, 0);
    add_column_to_pathtarget(target, reinterpret_cast<Expr*>(address), 0);
    child->pathtarget = set_pathtarget_cost_width(root, target);
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

bool is_column_of(const Expr* expression, Index relation) {
    return IsA(expression, Var) &&
           reinterpret_cast<const Var*>(expression)->varno == static_cast<int>(relation);
}

// What a row consists of in the node: what is asked of the relation, and the value last.
List* row_of(const RelOptInfo* relation, const List* conditions, const Expr* value) {
    List* row = NIL;
    List* columns = list_copy(relation->reltarget->exprs);
    columns = list_concat(
        columns, pull_var_clause(const_cast<Node*>(reinterpret_cast<const Node*>(value)), 0));
    for (int i = 0; i < list_length(conditions); ++i) {
        const RestrictInfo* clause = static_cast<const RestrictInfo*>(list_nth(conditions, i));
        columns = list_concat(columns, pull_var_clause(reinterpret_cast<Node*>(clause->clause), 0));
    }
    for (int i = 0; i < list_length(columns); ++i) {
        Expr* column = static_cast<Expr*>(list_nth(columns, i));
        if (!is_column_of(column, relation->relid)) {
            continue;  // the outer row's
        }
        if (tlist_member(column, row) == nullptr) {
            row = lappend(row, makeTargetEntry(static_cast<Expr*>(copyObjectImpl(column)),
                                               static_cast<AttrNumber>(list_length(row) + 1),
                                               nullptr, false));
        }
    }
    return lappend(row,
                   makeTargetEntry(static_cast<Expr*>(copyObjectImpl(value)),
                                   static_cast<AttrNumber>(list_length(row) + 1), nullptr, false));
}

// All that a relation's target may hold is columns of its own.
bool has_columns_only(const List* expressions, Index relation) {
    for (int i = 0; i < list_length(expressions); ++i) {
        if (!is_column_of(static_cast<const Expr*>(list_nth(expressions, i)), relation)) {
            return false;
        }
    }
    return true;
}

Node* or_null(Node* expression, Oid type) {
    return expression != nullptr ? static_cast<Node*>(copyObjectImpl(expression))
                                 : reinterpret_cast<Node*>(makeNullConst(type, -1, InvalidOid));
}

// custom_private of a path: what the plan is made from.
enum PathPart { part_plan, part_expressions, part_row, part_clauses };

Plan* make_plan(PlannerInfo*, RelOptInfo* relation, CustomPath* path, List* target, List* clauses,
                List* children) {
    CustomScan* scan = makeNode(CustomScan);
    scan->scan.scanrelid = relation->relid;
    scan->scan.plan.targetlist = target;
    // What the condition of a partial index implies needs no test of the rows that it gives; those
    // of a bitmap are others.
    const List* implied =
        children != NIL
            ? NIL
            : list_difference_ptr(clauses,
                                  static_cast<List*>(list_nth(path->custom_private, part_clauses)));
    scan->scan.plan.qual = extract_actual_clauses(list_difference_ptr(clauses, implied), false);
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

bool can_read(PlannerInfo* root, const RelOptInfo* relation, const RangeTblEntry* entry) {
    return entry->rtekind == RTE_RELATION && !entry->inh && entry->tablesample == nullptr &&
           (entry->relkind == RELKIND_RELATION || entry->relkind == RELKIND_MATVIEW) &&
           (relation->reloptkind == RELOPT_BASEREL ||
            relation->reloptkind == RELOPT_OTHER_MEMBER_REL) &&
           relation->lateral_relids == nullptr && only_reads(root) &&
           has_columns_only(relation->reltarget->exprs, relation->relid);
}

Path* make_search_path(PlannerInfo* root, RelOptInfo* relation, const Task& wanted, Relids outer) {
    Task task = wanted;
    const Match& match = task.match;
    task.on_keys = find_key_conditions(root, relation, match.index);
    CustomPath* path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = relation;
    path->path.pathtarget = relation->reltarget;
    path->path.param_info =
        outer == nullptr ? nullptr : get_baserel_parampathinfo(root, relation, outer);
    path->path.parallel_safe = relation->consider_parallel;
    path->path.rows = outer == nullptr ? relation->rows : path->path.param_info->ppi_rows;
    path->path.pathkeys = task.is_ordered ? task.keys : NIL;
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = &search_path_methods;
    SearchPlan plan{};
    plan.index = match.index->indexoid;
    plan.function = match.function;
    plan.collation = match.collation;
    plan.distance = match.distance;
    plan.vector_arg = match.vector_arg;
    plan.form = match.form;
    plan.radius_form = task.radius_form;
    plan.is_ordered = task.is_ordered;
    plan.nulls_first = task.nulls_first;
    plan.keeps_ties = task.keeps_ties;
    List* joining = outer == nullptr ? NIL : path->path.param_info->ppi_clauses;
    List* row =
        row_of(relation, list_concat_copy(relation->baserestrictinfo, joining), match.value);
    // Of WHERE what a partial index does not imply.
    List* conditions = list_concat_copy(match.index->indrestrictinfo, joining);
    if (conditions != NIL && !has_gate(conditions)) {
        Path* child = choose_child(root, relation, outer);
        set_child_target(root, child, row);
        path->custom_paths = list_make1(child);
    }
    estimate(root, path, task, &plan);
    const Query* query = root->parse;
    List* expressions = list_make5(copyObjectImpl(match.query),
                                   or_null(task.is_limited ? query->limitCount : nullptr, INT8OID),
                                   or_null(task.is_limited ? query->limitOffset : nullptr, INT8OID),
                                   or_null(task.radius, FLOAT8OID), copyObjectImpl(match.vector));
    expressions = list_concat(expressions, task.on_keys.clauses);
    path->custom_private =
        list_make4(make_private(plan, task.on_keys.columns), expressions, row, conditions);
    return &path->path;
}

bool add_search_path(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry) {
    Task task{};
    // The hook is called for relations that WHERE has proven empty, too.
    if (IS_DUMMY_REL(relation) || !can_read(root, relation, entry) ||
        (!find_order(root, relation, &task) && !find_range(root, relation, &task))) {
        return false;
    }
    if (task.is_ordered) {
        remove_plain_paths(relation);
    }
    add_path(relation, make_search_path(root, relation, task, nullptr));
    return true;
}

namespace {

List* append_number(List* list, double number) {
    return lappend(list, makeFloat(psprintf("%.17g", number)));
}

double number_at(const List* list, int i) {
    return floatVal(list_nth(list, i));
}

}  // namespace

List* make_private(const SearchPlan& plan, List* key_columns) {
    List* numbers = NIL;
    for (double number :
         {plan.rows, plan.given, plan.passing, plan.search, plan.fetch, plan.skip, plan.first,
          plan.first_row, plan.bitmap, plan.cell, plan.scored, plan.refined, plan.returned}) {
        numbers = append_number(numbers, number);
    }
    List* integers = NIL;
    for (int number : {plan.vector_arg, static_cast<int>(plan.form),
                       static_cast<int>(plan.radius_form), static_cast<int>(plan.is_ordered),
                       static_cast<int>(plan.nulls_first), static_cast<int>(plan.keeps_ties)}) {
        integers = lappend_int(integers, number);
    }
    return list_make4(list_make4_oid(plan.index, plan.function, plan.collation, plan.distance),
                      integers, numbers, key_columns);
}

const List* read_key_columns(const List* custom_private) {
    return static_cast<const List*>(lfourth(custom_private));
}

SearchPlan read_private(const List* custom_private) {
    const List* oids = static_cast<const List*>(linitial(custom_private));
    const List* integers = static_cast<const List*>(lsecond(custom_private));
    const List* numbers = static_cast<const List*>(lthird(custom_private));
    return {list_nth_oid(oids, 0),
            list_nth_oid(oids, 1),
            list_nth_oid(oids, 2),
            list_nth_oid(oids, 3),
            list_nth_int(integers, 0),
            static_cast<Form>(list_nth_int(integers, 1)),
            static_cast<Form>(list_nth_int(integers, 2)),
            list_nth_int(integers, 3) != 0,
            list_nth_int(integers, 4) != 0,
            list_nth_int(integers, 5) != 0,
            number_at(numbers, 0),
            number_at(numbers, 1),
            number_at(numbers, 2),
            number_at(numbers, 3),
            number_at(numbers, 4),
            number_at(numbers, 5),
            number_at(numbers, 6),
            number_at(numbers, 7),
            number_at(numbers, 8),
            number_at(numbers, 9),
            number_at(numbers, 10),
            number_at(numbers, 11),
            number_at(numbers, 12)};
}

}  // namespace vecdot::index
