// Functions that vector and halfvec share.
#pragma once

#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

// Defines two SQL functions of one body, a template over Element: the first for vector (float), the
// other for halfvec (core::Half).
//     VECDOT_DENSE_FUNCTION(vector_add, halfvec_add) { ... pg::vector_pair<Element>(fcinfo) ... }
#define VECDOT_DENSE_FUNCTION(of_vector, of_halfvec)       \
    template <typename Element>                            \
    static Datum of_vector##_of(FunctionCallInfo fcinfo);  \
    VECDOT_FUNCTION(of_vector) {                           \
        return of_vector##_of<float>(fcinfo);              \
    }                                                      \
    VECDOT_FUNCTION(of_halfvec) {                          \
        return of_vector##_of<vecdot::core::Half>(fcinfo); \
    }                                                      \
    template <typename Element>                            \
    static Datum of_vector##_of([[maybe_unused]] FunctionCallInfo fcinfo)
