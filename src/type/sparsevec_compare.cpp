// Order and equality of sparsevec: as if the zeros stood between the elements, then by dimensions.
#include <algorithm>

#include "pg/guard.hpp"
#include "pg/sparse_datum.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/sortsupport.h"
}

using namespace vecdot;

namespace {

// Where one has an element and the other a zero: the sign decides.
int against_zero(float value) {
    return value < 0 ? -1 : 1;
}

int compare(const pg::SparseRef& a, const pg::SparseRef& b) {
    const int common = std::min(a.count(), b.count());
    for (int i = 0; i < common; ++i) {
        const int32 at_a = a.index(i);
        const int32 at_b = b.index(i);
        const float x = a.value(i);
        const float y = b.value(i);
        if (at_a != at_b) {
            return at_a < at_b ? against_zero(x) : -against_zero(y);
        }
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    // An element beyond the other's dimensions meets nothing.
    if (a.count() < b.count() && b.index(common) < a.dim) {
        return -against_zero(b.value(common));
    }
    if (a.count() > b.count() && a.index(common) < b.dim) {
        return against_zero(a.value(common));
    }
    return a.dim < b.dim ? -1 : a.dim > b.dim ? 1 : 0;
}

int compare(Datum x, Datum y) {
    const auto a = pg::fetch_sparse(x);
    const auto b = pg::fetch_sparse(y);
    const int result = compare(a.ref, b.ref);
    pg::release(a);
    pg::release(b);
    return result;
}

int compare(FunctionCallInfo fcinfo) {
    return compare(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}

int compare_for_sort(Datum x, Datum y, SortSupport) {
    return pg::guard([=] { return compare(x, y); });
}

// Calls hash on dimensions, indices and values, of which equal vectors have the same bytes, there
// being no zeros.
template <typename Hash>
Datum hash_elements(Datum datum, Hash hash) {
    const auto v = pg::fetch_sparse(datum);
    const Size size = 8 * v.ref.elements.count;
    const auto* elements = reinterpret_cast<const unsigned char*>(v.ref.elements.indices);
    const Datum result = hash(elements, static_cast<int>(size), v.ref.dim);
    pg::release(v);
    return result;
}

}  // namespace

VECDOT_FUNCTION(sparsevec_lt) {
    PG_RETURN_BOOL(compare(fcinfo) < 0);
}
VECDOT_FUNCTION(sparsevec_le) {
    PG_RETURN_BOOL(compare(fcinfo) <= 0);
}
VECDOT_FUNCTION(sparsevec_eq) {
    PG_RETURN_BOOL(compare(fcinfo) == 0);
}
VECDOT_FUNCTION(sparsevec_ne) {
    PG_RETURN_BOOL(compare(fcinfo) != 0);
}
VECDOT_FUNCTION(sparsevec_ge) {
    PG_RETURN_BOOL(compare(fcinfo) >= 0);
}
VECDOT_FUNCTION(sparsevec_gt) {
    PG_RETURN_BOOL(compare(fcinfo) > 0);
}
VECDOT_FUNCTION(sparsevec_cmp) {
    PG_RETURN_INT32(compare(fcinfo));
}

VECDOT_FUNCTION(sparsevec_sortsupport) {
    reinterpret_cast<SortSupport>(PG_GETARG_POINTER(0))->comparator = compare_for_sort;
    PG_RETURN_VOID();
}

VECDOT_FUNCTION(sparsevec_hash) {
    return hash_elements(PG_GETARG_DATUM(0), [](const unsigned char* bytes, int size, int32 dim) {
        const uint32 elements = DatumGetUInt32(hash_any(bytes, size));
        return UInt32GetDatum(hash_combine(elements, murmurhash32(static_cast<uint32>(dim))));
    });
}

VECDOT_FUNCTION(sparsevec_hash_extended) {
    const uint64 seed = static_cast<uint64>(PG_GETARG_INT64(1));
    return hash_elements(
        PG_GETARG_DATUM(0), [seed](const unsigned char* bytes, int size, int32 dim) {
            const uint64 elements = DatumGetUInt64(hash_any_extended(bytes, size, seed));
            return UInt64GetDatum(hash_combine64(elements, static_cast<uint64>(dim)));
        });
}
