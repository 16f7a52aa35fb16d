#include "index/search_node/reason.hpp"

#include "index/am/handler.hpp"
#include "index/am/order.hpp"
#include "index/search_node/form.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/tlist.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
}

namespace vecdot::index {

// Of a partition's index that of the whole table.
const char* name_of_index(Oid index) {
    const List* ancestors = get_rel_relispartition(index) ? get_partition_ancestors(index) : NIL;
    return get_rel_name(ancestors == NIL ? index : llast_oid(ancestors));
}

namespace {

// A call of a function of two arguments, one of which is made from an indexed column.
struct Call {
    Node* node;
    Oid op;  // or 0: a function
    Oid function;
    Node* arguments[2];
    IndexOptInfo* index;  // that has an argument as its column; null: none
    Node* query;          // then the other one
};

struct CallFinder {
    RelOptInfo* relation;
    Call* call;
};

bool is_number(Oid type) {
    return type == FLOAT8OID || type == FLOAT4OID || type == NUMERICOID || type == INT2OID ||
           type == INT4OID || type == INT8OID || type == BOOLOID;
}

bool mentions(Node* expression, const RelOptInfo* relation) {
    return bms_is_member(static_cast<int>(relation->relid), pull_varnos(nullptr, expression));
}

// The index of ours whose column, or what that is made from, the expression has; or null.
IndexOptInfo* index_mentioned(Node* expression, const RelOptInfo* relation) {
    Bitmapset* columns = nullptr;
    pull_varattnos(expression, relation->relid, &columns);
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        if (!is_our_index(index)) {
            continue;
        }
        Bitmapset* indexed = nullptr;
        const TargetEntry* key = static_cast<const TargetEntry*>(linitial(index->indextlist));
        pull_varattnos(reinterpret_cast<Node*>(key->expr), relation->relid, &indexed);
        if (bms_overlap(columns, indexed)) {
            return index;
        }
    }
    return nullptr;
}

// The first index that has an argument as its column, one for this function if there is one.
void find_index_of(Call* call, RelOptInfo* relation) {
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        for (int j = 0; is_our_index(index) && j < 2; ++j) {
            if (!match_index_to_operand(call->arguments[j], 0, index)) {
                continue;
            }
            Form form;
            const bool serves = serves_function(index, call->function, &form);
            if (call->index == nullptr || serves ||
                (call->index->indpred != NIL && index->indpred == NIL)) {
                call->index = index;
                call->query = call->arguments[1 - j];
            }
            if (serves) {
                return;
            }
        }
    }
}

bool find_call(Node* node, void* context);

// PostgreSQL 15 has the walker without a prototype.
bool walk(Node* node, void* context) {
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, find_call, context);
#else
    return expression_tree_walker(
        node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(find_call)), context);
#endif
}

bool find_call(Node* node, void* context) {
    const CallFinder* finder = static_cast<const CallFinder*>(context);
    if (node == nullptr) {
        return false;
    }
    Call call{};
    const List* arguments = NIL;
    if (IsA(node, OpExpr)) {
        const OpExpr* expression = reinterpret_cast<const OpExpr*>(node);
        call.op = expression->opno;
        call.function = get_opcode(call.op);
        arguments = expression->args;
    } else if (IsA(node, FuncExpr)) {
        call.function = reinterpret_cast<const FuncExpr*>(node)->funcid;
        arguments = reinterpret_cast<const FuncExpr*>(node)->args;
    }
    if (list_length(arguments) == 2 && exprType(node) == FLOAT8OID) {
        for (int i = 0; i < 2; ++i) {
            call.arguments[i] = static_cast<Node*>(list_nth(arguments, i));
        }
        for (Node* argument : call.arguments) {
            if (!is_number(exprType(argument)) &&
                index_mentioned(argument, finder->relation) != nullptr) {
                call.node = node;
                find_index_of(&call, finder->relation);
                *finder->call = call;
                return true;
            }
        }
    }
    return walk(node, context);
}

bool finds_call(Node* expression, RelOptInfo* relation, Call* call) {
    CallFinder finder{relation, call};
    return find_call(expression, &finder);
}

// As it is written: <->, or l2_distance().
const char* name_of(const Call& call) {
    return OidIsValid(call.op) ? get_opname(call.op)
                               : psprintf("%s()", get_func_name(call.function));
}

const char* operator_of(const IndexOptInfo* index) {
    const Oid type = index->opcintype[0];
    return get_opname(get_opfamily_member(index->opfamily[0], type, type, 1));
}

