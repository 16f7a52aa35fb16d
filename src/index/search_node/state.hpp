// The search node's state while a query runs.
#pragma once

#include "engine/search.hpp"
#include "index/search_node/node.hpp"
#include "index/search_node/tid_set.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "commands/explain.h"
#include "nodes/execnodes.h"
}

namespace vecdot::index {

// Where a row stands: nearest first, and rows without a number where the order has them.
struct Place {
    enum class Rank : uint8 { null_first, nan_first, number, nan_last, null_last };
    double key;  // of a number
    Rank rank;
};

// A row that has passed.
struct Row {
    Place place;
    ItemPointerData tid;
    MinimalTuple tuple;  // null: to be fetched again
};

struct RowList {
    Row* rows;
    Size count;
    Size capacity;
};

// Where a column of the node's row comes from.
struct ColumnSource {
    AttrNumber number;      // of the table, or 0:
    ExprState* expression;  // over the table's row
};

// The ways to the rows that pass the filter.
enum class Way { filter_last, filter_in_index, filter_first };

struct Change {
    Way to;
    uint64 fetched;  // rows of the table, before
    uint64 bitmap;   // addresses in it, where one has been built
    double spent;    // on the way before, and what another way was thought to cost
    double budget;
};

struct SearchState {
    CustomScanState node;  // first, as the executor wants it

    SearchPlan plan;
    PlanState* child;   // that reads the rows that pass; null: there is no filter
    PlanState* bitmap;  // of the child, if it reads a bitmap's
    ExprState* radius;
    Relation index;
    const char* index_name;
    ExprState* query;
    ExprState* limit;
    ExprState* offset;
    ExprState* vector;  // of the node's row
    int key_count;      // conditions on key columns
    ScanKeyData* keys;
    ExprState** key_values;  // what they compare with; null: nothing
    FmgrInfo function;       // that gives a row's value
    int columns;             // of the node's row, without the value
    ColumnSource* sources;
    int last_column;
    bool filters_by_value;
    bool returns_value;
    TupleTableSlot* table_slot;
    TupleTableSlot* row_slot;
    IndexScanDesc scan;

    // Of one search.
    MemoryContext memory;
    bool started;
    Datum query_value;
    bool query_is_null;
    double recall;
    bool has_radius;
    Place farthest;  // that the filter lets pass
    uint64 wanted;   // 0: all
    Way way;
    bool streams;          // rows are the child's, in no order, and none is kept
    double spent;          // for rows, on this way so far, in the planner's units
    double worked;         // by the scan itself, meanwhile
    double counted;        // of the scan's work of this search
    double reached;        // what a way had cost when it was given up
    double budget;         // and what another is thought to cost
    double highest_bound;  // that the scan has given
    Change changes[4];
    int change_count;
    RowList nearest;  // a heap, farthest first; in order when all have been found
    RowList ties;     // more that are as far as the farthest, where all of these are wanted
    Size next_row;
    Size bytes;  // of their tuples

    // The bitmap's addresses: they stay while what they depend on is the same.
    MemoryContext set_memory;
    const TidSet* set;
    IndexFetchTableData* reader;

    // Of all searches of this execution.
    uint64 searches;
    uint64 fetched;
    uint64 skipped;
    uint64 late;  // rows with a lower bound than one before them
    engine::SearchWork work;
};

// rows.cpp: the rows in the heap.
struct Value {
    double number;
    bool is_null;
};
// Where a row stands whose value this is.
Place place_of(const Value& value, bool descending, bool nulls_first);
int compare(const Place& a, const Place& b);
bool is_full(const SearchState* state);
// Fills the node's slot from a row of the table.
void take_columns(SearchState* state);
// Fills it from the first columns of another slot, whose values stay that long; the value is NULL
// unless it is one of them.
void copy_columns(SearchState* state, const TupleTableSlot* from, int count,
                  const ItemPointerData& tid);
// Computes the value of the row in the node's slot.
Place measure(SearchState* state);
// Keeps the row in the node's slot if it is one of the nearest.
void keep(SearchState* state, const Place& place);
void forget_rows(SearchState* state);
void sort_rows(SearchState* state);
// Puts a kept row into the node's slot.
void restore(SearchState* state, const Row& row);

// gather.cpp: finds the rows.
void gather(SearchState* state);
// Where no rows have been kept: the child's next, in the node's slot. False at the end.
bool read_child_row(SearchState* state);

// explain.cpp
void explain_search(SearchState* state, List* ancestors, ExplainState* output);

}  // namespace vecdot::index
