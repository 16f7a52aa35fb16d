// The type vector as PostgreSQL stores it: byte for byte pgvector's layout.
#pragma once

#include "core/span.hpp"
#include "pg/postgres.hpp"

namespace vecdot::pg {

constexpr int max_dimensions = 16000;

// A varlena of alignment int4; STORAGE external, so never compressed.
struct Vector {
    int32 vl_len_;  // set by SET_VARSIZE only
    int16 dim;
    int16 unused;  // 0
    float x[FLEXIBLE_ARRAY_MEMBER];

    core::VectorView view() const { return {x, static_cast<std::size_t>(dim)}; }
    core::MutableVectorView view() { return {x, static_cast<std::size_t>(dim)}; }
};

static_assert(offsetof(Vector, dim) == 4 && offsetof(Vector, x) == 8);

constexpr Size vector_size(int dim) {
    return offsetof(Vector, x) + sizeof(float) * dim;
}

// A new vector of dim elements, all 0, in CurrentMemoryContext. dim must be in 1..max_dimensions.
Vector* new_vector(int dim);

// The vector behind a datum, detoasted; ERRCODE_DATA_CORRUPTED if its bytes are not a vector.
Vector* vector_from_datum(Datum datum);

// Raises the errors of compat.md.
void check_dimensions(int dim);            // 1..max_dimensions
void check_same_dimensions(int a, int b);  // different vector dimensions %d and %d
void check_expected_dimensions(int32 typmod,
                               int dim);  // expected %d dimensions, not %d; typmod -1: any
void check_finite(float value);           // NaN, infinity

// value as an element: rounded to float4, 0 where it is too small. NaN, infinity and what is too
// large for float4 are errors.
float element_from_double(double value);

// value out of range: overflow, value out of range: underflow
[[noreturn]] void report_overflow();
[[noreturn]] void report_underflow();
[[noreturn]] void report_not_finite(float value);  // overflow, or NaN

// The result of a calculation as an element: rounded to float4, overflow beyond it.
inline float element_from_result(double value) {
    const float element = static_cast<float>(value);
    if (unlikely(!std::isfinite(element))) {
        report_not_finite(element);
    }
    return element;
}

}  // namespace vecdot::pg

#define PG_GETARG_VECTOR(n) (vecdot::pg::vector_from_datum(PG_GETARG_DATUM(n)))
#define PG_RETURN_VECTOR(v) PG_RETURN_POINTER(v)
