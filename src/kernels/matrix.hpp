// Blocks of dense float8 matrices: the rank-k update of a scatter matrix, and the row step of a
// Householder tridiagonalisation. Multiplication and addition are fused only where the product is
// exact, and every element has its own fixed order of additions, so the bits do not depend on the
// width of the registers.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// Rows × Columns elements of c (row length tile_width) starting at (i, j):
// c += Σ_k aₖᵢ bₖⱼ + u_i v_j.
template <class Arch, std::size_t Rows, std::size_t Columns>
VECDOT_INLINE void update_block(const double* a, const double* b, std::size_t depth,
                                const double* u, const double* v, double* c) {
    constexpr std::size_t w = width<Arch>;
    constexpr std::size_t parts = Columns / w;
    using Batch = Doubles<Arch>;
    Batch sum[Rows][parts];
    for (std::size_t i = 0; i < Rows; ++i) {
        for (std::size_t p = 0; p < parts; ++p) {
            sum[i][p] = Batch(0.0);
        }
    }
    for (std::size_t k = 0; k < depth; ++k, a += tile_width, b += tile_width) {
        Batch right[parts];
        for (std::size_t p = 0; p < parts; ++p) {
            right[p] = Batch::load_aligned(b + p * w);
        }
        for (std::size_t i = 0; i < Rows; ++i) {
            const Batch left(a[i]);
            for (std::size_t p = 0; p < parts; ++p) {
                sum[i][p] = multiply_add<Arch>(left, right[p], sum[i][p]);
            }
        }
    }
    for (std::size_t i = 0; i < Rows; ++i) {
        const Batch left(u[i]);
        for (std::size_t p = 0; p < parts; ++p) {
            double* target = c + i * tile_width + p * w;
            const Batch correction = left * Batch::load_aligned(v + p * w);
            (Batch::load_aligned(target) + (sum[i][p] + correction)).store_aligned(target);
        }
    }
}

template <class Arch>
void update_tile(const double* a, const double* b, std::size_t depth, const double* u,
                 const double* v, double* c) noexcept {
    // As many accumulators as the registers hold beside the operands.
    constexpr std::size_t rows = width<Arch> == 8 ? 8 : 4;
    constexpr std::size_t columns = width<Arch> == 8 ? 24 : width<Arch> == 4 ? 12 : 6;
    static_assert(tile_width % rows == 0 && tile_width % columns == 0);
    for (std::size_t j = 0; j < tile_width; j += columns) {
        for (std::size_t i = 0; i < tile_width; i += rows) {
            update_block<Arch, rows, columns>(a + i, b + j, depth, u + i, v + j,
                                              c + i * tile_width + j);
        }
    }
}

template <class Arch>
VECDOT_INLINE void householder_elements(double* row, std::size_t i, const double* v,
                                        const double* q, Doubles<Arch> vr, Doubles<Arch> qr,
                                        const double* next, Doubles<Arch> next_r, double* product,
                                        Doubles<Arch>& sum) {
    using Batch = Doubles<Arch>;
    const Batch element = Batch::load_unaligned(row + i) -
                          (vr * Batch::load_unaligned(q + i) + qr * Batch::load_unaligned(v + i));
    element.store_unaligned(row + i);
    sum = sum + element * Batch::load_unaligned(next + i);
    (Batch::load_unaligned(product + i) + next_r * element).store_unaligned(product + i);
}

template <class Arch>
double householder_row(double* row, std::size_t n, const double* v, const double* q, double vr,
                       double qr, const double* next, double next_r, double* product) noexcept {
    constexpr std::size_t w = width<Arch>;
    constexpr std::size_t parts = float_lanes / w;
    using Batch = Doubles<Arch>;
    Sum<Arch> sum;
    std::size_t i = 0;
    for (; i + float_lanes <= n; i += float_lanes) {
        for (std::size_t p = 0; p < parts; ++p) {
            householder_elements<Arch>(row, i + p * w, v, q, Batch(vr), Batch(qr), next,
                                       Batch(next_r), product, sum.part[p]);
        }
    }
    double rest = 0;
    for (; i < n; ++i) {
        const double element = row[i] - (vr * q[i] + qr * v[i]);
        row[i] = element;
        rest = rest + element * next[i];
        product[i] = product[i] + next_r * element;
    }
    return sum.total() + rest;
}

}  // namespace vecdot::kernels
