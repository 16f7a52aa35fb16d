// Element by element: + - *, scaling, negation, unit length. Results are float4, rounded once.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

using namespace vecdot;

namespace {

void check_overflow(const pg::Vector* v) {
    for (const float x : v->view()) {
        if (unlikely(std::isinf(x))) {
            pg::report_overflow();
        }
    }
}

template <typename Operation>
pg::Vector* combine(FunctionCallInfo fcinfo, Operation operation) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    pg::Vector* result = pg::new_vector(v.a.dim);
    for (int i = 0; i < v.a.dim; ++i) {
        result->x[i] = operation(v.a[i], v.b[i]);
    }
    check_overflow(result);
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
pg::Vector* unit(const pg::VectorRef& v) {
    const double norm = std::sqrt(kernels::active().floats.norm_squared(v.data, v.size()));
    if (norm == 0) {
        return nullptr;
    }
    pg::Vector* result = pg::new_vector(v.dim);
    for (int i = 0; i < v.dim; ++i) {
        result->x[i] = static_cast<float>(v[i] / norm);
    }
    return result;
}

}  // namespace

VECDOT_FUNCTION(vector_add) {
    PG_RETURN_VECTOR(combine(fcinfo, [](float x, float y) { return x + y; }));
}

VECDOT_FUNCTION(vector_sub) {
    PG_RETURN_VECTOR(combine(fcinfo, [](float x, float y) { return x - y; }));
}

VECDOT_FUNCTION(vector_mul) {
    PG_RETURN_VECTOR(combine(fcinfo, [](float x, float y) {
        const float product = x * y;
        if (unlikely(product == 0 && x != 0 && y != 0)) {
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
VECDOT_FUNCTION(l2_normalize) {
    const pg::VectorRef v = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = unit(v);
    PG_RETURN_VECTOR(result != nullptr ? result : pg::new_vector(v.dim));
}

// A zero vector has no direction: NULL.
VECDOT_FUNCTION(vector_unit) {
    pg::Vector* result = unit(pg::vector_argument(fcinfo, 0));
    if (result == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(result);
}
