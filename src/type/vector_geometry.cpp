// Projections and angles' yes-or-no questions. A direction that does not exist (a zero vector)
// gives NULL, as PostgreSQL's geometric operators do, or NaN where the result is a number.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

extern "C" {
#include "utils/float.h"
}

using namespace vecdot;

namespace {

// Of the sine (parallel) or cosine (orthogonal) of the angle; PostgreSQL's geometric types use the
// same number.
constexpr double angle_tolerance = 1e-6;

kernels::CosineSums sums_of(const pg::VectorPair& v) {
    return kernels::active().floats.cosine_sums(v.a.data, v.b.data, v.a.size());
}

// Element i is element(aᵢ, (a·b/‖b‖²) bᵢ); null if b is zero.
template <typename Element>
pg::Vector* along(FunctionCallInfo fcinfo, Element element) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums = sums_of(v);
    if (sums.bb == 0) {
        return nullptr;
    }
    const double factor = sums.ab / sums.bb;
    pg::Vector* result = pg::new_vector(v.a.dim);
    for (int i = 0; i < v.a.dim; ++i) {
        result->x[i] =
            pg::element_from_result(element(static_cast<double>(v.a[i]), factor * v.b[i]));
    }
    return result;
}

}  // namespace

VECDOT_FUNCTION(projection) {
    pg::Vector* result = along(fcinfo, [](double, double shadow) { return shadow; });
    if (result == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(rejection) {
    pg::Vector* result = along(fcinfo, [](double a, double shadow) { return a - shadow; });
    if (result == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(scalar_projection) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums = sums_of(v);
    PG_RETURN_FLOAT8(sums.bb == 0 ? get_float8_nan() : sums.ab / std::sqrt(sums.bb));
}

VECDOT_FUNCTION(is_orthogonal) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums = sums_of(v);
    PG_RETURN_BOOL(std::fabs(sums.ab) <= angle_tolerance * std::sqrt(sums.aa * sums.bb));
}

// sin² θ = 1 − cos² θ, which float8 still resolves far below the tolerance's square.
VECDOT_FUNCTION(is_parallel) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums = sums_of(v);
    const double product = sums.aa * sums.bb;
    PG_RETURN_BOOL(product - sums.ab * sums.ab <= angle_tolerance * angle_tolerance * product);
}
