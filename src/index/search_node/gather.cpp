// How the search node finds its rows.
//
// Three ways lead to the nearest rows that pass a filter: the search, testing what it gives
// (filter last); the search, leaving out what is not in a bitmap of other indexes before it is
// fetched (filter in the index); reading all that pass, by the bitmap or the child plan (filter
// first). The planner's estimates say where to begin. What is spent is counted in the planner's
// units, and when it reaches what another way costs, as then known, the node changes over. A
// bitmap, once built, says how many rows there are. So a search costs at most about twice the best
// way.
#include <cmath>
#include <limits>

#include "index/am/scan.hpp"
#include "index/search_node/state.hpp"
#include "pg/scan.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

constexpr double no_budget = std::numeric_limits<double>::infinity();

// Whether the row in the node's slot passes, and if so its place.
bool passes(SearchState* state, Place* place) {
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    ExprState* filter = state->node.ss.ps.qual;
    if (state->filters_by_value) {
        *place = measure(state);
    }
    if (filter != nullptr && !ExecQual(filter, context)) {
        InstrCountFiltered1(&state->node.ss.ps, 1);
        return false;
    }
    if (!state->filters_by_value) {
        *place = measure(state);
    }
    return true;
}

// NaN comes first where the largest is the nearest, and passes a filter for large values.
bool undefined_first(const SearchPlan& plan) {
    return is_descending(plan.form) || is_descending(plan.radius_form);
}

void start_scan(SearchState* state) {
    EState* query = state->node.ss.ps.state;
    if (state->scan == nullptr) {
        state->scan = pg::begin_index_scan(state->node.ss.ss_currentRelation, state->index,
                                           query->es_snapshot, state->key_count);
    }
    ScanKeyData key;
    ScanKeyEntryInitialize(&key, SK_ORDER_BY | (state->query_is_null ? SK_ISNULL : 0), 1, 1,
                           InvalidOid, state->plan.collation, state->plan.distance,
                           state->query_value);
    index_rescan(state->scan, state->keys, state->key_count, &key, 1);
    state->counted = 0;
    state->highest_bound = -std::numeric_limits<double>::infinity();
    ScanMode mode;
    mode.recall = state->recall;
    mode.late_at_once = true;
    mode.nulls_first = state->plan.nulls_first;
    mode.undefined_first = undefined_first(state->plan);
    set_mode(state->scan, mode);
}

void change_to(SearchState* state, Way way) {
    if (state->change_count < static_cast<int>(lengthof(state->changes))) {
        const uint64 addresses = state->set == nullptr ? 0 : state->set->offset_count;
        state->changes[state->change_count++] = {way, state->fetched, addresses, state->reached,
                                                 state->budget};
    }
    state->way = way;
    state->spent = state->worked = 0;
    if (way == Way::filter_in_index) {
        fetch_few(state->scan);
    }
}

// Whether nothing that comes after a row with this bound can be among the rows.
bool is_beyond(const SearchState* state, const Value& bound) {
    const SearchPlan& plan = state->plan;
    const bool is_undefined = !bound.is_null && std::isnan(bound.number);
    const Place place = place_of({value_at_bound(plan.form, bound.number), bound.is_null},
                                 is_descending(plan.form), plan.nulls_first);
    // Undefined rows that come before those that are nearer.
    const bool is_early = is_undefined && undefined_first(plan) && !is_descending(plan.form);
    const int ties = plan.keeps_ties ? 1 : 0;
    if (!is_early && is_full(state) && compare(place, state->nearest.rows[0].place) >= ties) {
        return true;
    }
    const bool comes_first =
        (bound.is_null && plan.nulls_first) || (is_undefined && undefined_first(plan));
    return state->has_radius && !comes_first &&
           compare(place_of({value_at_bound(plan.radius_form, bound.number), bound.is_null},
                            is_descending(plan.radius_form), plan.nulls_first),
                   state->farthest) > 0;
}

// The row in the table's slot, if it passes.
void take_row(SearchState* state) {
    ++state->fetched;
    ResetExprContext(state->node.ss.ps.ps_ExprContext);
    take_columns(state);
    Place place;
    if (passes(state, &place)) {
        keep(state, place);
    }
}

// What the scan itself has done so far, in the planner's units.
double cost_of_scan(const SearchState* state) {
    const engine::SearchWork* work = scan_work(state->scan);
    const SearchPlan& plan = state->plan;
    return work == nullptr ? 0
                           : static_cast<double>(work->cells) * plan.cell +
                                 static_cast<double>(work->rows) * plan.scored +
                                 static_cast<double>(work->refined) * plan.refined;
}

