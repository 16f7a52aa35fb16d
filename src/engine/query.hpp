// A query, prepared for codes: its planes and table, and what it can know of a row from the row's
// signs and refinement. README.md beside this file derives estimates and bounds.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "core/arena.hpp"
#include "engine/code.hpp"

namespace vecdot::engine {

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
