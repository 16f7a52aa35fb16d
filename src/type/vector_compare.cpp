// Order and equality: lexicographic, then by length; −0 equals 0. And the hash that goes with it.
#include <algorithm>

#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "common/hashfn.h"
}

using namespace vecdot;

namespace {

int compare(FunctionCallInfo fcinfo) {
    const pg::Vector* a = PG_GETARG_VECTOR(0);
    const pg::Vector* b = PG_GETARG_VECTOR(1);
    const int common = std::min(a->dim, b->dim);
    int result = a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
    for (int i = 0; i < common; ++i) {
        if (a->x[i] != b->x[i]) {
            result = a->x[i] < b->x[i] ? -1 : 1;
            break;
        }
    }
    // Comparisons run where nobody clears memory between calls: an index build, a merge join.
    if (reinterpret_cast<const void*>(a) != PG_GETARG_POINTER(0)) {
        pfree(const_cast<pg::Vector*>(a));
    }
    if (reinterpret_cast<const void*>(b) != PG_GETARG_POINTER(1)) {
        pfree(const_cast<pg::Vector*>(b));
    }
    return result;
}

// The elements with every −0 as 0, so that what is equal has equal bytes.
float* canonical(const pg::Vector* v) {
    float* values = static_cast<float*>(palloc(sizeof(float) * v->dim));
    for (int i = 0; i < v->dim; ++i) {
        values[i] = v->x[i] == 0 ? 0 : v->x[i];
    }
    return values;
}

}  // namespace

VECDOT_FUNCTION(vector_lt) {
    PG_RETURN_BOOL(compare(fcinfo) < 0);
}
VECDOT_FUNCTION(vector_le) {
    PG_RETURN_BOOL(compare(fcinfo) <= 0);
}
VECDOT_FUNCTION(vector_eq) {
    PG_RETURN_BOOL(compare(fcinfo) == 0);
}
VECDOT_FUNCTION(vector_ne) {
    PG_RETURN_BOOL(compare(fcinfo) != 0);
}
VECDOT_FUNCTION(vector_ge) {
    PG_RETURN_BOOL(compare(fcinfo) >= 0);
}
VECDOT_FUNCTION(vector_gt) {
    PG_RETURN_BOOL(compare(fcinfo) > 0);
}
VECDOT_FUNCTION(vector_cmp) {
    PG_RETURN_INT32(compare(fcinfo));
}

VECDOT_FUNCTION(vector_hash) {
    const pg::Vector* v = PG_GETARG_VECTOR(0);
    const float* values = canonical(v);
    PG_RETURN_DATUM(hash_any(reinterpret_cast<const unsigned char*>(values),
                             static_cast<int>(sizeof(float)) * v->dim));
}

VECDOT_FUNCTION(vector_hash_extended) {
    const pg::Vector* v = PG_GETARG_VECTOR(0);
    const float* values = canonical(v);
    PG_RETURN_DATUM(hash_any_extended(reinterpret_cast<const unsigned char*>(values),
                                      static_cast<int>(sizeof(float)) * v->dim,
                                      static_cast<uint64>(PG_GETARG_INT64(1))));
}
