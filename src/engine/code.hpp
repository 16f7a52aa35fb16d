// The two codes of a row. Its signs: 1 bit a dimension with an unbiased distance estimate (RaBitQ,
// Gao & Long, SIGMOD 2024). Its refinement: 8 bits a dimension with a proven bound (least-squares
// scale, in the spirit of their extension of 2025), kept as two planes of half bytes: the upper
// ones say of most rows that they are too far. With 4 bits a dimension there is the upper plane
// alone. README.md beside this file derives estimates and bounds.
//
// All work on x' (rotated, routing space), the centroid c' of its cell, and r = x' − c'.
#pragma once

#include <cstdint>

#include "engine/space.hpp"
#include "kernels/code_kernels.hpp"

namespace vecdot::engine {

// estimate of the key = base + weight·add + rescale·<signs, q'>; standard deviation error·spread.
struct SignFactors {
    float add;
    float rescale;
    float error;
};

// x̂ = c' + scale·b, bytes b in [−127, 127] stored + 128, with 4 bits one of ±8, ±24, ... ±120; add
// ≤ scale²·|b|² + 2·scale·<c', b>; error ≥ |exact x' − x̂|, rounding and rotation included.
struct RefineFactors {
    float scale;
    float add;
    float error;
};

// One row's address entry, as stored: 20 bytes, no padding.
struct RowEntry {
    std::uint16_t tid[3];  // ItemPointerData's image
    std::uint16_t flags;   // RowFlags
    RefineFactors refine;
};
static_assert(sizeof(RowEntry) == 20 && alignof(RowEntry) == 4);

struct RowFlags {
    static constexpr std::uint16_t dead = 1;
};

// Sizes of what one row or block takes. A block of 32 rows is a sequence of units of 64 bytes:
// padded/16 units of sign bits, then 6 of factors (add[32], rescale[32], error[32]). It may be cut
// between any two units.
constexpr std::size_t sign_bytes(std::size_t padded) {
    return padded / 8;
}
constexpr std::size_t factor_units = 6;
constexpr std::size_t block_units(std::size_t padded) {
    return padded / kernels::unit_dimensions + factor_units;
}

// Bytes of one of a row's two planes of half bytes, in the order of CodeKernels::dot_nibbles.
constexpr std::size_t plane_bytes(std::size_t padded) {
    return padded / 2;
}

// refinement = 16·upper + lower, element by element. padded is a multiple of 64. With 4 bits all
// lower half bytes are 8.
constexpr std::uint8_t implied_lower = 8;
void split_refinement(std::size_t padded, const std::uint8_t* refinement, std::uint8_t* upper,
                      std::uint8_t* lower) noexcept;
void join_refinement(std::size_t padded, const std::uint8_t* upper, const std::uint8_t* lower,
                     std::uint8_t* refinement) noexcept;

// A row's codes in memory that the caller owns: signs has sign_bytes(padded), refinement
// padded bytes.
struct EncodedRow {
    SignFactors sign_factors;
    RefineFactors refine;
    float radius;  // ≥ |exact x' − c'|: the cell's radius is the largest of them
    std::uint8_t* signs;
    std::uint8_t* refinement;
};

// Encodes rotated (padded floats, within error of the exact image) against centroid. row.signs and
// row.refinement are given; all else is written.
void encode_row(const Space& space, const float* rotated, float error, const float* centroid,
                EncodedRow& row) noexcept;

// rotated := x̂, rounded to float4. Returns its greatest possible distance to the exact image: hand
// that to encode_row when a cell is split.
float decode_row(std::size_t padded, const std::uint8_t* refinement, const RefineFactors& refine,
                 const float* centroid, float* rotated) noexcept;

// <code, x>, code (a refinement, or a centroid's) as stored (+ 128), in float4.
float code_dot(std::size_t padded, const std::uint8_t* code, const float* x) noexcept;

// A radius for a stored row whose codes are copied: at least |exact x' − c'|.
float stored_radius(std::size_t padded, const std::uint8_t* refinement,
                    const RefineFactors& refine) noexcept;

// Writes row v (0..31) of a block into its units first … first + count − 1, which lie at units;
// other rows' bits stay. Call it once for each piece of a block that is cut.
void put_row(std::uint8_t* units, std::size_t first, std::size_t count, std::size_t padded,
             std::size_t v, const std::uint8_t* signs, const SignFactors& factors) noexcept;

// The reverse, for checks and compaction.
void get_row(const std::uint8_t* units, std::size_t first, std::size_t count, std::size_t padded,
             std::size_t v, std::uint8_t* signs, SignFactors& factors) noexcept;

// A centroid as the directory holds it: int8 code relative to 0. code: padded bytes. error:
// distance between centroid and its code, rounded up.
RefineFactors encode_centroid(std::size_t padded, const float* centroid,
                              std::uint8_t* code) noexcept;

}  // namespace vecdot::engine
