// What a compiler makes of the obvious loops, for comparison: built with -Ofast -march=native.
#pragma once

#include <cstddef>

namespace vecdot::bench {

// Sums in float4, as pgvector's loops.
double plain_dot(const float* a, const float* b, std::size_t n) noexcept;
double plain_l2_squared(const float* a, const float* b, std::size_t n) noexcept;
double plain_l1(const float* a, const float* b, std::size_t n) noexcept;
double plain_norm_squared(const float* a, std::size_t n) noexcept;
double plain_cosine_sums(const float* a, const float* b, std::size_t n) noexcept;

// The dot product with its sum in float8.
double plain_wide_dot(const float* a, const float* b, std::size_t n) noexcept;

// Reads every byte of n floats with the widest loads and hardly any arithmetic: the ceiling of the
// memory bus.
double stream(const float* a, std::size_t n) noexcept;

}  // namespace vecdot::bench
