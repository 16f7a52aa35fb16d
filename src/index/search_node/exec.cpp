// The search node as the executor sees it. What it searches for is evaluated when the first row is
// asked for; then all rows are gathered (gather.cpp), and returned one by one.
#include "index/options.hpp"
#include "index/search_node/key_conditions.hpp"
#include "index/search_node/state.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecdot::index {

namespace {

SearchState* state_of(CustomScanState* node) {
    return reinterpret_cast<SearchState*>(node);
}

void prepare_columns(SearchState* state, const List* row) {
    state->columns = list_length(row) - 1;
    state->sources = static_cast<ColumnSource*>(
        palloc0(sizeof(ColumnSource) * static_cast<Size>(Max(state->columns, 1))));
    state->last_column = 0;
    for (int i = 0; i < state->columns; ++i) {
        const TargetEntry* entry = static_cast<const TargetEntry*>(list_nth(row, i));
        const Var* column = reinterpret_cast<const Var*>(entry->expr);
        if (column->varattno > 0) {
            state->sources[i].number = column->varattno;
            state->last_column = Max(state->last_column, column->varattno);
        } else {
            // Of the system, or the whole row.
            state->sources[i].expression = ExecInitExprWithParams(entry->expr, nullptr);
        }
    }
}

bool uses_value(const SearchState* state, List* expressions) {
    Bitmapset* used = nullptr;
    pull_varattnos(reinterpret_cast<Node*>(expressions), INDEX_VAR, &used);
    return bms_is_member(state->columns + 1 - FirstLowInvalidHeapAttributeNumber, used);
}

void begin_child(SearchState* state, const CustomScan* plan, EState* query, int flags) {
    if (plan->custom_plans == NIL) {
        return;
    }
    state->child = ExecInitNode(static_cast<Plan*>(linitial(plan->custom_plans)), query, flags);
    state->node.custom_ps = list_make1(state->child);
    if (IsA(state->child, BitmapHeapScanState)) {
        state->bitmap = outerPlanState(state->child);
    }
}

void begin_keys(SearchState* state, const CustomScan* plan) {
    const List* columns = read_key_columns(plan->custom_private);
    state->key_count = list_length(columns);
    const Size count = static_cast<Size>(Max(state->key_count, 1));
    state->keys = static_cast<ScanKeyData*>(palloc0(sizeof(ScanKeyData) * count));
    state->key_values = static_cast<ExprState**>(palloc0(sizeof(ExprState*) * count));
    for (int i = 0; i < state->key_count; ++i) {
        const Expr* clause =
            static_cast<const Expr*>(list_nth(plan->custom_exprs, first_key_condition + i));
        state->key_values[i] = make_scan_key(clause, list_nth_int(columns, i), state->index,
                                             &state->node.ss.ps, &state->keys[i]);
    }
}

// In memory that lasts as long as the search.
void evaluate_keys(SearchState* state) {
    for (int i = 0; i < state->key_count; ++i) {
        if (state->key_values[i] != nullptr) {
            ScanKeyData& key = state->keys[i];
            bool is_null = false;
            key.sk_argument =
                ExecEvalExpr(state->key_values[i], state->node.ss.ps.ps_ExprContext, &is_null);
            key.sk_flags = is_null ? key.sk_flags | SK_ISNULL : key.sk_flags & ~SK_ISNULL;
        }
    }
}

void begin(CustomScanState* node, EState* state_of_query, int flags) {
    SearchState* state = state_of(node);
    const CustomScan* plan = reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
    state->plan = read_private(plan->custom_private);
    const SearchPlan& search = state->plan;
    fmgr_info(search.function, &state->function);
    state->query =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, query_vector)), &node->ss.ps);
    state->limit =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, limit_count)), &node->ss.ps);
    state->offset =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, limit_offset)), &node->ss.ps);

    state->radius =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, radius)), &node->ss.ps);
    begin_child(state, plan, state_of_query, flags);

    prepare_columns(state, plan->custom_scan_tlist);
    state->vector =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, row_vector)), &node->ss.ps);

    state->filters_by_value = uses_value(state, plan->scan.plan.qual);
    state->returns_value = uses_value(state, plan->scan.plan.targetlist);

    const Relation table = node->ss.ss_currentRelation;
    state->table_slot = table_slot_create(table, &state_of_query->es_tupleTable);
    state->row_slot = ExecInitExtraTupleSlot(
        state_of_query, node->ss.ss_ScanTupleSlot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
    state->memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot search node", ALLOCSET_SMALL_SIZES);
    state->set_memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot bitmap", ALLOCSET_SMALL_SIZES);
    if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0) {
        // As for other index scans: a plan may be explained whose index has gone.
        state->index_name = get_rel_name(search.index);
        return;
    }
    const LOCKMODE lock = exec_rt_fetch(plan->scan.scanrelid, state_of_query)->rellockmode;
    state->index = index_open(search.index, lock);
    state->index_name = RelationGetRelationName(state->index);
    begin_keys(state, plan);
}

