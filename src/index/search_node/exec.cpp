// The search node at work.
//
// It runs a scan of the index until as many rows as LIMIT says have passed the filter and the
// scan's bound says that what comes is no nearer, keeps the nearest in a heap, and returns them in
// order. Rows that the search finds late join the others, since nothing has been returned by then;
// and when the scan ends early, all rows have been seen. So what comes is in order to its very end.
//
// A row in the node is the columns that the plan needs, then the distance: filters and the target
// list refer to that, and the distance is computed once.
#include <algorithm>

#include "index/am/scan.hpp"
#include "index/search_node/state.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"

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

struct MapContext {
    const List* row;
};

// Columns of the relation become those of the node's row.
Node* map_columns(Node* node, void* to) {
    if (node == nullptr) {
        return nullptr;
    }
    if (IsA(node, Var)) {
        const MapContext* context = static_cast<const MapContext*>(to);
        const Var* column = reinterpret_cast<const Var*>(node);
        for (int i = 0; i < list_length(context->row); ++i) {
            const TargetEntry* entry = static_cast<const TargetEntry*>(list_nth(context->row, i));
            const Var* candidate = reinterpret_cast<const Var*>(entry->expr);
            if (IsA(candidate, Var) && candidate->varattno == column->varattno) {
                Var* mapped = static_cast<Var*>(copyObjectImpl(column));
                mapped->varno = INDEX_VAR;
                mapped->varattno = entry->resno;
                return reinterpret_cast<Node*>(mapped);
            }
        }
        elog(ERROR, "column %d is missing in the search node's row", column->varattno);
    }
#if PG_VERSION_NUM >= 160000
    return expression_tree_mutator(node, map_columns, to);
#else
    return expression_tree_mutator(
        node, reinterpret_cast<Node* (*)()>(reinterpret_cast<void*>(map_columns)), to);
#endif
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

void begin(CustomScanState* node, EState* state_of_query, int flags) {
    SearchState* state = state_of(node);
    const CustomScan* plan = reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
    const SearchPlan search = read_private(plan->custom_private);
    state->vector_arg = search.vector_arg;
    state->collation = search.collation;
    fmgr_info(search.function, &state->function);
    state->query =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, query_vector)), &node->ss.ps);
    state->limit =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, limit_count)), &node->ss.ps);
    state->offset =
        ExecInitExpr(static_cast<Expr*>(list_nth(plan->custom_exprs, limit_offset)), &node->ss.ps);

    prepare_columns(state, plan->custom_scan_tlist);
    const OpExpr* distance = reinterpret_cast<const OpExpr*>(
        static_cast<const TargetEntry*>(llast(plan->custom_scan_tlist))->expr);
    MapContext context{plan->custom_scan_tlist};
    Node* vector =
        map_columns(static_cast<Node*>(list_nth(distance->args, search.vector_arg)), &context);
    state->vector = ExecInitExpr(reinterpret_cast<Expr*>(vector), &node->ss.ps);

    Bitmapset* filtered = nullptr;
    pull_varattnos(reinterpret_cast<Node*>(plan->scan.plan.qual), INDEX_VAR, &filtered);
    state->filters_by_distance =
        bms_is_member(state->columns + 1 - FirstLowInvalidHeapAttributeNumber, filtered);

    const Relation table = node->ss.ss_currentRelation;
    state->table_slot = table_slot_create(table, &state_of_query->es_tupleTable);
    state->row_slot = ExecInitExtraTupleSlot(
        state_of_query, node->ss.ss_ScanTupleSlot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
    state->memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot search node", ALLOCSET_SMALL_SIZES);
    if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0) {
        // As for other index scans: a plan may be explained whose index has gone.
        state->index_name = get_rel_name(search.index);
        return;
    }
    const LOCKMODE lock = exec_rt_fetch(plan->scan.scanrelid, state_of_query)->rellockmode;
    state->index = index_open(search.index, lock);
    state->index_name = RelationGetRelationName(state->index);
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

// -1, 0, 1, as a btree over float8 has it: NaN after all numbers, NULL last.
int compare(const Place& a, const Place& b) {
    if (a.is_null || b.is_null) {
        return static_cast<int>(a.is_null) - static_cast<int>(b.is_null);
    }
    const bool a_nan = std::isnan(a.distance);
    const bool b_nan = std::isnan(b.distance);
    if (a_nan || b_nan) {
        return static_cast<int>(a_nan) - static_cast<int>(b_nan);
    }
    return a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0;
}

bool is_nearer(const Row& a, const Row& b) {
    return compare(a.place, b.place) < 0;
}

