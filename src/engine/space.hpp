// Routing space: the one geometry behind three metrics. A vector becomes P floats such that the
// operator's value is a growing function of a squared distance ("key") there:
//   L2             x -> s·x                        value = √key / s
//   cosine         x -> x/|x|                      value = key/2
//   inner product  x -> (x/M, √(1 − |x|²/M²)), q -> (q/|q|, 0)    value = |q|·M·(key/2 − 1)
//   Hamming        x -> s·x, elements 0 and 1        value = key / s²
// (Neyshabur & Srebro 2015 for the last but one), and rotated. Under L2 and cosine an origin o is
// taken off before, x -> s·(x − o) and x -> x/|x| − o: it changes no distance, but lengths, which
// errors are relative to. A row longer than M under inner product is "long": x -> (x/M, 0), its key
// being 2 − 2·<q̂, x/M>, which may be negative; long rows live in cells of their own
// (CellSummary::long_rows), opened first.
#pragma once

#include <cstdint>
#include <span>

#include "engine/rotation.hpp"

namespace vecdot::engine {

enum class Metric : std::uint8_t { l2 = 0, cosine = 1, inner_product = 2, hamming = 3 };
constexpr std::uint32_t metrics = 4;

// How the operator that the index serves comes to its value, whose exact form the metric tells:
// what operator_value() gives away, and which vectors it can say nothing of, follows from it.
enum class Arithmetic : std::uint8_t {
    float8 = 0,  // sums in float8, as this library's kernels have them
    float4 = 1,  // sums in float4, in any order, norms too; what follows in float8
};

// What the index stores for good (its meta page). Plain data.
struct SpaceParameters {
    Metric metric;
    std::uint32_t dimension;
    std::uint64_t seed;
    double scale;                   // L2: s, a power of two; inner product: 1/M; cosine: 1
    std::uint32_t refine_bits = 8;  // of the refinements: 8 or 4, a dimension
    Arithmetic arithmetic = Arithmetic::float8;  // of the operator
};

constexpr std::size_t padded_dimension(Metric metric, std::size_t dimension) {
    return padded_dimension(dimension + (metric == Metric::inner_product ? 1 : 0));
}

// Whether vectors may have something in common that makes no difference and can be taken off. (Bits
// are 0 and 1: there is nothing to gain.)
constexpr bool may_have_origin(Metric metric) {
    return metric == Metric::l2 || metric == Metric::cosine;
}

// What becomes of a row.
enum class RowKind : std::uint8_t {
    normal,     // into the nearest cell
    long_row,   // into the nearest cell with CellSummary::long_rows
    loose,      // no usable place in routing space (absurdly large), or its operator may overflow
                // or underflow: the LOOSE list
    undefined,  // zero under cosine: the list of undefined rows
};

// A row (or the image of one) in routing space: |rotated − exact| ≤ error, exact being the image
// under an exactly orthogonal rotation.
struct RoutedRow {
    RowKind kind;
    float error;
};

class Space {
  public:
    // origin: padded() floats (origin.hpp), zero from dimension() on, or empty for none, as always
    // where there can't be one. Kept by reference: it must outlive the Space. The rotation lives in
    // arena.
    Space(core::Arena& arena, const SpaceParameters& parameters, core::VectorView origin);

    // A copy of all that it refers to, in arena.
    Space(core::Arena& arena, const Space& other);

    const SpaceParameters& parameters() const { return parameters_; }
    Metric metric() const { return parameters_.metric; }
    std::size_t dimension() const { return parameters_.dimension; }
    std::size_t padded() const { return rotation_.padded(); }
    const Rotation& rotation() const { return rotation_; }
    core::VectorView origin() const { return origin_; }

    // Whether the operator's sums over a vector of this squared norm are within the bounds that
    // operator_value() knows. Sums of squares of differences (L2) may overflow to infinity, which
    // is no less than any bound.
    bool is_summed_safely(double norm_squared) const noexcept;

    // Writes the image of x (dimension() floats) to rotated (padded() floats). For loose and
    // undefined rows nothing is written.
    RoutedRow route(core::VectorView x, float* rotated) const noexcept;

    // The image of a row that plays a query (calibration), from the row's image. Under inner
    // product the query of x is (x/|x|, 0); else they are the same. Both are padded() floats.
    void row_as_query(const float* rotated, float* query) const noexcept;

    // Inner product: the image of a row in a space whose scale is ratio times this one's, from its
    // image here, which is within error of the exact one; ratio·(|x|·scale + error) is below 1.
    // Returns the new error.
    float rescale(double ratio, float error, float* rotated) const noexcept;

    // The same for a row that is too long for that space, or may be: its image has no last
    // coordinate there.
    float rescale_long(double ratio, float error, float* rotated) const noexcept;

    // Inner product: |x|·scale of the row with this image, which is lost.
    double scaled_norm(float* rotated) const noexcept;

    // What images of this space are less in another one, which differs in its origin alone:
    // padded() floats. Returns their error.
    float translation(const Space& to, float* shift) const noexcept;

  private:
    SpaceParameters parameters_;
    Rotation rotation_;
    core::VectorView origin_;
};

// The image of a row in the other space, from the one here, which is within error of the exact one.
// Returns the new error.
float translate(const float* shift, float shift_error, float error,
                std::span<float> rotated) noexcept;

// The parameters' scale for a sample of rows (n × dimension, row-major, sampled at random; less the
// origin, where there is one): L2: the power of two that brings the median norm to [1, 2); inner
// product: 1/M, M a little over the
// largest norm, but at most twice what 99 of 100 rows have; cosine: 1. An empty sample gives 1. So
// a few rows of absurd length don't press all others into one point.
double choose_scale(Metric metric, const float* rows, std::size_t n, std::size_t dimension);

// The same from the norms, which are put into another order.
double choose_scale(Metric metric, std::span<double> norms);

}  // namespace vecdot::engine
