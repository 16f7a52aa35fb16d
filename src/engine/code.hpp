// The two codes of a row. Its signs: 1 bit a dimension with an unbiased distance estimate (RaBitQ,
// Gao & Long, SIGMOD 2024). Its refinement: 8 bits a dimension with a proven bound (least-squares
// scale, in the spirit of their extension of 2025), kept as two planes of half bytes: the upper
// ones say of most rows that they are too far. With 4 bits a dimension there is the upper plane
// alone. README.md beside this file derives estimates and bounds.
//
// All work on x' (rotated, routing space), the centroid c' of its cell, and r = x' − c'.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <span>

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

enum class QueryKind : std::uint8_t {
    normal,
    loose,      // no usable place in routing space: every bound is the lowest value possible
    undefined,  // zero under cosine: all distances are NaN
    null,       // no vector: all distances are NULL
};

// A query, prepared. All spans live in the arena given to prepare_query(). Trivially destructible.
struct Query {
    const Space* space;
    QueryKind kind;
    std::span<const float> vector;      // q' = step·(128·high + low + rest/256), exactly
    std::span<const std::int8_t> high;  // planes of q'
    std::span<const std::int8_t> low;
    std::span<const std::int8_t> rest;   // empty where two planes are enough
    std::span<const std::int8_t> table;  // 64 entries a unit: see kernels::CodeKernels::scan_units
    double step;                         // a power of two
    float table_step;                    // <signs, q'> ≈ table_step·sum
    double error;                        // ≥ |exact image − q'|
    double norm_squared;                 // |q'|²
    std::int64_t code_offset;  // 128·Σ(128·high + low): what the bytes' offset of 128 adds to a dot
    std::int64_t high_offset;  // 128·Σ high
    std::int32_t rest_offset;  // 128·Σ rest
    // What a refinement's lower half bytes, and the rest with any, add to a dot (in steps): never
    // more than lower_most, and hardly ever more than lower_likely.
    std::int64_t lower_most;
    std::int64_t lower_likely;
    kernels::PlaneDots implied;  // the lower half bytes' share of a dot with one of 4 bits
    std::int32_t implied_rest;   // and of one with the rest
    float refine_sigmas;         // by which bounds from 4 bits lie below a distance of 1
    double high_squared;         // Σ high²
    double high_error;   // ≥ |q' − step·128·high|: the centroids are scanned with one plane
    double value_scale;  // operator value from key: see operator_value()
    double operator_error;  // of the operator's float4 sums, relative to their terms; 0 for float8
};

// local: how far rows are from their centroids, about. Where two planes are too coarse for that,
// because they are much farther from the origin, the query gets a third one.
Query prepare_query(core::Arena& arena, const Space& space, core::VectorView q,
                    double local = std::numeric_limits<double>::infinity());

// The query NULL, which finds every row at distance NULL.
Query null_query(const Space& space);

// The row with this image as a query (calibration).
Query prepare_row_query(core::Arena& arena, const Space& space, const float* rotated,
                        double local = std::numeric_limits<double>::infinity());

// A lower bound of the operator's float8 result for a row whose key is at least key; growing in
// key, never NaN. Holds for the operator on any instruction set. key = −∞ gives the lowest value
// the operator can have.
double operator_value(const Query& query, double key) noexcept;

// What is known of an opened cell for one query. add() takes the centroid in pieces, in order.
class CellDistance {
  public:
    explicit CellDistance(const Query& query) : query_(&query) {}

    void add(const float* centroid, std::size_t count) noexcept;

    double distance_squared() const { return distance_squared_; }  // |q' − c'|²

    // Weights with which a kernel computes the 1-bit bound of a row: the estimate less `sigmas`
    // standard deviations. The kernel compares it with a cut, which is the bound of a refined row.
    // limit: that cut, or ∞. With refinements of 4 bits the bounds of refined rows lie well below
    // their keys; then the 1-bit bound is lowered by as much.
    kernels::BoundTerms terms(float sigmas, double limit) const noexcept;

    // Key of x̂ (what the row's distance is thought to be) and the proven lower bound of the key,
    // from the planes' dots with its refinement; rest: that of the third one, if there is one.
    struct Refined {
        double estimate;
        double bound;
    };
    Refined refine(const RefineFactors& factors, kernels::PlaneDots dots, std::int32_t rest,
                   bool long_row) const noexcept;

    // For rows of which only the upper half bytes are known (dots: 16 times theirs): what
    // CodeKernels::within_reach needs to tell which can have a key below the threshold. Proven, or
    // as good as always. Everything is within reach of long rows.
    kernels::ReachTerms reach(double threshold, bool long_rows, bool proven) const noexcept;

  private:
    const Query* query_;
    std::size_t done_ = 0;
    double distance_squared_ = 0;
    double dot_ = 0;               // <q', c'>
    double centroid_squared_ = 0;  // |c'|²
};

}  // namespace vecdot::engine
