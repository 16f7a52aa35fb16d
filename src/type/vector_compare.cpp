// Order and equality: lexicographic, then by length; −0 equals 0. And the hash and the sort support
// that go with it.
#include <algorithm>
#include <bit>

#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

extern "C" {
#include "access/detoast.h"
#include "common/hashfn.h"
#include "utils/sortsupport.h"
}

using namespace vecdot;

namespace {

int compare(const pg::VectorRef& a, const pg::VectorRef& b) {
    const int common = std::min(a.dim, b.dim);
    for (int i = 0; i < common; ++i) {
        const float x = a[i];
        const float y = b[i];
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return a.dim < b.dim ? -1 : a.dim > b.dim ? 1 : 0;
}

int compare(Datum x, Datum y) {
    const pg::FetchedVector a = pg::fetch_vector(x);
    const pg::FetchedVector b = pg::fetch_vector(y);
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

// An unsigned number that sorts as the float does; above 0, the numbers being finite.
uint32 sort_key(float value) {
    const uint32 bits = std::bit_cast<uint32>(value == 0 ? 0.0F : value);
    return bits ^ (bits >> 31 != 0 ? 0xFFFFFFFFU : 0x80000000U);
}

static_assert(SIZEOF_DATUM == 8, "abbreviated keys hold two float4");

// The first two elements, 0 where there is no second. Of a value out of line no more is read.
Datum abbreviate(Datum original) {
    constexpr int32 head = offsetof(pg::Vector, x) - VARHDRSZ;
    struct varlena* stored = reinterpret_cast<struct varlena*>(DatumGetPointer(original));
    struct varlena* start = detoast_attr_slice(stored, 0, head + 2 * sizeof(float));
    const int32 bytes = static_cast<int32>(VARSIZE_ANY_EXHDR(start)) - head;
    float x[2] = {0, 0};
    std::memcpy(x, VARDATA_ANY(start) + head,
                static_cast<Size>(std::clamp(bytes, 0, static_cast<int32>(sizeof x))));
    const uint32 second = bytes < static_cast<int32>(sizeof x) ? 0 : sort_key(x[1]);
    pfree(start);
    return UInt64GetDatum(static_cast<uint64>(sort_key(x[0])) << 32 | second);
}

Datum abbreviate_for_sort(Datum original, SortSupport) {
    return pg::guard([=] { return abbreviate(original); });
}

// A useless key costs one integer comparison, next to nothing beside that of the vectors.
bool never_abort(int, SortSupport) {
    return false;
}

// Calls hash on the elements as bytes, with every −0 as 0, so that what is equal has equal bytes.
template <typename Hash>
Datum hash_elements(Datum datum, Hash hash) {
    const pg::FetchedVector v = pg::fetch_vector(datum);
    const int size = static_cast<int>(sizeof(float)) * v.ref.dim;
    bool negative_zero = false;
    for (int i = 0; i < v.ref.dim; ++i) {
        negative_zero |= std::bit_cast<uint32>(v.ref[i]) == 0x80000000U;
    }
    Datum result;
    if (negative_zero) {
        float* values = static_cast<float*>(palloc(static_cast<Size>(size)));
        for (int i = 0; i < v.ref.dim; ++i) {
            values[i] = v.ref[i] == 0 ? 0 : v.ref[i];
        }
        result = hash(reinterpret_cast<const unsigned char*>(values), size);
        pfree(values);
    } else {
        result = hash(reinterpret_cast<const unsigned char*>(v.ref.data), size);
    }
    pg::release(v);
    return result;
}

}  // namespace

VECDOT_FUNCTION(vector_lt) {
    PG_RETURN_BOOL(compare(fcinfo) < 0);
}
VECDOT_FUNCTION(vector_le) {
    PG_RETURN_BOOL(compare(fcinfo) <= 0);
}
VECDOT_FUNCTION(vector_eq) {
    PG_RETURN_BOOL(compare(fcinfo) == 0);
}
VECDOT_FUNCTION(vector_ne) {
    PG_RETURN_BOOL(compare(fcinfo) != 0);
}
VECDOT_FUNCTION(vector_ge) {
    PG_RETURN_BOOL(compare(fcinfo) >= 0);
}
VECDOT_FUNCTION(vector_gt) {
    PG_RETURN_BOOL(compare(fcinfo) > 0);
}
VECDOT_FUNCTION(vector_cmp) {
    PG_RETURN_INT32(compare(fcinfo));
}

VECDOT_FUNCTION(vector_sortsupport) {
    SortSupport support = reinterpret_cast<SortSupport>(PG_GETARG_POINTER(0));
    support->comparator = compare_for_sort;
    if (support->abbreviate) {
        support->comparator = ssup_datum_unsigned_cmp;
        support->abbrev_converter = abbreviate_for_sort;
        support->abbrev_abort = never_abort;
        support->abbrev_full_comparator = compare_for_sort;
    }
    PG_RETURN_VOID();
}

VECDOT_FUNCTION(vector_hash) {
    return hash_elements(PG_GETARG_DATUM(0), [](const unsigned char* bytes, int size) {
        return hash_any(bytes, size);
    });
}

VECDOT_FUNCTION(vector_hash_extended) {
    const uint64 seed = static_cast<uint64>(PG_GETARG_INT64(1));
    return hash_elements(PG_GETARG_DATUM(0), [seed](const unsigned char* bytes, int size) {
        return hash_any_extended(bytes, size, seed);
    });
}
