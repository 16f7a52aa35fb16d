// Element by element: + - *, scaling, negation, unit length. Results are float4, rounded once.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

using namespace vecdot;

namespace {

[[noreturn]] void overflow() {
    ereport(ERROR,
            (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: overflow")));
    pg_unreachable();
}

[[noreturn]] void underflow() {
    ereport(ERROR,
            (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: underflow")));
    pg_unreachable();
}

void check_overflow(const pg::Vector* v) {
    for (const float x : v->view()) {
        if (unlikely(std::isinf(x))) {
            overflow();
        }
    }
}

template <typename Operation>
pg::Vector* combine(FunctionCallInfo fcinfo, Operation operation) {
    const pg::Vector* a = PG_GETARG_VECTOR(0);
    const pg::Vector* b = PG_GETARG_VECTOR(1);
    pg::check_same_dimensions(a->dim, b->dim);
    pg::Vector* result = pg::new_vector(a->dim);
    for (int i = 0; i < a->dim; ++i) {
        result->x[i] = operation(a->x[i], b->x[i]);
    }
    check_overflow(result);
    return result;
}

// factor · v, computed in float8. A result that is too small for float4 is an error unless it is 0
// exactly.
template <typename Operation>
pg::Vector* scale(const pg::Vector* v, Operation operation) {
    pg::Vector* result = pg::new_vector(v->dim);
    for (int i = 0; i < v->dim; ++i) {
        const double exact = operation(static_cast<double>(v->x[i]));
        result->x[i] = static_cast<float>(exact);
        if (unlikely(std::isinf(result->x[i]))) {
            overflow();
        }
        if (unlikely(result->x[i] == 0 && v->x[i] != 0 && exact != 0)) {
            underflow();
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

pg::Vector* multiply(double factor, const pg::Vector* v) {
    check_factor(factor);
    return scale(v, [factor](double x) { return factor * x; });
}

// v / ‖v‖, or null for a zero vector.
pg::Vector* unit(const pg::Vector* v) {
    const double norm =
        std::sqrt(kernels::active().floats.norm_squared(v->x, static_cast<std::size_t>(v->dim)));
    if (norm == 0) {
        return nullptr;
    }
    pg::Vector* result = pg::new_vector(v->dim);
    for (int i = 0; i < v->dim; ++i) {
        result->x[i] = static_cast<float>(v->x[i] / norm);
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
            underflow();
        }
        return product;
    }));
}

VECDOT_FUNCTION(vector_scale) {
    PG_RETURN_VECTOR(multiply(PG_GETARG_FLOAT8(0), PG_GETARG_VECTOR(1)));
}

VECDOT_FUNCTION(vector_scale_right) {
    PG_RETURN_VECTOR(multiply(PG_GETARG_FLOAT8(1), PG_GETARG_VECTOR(0)));
}

VECDOT_FUNCTION(vector_divide) {
    const pg::Vector* v = PG_GETARG_VECTOR(0);
    const double divisor = PG_GETARG_FLOAT8(1);
    check_factor(divisor);
    if (unlikely(divisor == 0)) {
        ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("division by zero")));
    }
    PG_RETURN_VECTOR(scale(v, [divisor](double x) { return x / divisor; }));
}

VECDOT_FUNCTION(vector_negate) {
    const pg::Vector* v = PG_GETARG_VECTOR(0);
    pg::Vector* result = pg::new_vector(v->dim);
    for (int i = 0; i < v->dim; ++i) {
        result->x[i] = -v->x[i];
    }
    PG_RETURN_VECTOR(result);
}

// A zero vector stays a zero vector, as in pgvector.
VECDOT_FUNCTION(l2_normalize) {
    const pg::Vector* v = PG_GETARG_VECTOR(0);
    pg::Vector* result = unit(v);
    PG_RETURN_VECTOR(result != nullptr ? result : pg::new_vector(v->dim));
}

// A zero vector has no direction: NULL.
VECDOT_FUNCTION(vector_unit) {
    pg::Vector* result = unit(PG_GETARG_VECTOR(0));
    if (result == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(result);
}
