// A vector argument without a copy.
#pragma once

#include "pg/vector_datum.hpp"

namespace vecdot::pg {

// The elements of a stored vector at whatever address they have: a small vector has a 1-byte
// header, behind which its floats are not aligned. data is for kernels, which load from any
// address.
template <typename Element>
struct DenseRef {
    const Element* data;
    int dim;

    std::size_t size() const { return static_cast<std::size_t>(dim); }

    float operator[](int i) const {
        Element value;
        std::memcpy(&value, reinterpret_cast<const char*>(data) + sizeof(Element) * i,
                    sizeof value);
        return core::to_float(value);
    }
};
using VectorRef = DenseRef<float>;

// The vector that argument n of a function holds; ERRCODE_DATA_CORRUPTED if its bytes are not a
// vector. What is stored out of line is fetched once per call site while the same value keeps
// coming: a query vector from a sub-select is a toast pointer, and each row would fetch it again.
template <typename Element = float>
DenseRef<Element> vector_argument(FunctionCallInfo fcinfo, int n);

// Argument n of any varlena type with a 4-byte header, fetched as seldom: a matrix or a model in a
// table is a toast pointer too.
struct varlena* plain_argument(FunctionCallInfo fcinfo, int n);

// The same, with a header of 1 or 4 bytes.
struct varlena* packed_argument(FunctionCallInfo fcinfo, int n);

// Two arguments of the same number of dimensions.
template <typename Element>
struct DensePair {
    DenseRef<Element> a;
    DenseRef<Element> b;
};
using VectorPair = DensePair<float>;
template <typename Element = float>
DensePair<Element> vector_pair(FunctionCallInfo fcinfo);

// A vector behind a datum, for the support functions of sorts and indexes: they run where nobody
// clears memory between calls, so what had to be fetched is given back by release().
template <typename Ref>
struct Fetched {
    Ref ref;
    void* copy;  // null: ref points into the datum
};
using FetchedVector = Fetched<VectorRef>;
template <typename Element = float>
Fetched<DenseRef<Element>> fetch_vector(Datum datum);

template <typename Ref>
void release(const Fetched<Ref>& vector) {
    if (vector.copy != nullptr) {
        pfree(vector.copy);
    }
}

}  // namespace vecdot::pg
