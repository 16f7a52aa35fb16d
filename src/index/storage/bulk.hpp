// Writing a whole index: an empty one, or a build's, cell after cell.
#pragma once

#include "engine/code.hpp"
#include "index/format/page.hpp"

extern "C" {
#include "common/relpath.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

// Writes a complete empty index into fork (which has no blocks): the three special lists, one empty
// cell whose centroid is zero, and under inner product an empty one for long rows. Logged with full
// pages when the relation is logged or the fork is the init fork. No origin.
void create_empty(Relation index, ForkNumber fork, const Parameters& parameters);

// A build writes cells one after another into an empty relation; nothing is logged before
// log_index(), which logs all pages (log_newpage_range). All memory is CurrentMemoryContext's at
// bulk_begin(). Special lists are cells like the others, with the flags cell_loose, cell_undefined
// or cell_nulls alone; those not written are created empty, and so is a first cell with codes, and
// one for long rows under inner product, where there is none.
struct BulkWriter;
// origin: float4[padded] or null. rows, cells: about as many as there are going to be with codes.
BulkWriter* bulk_begin(Relation index, const Parameters& parameters, const float* origin,
                       uint64 rows, uint64 cells);
// rows: how many bulk_add() calls follow. centroid: float4[padded], exactly the floats the rows
// are encoded against; null for a special list. flags: cell_has_codes, or cell_has_codes |
// cell_long_rows, or one of the special lists.
// no_split_below: of its header.
void bulk_begin_cell(BulkWriter* writer, uint16 flags, const float* centroid, uint32 rows,
                     uint32 no_split_below);
// row: null for a special list, else what encode_row() made of it. keys: as for write_row().
void bulk_add(BulkWriter* writer, const ItemPointerData* tid, const engine::EncodedRow* row,
              const engine::RowKeys* keys);
void bulk_end_cell(BulkWriter* writer);
// Writes what is left: directory, meta page. rows that were added are counted into the meta page.
void bulk_finish(BulkWriter* writer);
void log_index(Relation index, ForkNumber fork);

}  // namespace vecdot::index
