#include "pg/sparse_datum.hpp"

namespace vecdot::pg {

namespace {

SparseRef ref_of(const struct varlena* stored) {
    // dim, nnz, unused, indices, values
    const char* body = VARDATA_ANY(stored);
    const Size size = VARSIZE_ANY_EXHDR(stored);
    int32 head[3] = {0, 0, 0};
    if (likely(size >= sizeof head)) {
        std::memcpy(head, body, sizeof head);
    }
    const int32 nnz = head[1];
    if (unlikely(head[0] < 1 || head[0] > max_sparse_dimensions || nnz < 0 || nnz > max_nonzeros ||
                 nnz > head[0] || head[2] != 0 || size != sparse_size(nnz) - VARHDRSZ)) {
        ereport(
            ERROR,
            (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid sparsevec value of %zu bytes", size),
             errdetail("The length of a stored vector does not match its number of elements.")));
    }
    const char* indices = body + sizeof head;
    const char* values = indices + sizeof(int32) * nnz;
    return {{reinterpret_cast<const int32*>(indices), reinterpret_cast<const float*>(values),
             static_cast<std::size_t>(nnz)},
            head[0]};
}

}  // namespace

SparseVector* new_sparse(int dim, int nnz) {
    const Size size = sparse_size(nnz);
    auto* result = static_cast<SparseVector*>(palloc0(size));
    SET_VARSIZE(result, size);
    result->dim = dim;
    result->nnz = nnz;
    return result;
}

void check_nonzeros(int nnz, int dim) {
    if (unlikely(nnz < 0)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("sparsevec cannot have negative number of elements")));
    }
    if (unlikely(nnz > max_nonzeros)) {
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("sparsevec cannot have more than %d non-zero elements", max_nonzeros)));
    }
    if (unlikely(nnz > dim)) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("sparsevec cannot have more elements than dimensions")));
    }
}

SparseRef sparse_argument(FunctionCallInfo fcinfo, int n) {
    return ref_of(packed_argument(fcinfo, n));
}

SparsePair sparse_pair(FunctionCallInfo fcinfo) {
    const SparsePair pair{sparse_argument(fcinfo, 0), sparse_argument(fcinfo, 1)};
    check_same_dimensions<SparseVector>(pair.a.dim, pair.b.dim);
    return pair;
}

Fetched<SparseRef> fetch_sparse(Datum datum) {
    struct varlena* stored = reinterpret_cast<struct varlena*>(DatumGetPointer(datum));
    struct varlena* plain = pg_detoast_datum_packed(stored);
    return {ref_of(plain), plain == stored ? nullptr : plain};
}

}  // namespace vecdot::pg
