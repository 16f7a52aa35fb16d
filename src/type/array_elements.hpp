// The numbers of PostgreSQL's arrays, for the casts from them.
#pragma once

#include "core/span.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "utils/array.h"
}

namespace vecdot::type {

// The number of elements of an array that may become a vector: of one dimension, without NULLs.
int array_length(ArrayType* array);

// Its elements, rounded to float4, to; NaN and infinity as they are. type is what they are to
// become, for the errors.
void copy_array_elements(ArrayType* array, const pg::TypeLimits& type, core::MutableVectorView to);

}  // namespace vecdot::type
