#include "linalg/arrays.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace vecdot::linalg {

math::Rows matrix_from_datum(Datum datum, const char* name) {
    ArrayType* array = DatumGetArrayTypeP(datum);
    if (ARR_NDIM(array) == 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("matrix \"%s\" must have at least 1 row", name)));
    }
    if (ARR_NDIM(array) > 1) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D"),
                        errdetail("Matrix \"%s\" has %d dimensions; its rows are vectors.", name,
                                  ARR_NDIM(array))));
    }
    if (ARR_HASNULL(array) && array_contains_nulls(array)) {
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls"),
                 errdetail("Matrix \"%s\" has a row that is NULL.", name)));
    }
    Datum* elements;
    int count;
    deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, nullptr,
                      &count);
    const float** rows = static_cast<const float**>(palloc(sizeof(float*) * count));
    int columns = 0;
    for (int i = 0; i < count; ++i) {
        const pg::VectorRef row = pg::fetch_vector(elements[i]).ref;
        if (i == 0) {
            columns = row.dim;
        } else if (row.dim != columns) {
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("row %d of matrix \"%s\" has %d dimensions, expected %d", i + 1,
                                   name, row.dim, columns)));
        }
        rows[i] = row.data;
    }
    return {rows, static_cast<std::size_t>(count), static_cast<std::size_t>(columns)};
}

math::Rows matrix_argument(FunctionCallInfo fcinfo, int n, const char* name) {
    return matrix_from_datum(PointerGetDatum(pg::plain_argument(fcinfo, n)), name);
}

pg::Vector* vector_of(std::span<const double> values) {
    pg::check_dimensions(static_cast<int>(values.size()));
    pg::Vector* result = pg::new_vector(static_cast<int>(values.size()));
    write_row(values, result->view());
    return result;
}

NewMatrix new_matrix(std::size_t rows, std::size_t columns, Oid vector_type) {
    const int dim = static_cast<int>(columns);
    pg::check_dimensions(dim);
    const Size vector_bytes = pg::vector_size(dim);
    static_assert(pg::vector_size(1) % sizeof(int32) == 0, "vectors follow one another unpadded");
    if (rows > (MaxAllocSize - ARR_OVERHEAD_NONULLS(1)) / vector_bytes) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("array size exceeds the maximum allowed (%zu)", MaxAllocSize),
                        errdetail("The result is %zu by %zu, of %zu bytes a row.", rows, columns,
                                  vector_bytes)));
    }
    const Size bytes = ARR_OVERHEAD_NONULLS(1) + rows * vector_bytes;
    ArrayType* array = static_cast<ArrayType*>(palloc(bytes));
    SET_VARSIZE(array, bytes);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = vector_type;
    ARR_DIMS(array)[0] = static_cast<int>(rows);
    ARR_LBOUND(array)[0] = 1;
    char* vectors = ARR_DATA_PTR(array);
    for (std::size_t i = 0; i < rows; ++i) {
        CHECK_FOR_INTERRUPTS();
        pg::Vector* vector = reinterpret_cast<pg::Vector*>(vectors + i * vector_bytes);
        SET_VARSIZE(vector, vector_bytes);
        vector->dim = static_cast<int16>(dim);
        vector->unused = 0;
    }
    return {reinterpret_cast<char*>(array), vectors, dim};
}

void write_row(std::span<const double> values, core::MutableVectorView row) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        row[i] = pg::element_from_double(values[i]);
    }
}

Datum matrix_datum(core::MatrixView<const double> values, Oid vector_type) {
    const NewMatrix result = new_matrix(values.rows, values.columns, vector_type);
    for (std::size_t i = 0; i < values.rows; ++i) {
        CHECK_FOR_INTERRUPTS();
        write_row(values.row(i), result.row(i));
    }
    return result.datum();
}

Oid returned_element_type(FunctionCallInfo fcinfo) {
    return get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
}

MemoryContext aggregate_context(FunctionCallInfo fcinfo) {
    MemoryContext context;
    if (AggCheckCallContext(fcinfo, &context) == 0) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("function of an aggregate called outside of one")));
    }
    return context;
}

void check_memory(std::size_t bytes, int dim, const char* aggregate) {
    const std::size_t limit = static_cast<std::size_t>(maintenance_work_mem) * 1024;
    if (bytes > limit) {
        ereport(ERROR,
                (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                 errmsg("%s of %d dimensions needs %zu MB, more than maintenance_work_mem of %d MB",
                        aggregate, dim, (bytes + 1048575) / 1048576, maintenance_work_mem / 1024),
                 errhint("Increase maintenance_work_mem or reduce the number of dimensions.")));
    }
}

StateWriter::StateWriter(std::size_t bytes) {
    if (bytes > MaxAllocSize - VARHDRSZ) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("aggregate state of %zu MB is too large for a parallel worker",
                               bytes / 1048576),
                        errhint("Set max_parallel_workers_per_gather to 0.")));
    }
    result_ = static_cast<bytea*>(palloc(bytes + VARHDRSZ));
    SET_VARSIZE(result_, bytes + VARHDRSZ);
    next_ = VARDATA(result_);
}

void StateWriter::put(const void* data, std::size_t bytes) {
    if (bytes > 0) {
        std::memcpy(next_, data, bytes);
    }
    next_ += bytes;
}

StateReader::StateReader(bytea* state)
    : next_(VARDATA_ANY(state)), end_(VARDATA_ANY(state) + VARSIZE_ANY_EXHDR(state)) {}

void StateReader::get(void* data, std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(end_ - next_)) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("aggregate state ends early")));
    }
    if (bytes > 0) {
        std::memcpy(data, next_, bytes);
    }
    next_ += bytes;
}

}  // namespace vecdot::linalg
