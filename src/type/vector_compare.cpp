// Order and equality of vector and halfvec: lexicographic, then by length; −0 equals 0. And the
// hash and the sort support that go with it.
#include <algorithm>
#include <bit>

#include "pg/vector_ref.hpp"
#include "type/dense.hpp"

extern "C" {
#include "access/detoast.h"
#include "common/hashfn.h"
#include "utils/sortsupport.h"
}

using namespace vecdot;

namespace {

template <typename Element>
int compare(const pg::DenseRef<Element>& a, const pg::DenseRef<Element>& b) {
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

template <typename Element>
int compare(Datum x, Datum y) {
    const auto a = pg::fetch_vector<Element>(x);
    const auto b = pg::fetch_vector<Element>(y);
    const int result = compare(a.ref, b.ref);
    pg::release(a);
    pg::release(b);
    return result;
}

template <typename Element>
int compare(FunctionCallInfo fcinfo) {
    return compare<Element>(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}

template <typename Element>
int compare_for_sort(Datum x, Datum y, SortSupport) {
    return pg::guard([=] { return compare<Element>(x, y); });
}

// The bits of an element as an unsigned number, and its sign bit.
template <typename Element>
using Word = std::conditional_t<sizeof(Element) == 4, uint32, uint16>;
template <typename Element>
constexpr auto sign_bit = static_cast<Word<Element>>(Word<Element>{1} << (8 * sizeof(Element) - 1));

// An unsigned number that sorts as the element does; above 0, the elements being finite.
template <typename Element>
Word<Element> sort_key(Element value) {
    using Key = Word<Element>;
    const Key bits = std::bit_cast<Key>(value);
    const Key key = bits == sign_bit<Element> ? Key{0} : bits;
    const Key mask = (key & sign_bit<Element>) != 0 ? static_cast<Key>(~Key{0}) : sign_bit<Element>;
    return key ^ mask;
}

static_assert(SIZEOF_DATUM == 8, "abbreviated keys hold two float4, or four halves");

// The first two (four) elements, 0 where there is none. Of a value out of line no more is read.
template <typename Element>
Datum abbreviate(Datum original) {
    constexpr int32 head = offsetof(pg::DenseVector<Element>, x) - VARHDRSZ;
    constexpr int32 size = sizeof(Element);
    constexpr int32 count = sizeof(Datum) / size;
    struct varlena* stored = reinterpret_cast<struct varlena*>(DatumGetPointer(original));
    struct varlena* start = detoast_attr_slice(stored, 0, head + count * size);
    const int32 elements = (static_cast<int32>(VARSIZE_ANY_EXHDR(start)) - head) / size;
    uint64 key = 0;
    for (int32 i = 0; i < count; ++i) {
        Element value;
        key <<= 8 * size;
        if (i < elements) {
            std::memcpy(&value, VARDATA_ANY(start) + head + size * i, size);
            key |= sort_key(value);
        }
    }
    pfree(start);
    return UInt64GetDatum(key);
}

template <typename Element>
Datum abbreviate_for_sort(Datum original, SortSupport) {
    return pg::guard([=] { return abbreviate<Element>(original); });
}

// A useless key costs one integer comparison, next to nothing beside that of the vectors.
bool never_abort(int, SortSupport) {
    return false;
}

// Calls hash on the elements as bytes, with every −0 as 0, so that what is equal has equal bytes.
template <typename Element, typename Hash>
Datum hash_elements(Datum datum, Hash hash) {
    const auto v = pg::fetch_vector<Element>(datum);
    const int size = static_cast<int>(sizeof(Element)) * v.ref.dim;
    const char* stored = reinterpret_cast<const char*>(v.ref.data);
    auto bits_of = [stored](int i) {
        Word<Element> bits;
        std::memcpy(&bits, stored + sizeof bits * i, sizeof bits);
        return bits;
    };
    bool negative_zero = false;
    for (int i = 0; i < v.ref.dim; ++i) {
        negative_zero |= bits_of(i) == sign_bit<Element>;
    }
    Datum result;
    if (negative_zero) {
        auto* values = static_cast<Word<Element>*>(palloc(static_cast<Size>(size)));
        for (int i = 0; i < v.ref.dim; ++i) {
            const Word<Element> bits = bits_of(i);
            values[i] = bits == sign_bit<Element> ? 0 : bits;
        }
        result = hash(reinterpret_cast<const unsigned char*>(values), size);
        pfree(values);
    } else {
        result = hash(reinterpret_cast<const unsigned char*>(stored), size);
    }
    pg::release(v);
    return result;
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_lt, halfvec_lt) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) < 0);
}

VECDOT_DENSE_FUNCTION(vector_le, halfvec_le) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) <= 0);
}

VECDOT_DENSE_FUNCTION(vector_eq, halfvec_eq) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) == 0);
}

VECDOT_DENSE_FUNCTION(vector_ne, halfvec_ne) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) != 0);
}

VECDOT_DENSE_FUNCTION(vector_ge, halfvec_ge) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) >= 0);
}

VECDOT_DENSE_FUNCTION(vector_gt, halfvec_gt) {
    PG_RETURN_BOOL(compare<Element>(fcinfo) > 0);
}

VECDOT_DENSE_FUNCTION(vector_cmp, halfvec_cmp) {
    PG_RETURN_INT32(compare<Element>(fcinfo));
}

VECDOT_DENSE_FUNCTION(vector_sortsupport, halfvec_sortsupport) {
    SortSupport support = reinterpret_cast<SortSupport>(PG_GETARG_POINTER(0));
    support->comparator = compare_for_sort<Element>;
    if (support->abbreviate) {
        support->comparator = ssup_datum_unsigned_cmp;
        support->abbrev_converter = abbreviate_for_sort<Element>;
        support->abbrev_abort = never_abort;
        support->abbrev_full_comparator = compare_for_sort<Element>;
    }
    PG_RETURN_VOID();
}

VECDOT_DENSE_FUNCTION(vector_hash, halfvec_hash) {
    return hash_elements<Element>(PG_GETARG_DATUM(0), [](const unsigned char* bytes, int size) {
        return hash_any(bytes, size);
    });
}

VECDOT_DENSE_FUNCTION(vector_hash_extended, halfvec_hash_extended) {
    const uint64 seed = static_cast<uint64>(PG_GETARG_INT64(1));
    return hash_elements<Element>(PG_GETARG_DATUM(0), [seed](const unsigned char* bytes, int size) {
        return hash_any_extended(bytes, size, seed);
    });
}
