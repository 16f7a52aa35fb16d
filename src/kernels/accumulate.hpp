// y += s x: the weighted sum of attention, sum and avg.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// The product of a float8 and an element is not exact: rounded, then added, on every instruction
// set.
template <class Arch, class Element>
void accumulate(double* y, double s, const Element* x, std::size_t n) noexcept {
    constexpr std::size_t w = width<Arch>;
    const Doubles<Arch> factor(s);
    const auto step = [&](std::size_t i) __attribute__((always_inline)) {
        const Doubles<Arch> product = factor * widen<Arch>(x + i);
        (Doubles<Arch>::load_unaligned(y + i) + product).store_unaligned(y + i);
    };
    std::size_t i = 0;
    for (; i + 4 * w <= n; i += 4 * w) {
        step(i);
        step(i + w);
        step(i + 2 * w);
        step(i + 3 * w);
    }
    for (; i + w <= n; i += w) {
        step(i);
    }
    if (i == n) {
        return;
    }
    // Elements do not depend on each other: what is left may be added one by one.
    double products[w];
    (factor * widen_some<Arch>(x + i, static_cast<long>(n - i))).store_unaligned(products);
#pragma GCC unroll 1
    for (std::size_t j = 0; j < n - i; ++j) {
        y[i + j] = y[i + j] + products[j];
    }
}

}  // namespace vecdot::kernels