// The operator class of the index's access method that has this operator to order by, or null.
const char* opclass_for(Oid op, const IndexOptInfo* index) {
    const char* name = nullptr;
    CatCList* members = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(op));
    for (int i = 0; i < members->n_members && name == nullptr; ++i) {
        const FormData_pg_amop* member =
            reinterpret_cast<const FormData_pg_amop*>(GETSTRUCT(&members->members[i]->tuple));
        if (member->amoppurpose != AMOP_ORDER || member->amopmethod != index->relam) {
            continue;
        }
        // A class and its family have one name.
        const HeapTuple family = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(member->amopfamily));
        if (HeapTupleIsValid(family)) {
            name = pstrdup(
                NameStr(reinterpret_cast<const FormData_pg_opfamily*>(GETSTRUCT(family))->opfname));
            ReleaseSysCache(family);
        }
    }
    ReleaseCatCacheList(members);
    return name;
}

const char* wrong_operator(const Call& call) {
    const char* index = name_of_index(call.index->indexoid);
    const char* written = name_of(call);
    const char* opclass = OidIsValid(call.op) ? opclass_for(call.op, call.index) : nullptr;
    if (opclass != nullptr) {
        return psprintf("index %s is for %s, and the distance is %s: that takes an index with %s",
                        index, operator_of(call.index), written, opclass);
    }
    return psprintf("index %s is for %s, and no operator class of it is for %s", index,
                    operator_of(call.index), written);
}

// What is wrong with what the column is compared with; null: nothing.
const char* wrong_query(Node* query, const RelOptInfo* relation, const char* what) {
    if (contain_subplans(query)) {
        return psprintf("the %s is a sub-select that depends on the row", what);
    }
    if (mentions(query, relation)) {
        return psprintf("the %s is made from the row itself", what);
    }
    if (!bms_is_empty(pull_varnos(nullptr, query))) {
        return psprintf(
            "the %s comes from another table of FROM, and is known only while they are "
            "joined: take it from a sub-select in brackets, (SELECT ...), or put the "
            "search into a LATERAL sub-select with its own ORDER BY and LIMIT",
            what);
    }
    if (contain_volatile_functions(query)) {
        return psprintf(
            "the %s has a volatile function, to be called anew for each row: put it "
            "into a sub-select in brackets, (SELECT ...)",
            what);
    }
    return nullptr;
}

// The column is not the index's but something made from it.
const char* wrong_column(const Call& call, RelOptInfo* relation) {
    for (Node* argument : call.arguments) {
        const IndexOptInfo* index =
            is_number(exprType(argument)) ? nullptr : index_mentioned(argument, relation);
        if (index == nullptr) {
            continue;
        }
        const char* name = name_of_index(index->indexoid);
        return exprType(argument) != index->opcintype[0]
                   ? psprintf(
                         "the column is cast to %s before it is compared, and index %s is of "
                         "%s: give the query vector that type",
                         format_type_be(exprType(argument)), name,
                         format_type_be(index->opcintype[0]))
                   : psprintf(
                         "what is compared is an expression of the column, not the column of "
                         "index %s itself: take the column, or make an index on the expression",
                         name);
    }
    return nullptr;
}

// Why a call that stands alone is not what an index orders by; null: it is.
const char* wrong_call(const Call& call, RelOptInfo* relation) {
    if (call.index == nullptr) {
        return wrong_column(call, relation);
    }
    Form form;
    if (!serves_function(call.index, call.function, &form)) {
        return wrong_operator(call);
    }
    return wrong_query(call.query, relation, "query vector");
}

bool is_ascending(const SortGroupClause* clause) {
    Oid family = InvalidOid;
    Oid type = InvalidOid;
#if PG_VERSION_NUM >= 180000
    CompareType direction;
    get_ordering_op_properties(clause->sortop, &family, &type, &direction);
    return direction == COMPARE_LT;
#else
    int16 strategy = 0;
    get_ordering_op_properties(clause->sortop, &family, &type, &strategy);
    return strategy == BTLessStrategyNumber;
#endif
}

// A partial index whose condition the query does not promise.
const char* not_implied(const IndexOptInfo* index) {
    return index->indpred != NIL && !index->predOK
               ? psprintf("index %s is partial, and WHERE does not imply its condition",
                          name_of_index(index->indexoid))
               : nullptr;
}

// An expression of the query level as that of one of its partitions (or parts of UNION ALL) has it.
Node* translate(PlannerInfo* root, Node* expression, Index relation) {
    AppendRelInfo* part =
        root->append_rel_array == nullptr ? nullptr : root->append_rel_array[relation];
    if (part == nullptr) {
        return expression;
    }
    return adjust_appendrel_attrs(root, translate(root, expression, part->parent_relid), 1, &part);
}

