// What one process of a build does: its pieces of sampling, training, encoding and calibration.
#pragma once

#include "engine/space.hpp"
#include "index/build/crew.hpp"
#include "index/opclass.hpp"
#include "index/upkeep/calibrate.hpp"

extern "C" {
#include "executor/tuptable.h"
}

namespace vecdot::index {

// Where a row goes in the sort: cells first, then the special lists.
struct Places {
    int32 cells;

    int32 long_rows() const { return cells; }
    int32 loose() const { return cells + 1; }
    int32 undefined() const { return cells + 2; }
    int32 nulls() const { return cells + 3; }
    int32 count() const { return cells + 4; }
};

constexpr uint32 encode_batch = 32;

// Rows between two reports of progress.
constexpr uint32 report_rows = 1024;

struct Builder {
    Crew* crew;
    Relation heap;
    Relation index;
    const OperatorClass* operator_class;
    IndexInfo* info;
    bool is_leader;
    MemoryContext context;
    MemoryContext row_memory;  // reset after each row
    engine::Sample* sample;
    engine::Training* training;
    const engine::Space* space;  // while encoding
    // Of a leader that is alone, after encoding.
    Tuplesortstate* sort;
    TupleDesc descriptor;
};

// The space of a build, in CurrentMemoryContext; before its scale is known with another one.
const engine::Space* make_space(const Crew* crew, const Parameters& parameters);

// info: null for BuildIndexInfo()'s.
Builder* make_builder(Crew* crew, Relation heap, Relation index, IndexInfo* info, bool is_leader);

// Takes pieces of a task until there are none.
void take_part(Builder* builder, BuildTask task, uint32 argument, uint32 pieces);

// The sort of encoded rows, with their keys: by place and row address. coordinate: null when alone.
Tuplesortstate* begin_sort(int memory, SortCoordinate coordinate, TupleDesc* descriptor);

// A row of the sort, read: row's codes lie in the slot. False: it has none.
bool read_encoded(TupleTableSlot* slot, uint32 padded, int32* place, ItemPointer tid,
                  engine::EncodedRow* row, engine::RowKeys* keys);

}  // namespace vecdot::index
