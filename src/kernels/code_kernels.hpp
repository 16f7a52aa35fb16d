// Kernels of quantised vectors and of the rotation: what they compute, on every instruction set
// alike. Integers are exact; float operations are element-wise or butterflies in a fixed order, so
// all results have the same bits everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecdot::kernels {

// Rows of a block of 1-bit codes, and the bytes of its smallest piece.
constexpr std::size_t block_rows = 32;
constexpr std::size_t unit_bytes = 64;
// Dimensions whose sign bits one unit holds, for 32 rows.
constexpr std::size_t unit_dimensions = 16;

// How the sums of a block become bounds: bound = base + add_weight·add + sum_weight·rescale·sum −
// error_weight·error, each operation rounded to float4 in this order.
struct BoundTerms {
    float base;
    float add_weight;
    float sum_weight;
    float error_weight;
};

struct PlaneDots {
    std::int32_t high;
    std::int32_t low;
};

struct CodeKernels {
    // sums[v] += Σ over units u and groups g of table[64·u + 16·g + nibble], the nibble being that
    // of row v: low half of byte 4·v + g of unit u for v < 16, high half of byte 4·(v − 16) + g
    // otherwise. units: count·64 bytes at any address; table: count·64 entries.
    void (*scan_units)(const std::uint8_t* units, const std::int8_t* table, std::size_t count,
                       std::int32_t* sums) noexcept;

    // bounds[v] for the 32 rows of a block (see BoundTerms). factors: 96 floats at any address,
    // add[32], rescale[32], error[32]. Returns the set of rows (bit v) whose bound is below cut;
    // a NaN is not.
    std::uint32_t (*block_bounds)(const std::uint8_t* factors, const std::int32_t* sums,
                                  const BoundTerms& terms, float cut, float* bounds) noexcept;

    // Σ codes[i]·high[i] and Σ codes[i]·low[i]; n a multiple of 64, at most 2¹⁶.
    PlaneDots (*dot_planes)(const std::uint8_t* codes, const std::int8_t* high,
                            const std::int8_t* low, std::size_t n) noexcept;

    // sums[r] = Σ rows[r·n + i]·query[i] for r < count; n a multiple of 64, at most 2¹⁶.
    void (*dot_rows)(const std::uint8_t* rows, std::size_t count, std::size_t n,
                     const std::int8_t* query, std::int32_t* sums) noexcept;

    // The same for four queries (query[q·n + i]) at once: sums[q·stride + r].
    void (*dot_rows_4)(const std::uint8_t* rows, std::size_t count, std::size_t n,
                       const std::int8_t* query, std::int32_t* sums, std::size_t stride) noexcept;

    // codes[i] = 128 + clamp(round(x[i]·inverse_step), −127, 127), half to even. n: multiple of 16.
    void (*quantise)(const float* x, std::size_t n, float inverse_step,
                     std::uint8_t* codes) noexcept;

    // Walsh-Hadamard transform in place, not scaled; n a power of two, at least 16. Every output is
    // reached by log2(n) levels of a ± b with strides 1, 2, 4, …
    void (*hadamard)(float* x, std::size_t n) noexcept;
};

}  // namespace vecdot::kernels
