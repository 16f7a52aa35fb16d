// The cosine of the angle between two vectors, from their sums.
#pragma once

#include <cmath>

#include "kernels/kernels.hpp"

namespace vecdot::type {

// cos θ in [-1, 1]; NaN if one of the vectors is zero. aa · bb stays within float8: float4 squares
// sum up to less than 2e81, and down to more than 1e-91.
inline double cosine(const kernels::CosineSums& sums) {
    const double similarity = sums.ab / std::sqrt(sums.aa * sums.bb);
    return similarity > 1 ? 1 : similarity < -1 ? -1 : similarity;
}

}  // namespace vecdot::type
