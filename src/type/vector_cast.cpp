// Casts between vector and PostgreSQL's arrays of numbers.
#include "core/vector_text.hpp"
#include "pg/guard.hpp"
#include "pg/quote.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/numeric.h"
}

using namespace vecdot;

namespace {

[[noreturn]] void out_of_range(const char* text) {
    ereport(ERROR,
            (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
             errmsg("\"%s\" is out of range for type vector", pg::quote(text, std::strlen(text)))));
    pg_unreachable();
}

void copy_integers(const int32* from, core::MutableVectorView to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = static_cast<float>(from[i]);
    }
}

void copy_floats(const float* from, core::MutableVectorView to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        pg::check_finite(from[i]);
        to[i] = from[i];
    }
}

void copy_doubles(const double* from, core::MutableVectorView to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = pg::element_from_double(from[i]);
    }
}

// Through text: a decimal number that passed through float8 would be rounded twice.
float element_from_numeric(Datum number) {
    const char* text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
    float value = 0;
    switch (core::parse_element(text, value)) {
        case core::TextProblem::none:
            return value;
        case core::TextProblem::out_of_range:
            out_of_range(text);
        case core::TextProblem::not_a_number:
        case core::TextProblem::infinite:
            pg::check_finite(value);
            break;
        default:
            break;
    }
    elog(ERROR, "unexpected text of a numeric: \"%s\"", pg::quote(text, std::strlen(text)));
    pg_unreachable();
}

void copy_numerics(const ArrayType* array, core::MutableVectorView to) {
    Datum* elements = nullptr;
    int count = 0;
    deconstruct_array(const_cast<ArrayType*>(array), NUMERICOID, -1, false, TYPALIGN_INT, &elements,
                      nullptr, &count);
    MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "vecdot numeric elements",
                                                  ALLOCSET_SMALL_SIZES);
    MemoryContext old = MemoryContextSwitchTo(scratch);
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = element_from_numeric(elements[i]);
        MemoryContextReset(scratch);
    }
    MemoryContextSwitchTo(old);
    MemoryContextDelete(scratch);
    pfree(elements);
}

}  // namespace

VECDOT_FUNCTION(array_to_vector) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
    const int32 typmod = PG_GETARG_INT32(1);
    if (ARR_NDIM(array) > 1) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
    }
    if (array_contains_nulls(array)) {
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    const int dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    pg::check_dimensions(dim);
    pg::check_expected_dimensions(typmod, dim);
    pg::Vector* result = pg::new_vector(dim);
    const void* elements = ARR_DATA_PTR(array);
    switch (ARR_ELEMTYPE(array)) {
        case INT4OID:
            copy_integers(static_cast<const int32*>(elements), result->view());
            break;
        case FLOAT4OID:
            copy_floats(static_cast<const float*>(elements), result->view());
            break;
        case FLOAT8OID:
            copy_doubles(static_cast<const double*>(elements), result->view());
            break;
        case NUMERICOID:
            copy_numerics(array, result->view());
            break;
        default:
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("unsupported array type")));
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_to_float4) {
    const pg::Vector* vector = PG_GETARG_VECTOR(0);
    const Size values = sizeof(float) * vector->view().size();
    const Size size = ARR_OVERHEAD_NONULLS(1) + values;
    ArrayType* array = static_cast<ArrayType*>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = FLOAT4OID;
    ARR_DIMS(array)[0] = vector->dim;
    ARR_LBOUND(array)[0] = 1;
    std::memcpy(ARR_DATA_PTR(array), vector->x, values);
    PG_RETURN_ARRAYTYPE_P(array);
}