// Goes on with the search. False when its rows cost more than the budget, or these and the scan's
// work more than filter first costs. (With a bitmap the scan's work is no less.)
bool search_on(SearchState* state, double budget, double first) {
    while (true) {
        const double spent = state->spent + state->worked;
        if (state->spent > budget || spent > first) {
            state->reached = spent > first ? spent : state->spent;
            state->budget = spent > first ? first : budget;
            return false;
        }
        CHECK_FOR_INTERRUPTS();
        const ItemPointer tid = index_getnext_tid(state->scan, ForwardScanDirection);
        if (tid == nullptr) {
            return true;
        }
        const double counted = cost_of_scan(state);
        state->worked += counted - state->counted + state->plan.returned;
        state->counted = counted;
        const Value bound{DatumGetFloat8(state->scan->xs_orderbyvals[0]),
                          state->scan->xs_orderbynulls[0]};
        if (is_beyond(state, bound)) {
            return true;
        }
        if (bound.number < state->highest_bound) {
            ++state->late;
        } else if (bound.number > state->highest_bound) {
            state->highest_bound = bound.number;
        }
        if (state->way == Way::filter_in_index && !may_hold(*state->set, *tid)) {
            state->spent += state->plan.skip;
            ++state->skipped;
            continue;
        }
        state->spent += state->plan.fetch;
        if (index_fetch_heap(state->scan, state->table_slot)) {
            take_row(state);
        }
    }
}

void build_bitmap(SearchState* state) {
    if (state->set != nullptr) {
        return;
    }
    TIDBitmap* bitmap = reinterpret_cast<TIDBitmap*>(MultiExecProcNode(state->bitmap));
    if (bitmap == nullptr || !IsA(bitmap, TIDBitmap)) {
        elog(ERROR, "unrecognized result from subplan");
    }
    const MemoryContext old = MemoryContextSwitchTo(state->set_memory);
    state->set = collect_tids(bitmap);
    MemoryContextSwitchTo(old);
    tbm_free(bitmap);
}

void read_address(SearchState* state, BlockNumber block, OffsetNumber offset) {
    ItemPointerData tid;
    ItemPointerSet(&tid, block, offset);
    bool again = false;
    if (table_index_fetch_tuple(state->reader, &tid, state->node.ss.ps.state->es_snapshot,
                                state->table_slot, &again, nullptr)) {
        take_row(state);
    }
}

// All rows of the bitmap. An address of an index is that of a chain of versions, of which one is
// visible; of a lossy page every address may be.
void read_bitmap(SearchState* state) {
    const Relation table = state->node.ss.ss_currentRelation;
    if (state->reader == nullptr) {
        state->reader = pg::begin_fetch(table);
    }
    const BlockNumber blocks = RelationGetNumberOfBlocks(table);
    for (Size b = 0; b < state->set->block_count; ++b) {
        const TidSet::Block& block = state->set->blocks[b];
        if (block.number >= blocks) {
            // Of a page that has been cut off since the bitmap's index saw it.
            break;
        }
        CHECK_FOR_INTERRUPTS();
        for (uint32 i = 0; i < block.count; ++i) {
            read_address(state, block.number, state->set->offsets[block.first + i]);
        }
        for (OffsetNumber i = 1; block.count == 0 && i <= MaxHeapTuplesPerPage; ++i) {
            read_address(state, block.number, i);
        }
    }
    table_index_fetch_reset(state->reader);
}

void filter_first(SearchState* state) {
    forget_rows(state);
    change_to(state, Way::filter_first);
    if (state->set != nullptr) {
        read_bitmap(state);
    } else if (!state->plan.is_ordered && state->wanted == 0) {
        state->streams = true;
    } else {
        while (read_child_row(state)) {
            keep(state, measure(state));
        }
    }
}

// Rows that a search is thought to end with; 0: all.
double expected(const SearchState* state) {
    return state->wanted > 0   ? static_cast<double>(state->wanted)
           : state->has_radius ? usual_rows
                               : 0;
}

// Rows that a search has to give until enough have passed, if so many of all pass.
double rows_to_search(const SearchState* state, double passing) {
    const double all = state->plan.given;
    return Min(all, expected(state) * all / Max(passing, 1) + 3);
}

