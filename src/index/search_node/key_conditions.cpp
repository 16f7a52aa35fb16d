#include "index/search_node/key_conditions.hpp"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

// The paths that PostgreSQL makes for the index alone: with them come the conditions that match,
// those that may be tested early (row-level security), commuted where they have to be.
const IndexPath* path_with_most_conditions(PlannerInfo* root, const RelOptInfo* relation,
                                           IndexOptInfo* index) {
    RelOptInfo* alone = static_cast<RelOptInfo*>(palloc(sizeof(RelOptInfo)));
    memcpy(alone, relation, sizeof *alone);
    alone->indexlist = list_make1(index);
    alone->pathlist = NIL;
    alone->partial_pathlist = NIL;
    alone->consider_parallel = false;
    alone->joininfo = NIL;
    alone->has_eclass_joins = false;
    // Without an order: up to PostgreSQL 16 an ordered path has no = ANY on a later column.
    List* keys = root->query_pathkeys;
    root->query_pathkeys = NIL;
    create_index_paths(root, alone);
    root->query_pathkeys = keys;
    const IndexPath* best = nullptr;
    for (int i = 0; i < list_length(alone->pathlist); ++i) {
        const IndexPath* path = static_cast<const IndexPath*>(list_nth(alone->pathlist, i));
        if (IsA(path, IndexPath) && path->path.param_info == nullptr &&
            (best == nullptr ||
             list_length(path->indexclauses) > list_length(best->indexclauses))) {
            best = path;
        }
    }
    return best;
}

void add(KeyConditions* conditions, Expr* clause, int column) {
    conditions->clauses = lappend(conditions->clauses, clause);
    conditions->columns = lappend_int(conditions->columns, column);
}

#if PG_VERSION_NUM < 160000
// What PostgreSQL finds itself from version 16 on: column, NOT column, column IS TRUE or FALSE.
Node* boolean_operand(Expr* clause, bool* value) {
    *value = true;
    if (IsA(clause, BooleanTest)) {
        const BooleanTest* test = reinterpret_cast<const BooleanTest*>(clause);
        *value = test->booltesttype == IS_TRUE;
        return *value || test->booltesttype == IS_FALSE ? reinterpret_cast<Node*>(test->arg)
                                                        : nullptr;
    }
    if (IsA(clause, BoolExpr) && reinterpret_cast<BoolExpr*>(clause)->boolop == NOT_EXPR) {
        *value = false;
        return static_cast<Node*>(linitial(reinterpret_cast<BoolExpr*>(clause)->args));
    }
    return reinterpret_cast<Node*>(clause);
}

void add_booleans(RelOptInfo* relation, IndexOptInfo* index, KeyConditions* conditions) {
    for (int i = 0; i < list_length(index->indrestrictinfo); ++i) {
        RestrictInfo* condition = static_cast<RestrictInfo*>(list_nth(index->indrestrictinfo, i));
        bool value;
        Node* operand = boolean_operand(condition->clause, &value);
        for (int column = 1; operand != nullptr && column < index->nkeycolumns; ++column) {
            if (!condition->pseudoconstant &&
                restriction_is_securely_promotable(condition, relation) &&
                op_in_opfamily(BooleanEqualOperator, index->opfamily[column]) &&
                match_index_to_operand(operand, column, index)) {
                Expr* constant = reinterpret_cast<Expr*>(makeBoolConst(value, false));
                add(conditions,
                    make_opclause(BooleanEqualOperator, BOOLOID, false,
                                  static_cast<Expr*>(copyObjectImpl(operand)), constant, InvalidOid,
                                  InvalidOid),
                    column + 1);
                conditions->originals = lappend(conditions->originals, condition);
                break;
            }
        }
    }
}
#endif

}  // namespace

KeyConditions find_key_conditions(PlannerInfo* root, RelOptInfo* relation, IndexOptInfo* index) {
    KeyConditions conditions{};
    if (index->nkeycolumns < 2 || index->indrestrictinfo == NIL) {
        return conditions;
    }
    const IndexPath* path = path_with_most_conditions(root, relation, index);
    for (int i = 0; path != nullptr && i < list_length(path->indexclauses); ++i) {
        const IndexClause* matched =
            static_cast<const IndexClause*>(list_nth(path->indexclauses, i));
        if (matched->indexcol == 0) {
            continue;
        }
        for (int j = 0; j < list_length(matched->indexquals); ++j) {
            const RestrictInfo* qual =
                static_cast<const RestrictInfo*>(list_nth(matched->indexquals, j));
            add(&conditions, static_cast<Expr*>(copyObjectImpl(qual->clause)),
                matched->indexcol + 1);
        }
        conditions.originals = lappend(conditions.originals, matched->rinfo);
    }
#if PG_VERSION_NUM < 160000
    add_booleans(relation, index, &conditions);
#endif
    return conditions;
}

ExprState* make_scan_key(const Expr* clause, int column, Relation index, PlanState* state,
                         ScanKey key) {
    if (IsA(clause, NullTest)) {
        const int flag = reinterpret_cast<const NullTest*>(clause)->nulltesttype == IS_NULL
                             ? SK_SEARCHNULL
                             : SK_SEARCHNOTNULL;
        ScanKeyEntryInitialize(key, SK_ISNULL | flag, static_cast<AttrNumber>(column),
                               InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, 0);
        return nullptr;
    }
    Oid op;
    Oid function;
    Oid collation;
    const List* sides;
    int flags = 0;
    if (IsA(clause, OpExpr)) {
        const OpExpr* comparison = reinterpret_cast<const OpExpr*>(clause);
        op = comparison->opno;
        function = comparison->opfuncid;
        collation = comparison->inputcollid;
        sides = comparison->args;
    } else if (IsA(clause, ScalarArrayOpExpr)) {
        const ScalarArrayOpExpr* comparison = reinterpret_cast<const ScalarArrayOpExpr*>(clause);
        op = comparison->opno;
        function = comparison->opfuncid;
        collation = comparison->inputcollid;
        sides = comparison->args;
        flags = SK_SEARCHARRAY;
    } else {
        elog(ERROR, "unrecognized condition of node type %d on a key column",
             static_cast<int>(nodeTag(clause)));
    }
    int strategy;
    Oid left;
    Oid right;
    get_op_opfamily_properties(op, index->rd_opfamily[column - 1], false, &strategy, &left, &right);
    ScanKeyEntryInitialize(key, flags, static_cast<AttrNumber>(column),
                           static_cast<StrategyNumber>(strategy), right, collation,
                           OidIsValid(function) ? function : get_opcode(op), 0);
    return ExecInitExpr(static_cast<Expr*>(lsecond(sides)), state);
}

}  // namespace vecdot::index
