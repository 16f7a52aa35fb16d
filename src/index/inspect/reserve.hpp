// The verifier on bytes that are reserved: zero, unless a newer library put them to a use that this
// one need not know (Parameters::compatible).
#pragma once

#include "index/storage/cell.hpp"

namespace vecdot::index {

// Of the meta page.
void check_meta_reserve(Relation index, const Meta& meta);

// Of a cell's first page, and of the slot that leads there, which is on slot_block.
void check_cell_reserve(const CellView& view, const Meta& meta, const Slot& slot,
                        BlockNumber slot_block);

}  // namespace vecdot::index
