// Distances and lengths of sparsevec: each one call of a kernel, or a few.
#include "pg/guard.hpp"
#include "pg/sparse_datum.hpp"
#include "type/cosine.hpp"

using namespace vecdot;

namespace {

const kernels::SparseKernels& sparse() {
    return kernels::active().sparse;
}

double norm_squared(const pg::SparseRef& v) {
    return kernels::active().floats.norm_squared(v.elements.values, v.elements.count);
}

double dot(const pg::SparsePair& v) {
    return sparse().dot(v.a.elements, v.b.elements);
}

}  // namespace

VECDOT_FUNCTION(sparsevec_l2_distance) {
    const pg::SparsePair v = pg::sparse_pair(fcinfo);
    PG_RETURN_FLOAT8(std::sqrt(sparse().l2_squared(v.a.elements, v.b.elements)));
}

VECDOT_FUNCTION(sparsevec_l2_squared_distance) {
    const pg::SparsePair v = pg::sparse_pair(fcinfo);
    PG_RETURN_FLOAT8(sparse().l2_squared(v.a.elements, v.b.elements));
}

VECDOT_FUNCTION(sparsevec_inner_product) {
    PG_RETURN_FLOAT8(dot(pg::sparse_pair(fcinfo)));
}

VECDOT_FUNCTION(sparsevec_negative_inner_product) {
    PG_RETURN_FLOAT8(-dot(pg::sparse_pair(fcinfo)));
}

VECDOT_FUNCTION(sparsevec_cosine_distance) {
    const pg::SparsePair v = pg::sparse_pair(fcinfo);
    PG_RETURN_FLOAT8(1 - type::cosine({dot(v), norm_squared(v.a), norm_squared(v.b)}));
}

VECDOT_FUNCTION(sparsevec_l1_distance) {
    const pg::SparsePair v = pg::sparse_pair(fcinfo);
    PG_RETURN_FLOAT8(sparse().l1(v.a.elements, v.b.elements));
}

VECDOT_FUNCTION(sparsevec_l2_norm) {
    PG_RETURN_FLOAT8(std::sqrt(norm_squared(pg::sparse_argument(fcinfo, 0))));
}

// Elements that become 0 are left out; a zero vector stays one.
VECDOT_FUNCTION(sparsevec_l2_normalize) {
    const pg::SparseRef v = pg::sparse_argument(fcinfo, 0);
    const double norm = std::sqrt(norm_squared(v));
    const auto element = [&v, norm](int i) { return static_cast<float>(v.value(i) / norm); };
    int nnz = 0;
    for (int i = 0; i < v.count(); ++i) {
        nnz += element(i) != 0;
    }
    pg::SparseVector* result = pg::new_sparse(v.dim, nnz);
    int filled = 0;
    for (int i = 0; i < v.count(); ++i) {
        if (element(i) != 0) {
            result->indices[filled] = v.index(i);
            result->values()[filled] = element(i);
            ++filled;
        }
    }
    PG_RETURN_POINTER(result);
}
