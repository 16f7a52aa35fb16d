// Whether what is stored of a row or of a centroid can have been made by encode_row() and
// encode_centroid(): the parts of it are derived from each other anew.
#pragma once

#include <cstdint>

#include "engine/code.hpp"

namespace vecdot::engine {

enum class CentroidFault : std::uint8_t {
    none,
    infinite,  // the centroid itself is not finite
    error,     // its code is farther off than its factors say
    term,      // factors.add is not the code's squared length
};

struct CentroidVerdict {
    CentroidFault fault;
    double away;            // of the code from the centroid
    double length_squared;  // of the code
};

CentroidVerdict verify_centroid(std::size_t padded, const float* centroid, const std::uint8_t* code,
                                const RefineFactors& factors) noexcept;

enum class RowFault : std::uint8_t {
    none,
    factors,     // the refinement's are no lengths
    refinement,  // a number that no refinement has
    signs,       // they are not those of the refinement
    term,        // refine.add does not fit the refinement, its scale and the centroid
    radius,      // the row is farther from the centroid than the cell's radius
    estimate,    // the factors of the estimate do not fit the refinement
};

// The cell that a row is in.
struct VerifiedCell {
    const float* centroid;
    double centroid_length;
    double radius;
    bool is_inner_product;
};

struct RowVerdict {
    RowFault fault;
    double term;         // what refine.add should be
    double least, most;  // what the row's distance from the centroid can be
};

// All but the radius of `row` is given. Derives
//   - the signs from the refinement, whose rounding keeps them;
//   - the term from refinement, scale and centroid;
//   - |r| and |r|₁ of the row's residual r to within the stored error, and from these what the
//     factors of the estimate and the cell's radius can be.
RowVerdict verify_row(std::size_t padded, const EncodedRow& row, const VerifiedCell& cell) noexcept;

}  // namespace vecdot::engine
