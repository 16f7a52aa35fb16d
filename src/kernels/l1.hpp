// Σ |aᵢ − bᵢ|.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class Arch, class Element>
double l1(const Element* a, const Element* b, std::size_t n) noexcept {
    Sum<Arch> sum;
    for_each_pair<Arch>(
        a, b, n, [&](auto j, Doubles<Arch> x, Doubles<Arch> y) __attribute__((always_inline)) {
            sum.part[j] = sum.part[j] + xsimd::abs(subtract<Arch>(x, y));
        });
    return sum.total();
}

}  // namespace vecdot::kernels
