// The search node's state while a query runs.
#pragma once

#include "index/search_node/node.hpp"

extern "C" {
#include "access/genam.h"
#include "commands/explain.h"
#include "nodes/execnodes.h"
}

namespace vecdot::index {

struct Place {
    double distance;
    bool is_null;
};

// A row that has passed.
struct Row {
    Place place;
    ItemPointerData tid;
    MinimalTuple tuple;  // null: to be fetched again
};

// Where a column of the node's row comes from.
struct ColumnSource {
    AttrNumber number;      // of the table, or 0:
    ExprState* expression;  // over the table's row
};

struct SearchState {
    CustomScanState node;  // first, as the executor wants it

    Relation index;
    const char* index_name;
    ExprState* query;
    ExprState* limit;
    ExprState* offset;
    ExprState* vector;  // of the node's row
    FmgrInfo function;  // of the operator
    Oid collation;
    int vector_arg;
    int columns;  // of the node's row, without the distance
    ColumnSource* sources;
    int last_column;
    bool filters_by_distance;
    TupleTableSlot* table_slot;
    TupleTableSlot* row_slot;
    IndexScanDesc scan;

    // Of one search.
    MemoryContext memory;
    bool started;
    Datum query_value;
    bool query_is_null;
    double recall;
    uint64 wanted;  // 0: all
    Row* rows;      // a heap, farthest first; in order when all have been found
    Size row_count;
    Size row_capacity;
    Size next_row;
    Size bytes;  // of their tuples

    // Of all searches of this execution.
    uint64 fetched;
};

// explain.cpp
void explain_search(SearchState* state, List* ancestors, ExplainState* output);

}  // namespace vecdot::index
