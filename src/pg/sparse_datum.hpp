// The type sparsevec as PostgreSQL stores it: byte for byte pgvector's layout.
#pragma once

#include "kernels/kernels.hpp"
#include "pg/vector_ref.hpp"

namespace vecdot::pg {

constexpr int max_sparse_dimensions = 1000000000;
constexpr int max_nonzeros = 16000;

// A varlena of alignment int4; STORAGE external. Behind the indices (from 0, ascending) stand as
// many values, none of them 0.
struct SparseVector {
    int32 vl_len_;  // set by SET_VARSIZE only
    int32 dim;
    int32 nnz;
    int32 unused;  // 0
    int32 indices[FLEXIBLE_ARRAY_MEMBER];

    float* values() { return reinterpret_cast<float*>(indices + nnz); }
};

static_assert(offsetof(SparseVector, dim) == 4 && offsetof(SparseVector, indices) == 16);

template <>
inline constexpr TypeLimits limits_of<SparseVector>{"sparsevec", max_sparse_dimensions};

constexpr Size sparse_size(int nnz) {
    return offsetof(SparseVector, indices) + (sizeof(int32) + sizeof(float)) * nnz;
}

// A new sparse vector with room for nnz elements, in CurrentMemoryContext.
SparseVector* new_sparse(int dim, int nnz);

// Raises an error beyond max_nonzeros and dim.
void check_nonzeros(int nnz, int dim);

// A stored sparse vector at whatever address it has.
struct SparseRef {
    kernels::SparseVector elements;
    int dim;

    int count() const { return static_cast<int>(elements.count); }
    int32 index(int i) const {
        int32 index;
        std::memcpy(&index, reinterpret_cast<const char*>(elements.indices) + sizeof index * i,
                    sizeof index);
        return index;
    }
    float value(int i) const {
        float value;
        std::memcpy(&value, reinterpret_cast<const char*>(elements.values) + sizeof value * i,
                    sizeof value);
        return value;
    }
};

// The sparse vector that argument n of a function holds, fetched as seldom as vector_argument does;
// ERRCODE_DATA_CORRUPTED if its length is not that of a sparse vector. Its indices are believed.
SparseRef sparse_argument(FunctionCallInfo fcinfo, int n);

// Two arguments of the same number of dimensions.
struct SparsePair {
    SparseRef a;
    SparseRef b;
};
SparsePair sparse_pair(FunctionCallInfo fcinfo);

// Of a datum, for sorts and indexes: see fetch_vector.
Fetched<SparseRef> fetch_sparse(Datum datum);

}  // namespace vecdot::pg
