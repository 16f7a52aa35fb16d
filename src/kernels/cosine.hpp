// The three sums of a cosine in one pass; each equals what dot() or norm_squared() gives, bit for
// bit.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class Arch, class Element>
CosineSums cosine_sums(const Element* a, const Element* b, std::size_t n) noexcept {
    Sum<Arch> ab;
    Sum<Arch> aa;
    Sum<Arch> bb;
    for_each_pair<Arch>(
        a, b, n, [&](auto j, Doubles<Arch> x, Doubles<Arch> y) __attribute__((always_inline)) {
            ab.part[j] = multiply_add<Arch>(x, y, ab.part[j]);
            aa.part[j] = multiply_add<Arch>(x, x, aa.part[j]);
            bb.part[j] = multiply_add<Arch>(y, y, bb.part[j]);
        });
    return {ab.total(), aa.total(), bb.total()};
}

}  // namespace vecdot::kernels
