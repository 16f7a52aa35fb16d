#include "math/projection.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"

namespace vecdot::math {

void multiply(Rows matrix, const float* x, std::span<double> out) {
    const auto dot = kernels::active().floats.dot;
    for (std::size_t j = 0; j < matrix.rows; ++j) {
        out[j] = dot(matrix.row[j], x, matrix.columns);
    }
}

double lambert(const float* normal, const float* light, std::size_t n) {
    const kernels::CosineSums sums = kernels::active().floats.cosine_sums(normal, light, n);
    if (sums.aa == 0 || sums.bb == 0) {
        return 0;
    }
    return std::clamp(sums.ab / (std::sqrt(sums.aa) * std::sqrt(sums.bb)), 0.0, 1.0);
}

}  // namespace vecdot::math