Node* key_of(PlannerInfo* root, int number, const RelOptInfo* relation) {
    SortGroupClause* clause =
        static_cast<SortGroupClause*>(list_nth(root->parse->sortClause, number));
    return translate(root, get_sortgroupclause_expr(clause, root->parse->targetList),
                     relation->relid);
}

constexpr const char* grouped =
    "rows are grouped before they are ordered: search in a sub-select with its own LIMIT";

enum class Found { nothing, mismatch, plain, node };

// What an index can make of the first sort key, if that has a distance of the relation.
Found judge_key(PlannerInfo* root, RelOptInfo* relation, const char** mismatch) {
    const SortGroupClause* clause =
        static_cast<const SortGroupClause*>(linitial(root->parse->sortClause));
    Node* key = key_of(root, 0, relation);
    Call call{};
    if (!finds_call(key, relation, &call)) {
        return Found::nothing;
    }
    if (contain_agg_clause(key)) {
        *mismatch = grouped;
        return Found::mismatch;
    }
    bool is_turned = false;
    Match match;
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        IndexOptInfo* index = static_cast<IndexOptInfo*>(list_nth(relation->indexlist, i));
        if (!is_our_index(index) || !match_value(key, index, &match)) {
            continue;
        }
        if (is_ascending(clause) == is_descending(match.form)) {
            is_turned = true;
            continue;
        }
        const char* reason = wrong_query(match.query, relation, "query vector");
        if (reason == nullptr) {
            reason = not_implied(index);
        }
        if (reason == nullptr) {
            return match.form == Form::same && IsA(key, OpExpr) ? Found::plain : Found::node;
        }
        *mismatch = reason;
    }
    if (*mismatch == nullptr) {
        *mismatch = wrong_call(call, relation);
    }
    if (*mismatch == nullptr) {
        *mismatch = is_turned
                        ? "ORDER BY asks for the farthest first, which no index can give"
                        : psprintf(
                              "ORDER BY has an expression of the distance %s, not the distance "
                              "itself: order by that alone",
                              name_of(call));
    }
    return Found::mismatch;
}

// What is wrong with "value < r"; null: nothing, or it is none.
const char* judge_condition(RestrictInfo* condition, RelOptInfo* relation, bool* is_range) {
    Node* clause = reinterpret_cast<Node*>(condition->clause);
    Call call{};
    if (!finds_call(clause, relation, &call)) {
        return nullptr;
    }
    const char* reason = wrong_call(call, relation);
    if (reason != nullptr) {
        return reason;
    }
    if (!IsA(clause, OpExpr)) {
        return "the condition on the distance is a part of another (OR, NOT), where it limits "
               "nothing";
    }
    Match match;
    if (match_radius(condition, call.index, &match) != nullptr) {
        reason = not_implied(call.index);
        *is_range = reason == nullptr;
        return reason;
    }
    Node* limit = nullptr;
    bool is_less = false;
    if (!match_comparison(condition, call.index, &match, &limit, &is_less)) {
        return psprintf("WHERE compares an expression of the distance %s, not the distance itself",
                        name_of(call));
    }
    if (is_less == is_descending(match.form)) {
        return "WHERE asks for rows beyond a distance, not within it";
    }
    if (exprType(limit) != FLOAT8OID) {
        return psprintf(
            "the distance is compared with a value of type %s: cast that to double "
            "precision",
            format_type_be(exprType(limit)));
    }
    return wrong_query(limit, relation, "limit of the distance");
}

const char* judge_conditions(const List* conditions, RelOptInfo* relation, bool* is_range) {
    const char* reason = nullptr;
    for (int i = 0; i < list_length(conditions) && !*is_range; ++i) {
        RestrictInfo* condition = static_cast<RestrictInfo*>(list_nth(conditions, i));
        const char* found = judge_condition(condition, relation, is_range);
        reason = reason == nullptr ? found : reason;
    }
    return *is_range ? nullptr : reason;
}

const char* changes_rows(const PlannerInfo* root) {
    return root->parse->commandType != CMD_SELECT ? "rows are changed, of which none may be missed"
           : root->parse->rowMarks != NIL || root->rowMarks != NIL
               ? "rows are locked (FOR UPDATE, FOR SHARE), of which none may be missed"
               : nullptr;
}