void gather_with_bitmap(SearchState* state) {
    const SearchPlan& plan = state->plan;
    const double wanted = expected(state);
    if (state->set == nullptr && wanted > 0) {
        const double given = rows_to_search(state, plan.passing);
        const double in_index = plan.search + plan.bitmap + given * plan.skip + wanted * plan.fetch;
        const double other = Min(plan.first, in_index);
        // A quarter is worth trying whether the filter agrees with the query.
        const double share = plan.search + given * plan.fetch <= other ? 1 : 0.25;
        if (plan.search <= share * plan.first) {
            start_scan(state);
            change_to(state, Way::filter_last);
            if (search_on(state, share * other, share * plan.first)) {
                return;
            }
        }
    }
    build_bitmap(state);
    const double candidates =
        static_cast<double>(state->set->offset_count) +
        static_cast<double>(state->set->lossy) * plan.rows /
            Max(RelationGetNumberOfBlocks(state->node.ss.ss_currentRelation), 1u);
    const double first = candidates * plan.first_row;
    const double in_index = plan.search + rows_to_search(state, candidates) * plan.skip +
                            Min(wanted, candidates) * plan.fetch;
    if (wanted > 0 && in_index < first) {
        if (state->change_count == 0) {
            start_scan(state);
        }
        change_to(state, Way::filter_in_index);
        if (search_on(state, first, first)) {
            return;
        }
    }
    filter_first(state);
}

// The child costs what it costs: a quarter of that is worth trying whether many more rows pass
// than the planner thinks.
void gather_with_child(SearchState* state) {
    const SearchPlan& plan = state->plan;
    if (expected(state) > 0) {
        const double last = plan.search + rows_to_search(state, plan.passing) * plan.fetch;
        start_scan(state);
        change_to(state, Way::filter_last);
        // The planner knows least of what no index does. How many rows are within a radius nobody
        // knows, and all of them come from the child for less than the same number from a search
        // that goes deep.
        const double share = last > plan.first ? 0.25 : 0.5;
        if (search_on(state, share * plan.first, share * plan.first)) {
            return;
        }
    }
    filter_first(state);
}

// As vecdot.filter_way says.
void gather_forced(SearchState* state, pg::FilterWay way) {
    if (state->bitmap != nullptr && way != pg::FilterWay::last) {
        build_bitmap(state);
    }
    if (way == pg::FilterWay::first) {
        filter_first(state);
        return;
    }
    start_scan(state);
    change_to(state, way == pg::FilterWay::in_index && state->bitmap != nullptr
                         ? Way::filter_in_index
                         : Way::filter_last);
    search_on(state, no_budget, no_budget);
}

void count_work(SearchState* state) {
    const engine::SearchWork* work = state->scan == nullptr ? nullptr : scan_work(state->scan);
    if (work != nullptr) {
        state->work.cells += work->cells;
        state->work.all_cells += work->all_cells;
        state->work.rows += work->rows;
        state->work.refined += work->refined;
    }
}

}  // namespace

// The child has applied the filter. Its last column is the row's address.
bool read_child_row(SearchState* state) {
    CHECK_FOR_INTERRUPTS();
    TupleTableSlot* row = state->node.ss.ss_ScanTupleSlot;
    ExprContext* context = state->node.ss.ps.ps_ExprContext;
    TupleTableSlot* given = ExecProcNode(state->child);
    ExecClearTuple(row);
    if (TupIsNull(given)) {
        return false;
    }
    slot_getallattrs(given);
    const Datum address = given->tts_values[state->columns];
    copy_columns(state, given, state->columns,
                 *reinterpret_cast<ItemPointer>(DatumGetPointer(address)));
    ResetExprContext(context);
    context->ecxt_scantuple = row;
    ++state->fetched;
    return true;
}

void gather(SearchState* state) {
    state->change_count = 0;
    state->streams = false;
    if (state->child == nullptr) {
        start_scan(state);
        change_to(state, Way::filter_last);
        search_on(state, no_budget, no_budget);
    } else if (pg::filter_way_setting() != pg::FilterWay::automatic) {
        gather_forced(state, pg::filter_way_setting());
    } else if (state->bitmap != nullptr) {
        gather_with_bitmap(state);
    } else {
        gather_with_child(state);
    }
    ++state->searches;
    count_work(state);
    ExecClearTuple(state->table_slot);
    if (state->plan.is_ordered) {
        sort_rows(state);
    }
}

}  // namespace vecdot::index
