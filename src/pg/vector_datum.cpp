#include "pg/vector_datum.hpp"

#include "core/vector_text.hpp"

extern "C" {
#include "utils/float.h"
}

namespace vecdot::pg {

template <typename Element>
DenseVector<Element>* new_vector(int dim) {
    const Size size = vector_size<Element>(dim);
    auto* result = static_cast<DenseVector<Element>*>(palloc0(size));
    SET_VARSIZE(result, size);
    result->dim = static_cast<int16>(dim);
    return result;
}

template Vector* new_vector<float>(int dim);
template HalfVector* new_vector<core::Half>(int dim);

template <typename Element>
int stored_dimensions(const char* body, Size size) {
    // dim, unused, elements
    int16 head[2] = {0, 0};
    if (likely(size >= sizeof head)) {
        std::memcpy(head, body, sizeof head);
    }
    if (unlikely(head[0] < 1 || head[0] > max_dimensions || head[1] != 0 ||
                 size != sizeof head + sizeof(Element) * head[0])) {
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("invalid %s value of %zu bytes", limits_of<Element>.name, size),
                        errdetail("The length of a stored vector does not match its dimensions.")));
    }
    return head[0];
}

template int stored_dimensions<float>(const char* body, Size size);
template int stored_dimensions<core::Half>(const char* body, Size size);

template <typename Element>
DenseVector<Element>* vector_from_datum(Datum datum) {
    auto* result = reinterpret_cast<DenseVector<Element>*>(PG_DETOAST_DATUM(datum));
    stored_dimensions<Element>(VARDATA_ANY(result), VARSIZE_ANY_EXHDR(result));
    return result;
}

template Vector* vector_from_datum<float>(Datum datum);
template HalfVector* vector_from_datum<core::Half>(Datum datum);

void check_dimensions(const TypeLimits& type, int dim) {
    if (unlikely(dim < 1)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("%s must have at least 1 dimension", type.name)));
    }
    if (unlikely(dim > type.max_dimensions)) {
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("%s cannot have more than %d dimensions", type.name, type.max_dimensions)));
    }
}

void check_same_dimensions(const TypeLimits& type, int a, int b) {
    if (unlikely(a != b)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different %s dimensions %d and %d", type.name, a, b)));
    }
}

void check_expected_dimensions(int32 typmod, int dim) {
    if (unlikely(typmod != -1 && typmod != dim)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected %d dimensions, not %d", typmod, dim)));
    }
}

void check_finite(const TypeLimits& type, float value) {
    if (unlikely(std::isnan(value))) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type.name)));
    }
    if (unlikely(std::isinf(value))) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("infinite value not allowed in %s", type.name)));
    }
}

void report_out_of_range(const TypeLimits& type, const char* text) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("\"%s\" is out of range for type %s", text, type.name)));
    pg_unreachable();
}

void report_out_of_range(const TypeLimits& type, float value) {
    char text[core::float_text_room + 1];
    text[core::format_float(value, text)] = '\0';
    report_out_of_range(type, text);
}

float element_from_double(double value) {
    const float element = static_cast<float>(value);
    if (unlikely(!std::isfinite(element))) {
        if (std::isfinite(value)) {
            report_out_of_range(limits_of<float>, float8out_internal(value));
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
