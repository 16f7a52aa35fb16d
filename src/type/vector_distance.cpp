// Distances and lengths: each one call of a kernel. Sums are accumulated in float8.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

extern "C" {
#include "utils/float.h"
}

using namespace vecdot;

namespace {

const kernels::FloatKernels& floats() {
    return kernels::active().floats;
}

double dot(const pg::VectorPair& v) {
    return floats().dot(v.a.data, v.b.data, v.a.size());
}

// cos θ in [-1, 1]; NaN if one of the vectors is zero. aa · bb stays within float8: float4 squares
// sum up to less than 2e81, and down to more than 1e-91.
double cosine(const kernels::CosineSums& sums) {
    const double similarity = sums.ab / std::sqrt(sums.aa * sums.bb);
    return similarity > 1 ? 1 : similarity < -1 ? -1 : similarity;
}

double cosine(const pg::VectorPair& v) {
    return cosine(floats().cosine_sums(v.a.data, v.b.data, v.a.size()));
}

}  // namespace

VECDOT_FUNCTION(dot) {
    PG_RETURN_FLOAT8(dot(pg::vector_pair(fcinfo)));
}

VECDOT_FUNCTION(inner_product) {
    PG_RETURN_FLOAT8(dot(pg::vector_pair(fcinfo)));
}

VECDOT_FUNCTION(vector_negative_inner_product) {
    PG_RETURN_FLOAT8(-dot(pg::vector_pair(fcinfo)));
}

VECDOT_FUNCTION(vector_l2_squared_distance) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    PG_RETURN_FLOAT8(floats().l2_squared(v.a.data, v.b.data, v.a.size()));
}

VECDOT_FUNCTION(l2_distance) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    PG_RETURN_FLOAT8(std::sqrt(floats().l2_squared(v.a.data, v.b.data, v.a.size())));
}

VECDOT_FUNCTION(l1_distance) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    PG_RETURN_FLOAT8(floats().l1(v.a.data, v.b.data, v.a.size()));
}

VECDOT_FUNCTION(cosine_distance) {
    PG_RETURN_FLOAT8(1 - cosine(pg::vector_pair(fcinfo)));
}

VECDOT_FUNCTION(cosine_similarity) {
    PG_RETURN_FLOAT8(cosine(pg::vector_pair(fcinfo)));
}

// The angle between unit vectors over π.
VECDOT_FUNCTION(vector_spherical_distance) {
    const double product = dot(pg::vector_pair(fcinfo));
    const double bounded = product > 1 ? 1 : product < -1 ? -1 : product;
    PG_RETURN_FLOAT8(std::acos(bounded) / M_PI);
}

VECDOT_FUNCTION(vector_norm) {
    const pg::VectorRef v = pg::vector_argument(fcinfo, 0);
    PG_RETURN_FLOAT8(std::sqrt(floats().norm_squared(v.data, v.size())));
}

// Kahan's formula: unlike acos of the cosine it is accurate for nearly parallel vectors too.
//   θ = 2 atan2(‖ a/‖a‖ − b/‖b‖ ‖, ‖ a/‖a‖ + b/‖b‖ ‖)
VECDOT_FUNCTION(angle) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums = floats().cosine_sums(v.a.data, v.b.data, v.a.size());
    if (sums.aa == 0 || sums.bb == 0) {
        PG_RETURN_FLOAT8(get_float8_nan());
    }
    const double a_scale = 1 / std::sqrt(sums.aa);
    const double b_scale = 1 / std::sqrt(sums.bb);
    double minus = 0;
    double plus = 0;
    for (int i = 0; i < v.a.dim; ++i) {
        const double p = v.a[i] * a_scale;
        const double q = v.b[i] * b_scale;
        minus += (p - q) * (p - q);
        plus += (p + q) * (p + q);
    }
    PG_RETURN_FLOAT8(2 * std::atan2(std::sqrt(minus), std::sqrt(plus)));
}
