#include "type/array_elements.hpp"

#include "core/vector_text.hpp"
#include "pg/memory.hpp"
#include "pg/quote.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/numeric.h"
}

namespace vecdot::type {

namespace {

template <typename Number>
void copy(const void* from, core::MutableVectorView to) {
    const Number* numbers = static_cast<const Number*>(from);
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = static_cast<float>(numbers[i]);
    }
}

// Through text: a decimal number that passed through float8 would be rounded twice.
float element_from_numeric(Datum number, const pg::TypeLimits& type) {
    const char* text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
    float value = 0;
    switch (core::parse_element(text, value)) {
        case core::TextProblem::none:
        case core::TextProblem::not_a_number:
        case core::TextProblem::infinite:
            return value;
        case core::TextProblem::out_of_range:
            pg::report_out_of_range(type, pg::quote(text, std::strlen(text)));
        default:
            break;
    }
    elog(ERROR, "unexpected text of a numeric: \"%s\"", pg::quote(text, std::strlen(text)));
    pg_unreachable();
}

void copy_numerics(ArrayType* array, const pg::TypeLimits& type, core::MutableVectorView to) {
    Datum* elements = nullptr;
    int count = 0;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    pg::in_context("vecdot numeric elements", [&] {
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i] = element_from_numeric(elements[i], type);
            MemoryContextReset(CurrentMemoryContext);
        }
    });
    pfree(elements);
}

}  // namespace

int array_length(ArrayType* array) {
    if (ARR_NDIM(array) > 1) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
    }
    if (array_contains_nulls(array)) {
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

void copy_array_elements(ArrayType* array, const pg::TypeLimits& type, core::MutableVectorView to) {
    switch (ARR_ELEMTYPE(array)) {
        case INT4OID:
            return copy<int32>(ARR_DATA_PTR(array), to);
        case FLOAT4OID:
            return copy<float4>(ARR_DATA_PTR(array), to);
        case FLOAT8OID:
            return copy<float8>(ARR_DATA_PTR(array), to);
        case NUMERICOID:
            return copy_numerics(array, type, to);
        default:
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("unsupported array type")));
    }
}

}  // namespace vecdot::type
