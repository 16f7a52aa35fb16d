// y += s x: the weighted sum of attention, sum and avg.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// The product of a float8 and a float4 is not exact: rounded, then added, on every instruction set.
template <class Arch>
void accumulate(double* y, double s, const float* x, std::size_t n) noexcept {
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
    // Elements do not depend on each other: what is left may go one by one.
#pragma GCC unroll 1
    for (; i < n; ++i) {
        float element;  // x may lie at any address
        __builtin_memcpy(&element, reinterpret_cast<const char*>(x) + i * sizeof element,
                         sizeof element);
        y[i] = y[i] + s * static_cast<double>(element);
    }
}

}  // namespace vecdot::kernels
