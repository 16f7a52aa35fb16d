// Where the origin of a space is put: the middle of the rows. Codes and queries are exact to a part
// of their lengths, so where all rows are far from 0 and near each other, with nothing taken off,
// none of them could be told from another.
#pragma once

#include "engine/space.hpp"
#include "engine/store.hpp"

namespace vecdot::engine {

// Rows that are enough to find their middle.
constexpr std::size_t rows_for_origin = 512;

// The median of each coordinate of rows (n × width, row-major), which a few rows of absurd length
// don't move: width floats. No rows: 0.
void find_middle(const float* rows, std::size_t n, std::size_t width, float* middle);

// Whether images gain by an origin in their middle: that is farther from theirs than half of what
// rows are from it, so that they become a tenth shorter at least.
bool is_origin_better(const float* rows, std::size_t n, std::size_t width, const float* middle);

// The origin of a space, moved by an image (rotated, padded() floats): padded() floats. False, and
// nothing is written, if it can't be: under inner product, or where floats end.
bool move_origin(const Space& space, core::VectorView image, float* origin);

// Whether the cells are so much farther from the origin than they are wide and from each other that
// an index can hardly tell them apart.
bool are_cells_far_off(const CellDirectory& directory, std::size_t padded, double usual_radius);

}  // namespace vecdot::engine
