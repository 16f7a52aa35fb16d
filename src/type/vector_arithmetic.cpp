// Element by element: + - *, scaling, negation, unit length. Results are rounded once, since of two
// halves a sum, difference or product that float4 has rounded rounds to the right half.
#include "kernels/kernels.hpp"
#include "pg/vector_ref.hpp"
#include "type/dense.hpp"

using namespace vecdot;

namespace {

// operation(aᵢ, bᵢ) in float4; overflow is an error.
template <typename Element, typename Operation>
pg::DenseVector<Element>* combine(FunctionCallInfo fcinfo, Operation operation) {
    const auto v = pg::vector_pair<Element>(fcinfo);
    auto* result = pg::new_vector<Element>(v.a.dim);
    for (int i = 0; i < v.a.dim; ++i) {
        result->x[i] = core::from_float<Element>(operation(v.a[i], v.b[i]));
    }
    for (const Element x : result->view()) {
        if (unlikely(!core::is_finite(x))) {
            pg::report_overflow();
        }
    }
    return result;
}

// operation(element), computed in float8. Unless by_zero, a 0 that does not come from a 0 is an
// underflow (of float8 too, as in 1e-300 * 1e-30).
template <typename Operation>
pg::Vector* scale(const pg::VectorRef& v, bool by_zero, Operation operation) {
    pg::Vector* result = pg::new_vector(v.dim);
    for (int i = 0; i < v.dim; ++i) {
        const float x = v[i];
        result->x[i] = pg::element_from_result(operation(static_cast<double>(x)));
        if (unlikely(result->x[i] == 0 && x != 0 && !by_zero)) {
            pg::report_underflow();
        }
    }
    return result;
}

void check_factor(double factor) {
    if (unlikely(!std::isfinite(factor))) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION),
                 errmsg("factor of a vector must be finite, not %s", std::isnan(factor) ? "NaN"
                                                                     : factor > 0       ? "Infinity"
                                                                                  : "-Infinity")));
    }
}

pg::Vector* multiply(double factor, const pg::VectorRef& v) {
    check_factor(factor);
    return scale(v, factor == 0, [factor](double x) { return factor * x; });
}

// v / ‖v‖, or null for a zero vector.
template <typename Element>
pg::DenseVector<Element>* unit(const pg::DenseRef<Element>& v) {
    const double norm =
        std::sqrt(kernels::active_vectors<Element>().norm_squared(v.data, v.size()));
    if (norm == 0) {
        return nullptr;
    }
    auto* result = pg::new_vector<Element>(v.dim);
    for (int i = 0; i < v.dim; ++i) {
        result->x[i] = core::from_float<Element>(static_cast<float>(v[i] / norm));
    }
    return result;
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_add, halfvec_add) {
    PG_RETURN_VECTOR(combine<Element>(fcinfo, [](float x, float y) { return x + y; }));
}

VECDOT_DENSE_FUNCTION(vector_sub, halfvec_sub) {
    PG_RETURN_VECTOR(combine<Element>(fcinfo, [](float x, float y) { return x - y; }));
}

VECDOT_DENSE_FUNCTION(vector_mul, halfvec_mul) {
    PG_RETURN_VECTOR(combine<Element>(fcinfo, [](float x, float y) {
        const float product = x * y;
        if (unlikely(core::to_float(core::from_float<Element>(product)) == 0 && x != 0 && y != 0)) {
            pg::report_underflow();
        }
        return product;
    }));
}

VECDOT_FUNCTION(vector_scale) {
    PG_RETURN_VECTOR(multiply(PG_GETARG_FLOAT8(0), pg::vector_argument(fcinfo, 1)));
}

VECDOT_FUNCTION(vector_scale_right) {
    PG_RETURN_VECTOR(multiply(PG_GETARG_FLOAT8(1), pg::vector_argument(fcinfo, 0)));
}

VECDOT_FUNCTION(vector_divide) {
    const pg::VectorRef v = pg::vector_argument(fcinfo, 0);
    const double divisor = PG_GETARG_FLOAT8(1);
    check_factor(divisor);
    if (unlikely(divisor == 0)) {
        ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("division by zero")));
    }
    PG_RETURN_VECTOR(scale(v, false, [divisor](double x) { return x / divisor; }));
}

VECDOT_FUNCTION(vector_negate) {
    const pg::VectorRef v = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = pg::new_vector(v.dim);
    for (int i = 0; i < v.dim; ++i) {
        result->x[i] = -v[i];
    }
    PG_RETURN_VECTOR(result);
}

// A zero vector stays a zero vector, as in pgvector.
VECDOT_DENSE_FUNCTION(l2_normalize, halfvec_l2_normalize) {
    const auto v = pg::vector_argument<Element>(fcinfo, 0);
    auto* result = unit(v);
    PG_RETURN_VECTOR(result != nullptr ? result : pg::new_vector<Element>(v.dim));
}

// A zero vector has no direction: NULL.
VECDOT_FUNCTION(vector_unit) {
    pg::Vector* result = unit(pg::vector_argument(fcinfo, 0));
    if (result == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(result);
}
