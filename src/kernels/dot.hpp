// Σ aᵢbᵢ and Σ aᵢ².
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// The product of two float4, or halves, is exact in float8, so fused or not the sum is the same.
template <class Arch, class Element>
double dot(const Element* a, const Element* b, std::size_t n) noexcept {
    Sum<Arch> sum;
    for_each_pair<Arch>(
        a, b, n, [&](auto j, Doubles<Arch> x, Doubles<Arch> y) __attribute__((always_inline)) {
            sum.part[j] = multiply_add<Arch>(x, y, sum.part[j]);
        });
    return sum.total();
}

template <class Arch, class Element>
double norm_squared(const Element* a, std::size_t n) noexcept {
    Sum<Arch> sum;
    for_each_pair<Arch>(
        a, a, n, [&](auto j, Doubles<Arch> x, Doubles<Arch>) __attribute__((always_inline)) {
            sum.part[j] = multiply_add<Arch>(x, x, sum.part[j]);
        });
    return sum.total();
}

}  // namespace vecdot::kernels
