// The rows that the search node keeps: a heap of the nearest.
#include <algorithm>
#include <cmath>
#include <limits>

#include "index/search_node/state.hpp"

extern "C" {
#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

bool is_nearer(const Row& a, const Row& b) {
    return compare(a.place, b.place) < 0;
}

}  // namespace

// As a btree over float8 has it: NaN above all numbers.
Place place_of(const Value& value, bool descending, bool nulls_first) {
    if (value.is_null) {
        return {0, nulls_first ? Place::Rank::null_first : Place::Rank::null_last};
    }
    if (std::isnan(value.number)) {
        return {0, descending ? Place::Rank::nan_first : Place::Rank::nan_last};
    }
    return {descending ? -value.number : value.number, Place::Rank::number};
}

// -1, 0, 1.
int compare(const Place& a, const Place& b) {
    if (a.rank != b.rank) {
        return a.rank < b.rank ? -1 : 1;
    }
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

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

// Computes the value of the row in the node's slot.
Place measure(SearchState* state) {
    TupleTableSlot* row = state->node.ss.ss_ScanTupleSlot;
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    const SearchPlan& plan = state->plan;
    Value value{0, true};
    const MemoryContext old = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
    bool is_null = false;
    const Datum vector = ExecEvalExpr(state->vector, context, &is_null);
    if (!is_null && !state->query_is_null) {
        const Datum query = state->query_value;
        const Datum given =
            plan.vector_arg == 0
                ? FunctionCall2Coll(&state->function, plan.collation, vector, query)
                : FunctionCall2Coll(&state->function, plan.collation, query, vector);
        value = {value_from_function(plan.form, DatumGetFloat8(given)), false};
        row->tts_values[state->columns] = Float8GetDatum(value.number);
        row->tts_isnull[state->columns] = false;
    }
    MemoryContextSwitchTo(old);
    return place_of(value, is_descending(plan.form), plan.nulls_first);
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

void forget_rows(SearchState* state) {
    for (Size i = 0; i < state->row_count; ++i) {
        if (state->rows[i].tuple != nullptr) {
            pfree(state->rows[i].tuple);
        }
    }
    state->row_count = 0;
    state->bytes = 0;
}

void sort_rows(SearchState* state) {
    std::sort_heap(state->rows, state->rows + state->row_count, is_nearer);
}

namespace {

void restore_value(const SearchState* state, const Place& place) {
    TupleTableSlot* slot = state->node.ss.ss_ScanTupleSlot;
    const bool is_number = place.rank == Place::Rank::number;
    const bool is_null =
        place.rank == Place::Rank::null_first || place.rank == Place::Rank::null_last;
    const double number = is_descending(state->plan.form) ? -place.key : place.key;
    slot->tts_isnull[state->columns] = is_null;
    slot->tts_values[state->columns] =
        is_null ? 0 : Float8GetDatum(is_number ? number : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

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
        restore_value(state, row.place);
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

}  // namespace vecdot::index