// LIMIT and OFFSET as rows; 0: there is no limit. The node above reports what is wrong with them.
uint64 evaluate_limit(SearchState* state) {
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    bool is_null = false;
    const int64 count = DatumGetInt64(ExecEvalExprSwitchContext(state->limit, context, &is_null));
    if (is_null || count < 0) {
        return 0;
    }
    const int64 offset = DatumGetInt64(ExecEvalExprSwitchContext(state->offset, context, &is_null));
    const int64 skipped = is_null || offset < 0 ? 0 : offset;
    return static_cast<uint64>(count) + static_cast<uint64>(skipped);
}

// Evaluates what the search depends on, in memory that lasts as long as it does.
void start(SearchState* state) {
    state->started = true;
    state->wanted = evaluate_limit(state);
    state->recall = recall_of(state->index);
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    bool is_null = false;
    const double radius =
        DatumGetFloat8(ExecEvalExprSwitchContext(state->radius, context, &is_null));
    state->has_radius = !is_null;
    state->farthest = place_of({radius, is_null}, is_descending(state->plan.radius_form),
                               state->plan.nulls_first);
    const MemoryContext old = MemoryContextSwitchTo(state->memory);
    state->query_value = ExecEvalExpr(state->query, context, &state->query_is_null);
    evaluate_keys(state);
    MemoryContextSwitchTo(old);
    gather(state);
}

TupleTableSlot* next(CustomScanState* node) {
    SearchState* state = state_of(node);
    ExprContext* context = node->ss.ps.ps_ExprContext;
    if (!state->started) {
        start(state);
    }
    ProjectionInfo* projection = node->ss.ps.ps_ProjInfo;
    if (state->streams) {
        if (read_child_row(state)) {
            if (state->returns_value) {
                measure(state);
            }
            return projection != nullptr ? ExecProject(projection) : node->ss.ss_ScanTupleSlot;
        }
        state->streams = false;
    }
    if (state->next_row >= state->nearest.count) {
        ExecClearTuple(node->ss.ss_ScanTupleSlot);
        return projection != nullptr ? ExecClearTuple(projection->pi_state.resultslot)
                                     : node->ss.ss_ScanTupleSlot;
    }
    ResetExprContext(context);
    restore(state, state->nearest.rows[state->next_row++]);
    context->ecxt_scantuple = node->ss.ss_ScanTupleSlot;
    return projection != nullptr ? ExecProject(projection) : node->ss.ss_ScanTupleSlot;
}

// What depends on no parameter that has changed stays.
void rescan_child(SearchState* state) {
    if (state->child == nullptr) {
        return;
    }
    if (state->node.ss.ps.chgParam != nullptr) {
        UpdateChangedParamSet(state->child, state->node.ss.ps.chgParam);
    }
    if (state->child->chgParam != nullptr) {
        state->set = nullptr;
        MemoryContextReset(state->set_memory);
    } else if (state->set != nullptr) {
        return;
    }
    ExecReScan(state->child);
}

void rescan(CustomScanState* node) {
    SearchState* state = state_of(node);
    ExecClearTuple(node->ss.ss_ScanTupleSlot);
    ExecClearTuple(state->row_slot);
    MemoryContextReset(state->memory);
    rescan_child(state);
    state->started = false;
    state->nearest = state->ties = {};
    state->next_row = 0;
    state->bytes = 0;
}

void end(CustomScanState* node) {
    SearchState* state = state_of(node);
    if (state->reader != nullptr) {
        table_index_fetch_end(state->reader);
    }
    if (state->child != nullptr) {
        ExecEndNode(state->child);
    }
    if (state->scan != nullptr) {
        index_endscan(state->scan);
    }
    if (state->index != nullptr) {
        index_close(state->index, NoLock);
    }
}

void guarded_begin(CustomScanState* node, EState* state, int flags) {
    pg::guard([&] { begin(node, state, flags); });
}

TupleTableSlot* guarded_next(CustomScanState* node) {
    return pg::guard([&] { return next(node); });
}

void guarded_rescan(CustomScanState* node) {
    pg::guard([&] { rescan(node); });
}

void guarded_end(CustomScanState* node) {
    pg::guard([&] { end(node); });
}

void guarded_explain(CustomScanState* node, List* ancestors, ExplainState* output) {
    pg::guard([&] { explain_search(state_of(node), ancestors, output); });
}

CustomExecMethods make_methods() {
    CustomExecMethods methods{};
    methods.CustomName = "VecdotSearch";
    methods.BeginCustomScan = guarded_begin;
    methods.ExecCustomScan = guarded_next;
    methods.EndCustomScan = guarded_end;
    methods.ReScanCustomScan = guarded_rescan;
    methods.ExplainCustomScan = guarded_explain;
    return methods;
}

}  // namespace

Node* create_search_state(CustomScan*) {
    static const CustomExecMethods methods = make_methods();
    SearchState* state = static_cast<SearchState*>(palloc0(sizeof(SearchState)));
    NodeSetTag(state, T_CustomScanState);
    state->node.methods = &methods;
    return reinterpret_cast<Node*>(state);
}

const CustomScanMethods search_scan_methods = {"VecdotSearch", create_search_state};

}  // namespace vecdot::index