// Fills the node's slot from a row of the table.
void take_columns(SearchState* state) {
    TupleTableSlot* table = state->table_slot;
    TupleTableSlot* row = state->node.ss.ss_ScanTupleSlot;
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    ExecClearTuple(row);
    slot_getsomeattrs(table, state->last_column);
    context->ecxt_scantuple = table;
    for (int i = 0; i < state->columns; ++i) {
        const ColumnSource& source = state->sources[i];
        if (source.number > 0) {
            row->tts_values[i] = table->tts_values[source.number - 1];
            row->tts_isnull[i] = table->tts_isnull[source.number - 1];
        } else {
            row->tts_values[i] =
                ExecEvalExprSwitchContext(source.expression, context, &row->tts_isnull[i]);
        }
    }
    row->tts_values[state->columns] = 0;
    row->tts_isnull[state->columns] = true;
    ExecStoreVirtualTuple(row);
    row->tts_tid = table->tts_tid;
    row->tts_tableOid = table->tts_tableOid;
    context->ecxt_scantuple = row;
}

// Computes the distance of the row in the node's slot.
Place measure(SearchState* state) {
    TupleTableSlot* row = state->node.ss.ss_ScanTupleSlot;
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    Place place{0, true};
    const MemoryContext old = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
    bool is_null = false;
    const Datum vector = ExecEvalExpr(state->vector, context, &is_null);
    if (!is_null && !state->query_is_null) {
        place.is_null = false;
        place.distance = DatumGetFloat8(
            state->vector_arg == 0
                ? FunctionCall2Coll(&state->function, state->collation, vector, state->query_value)
                : FunctionCall2Coll(&state->function, state->collation, state->query_value,
                                    vector));
        row->tts_values[state->columns] = Float8GetDatum(place.distance);
        row->tts_isnull[state->columns] = false;
    }
    MemoryContextSwitchTo(old);
    return place;
}

bool is_full(const SearchState* state) {
    return state->wanted > 0 && state->row_count >= state->wanted;
}

// Keeps the row in the node's slot if it is one of the nearest.
void keep(SearchState* state, const Place& place) {
    if (is_full(state) && compare(place, state->rows[0].place) >= 0) {
        return;
    }
    if (is_full(state)) {
        std::pop_heap(state->rows, state->rows + state->row_count, is_nearer);
        const Row& farthest = state->rows[--state->row_count];
        if (farthest.tuple != nullptr) {
            state->bytes -= farthest.tuple->t_len;
            pfree(farthest.tuple);
        }
    }
    const MemoryContext old = MemoryContextSwitchTo(state->memory);
    if (state->row_count == state->row_capacity) {
        state->row_capacity = Max(64, 2 * state->row_capacity);
        const Size size = sizeof(Row) * state->row_capacity;
        state->rows =
            static_cast<Row*>(state->rows == nullptr ? MemoryContextAllocHuge(state->memory, size)
                                                     : repalloc_huge(state->rows, size));
    }
    TupleTableSlot* slot = state->node.ss.ss_ScanTupleSlot;
    Row& row = state->rows[state->row_count++];
    row.place = place;
    row.tid = slot->tts_tid;
    row.tuple = nullptr;
    // Beyond work_mem rows are fetched again when their turn comes.
    if (state->bytes < static_cast<Size>(work_mem) * 1024) {
        row.tuple = ExecCopySlotMinimalTuple(slot);
        state->bytes += row.tuple->t_len;
    }
    std::push_heap(state->rows, state->rows + state->row_count, is_nearer);
    MemoryContextSwitchTo(old);
}

// Whether the row in the node's slot passes, and if so its place.
bool passes(SearchState* state, Place* place) {
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    ExprState* filter = state->node.ss.ps.qual;
    if (state->filters_by_distance) {
        *place = measure(state);
    }
    if (filter != nullptr && !ExecQual(filter, context)) {
        InstrCountFiltered1(&state->node.ss.ps, 1);
        return false;
    }
    if (!state->filters_by_distance) {
        *place = measure(state);
    }
    return true;
}

void start_scan(SearchState* state) {
    EState* query = state->node.ss.ps.state;
    if (state->scan == nullptr) {
#if PG_VERSION_NUM >= 180000
        state->scan = index_beginscan(state->node.ss.ss_currentRelation, state->index,
                                      query->es_snapshot, nullptr, 0, 1);
#else
        state->scan = index_beginscan(state->node.ss.ss_currentRelation, state->index,
                                      query->es_snapshot, 0, 1);
#endif
    }
    ScanKeyData key;
    ScanKeyEntryInitialize(&key, SK_ORDER_BY | (state->query_is_null ? SK_ISNULL : 0), 1, 1,
                           InvalidOid, state->collation, state->function.fn_oid,
                           state->query_value);
    index_rescan(state->scan, nullptr, 0, &key, 1);
    set_recall(state->scan, state->recall, true);
}

