// What inserts and maintenance share.
#pragma once

#include "index/cell.hpp"
#include "index/storage.hpp"

namespace vecdot::index {

// A cell as a caller found it in the directory.
struct CellRef {
    uint32 slot;
    BlockNumber head;
    uint64 generation;
    float radius;  // the directory's
};

CellRef cell_ref(const Directory& directory, uint32 i);  // of the cells with codes
CellRef list_ref(const Directory& directory, uint32 list);

// The cell with codes, of those with flags (algo::CellFlags) long_rows or without, whose coded
// centroid is nearest; except is left out. UINT32_MAX if there is none.
uint32 nearest_cell(core::Arena arena, const Directory& directory, const float* rotated,
                    bool long_rows, uint32 except = UINT32_MAX);

}  // namespace vecdot::index
