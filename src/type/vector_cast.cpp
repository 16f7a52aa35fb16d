// Casts between vector, halfvec and PostgreSQL's arrays of numbers.
#include "pg/vector_ref.hpp"
#include "type/array_elements.hpp"
#include "type/dense.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

using namespace vecdot;

namespace {

template <typename To, typename From>
pg::DenseVector<To>* convert(FunctionCallInfo fcinfo) {
    const auto from = pg::vector_argument<From>(fcinfo, 0);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), from.dim);
    auto* result = pg::new_vector<To>(from.dim);
    for (int i = 0; i < from.dim; ++i) {
        result->x[i] = pg::element_from_float<To>(from[i]);
    }
    return result;
}

}  // namespace

VECDOT_DENSE_FUNCTION(array_to_vector, array_to_halfvec) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
    const int dim = type::array_length(array);
    pg::check_dimensions<Element>(dim);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), dim);
    auto* result = pg::new_vector<Element>(dim);
    float values[pg::max_dimensions];
    const core::MutableVectorView elements{values, result->view().size()};
    type::copy_array_elements(array, pg::limits_of<Element>, elements);
    for (std::size_t i = 0; i < elements.size(); ++i) {
        result->x[i] = pg::element_from_float<Element>(elements[i]);
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_DENSE_FUNCTION(vector_to_float4, halfvec_to_float4) {
    const auto vector = pg::vector_argument<Element>(fcinfo, 0);
    const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * vector.size();
    ArrayType* array = static_cast<ArrayType*>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = FLOAT4OID;
    ARR_DIMS(array)[0] = vector.dim;
    ARR_LBOUND(array)[0] = 1;
    float4* values = reinterpret_cast<float4*>(ARR_DATA_PTR(array));
    for (int i = 0; i < vector.dim; ++i) {
        values[i] = vector[i];
    }
    PG_RETURN_ARRAYTYPE_P(array);
}

VECDOT_FUNCTION(halfvec_to_vector) {
    PG_RETURN_VECTOR((convert<float, core::Half>(fcinfo)));
}

VECDOT_FUNCTION(vector_to_halfvec) {
    PG_RETURN_VECTOR((convert<core::Half, float>(fcinfo)));
}
