// Σ (aᵢ − bᵢ)².
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// The square of a difference is rounded in float8: multiply, then add, on every instruction set.
template <class Arch, class Element>
double l2_squared(const Element* a, const Element* b, std::size_t n) noexcept {
    Sum<Arch> sum;
    for_each_pair<Arch>(
        a, b, n, [&](auto j, Doubles<Arch> x, Doubles<Arch> y) __attribute__((always_inline)) {
            const Doubles<Arch> difference = subtract<Arch>(x, y);
            sum.part[j] = sum.part[j] + difference * difference;
        });
    return sum.total();
}

}  // namespace vecdot::kernels
