// A vector argument without a copy.
#pragma once

#include "pg/vector_datum.hpp"

namespace vecdot::pg {

// The elements of a stored vector at whatever address they have: a small vector has a 1-byte
// header, behind which its floats are not aligned. data is for kernels, which load from any
// address.
struct VectorRef {
    const float* data;
    int dim;

    std::size_t size() const { return static_cast<std::size_t>(dim); }

    float operator[](int i) const {
        float value;
        std::memcpy(&value, reinterpret_cast<const char*>(data) + sizeof(float) * i, sizeof value);
        return value;
    }
};

// The vector that argument n of a function holds; ERRCODE_DATA_CORRUPTED if its bytes are not a
// vector. What is stored out of line is fetched once per call site while the same value keeps
// coming: a query vector from a sub-select is a toast pointer, and each row would fetch it again.
VectorRef vector_argument(FunctionCallInfo fcinfo, int n);

// Argument n of any varlena type with a 4-byte header, fetched as seldom: a matrix or a model in a
// table is a toast pointer too.
struct varlena* plain_argument(FunctionCallInfo fcinfo, int n);

// Two arguments of the same number of dimensions.
struct VectorPair {
    VectorRef a;
    VectorRef b;
};
VectorPair vector_pair(FunctionCallInfo fcinfo);

// A vector behind a datum, for the support functions of sorts and indexes: they run where nobody
// clears memory between calls, so what had to be fetched is given back by release().
struct FetchedVector {
    VectorRef ref;
    void* copy;  // null: ref points into the datum
};
FetchedVector fetch_vector(Datum datum);
void release(const FetchedVector& vector);

}  // namespace vecdot::pg
