#include "math/pca.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.hpp"
#include "math/symmetric_eigen.hpp"

namespace vecdot::math {

namespace {

constexpr double sign_tolerance = 1e-6;

void fix_sign(std::span<double> vector) {
    double largest = 0;
    for (const double value : vector) {
        largest = std::max(largest, std::fabs(value));
    }
    const auto decisive = std::find_if(vector.begin(), vector.end(), [&](double value) {
        return std::fabs(value) >= (1 - sign_tolerance) * largest;
    });
    if (decisive != vector.end() && *decisive < 0) {
        for (double& value : vector) {
            value = -value;
        }
    }
}

}  // namespace

std::size_t pca_bytes(std::size_t dimensions, std::size_t k) {
    return sizeof(double) * (dimensions * (dimensions + 1) / 2 + dimensions * (k + 1) + 2 * k) +
           eigen_bytes(dimensions, k);
}

Pca pca(const Scatter& scatter, std::size_t k, core::Arena arena, core::Interrupt interrupt) {
    const std::size_t d = scatter.dimensions();
    const double divisor = static_cast<double>(scatter.rows()) - 1;
    Pca result{{arena.allocate<double>(k * d).data(), k, d},
               arena.allocate<double>(k),
               arena.allocate<double>(k)};
    const std::span<double> matrix = arena.allocate<double>(d * (d + 1) / 2);
    scatter.copy_lower(matrix);
    const std::span<double> values = arena.allocate<double>(d);
    leading_eigenpairs(matrix, values, result.components, arena, interrupt);
    const double total = scatter.trace();
    for (std::size_t j = 0; j < k; ++j) {
        const double value = std::max(0.0, values[j]);
        result.variance[j] = value / divisor;
        result.ratio[j] = total > 0 ? value / total : 0;
        fix_sign(result.components.row(j));
    }
    return result;
}

void pca_transform(Rows components, const float* mean, const float* x, std::span<double> out) {
    const auto dot = kernels::active().floats.dot;
    const std::size_t d = components.columns;
    for (std::size_t j = 0; j < components.rows; ++j) {
        out[j] = dot(components.row[j], x, d) - dot(components.row[j], mean, d);
    }
}

void pca_inverse_transform(Rows components, const float* mean, const float* z,
                           std::span<double> out) {
    const auto accumulate = kernels::active().floats.accumulate;
    std::fill(out.begin(), out.end(), 0.0);
    accumulate(out.data(), 1, mean, out.size());
    for (std::size_t j = 0; j < components.rows; ++j) {
        float weight;
        std::memcpy(&weight, reinterpret_cast<const char*>(z) + j * sizeof weight, sizeof weight);
        accumulate(out.data(), static_cast<double>(weight), components.row[j], out.size());
    }
}

}  // namespace vecdot::math
