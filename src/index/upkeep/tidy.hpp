// What vacuum does to cells once dead rows are marked.
#pragma once

#include "index/storage/directory.hpp"

namespace vecdot::index {

// Vacuum's part: rewrites cells that have many dead entries, splits, merges. Needs the structure
// lock, and nothing unfinished.
void tidy(Relation index);

// Blocks of rows that rewrite_cell() makes room for at first.
uint32 blocks_to_rewrite(uint64 live);

// Writes a cell anew without its dead entries. Needs the structure lock, and nothing unfinished.
// False if there is no room for it.
bool rewrite_cell(Relation index, const CellRef& cell);

}  // namespace vecdot::index
