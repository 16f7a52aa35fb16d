// The types vector and halfvec as PostgreSQL stores them: byte for byte pgvector's layout. Both are
// one template; float4 elements, those of vector, are its default.
#pragma once

#include "core/half.hpp"
#include "core/span.hpp"
#include "pg/postgres.hpp"

namespace vecdot::pg {

constexpr int max_dimensions = 16000;

// A varlena of alignment int4; STORAGE external, so never compressed.
template <typename Element>
struct DenseVector {
    int32 vl_len_;  // set by SET_VARSIZE only
    int16 dim;
    int16 unused;  // 0
    Element x[FLEXIBLE_ARRAY_MEMBER];

    std::span<const Element> view() const { return {x, static_cast<std::size_t>(dim)}; }
    std::span<Element> view() { return {x, static_cast<std::size_t>(dim)}; }
};

using Vector = DenseVector<float>;
using HalfVector = DenseVector<core::Half>;

static_assert(offsetof(Vector, dim) == 4 && offsetof(Vector, x) == 8);
static_assert(offsetof(HalfVector, dim) == 4 && offsetof(HalfVector, x) == 8);

// How messages call the type, and how long its vectors are.
struct TypeLimits {
    const char* name;
    int max_dimensions;
};

template <typename Element>
inline constexpr TypeLimits limits_of{nullptr, 0};
template <>
inline constexpr TypeLimits limits_of<float>{"vector", max_dimensions};
template <>
inline constexpr TypeLimits limits_of<core::Half>{"halfvec", max_dimensions};

template <typename Element = float>
constexpr Size vector_size(int dim) {
    return offsetof(DenseVector<Element>, x) + sizeof(Element) * dim;
}

// A new vector of dim elements, all 0, in CurrentMemoryContext. dim must be in 1..max_dimensions.
template <typename Element = float>
DenseVector<Element>* new_vector(int dim);

// The dimensions of a stored vector, of what follows its length word; ERRCODE_DATA_CORRUPTED if its
// bytes are not a vector.
template <typename Element = float>
int stored_dimensions(const char* body, Size size);

// The vector behind a datum, detoasted; ERRCODE_DATA_CORRUPTED if its bytes are not a vector.
template <typename Element = float>
DenseVector<Element>* vector_from_datum(Datum datum);

// Raises the errors that pgvector does.
void check_dimensions(const TypeLimits& type, int dim);            // 1..max_dimensions
void check_same_dimensions(const TypeLimits& type, int a, int b);  // different ... %d and %d
void check_finite(const TypeLimits& type, float value);            // NaN, infinity
// expected %d dimensions, not %d; typmod -1: any
void check_expected_dimensions(int32 typmod, int dim);

template <typename Element = float>
void check_dimensions(int dim) {
    check_dimensions(limits_of<Element>, dim);
}

template <typename Element = float>
void check_same_dimensions(int a, int b) {
    check_same_dimensions(limits_of<Element>, a, b);
}

template <typename Element = float>
void check_finite(float value) {
    check_finite(limits_of<Element>, value);
}

// "%s" is out of range for type %s
[[noreturn]] void report_out_of_range(const TypeLimits& type, const char* text);
[[noreturn]] void report_out_of_range(const TypeLimits& type, float value);

// value out of range: overflow, value out of range: underflow
[[noreturn]] void report_overflow();
[[noreturn]] void report_underflow();
[[noreturn]] void report_not_finite(float value);  // overflow, or NaN

// value as an element, 0 where it is too small. NaN, infinity and what is too large are errors.
template <typename Element = float>
Element element_from_float(float value) {
    const Element element = core::from_float<Element>(value);
    if (unlikely(!core::is_finite(element))) {
        check_finite<Element>(value);
        report_out_of_range(limits_of<Element>, value);
    }
    return element;
}

// The same of a float8, for vector.
float element_from_double(double value);

// The result of a calculation as an element: rounded to float4, then to the element; overflow
// beyond it.
template <typename Element = float>
Element element_from_result(double value) {
    const Element element = core::from_float<Element>(static_cast<float>(value));
    if (unlikely(!core::is_finite(element))) {
        report_not_finite(core::to_float(element));
    }
    return element;
}

}  // namespace vecdot::pg

#define PG_GETARG_VECTOR(n) (vecdot::pg::vector_from_datum(PG_GETARG_DATUM(n)))
#define PG_RETURN_VECTOR(v) PG_RETURN_POINTER(v)
