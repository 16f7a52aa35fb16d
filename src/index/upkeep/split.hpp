// Cells that have grown too large.
#pragma once

#include "index/storage/directory.hpp"

namespace vecdot::index {

// For inserters, who hold no lock before or after: splits the cell if it is still too large, and
// calibrates the index if the number of cells has changed enough. Does nothing if somebody else
// has the structure lock.
void grow(Relation index, Relation table, const CellRef& cell);

// Splits a cell of the newest directory. Needs the structure lock. table: where rows are read from
// (table_rows.hpp), or null. Returns whether the cell was split.
bool split_cell(Relation index, Relation table, const CellRef& cell);

}  // namespace vecdot::index
