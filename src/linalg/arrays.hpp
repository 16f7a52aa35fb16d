// Matrices in SQL: arrays of vectors, one vector a row.
#pragma once

#include <span>

#include "core/span.hpp"
#include "math/rows.hpp"
#include "pg/vector_ref.hpp"

namespace vecdot::linalg {

// The rows of argument n, called name in messages. Not 1-D or no rows (22000), a NULL row (22004),
// rows of different dimensions (22000) are errors.
math::Rows matrix_argument(FunctionCallInfo fcinfo, int n, const char* name);
math::Rows matrix_from_datum(Datum datum, const char* name);

// values as a new vector, rounded to float4; an error where they are beyond it.
pg::Vector* vector_of(std::span<const double> values);

// An array of vectors whose elements are still to be written.
struct NewMatrix {
    char* array;
    char* vectors;
    int columns;

    core::MutableVectorView row(std::size_t i) const {
        const Size size = pg::vector_size(columns);
        return reinterpret_cast<pg::Vector*>(vectors + i * size)->view();
    }
    Datum datum() const { return PointerGetDatum(array); }
};
// columns: 1 to 16,000. More bytes than an array can have are an error: make it before the work.
NewMatrix new_matrix(std::size_t rows, std::size_t columns, Oid vector_type);

// Writes values, rounded to float4; an error where they are beyond it.
void write_row(std::span<const double> values, core::MutableVectorView row);

// rows × columns values as an array of vectors, whose element type is vector.
Datum matrix_datum(core::MatrixView<const double> values, Oid vector_type);

// The type vector, taken from the array type that the running function returns.
Oid returned_element_type(FunctionCallInfo fcinfo);

// The context in which an aggregate's state lives; an error outside an aggregate.
MemoryContext aggregate_context(FunctionCallInfo fcinfo);

// An error with a hint unless an aggregate's bytes fit into maintenance_work_mem.
void check_memory(std::size_t bytes, int dim, const char* aggregate);

// A state of an aggregate as bytes, written or read front to back.
class StateWriter {
  public:
    explicit StateWriter(std::size_t bytes);
    void put(const void* data, std::size_t bytes);
    bytea* finish() { return result_; }

  private:
    bytea* result_;
    char* next_;
};

class StateReader {
  public:
    explicit StateReader(bytea* state);
    void get(void* data, std::size_t bytes);

  private:
    const char* next_;
    const char* end_;
};

}  // namespace vecdot::linalg
