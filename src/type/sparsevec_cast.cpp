// Casts between sparsevec and vector, halfvec and PostgreSQL's arrays of numbers.
#include "pg/sparse_datum.hpp"
#include "type/array_elements.hpp"
#include "type/dense.hpp"

using namespace vecdot;

namespace {

// The elements of n numbers, value(i), that are not 0.
template <typename Value>
pg::SparseVector* pick(int n, Value value) {
    int nnz = 0;
    for (int i = 0; i < n; ++i) {
        nnz += value(i) != 0;
    }
    pg::check_nonzeros(nnz, n);
    pg::SparseVector* result = pg::new_sparse(n, nnz);
    int filled = 0;
    for (int i = 0; i < n; ++i) {
        const float element = value(i);
        if (element != 0) {
            result->indices[filled] = i;
            result->values()[filled] = element;
            ++filled;
        }
    }
    return result;
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_to_sparsevec, halfvec_to_sparsevec) {
    const auto from = pg::vector_argument<Element>(fcinfo, 0);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), from.dim);
    PG_RETURN_POINTER(pick(from.dim, [&from](int i) { return from[i]; }));
}

VECDOT_DENSE_FUNCTION(sparsevec_to_vector, sparsevec_to_halfvec) {
    const pg::SparseRef from = pg::sparse_argument(fcinfo, 0);
    pg::check_dimensions<Element>(from.dim);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), from.dim);
    auto* result = pg::new_vector<Element>(from.dim);
    for (int i = 0; i < from.count(); ++i) {
        const int32 index = from.index(i);
        if (unlikely(index < 0 || index >= from.dim)) {
            ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                            errmsg("invalid sparsevec value: index %d, not 0 to %d", index,
                                   from.dim - 1)));
        }
        result->x[index] = pg::element_from_float<Element>(from.value(i));
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(array_to_sparsevec) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
    const int dim = type::array_length(array);
    pg::check_dimensions<pg::SparseVector>(dim);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), dim);
    // May be as long as an array can.
    float* values = static_cast<float*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * static_cast<Size>(dim)));
    type::copy_array_elements(array, pg::limits_of<pg::SparseVector>,
                              {values, static_cast<std::size_t>(dim)});
    pg::SparseVector* result = pick(dim, [values](int i) { return values[i]; });
    for (int i = 0; i < result->nnz; ++i) {
        pg::check_finite<pg::SparseVector>(result->values()[i]);
    }
    pfree(values);
    PG_RETURN_POINTER(result);
}