void gather(SearchState* state) {
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    start_scan(state);
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        if (index_getnext_tid(state->scan, ForwardScanDirection) == nullptr) {
            break;
        }
        const Place bound{DatumGetFloat8(state->scan->xs_orderbyvals[0]),
                          state->scan->xs_orderbynulls[0]};
        if (is_full(state) && compare(bound, state->rows[0].place) >= 0) {
            break;
        }
        if (!index_fetch_heap(state->scan, state->table_slot)) {
            continue;
        }
        ++state->fetched;
        ResetExprContext(context);
        take_columns(state);
        Place place;
        if (passes(state, &place)) {
            keep(state, place);
        }
    }
    std::sort_heap(state->rows, state->rows + state->row_count, is_nearer);
    ExecClearTuple(state->table_slot);
}

// Evaluates what the search depends on, in memory that lasts as long as it does.
void start(SearchState* state) {
    state->started = true;
    state->wanted = evaluate_limit(state);
    // All rows in order: only what is proven is in order from the beginning.
    state->recall = pg::recall_setting();
    const MemoryContext old = MemoryContextSwitchTo(state->memory);
    state->query_value =
        ExecEvalExpr(state->query, state->node.ss.ps.ps_ExprContext, &state->query_is_null);
    MemoryContextSwitchTo(old);
    gather(state);
}

// Puts a kept row into the node's slot.
void restore(SearchState* state, const Row& row) {
    TupleTableSlot* slot = state->node.ss.ss_ScanTupleSlot;
    if (row.tuple == nullptr) {
        ItemPointerData tid = row.tid;
        ResetExprContext(state->node.ss.ps.ps_ExprContext);
        if (!table_tuple_fetch_row_version(state->node.ss.ss_currentRelation, &tid,
                                           state->node.ss.ps.state->es_snapshot,
                                           state->table_slot)) {
            elog(ERROR, "row (%u,%u) that was seen before is gone", ItemPointerGetBlockNumber(&tid),
                 ItemPointerGetOffsetNumber(&tid));
        }
        take_columns(state);
        slot->tts_isnull[state->columns] = row.place.is_null;
        slot->tts_values[state->columns] =
            row.place.is_null ? 0 : Float8GetDatum(row.place.distance);
        return;
    }
    TupleTableSlot* from = state->row_slot;
    ExecStoreMinimalTuple(row.tuple, from, false);
    slot_getallattrs(from);
    ExecClearTuple(slot);
    const Size columns = static_cast<Size>(state->columns) + 1;
    memcpy(slot->tts_values, from->tts_values, columns * sizeof(Datum));
    memcpy(slot->tts_isnull, from->tts_isnull, columns * sizeof(bool));
    ExecStoreVirtualTuple(slot);
    slot->tts_tid = row.tid;
    slot->tts_tableOid = RelationGetRelid(state->node.ss.ss_currentRelation);
}

TupleTableSlot* next(CustomScanState* node) {
    SearchState* state = state_of(node);
    ExprContext* context = node->ss.ps.ps_ExprContext;
    if (!state->started) {
        start(state);
    }
    ProjectionInfo* projection = node->ss.ps.ps_ProjInfo;
    if (state->next_row >= state->row_count) {
        ExecClearTuple(node->ss.ss_ScanTupleSlot);
        return projection != nullptr ? ExecClearTuple(projection->pi_state.resultslot)
                                     : node->ss.ss_ScanTupleSlot;
    }
    ResetExprContext(context);
    restore(state, state->rows[state->next_row++]);
    context->ecxt_scantuple = node->ss.ss_ScanTupleSlot;
    return projection != nullptr ? ExecProject(projection) : node->ss.ss_ScanTupleSlot;
}

void rescan(CustomScanState* node) {
    SearchState* state = state_of(node);
    ExecClearTuple(node->ss.ss_ScanTupleSlot);
    ExecClearTuple(state->row_slot);
    MemoryContextReset(state->memory);
    state->started = false;
    state->rows = nullptr;
    state->row_count = state->row_capacity = state->next_row = 0;
    state->bytes = 0;
}

void end(CustomScanState* node) {
    SearchState* state = state_of(node);
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
