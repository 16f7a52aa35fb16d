// What the index's operator class and its column say.
#pragma once

#include "core/span.hpp"
#include "engine/space.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Support functions of operator classes: what a vector is, and how keys are made.
constexpr uint16 vector_support = 1;
constexpr uint16 key_support = 2;

// What an operator class says of itself: its support function 1 returns a pointer to one of these,
// which lasts as long as the library, or to NULL if no index can serve it. One for each type and
// metric, and for each way the operator comes to its result.
struct OperatorClass {
    engine::Metric metric;
    engine::Arithmetic arithmetic;
    int most_dimensions;
    const char* counted;  // what must be as many on both sides: "vector dimensions"
    // A value's elements as floats, detoasted: within the value or in CurrentMemoryContext.
    // ERRCODE_DATA_CORRUPTED if its bytes are not of the type.
    core::VectorView (*elements)(Datum value);
};

// The index's operator class; valid as long as the library.
const OperatorClass& operator_class_of(Relation index);

// The elements of an indexed value; an ERROR unless they are as many as the index has dimensions.
core::VectorView elements_of(const OperatorClass& operator_class, Datum value,
                             std::size_t dimensions);

// An ERROR, that of the operator, unless a query has as many elements as the index dimensions.
void check_query_dimensions(const OperatorClass& operator_class, std::size_t dimensions,
                            core::VectorView query);

// The dimensions that the indexed column is declared with, 0 if none: it may lose them (ALTER
// COLUMN TYPE vector) without the index being built again.
int declared_dimensions(Relation index);
// For a new index; 22023 if there are none, 54000 if there are too many.
int dimensions_of(Relation index);

}  // namespace vecdot::index
