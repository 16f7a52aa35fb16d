#include "pg/vector_datum.hpp"

extern "C" {
#include "utils/float.h"
}

namespace vecdot::pg {

Vector* new_vector(int dim) {
    const Size size = vector_size(dim);
    Vector* result = static_cast<Vector*>(palloc0(size));
    SET_VARSIZE(result, size);
    result->dim = static_cast<int16>(dim);
    return result;
}

Vector* vector_from_datum(Datum datum) {
    Vector* result = reinterpret_cast<Vector*>(PG_DETOAST_DATUM(datum));
    const Size size = VARSIZE(result);
    if (unlikely(size < vector_size(1) || result->dim < 1 || result->dim > max_dimensions ||
                 result->unused != 0 || size != vector_size(result->dim))) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid vector value of %zu bytes", size),
                 errdetail("The length of a stored vector does not match its dimensions.")));
    }
    return result;
}

void check_dimensions(int dim) {
    if (unlikely(dim < 1)) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("vector must have at least 1 dimension")));
    }
    if (unlikely(dim > max_dimensions)) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("vector cannot have more than %d dimensions", max_dimensions)));
    }
}

void check_same_dimensions(int a, int b) {
    if (unlikely(a != b)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different vector dimensions %d and %d", a, b)));
    }
}

void check_expected_dimensions(int32 typmod, int dim) {
    if (unlikely(typmod != -1 && typmod != dim)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected %d dimensions, not %d", typmod, dim)));
    }
}

void check_finite(float value) {
    if (unlikely(std::isnan(value))) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in vector")));
    }
    if (unlikely(std::isinf(value))) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in vector")));
    }
}

float element_from_double(double value) {
    const float element = static_cast<float>(value);
    if (unlikely(!std::isfinite(element))) {
        if (std::isfinite(value)) {
            ereport(ERROR,
                    (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                     errmsg("\"%s\" is out of range for type vector", float8out_internal(value))));
        }
        check_finite(element);
    }
    return element;
}

void report_overflow() {
    ereport(ERROR,
            (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: overflow")));
    pg_unreachable();
}

void report_underflow() {
    ereport(ERROR,
            (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: underflow")));
    pg_unreachable();
}

void report_not_finite(float value) {
    if (std::isnan(value)) {
        check_finite(value);
    }
    report_overflow();
}

}  // namespace vecdot::pg
