// Principal component analysis (Pearson 1901; Hotelling 1933) by the eigenvectors of the covariance
// matrix.
#pragma once

#include <cstddef>
#include <span>

#include "core/arena.hpp"
#include "core/interrupt.hpp"
#include "core/span.hpp"
#include "math/rows.hpp"
#include "math/scatter.hpp"

namespace vecdot::math {

struct Pca {
    core::MatrixView<double> components;  // k×d, unit length, most variance first
    std::span<double> variance;           // k: eigenvalues of scatter / (n − 1), at least 0
    std::span<double> ratio;              // k: variance over the total; 0 where that is 0
};

// What pca() allocates for k components of d dimensions.
std::size_t pca_bytes(std::size_t dimensions, std::size_t k);

// The first k components of a flushed scatter of at least 2 rows, 1 <= k <= dimensions. Each
// component's largest element is positive, the first of several within 1e-6 of each other, so that
// results repeat.
Pca pca(const Scatter& scatter, std::size_t k, core::Arena arena, core::Interrupt interrupt);

// outⱼ = componentⱼ · (x − mean), in float8. components k×d, x and mean d elements.
void pca_transform(Rows components, const float* mean, const float* x, std::span<double> out);

// mean + Σⱼ zⱼ componentⱼ, in float8. z: components.rows elements at any address, out d.
void pca_inverse_transform(Rows components, const float* mean, const float* z,
                           std::span<double> out);

}  // namespace vecdot::math
