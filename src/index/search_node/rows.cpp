// The rows that the search node keeps: a heap of the nearest.
#include <algorithm>
#include <cmath>
#include <limits>

#include "index/search_node/state.hpp"
#include "pg/memory.hpp"

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

void copy_columns(SearchState* state, const TupleTableSlot* from, int count,
                  const ItemPointerData& tid) {
    TupleTableSlot* row = state->node.ss.ss_ScanTupleSlot;
    ExecClearTuple(row);
    row->tts_values[state->columns] = 0;
    row->tts_isnull[state->columns] = true;
    memcpy(row->tts_values, from->tts_values, static_cast<Size>(count) * sizeof(Datum));
    memcpy(row->tts_isnull, from->tts_isnull, static_cast<Size>(count) * sizeof(bool));
    ExecStoreVirtualTuple(row);
    row->tts_tid = tid;
    row->tts_tableOid = RelationGetRelid(state->node.ss.ss_currentRelation);
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
    return state->wanted > 0 && state->nearest.count >= state->wanted;
}

namespace {

void append(RowList* list, const Row& row, MemoryContext memory) {
    pg::make_room(&list->rows, &list->capacity, list->count + 1, 64, memory);
    list->rows[list->count++] = row;
}

// The row in the node's slot. Beyond work_mem rows are fetched again when their turn comes.
Row make_row(SearchState* state, const Place& place) {
    TupleTableSlot* slot = state->node.ss.ss_ScanTupleSlot;
    Row row{place, slot->tts_tid, nullptr};
    if (state->bytes < static_cast<Size>(work_mem) * 1024) {
        const MemoryContext old = MemoryContextSwitchTo(state->memory);
        row.tuple = ExecCopySlotMinimalTuple(slot);
        MemoryContextSwitchTo(old);
        state->bytes += row.tuple->t_len;
    }
    return row;
}

void drop(SearchState* state, const Row& row) {
    if (row.tuple != nullptr) {
        state->bytes -= row.tuple->t_len;
        pfree(row.tuple);
    }
}

void drop_all(SearchState* state, RowList* list) {
    for (Size i = 0; i < list->count; ++i) {
        drop(state, list->rows[i]);
    }
    list->count = 0;
}

}  // namespace

// Keeps the row in the node's slot if it is one of the nearest.
void keep(SearchState* state, const Place& place) {
    RowList* nearest = &state->nearest;
    if (!is_full(state)) {
        append(nearest, make_row(state, place), state->memory);
        std::push_heap(nearest->rows, nearest->rows + nearest->count, is_nearer);
        return;
    }
    const int order = compare(place, nearest->rows[0].place);
    if (order == 0 && state->plan.keeps_ties) {
        append(&state->ties, make_row(state, place), state->memory);
    }
    if (order >= 0) {
        return;
    }
    std::pop_heap(nearest->rows, nearest->rows + nearest->count, is_nearer);
    const Row farthest = nearest->rows[nearest->count - 1];
    nearest->rows[nearest->count - 1] = make_row(state, place);
    std::push_heap(nearest->rows, nearest->rows + nearest->count, is_nearer);
    if (state->plan.keeps_ties && compare(farthest.place, nearest->rows[0].place) == 0) {
        append(&state->ties, farthest, state->memory);
        return;
    }
    drop(state, farthest);
    drop_all(state, &state->ties);
}

void forget_rows(SearchState* state) {
    drop_all(state, &state->nearest);
    drop_all(state, &state->ties);
}

void sort_rows(SearchState* state) {
    RowList* nearest = &state->nearest;
    std::sort_heap(nearest->rows, nearest->rows + nearest->count, is_nearer);
    // These are as far as the last.
    for (Size i = 0; i < state->ties.count; ++i) {
        append(nearest, state->ties.rows[i], state->memory);
    }
    state->ties.count = 0;
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
    copy_columns(state, from, state->columns + 1, row.tid);
}

}  // namespace vecdot::index
