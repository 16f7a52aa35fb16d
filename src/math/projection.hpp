// Matrices times vectors, rows being vectors anywhere.
#pragma once

#include <span>

#include "core/span.hpp"
#include "math/rows.hpp"

namespace vecdot::math {

// outⱼ = Σᵢ mⱼᵢ xᵢ: matrix.rows scalar products, in float8. x has matrix.columns elements.
void multiply(Rows matrix, const float* x, std::span<double> out);

// max(0, cos ∠(normal, light)) after Lambert's cosine law (Photometria, 1760); 0 where either is a
// zero vector. n elements each, of any length: both are taken as directions.
double lambert(const float* normal, const float* light, std::size_t n);

}  // namespace vecdot::math
