// Which cells are nearest to a row, by their centroids' codes: where an insert puts it, and which
// cells a split or a merge has to do with.
#pragma once

#include <cstdint>
#include <span>

#include "core/arena.hpp"
#include "engine/store.hpp"

namespace vecdot::engine {

// The cell, of those of long rows or of the others, whose coded centroid is nearest to rotated
// (padded floats); except is left out. UINT32_MAX if there is none. arena: for 2·padded bytes and 4
// a cell.
std::uint32_t nearest_cell(core::Arena arena, const CellDirectory& cells, std::size_t padded,
                           const float* rotated, bool long_rows, std::uint32_t except = UINT32_MAX);

struct NearCell {
    std::uint32_t cell;
    float score;  // squared distance but for what all have in common
};

// The cells of usual rows that are nearest, except one, nearest first: as many as there is room for
// in found, or all. Returns how many.
std::size_t nearest_cells(const CellDirectory& cells, std::size_t padded, const float* rotated,
                          std::uint32_t except, std::span<NearCell> found);

}  // namespace vecdot::engine
