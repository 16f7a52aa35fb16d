// Cells that have grown too large.
#pragma once

#include "index/storage/directory.hpp"

namespace vecdot::index {

// Splits the cell if it is still that large, and calibrates the index where the number of cells
// asks for it; nothing if somebody else has the structure lock. For inserters: needs no lock, holds
// none in the end.
void grow(Relation index, Relation table, const CellRef& cell);

// For a cell of a directory just loaded, with the structure lock. True if it was split.
// table: see table_rows.hpp, or null.
bool split_cell(Relation index, Relation table, const CellRef& cell);

}  // namespace vecdot::index
