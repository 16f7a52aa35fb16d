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

// Dimensions of a group of half bytes: see CodeKernels::dot_nibbles.
constexpr std::size_t nibble_group = 64;

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

// Which rows can lie within reach by (part of) their codes: see CodeKernels::within_reach.
struct ReachTerms {
    float base;                // |q' − c'|²
    float weight;              // 2·step
    float reach;               // of the true vector, beyond the row's own error
    std::int32_t high_offset;  // 128·Σ high
    std::int32_t low_offset;   // 128·Σ low
};

// Bytes that a kernel works through are one piece of a stream: what lies some way ahead is fetched
// meanwhile, in the next piece from `end` on, where the hardware doesn't know what follows.
struct Stream {
    std::uintptr_t end;
    std::uintptr_t jump;  // from there to the next piece

    Stream(const std::uint8_t* piece_end, const std::uint8_t* next_piece) noexcept
        : end(reinterpret_cast<std::uintptr_t>(piece_end)),
          jump(next_piece == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(next_piece) - end) {}
};

// Distance between two rows' entries, and where in one its scale, add and error stand.
constexpr std::size_t entry_bytes = 20;
constexpr std::size_t entry_factors = 8;

struct CodeKernels {
    // sums[v] += Σ over units u and groups g of table[64·u + 16·g + nibble], the nibble being that
    // of row v: low half of byte 4·v + g of unit u for v < 16, high half of byte 4·(v − 16) + g
    // otherwise. units: count·64 bytes at any address; table: count·64 entries.
    void (*scan_units)(const std::uint8_t* units, const std::int8_t* table, std::size_t count,
                       std::int32_t* sums) noexcept;

    // Whole blocks of sign_units units of sign bits and the factors behind them: for block b the
    // bounds of its rows, as block_bounds() makes them of sums that start at 0, to bounds + 32·b,
    // and the set of those below cut to below[b].
    void (*score_blocks)(const std::uint8_t* units, std::size_t blocks, std::size_t sign_units,
                         const std::int8_t* table, const BoundTerms& terms, float cut,
                         float* bounds, std::uint32_t* below, const Stream& stream) noexcept;

    // bounds[v] for the 32 rows of a block (see BoundTerms). factors: 96 floats at any address,
    // add[32], rescale[32], error[32]. Returns the set of rows (bit v) whose bound is below cut;
    // a NaN is not.
    std::uint32_t (*block_bounds)(const std::uint8_t* factors, const std::int32_t* sums,
                                  const BoundTerms& terms, float cut, float* bounds) noexcept;

    // Σ code[i]·high[i] and Σ code[i]·low[i] for count rows of n half bytes, one after another, in
    // groups of 64: byte b (0..31) of group g has code[64·g + b] in its lower half and
    // code[64·g + 32 + b] in its upper. n a multiple of 64, at most 2¹⁶.
    void (*dot_nibbles)(const std::uint8_t* rows, std::size_t count, std::size_t n,
                        const std::int8_t* high, const std::int8_t* low, PlaneDots* dots) noexcept;
    // The same, fetching ahead.
    void (*scan_nibbles)(const std::uint8_t* rows, std::size_t count, std::size_t n,
                         const std::int8_t* high, const std::int8_t* low, PlaneDots* dots,
                         const Stream& stream) noexcept;

    // Bit r of the result, r < count ≤ 32, is 0 only if the squared distance between the query and
    // row r's code, base + add − weight·scale·dot, with 2⁻²⁰ of its terms' magnitudes and 1e-35
    // taken off for all float rounding, is above (reach + error)²; dot being 128·(high −
    // high_offset) + low − low_offset. NaN and infinity set the bit. entries: as they are stored,
    // entry_bytes each.
    std::uint32_t (*within_reach)(const std::uint8_t* entries, const PlaneDots* dots,
                                  std::size_t count, const ReachTerms& terms) noexcept;

    // Bit i of the result says whether key i is from least to least + width, modulo 2⁶⁴: of 8 in
    // each of at most 4 units, at any address.
    std::uint32_t (*keys_within)(const std::uint8_t* keys, std::size_t units, std::uint64_t least,
                                 std::uint64_t width) noexcept;

    // sums[r] = Σ rows[r·n + i]·query[i] for r < count; n a multiple of 64, at most 2¹⁶.
    void (*dot_rows)(const std::uint8_t* rows, std::size_t count, std::size_t n,
                     const std::int8_t* query, std::int32_t* sums) noexcept;

    // Nearest of 16·count rows in panels of 16 (byte 64·j + 4·c + k of a panel, which has n·16
    // bytes, is dimension 4·j + k of its row c), for each query: per lane c the least
    //   norm[r] − weight[r]·scale[q]·(Σ rows[r][i]·query[q·n + i] − offset[q]),  r = 16·p + c,
    // to best[16·q + c] and its r (the lowest of equal ones) to index[16·q + c]. n as above.
    void (*nearest_in_panels)(const std::uint8_t* panels, std::size_t count, std::size_t n,
                              const float* norm, const float* weight, const std::int8_t* query,
                              const float* scale, const std::int32_t* offset, std::size_t queries,
                              float* best, std::uint32_t* index) noexcept;

    // codes[i] = 128 + clamp(round(x[i]·inverse_step), −127, 127), half to even; n a multiple
    // of 16.
    void (*quantise)(const float* x, std::size_t n, float inverse_step,
                     std::uint8_t* codes) noexcept;

    // x[i] = scale·(codes[i] − 128); n a multiple of 16.
    void (*dequantise)(const std::uint8_t* codes, std::size_t n, float scale, float* x) noexcept;

    // signed_codes[i] = codes[i] − 128; returns their sum. n a multiple of 16.
    std::int32_t (*centre)(const std::uint8_t* codes, std::size_t n,
                           std::int8_t* signed_codes) noexcept;

    // max |x[i]|, 0 for none; NaN counts as 0. n a multiple of 16.
    float (*largest)(const float* x, std::size_t n) noexcept;

    // The table that scan_units takes for a query of n dimensions (a multiple of 16): entry e of
    // group g is round((±q₀ ± q₁) + (±q₂ ± q₃)) / step, q₀… being elements 4g…, a set bit i of e
    // meaning +qᵢ. Returns step, such that the largest entry is 127 or −127 (0 for a zero query).
    float (*sign_table)(const float* query, std::size_t n, std::int8_t* table) noexcept;

    // x[i] := x[i] with its sign flipped where masks[i] is 2³¹ (else 0); n a multiple of 16.
    void (*flip_signs)(float* x, const std::uint32_t* masks, std::size_t n) noexcept;

    // Walsh-Hadamard transform in place, n a power of two, at least 64: log2(n) levels of a ± b
    // with strides 1, 2, 4, …, then multiplied by scale.
    void (*hadamard)(float* x, std::size_t n, float scale) noexcept;

    // (x[i], x[i + n/2]) := ((a + b)·scale, (a − b)·scale); n a multiple of 32.
    void (*mix_halves)(float* x, std::size_t n, float scale) noexcept;
};

}  // namespace vecdot::kernels
