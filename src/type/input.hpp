// What the input functions of vector, halfvec and sparsevec share: soft errors, and the type
// modifier, which is a number of dimensions.
#pragma once

#include <string_view>

#include "core/vector_text.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "lib/stringinfo.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
}

// Errors of input functions are soft, for pg_input_is_valid() and friends, where PostgreSQL knows
// such. A soft error returns here.
#if PG_VERSION_NUM >= 160000
#define REPORT_INPUT_ERROR(context, ...) errsave(context, __VA_ARGS__)
#define INPUT_FAILED(context) SOFT_ERROR_OCCURRED(context)
#else
#define REPORT_INPUT_ERROR(context, ...) \
    do {                                 \
        (void)(context);                 \
        ereport(ERROR, __VA_ARGS__);     \
    } while (false)
#define INPUT_FAILED(context) false
#endif

namespace vecdot::type {

// Reports what is wrong with text, read as a value of that type; where is the element at fault.
void report_text_problem(Node* context, const pg::TypeLimits& type, std::string_view text,
                         core::TextProblem problem, std::string_view where);

// The error of a number of dimensions that the type modifier (-1: none) does not want.
void report_other_dimensions(Node* context, int32 typmod, int dim);

// The type modifier from its text, as a typmod_in function gets it.
int32 dimensions_modifier(FunctionCallInfo fcinfo, const pg::TypeLimits& type);

// The rest of a binary message, which must have exactly size bytes; elements: what they are, for
// the error.
const unsigned char* rest_of_message(StringInfo message, const char* what, int elements, int size);

}  // namespace vecdot::type
