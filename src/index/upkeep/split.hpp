// Cells that have grown too large.
#pragma once

#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"

namespace vecdot::index {

// Whether a cell of codes, with so many rows by now, is to be split, or its long rows ask for
// another scale, and nobody has tried in vain lately.
bool is_large(const CellView& view, uint32 rows, const Meta& meta);

// For inserters, who hold no lock before or after: splits the cell if it is still too large,
// clusters all rows anew and calibrates the index if the number of cells has changed enough. Does
// nothing if somebody else has the structure lock.
void grow(Relation index, Relation table, const CellRef& cell);

// For inserters whose background worker doesn't get to it: no more than what a search can't wait
// for.
void catch_up(Relation index, Relation table, const CellRef& cell);

// For the background worker, which holds no lock before or after: all that grow() does, for some of
// the cells that are too large. Returns whether there was anything to do.
bool keep_up(Relation index, Relation table);

// Splits a cell of the newest directory. Needs the structure lock. table: where rows are read from
// (table_rows.hpp), or null. Returns whether the cell was split.
bool split_cell(Relation index, Relation table, const CellRef& cell);

}  // namespace vecdot::index
