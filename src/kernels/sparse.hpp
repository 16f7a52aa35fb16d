// Sums over two sparse vectors: a walk through both lists of indices, without branches on which is
// ahead, since those look random. One accumulator in the order of the indices, so the bits are the
// same on every instruction set.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class T>
VECDOT_INLINE T load_at(const T* p, std::size_t i) {
    T value;
    __builtin_memcpy(&value, reinterpret_cast<const char*>(p) + sizeof value * i, sizeof value);
    return value;
}

// Σ term(aᵢ, bᵢ) over the indices that a or b has; what one of them lacks is 0.
template <class Arch, class Term>
VECDOT_INLINE double sum_of_union(SparseVector a, SparseVector b, Term term) {
    double sum = 0;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.count && j < b.count) {
        const std::int32_t at_a = load_at(a.indices, i);
        const std::int32_t at_b = load_at(b.indices, j);
        const bool from_a = at_a <= at_b;
        const bool from_b = at_b <= at_a;
        // The choice by a product: the values are finite.
        const double x = static_cast<double>(load_at(a.values, i)) * from_a;
        const double y = static_cast<double>(load_at(b.values, j)) * from_b;
        sum = sum + term(x, y);
        i += from_a;
        j += from_b;
    }
    for (; i < a.count; ++i) {
        sum = sum + term(static_cast<double>(load_at(a.values, i)), 0.0);
    }
    for (; j < b.count; ++j) {
        sum = sum + term(0.0, static_cast<double>(load_at(b.values, j)));
    }
    return sum;
}

template <class Arch>
double sparse_dot(SparseVector a, SparseVector b) noexcept {
    double sum = 0;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.count && j < b.count) {
        const std::int32_t at_a = load_at(a.indices, i);
        const std::int32_t at_b = load_at(b.indices, j);
        // Where both have the index, which is rare and so foreseeable.
        if (__builtin_expect(at_a == at_b, 0)) {
            sum = sum + static_cast<double>(load_at(a.values, i)) *
                            static_cast<double>(load_at(b.values, j));
        }
        i += at_a <= at_b;
        j += at_b <= at_a;
    }
    return sum;
}

template <class Arch>
double sparse_l2_squared(SparseVector a, SparseVector b) noexcept {
    return sum_of_union<Arch>(
        a, b, [](double x, double y) __attribute__((always_inline)) { return (x - y) * (x - y); });
}

template <class Arch>
double sparse_l1(SparseVector a, SparseVector b) noexcept {
    return sum_of_union<Arch>(
        a, b,
        [](double x, double y) __attribute__((always_inline)) { return __builtin_fabs(x - y); });
}

}  // namespace vecdot::kernels
