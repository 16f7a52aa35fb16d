// The three sums of a cosine in one pass; each equals what dot() or norm_squared() gives, bit for
// bit.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class Arch>
CosineSums cosine_sums(const float* a, const float* b, std::size_t n) noexcept {
    Sum<Arch> ab;
    Sum<Arch> aa;
    Sum<Arch> bb;
    for_each_pair<Arch>(a, b, n, [&](std::size_t j, Doubles<Arch> x, Doubles<Arch> y) {
        ab.part[j] = xsimd::fma(x, y, ab.part[j]);
        aa.part[j] = xsimd::fma(x, x, aa.part[j]);
        bb.part[j] = xsimd::fma(y, y, bb.part[j]);
    });
    return {ab.total(), aa.total(), bb.total()};
}

}  // namespace vecdot::kernels
