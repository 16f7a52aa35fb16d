// Distances and lengths of vector and halfvec: each one call of a kernel. Sums are accumulated in
// float8.
#include "kernels/kernels.hpp"
#include "pg/vector_ref.hpp"
#include "type/cosine.hpp"
#include "type/dense.hpp"

extern "C" {
#include "utils/float.h"
}

using namespace vecdot;

namespace {

using kernels::active_vectors;

template <typename Element>
double dot(const pg::DensePair<Element>& v) {
    return active_vectors<Element>().dot(v.a.data, v.b.data, v.a.size());
}

template <typename Element>
double cosine(const pg::DensePair<Element>& v) {
    return type::cosine(active_vectors<Element>().cosine_sums(v.a.data, v.b.data, v.a.size()));
}

}  // namespace

VECDOT_FUNCTION(dot) {
    PG_RETURN_FLOAT8(dot(pg::vector_pair(fcinfo)));
}

VECDOT_DENSE_FUNCTION(inner_product, halfvec_inner_product) {
    PG_RETURN_FLOAT8(dot(pg::vector_pair<Element>(fcinfo)));
}

VECDOT_DENSE_FUNCTION(vector_negative_inner_product, halfvec_negative_inner_product) {
    PG_RETURN_FLOAT8(-dot(pg::vector_pair<Element>(fcinfo)));
}

VECDOT_DENSE_FUNCTION(vector_l2_squared_distance, halfvec_l2_squared_distance) {
    const auto v = pg::vector_pair<Element>(fcinfo);
    PG_RETURN_FLOAT8(active_vectors<Element>().l2_squared(v.a.data, v.b.data, v.a.size()));
}

VECDOT_DENSE_FUNCTION(l2_distance, halfvec_l2_distance) {
    const auto v = pg::vector_pair<Element>(fcinfo);
    PG_RETURN_FLOAT8(
        std::sqrt(active_vectors<Element>().l2_squared(v.a.data, v.b.data, v.a.size())));
}

VECDOT_DENSE_FUNCTION(l1_distance, halfvec_l1_distance) {
    const auto v = pg::vector_pair<Element>(fcinfo);
    PG_RETURN_FLOAT8(active_vectors<Element>().l1(v.a.data, v.b.data, v.a.size()));
}

VECDOT_DENSE_FUNCTION(cosine_distance, halfvec_cosine_distance) {
    PG_RETURN_FLOAT8(1 - cosine(pg::vector_pair<Element>(fcinfo)));
}

VECDOT_FUNCTION(cosine_similarity) {
    PG_RETURN_FLOAT8(cosine(pg::vector_pair(fcinfo)));
}

// The angle between unit vectors over π.
VECDOT_DENSE_FUNCTION(vector_spherical_distance, halfvec_spherical_distance) {
    const double product = dot(pg::vector_pair<Element>(fcinfo));
    const double bounded = product > 1 ? 1 : product < -1 ? -1 : product;
    PG_RETURN_FLOAT8(std::acos(bounded) / M_PI);
}

VECDOT_DENSE_FUNCTION(vector_norm, halfvec_l2_norm) {
    const auto v = pg::vector_argument<Element>(fcinfo, 0);
    PG_RETURN_FLOAT8(std::sqrt(active_vectors<Element>().norm_squared(v.data, v.size())));
}

// Kahan's formula: unlike acos of the cosine it is accurate for nearly parallel vectors too.
//   θ = 2 atan2(‖ a/‖a‖ − b/‖b‖ ‖, ‖ a/‖a‖ + b/‖b‖ ‖)
VECDOT_FUNCTION(angle) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    const kernels::CosineSums sums =
        active_vectors<float>().cosine_sums(v.a.data, v.b.data, v.a.size());
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