// What keeps the search node from any relation of this query level, or from this one.
const char* obstacle_of(PlannerInfo* root, const RelOptInfo* relation, const RangeTblEntry* entry,
                        bool is_ordered) {
    const Query* query = root->parse;
    const char* changes = changes_rows(root);
    if (changes != nullptr) {
        return changes;
    }
    if (entry->tablesample != nullptr) {
        return "TABLESAMPLE takes other rows";
    }
    if (is_minimum(query)) {
        return "min() asks for the least of all";
    }
    if (is_ordered) {
        if (query->hasAggs || query->groupClause != NIL || query->groupingSets != NIL) {
            return grouped;
        }
        if (query->hasWindowFuncs) {
            return "a window function wants all rows: search in a sub-select with its own LIMIT";
        }
        if (query->distinctClause != NIL) {
            return "DISTINCT drops rows: search in a sub-select with its own LIMIT";
        }
        if (query->setOperations != nullptr) {
            return "the rows go through UNION: give each part its own ORDER BY and LIMIT, in "
                   "brackets";
        }
        if (query->hasTargetSRFs) {
            return "a function in the select list gives several rows for one";
        }
        if (query->limitCount == nullptr ||
            (IsA(query->limitCount, Const) &&
             reinterpret_cast<const Const*>(query->limitCount)->constisnull)) {
            return "there is no LIMIT";
        }
        if (query->limitOption != LIMIT_OPTION_COUNT) {
            return "WITH TIES may want more rows than its number";
        }
        if (bms_membership(root->all_baserels) != BMS_SINGLETON) {
            return "a join with other tables may drop rows: search in a sub-select with its own "
                   "LIMIT, and join what it finds";
        }
    }
    if (relation->lateral_relids != nullptr) {
        return "rows of another table are referred to";
    }
    if (!pg::search_node_setting()) {
        return "vecdot.search_node is off";
    }
    return "its conditions are of a kind that the search node does not take";
}

// Indexes of ours that the planner leaves out, if it leaves out all of them.
const char* unusable_index(const RelOptInfo* relation, const RangeTblEntry* entry) {
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        if (is_our_index(static_cast<const IndexOptInfo*>(list_nth(relation->indexlist, i)))) {
            return nullptr;
        }
    }
    const char* reason = nullptr;
    const Relation table = table_open(entry->relid, NoLock);
    const List* indexes = RelationGetIndexList(table);
    for (int i = 0; i < list_length(indexes) && reason == nullptr; ++i) {
        const Relation index = index_open(list_nth_oid(indexes, i), AccessShareLock);
        if (is_our_index(index)) {
            reason = psprintf(
                index->rd_index->indisvalid
                    ? "index %s can't be used before the transactions have ended that may see "
                      "rows of before it was built"
                    : "index %s is invalid, as a failed CREATE INDEX CONCURRENTLY leaves it: "
                      "REINDEX it, or drop it",
                RelationGetRelationName(index));
        }
        index_close(index, AccessShareLock);
    }
    table_close(table, NoLock);
    return reason;
}

const char* nothing_asked(PlannerInfo* root, RelOptInfo* relation) {
    Call call{};
    for (int i = 1; i < list_length(root->parse->sortClause); ++i) {
        if (finds_call(key_of(root, i, relation), relation, &call)) {
            return "another sort column stands before the distance: search for each of its values, "
                   "in a LATERAL sub-select";
        }
    }
    if (finds_call(reinterpret_cast<Node*>(root->parse->windowClause), relation, &call) ||
        (root->parse->hasWindowFuncs &&
         finds_call(reinterpret_cast<Node*>(root->parse->targetList), relation, &call))) {
        return "the distance is a window's order, which wants all rows";
    }
    return root->parent_root != nullptr
               ? "the sub-select that reads the table neither orders by a distance nor limits one; "
                 "an ORDER BY outside does not reach into it"
               : "the query neither orders by a distance of the indexed column nor limits one";
}

}  // namespace

Reason find_reason(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry,
                   bool is_offered) {
    Reason reason{};
    if (IS_DUMMY_REL(relation)) {
        reason.mismatch = "no row can qualify, so that nothing is read";
        return reason;
    }
    reason.mismatch = unusable_index(relation, entry);
    if (is_offered || reason.mismatch != nullptr) {
        return reason;
    }
    if (root->parse->sortClause != NIL) {
        const Found found = judge_key(root, relation, &reason.mismatch);
        if (found == Found::plain || found == Found::node) {
            reason.obstacle = obstacle_of(root, relation, entry, true);
            reason.mismatch = found == Found::node ? reason.obstacle : nullptr;
        }
        if (found != Found::nothing) {
            return reason;
        }
    }
    bool is_range = false;
    reason.mismatch = judge_conditions(relation->baserestrictinfo, relation, &is_range);
    if (!is_range && reason.mismatch == nullptr) {
        reason.mismatch = judge_conditions(relation->joininfo, relation, &is_range);
    }
    if (is_range) {
        reason.obstacle = obstacle_of(root, relation, entry, false);
        reason.mismatch = reason.obstacle;
    } else if (reason.mismatch == nullptr) {
        reason.mismatch = nothing_asked(root, relation);
    }
    return reason;
}

}  // namespace vecdot::index
