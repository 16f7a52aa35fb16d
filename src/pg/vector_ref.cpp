#include "pg/vector_ref.hpp"

extern "C" {
#include "access/detoast.h"
}

namespace vecdot::pg {

namespace {

constexpr int cached_arguments = 3;

// The last out-of-line value of each argument of a call site, kept in fn_extra.
struct ToastCache {
    struct Entry {
        varatt_external pointer;
        struct varlena* value;  // null: nothing yet
    } entry[cached_arguments];
};

struct varlena* fetch(FunctionCallInfo fcinfo, int n, struct varlena* stored) {
    FmgrInfo* flinfo = fcinfo->flinfo;
    if (flinfo == nullptr || n >= cached_arguments) {
        return detoast_attr(stored);
    }
    varatt_external pointer;
    VARATT_EXTERNAL_GET_POINTER(pointer, stored);
    if (flinfo->fn_extra == nullptr) {
        flinfo->fn_extra = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ToastCache));
    }
    ToastCache::Entry& entry = static_cast<ToastCache*>(flinfo->fn_extra)->entry[n];
    // A toast value never changes, and its id is not reused while a snapshot can see it: within one
    // query the same pointer is the same value.
    if (entry.value == nullptr || std::memcmp(&entry.pointer, &pointer, sizeof pointer) != 0) {
        if (entry.value != nullptr) {
            pfree(entry.value);
            entry.value = nullptr;
        }
        MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);
        struct varlena* value = detoast_attr(stored);
        MemoryContextSwitchTo(old);
        entry.pointer = pointer;
        entry.value = value;
    }
    return entry.value;
}

template <typename Element>
DenseRef<Element> ref_of(const struct varlena* stored) {
    const char* body = VARDATA_ANY(stored);
    const int dim = stored_dimensions<Element>(body, VARSIZE_ANY_EXHDR(stored));
    return {reinterpret_cast<const Element*>(body + 2 * sizeof(int16)), dim};
}

struct varlena* argument(FunctionCallInfo fcinfo, int n) {
    return reinterpret_cast<struct varlena*>(DatumGetPointer(fcinfo->args[n].value));
}

}  // namespace

struct varlena* plain_argument(FunctionCallInfo fcinfo, int n) {
    struct varlena* stored = argument(fcinfo, n);
    return VARATT_IS_EXTERNAL_ONDISK(stored) ? fetch(fcinfo, n, stored) : pg_detoast_datum(stored);
}

struct varlena* packed_argument(FunctionCallInfo fcinfo, int n) {
    struct varlena* stored = argument(fcinfo, n);
    return VARATT_IS_EXTERNAL_ONDISK(stored) ? fetch(fcinfo, n, stored)
                                             : pg_detoast_datum_packed(stored);
}

template <typename Element>
DenseRef<Element> vector_argument(FunctionCallInfo fcinfo, int n) {
    return ref_of<Element>(packed_argument(fcinfo, n));
}

template VectorRef vector_argument<float>(FunctionCallInfo fcinfo, int n);
template DenseRef<core::Half> vector_argument<core::Half>(FunctionCallInfo fcinfo, int n);

template <typename Element>
DensePair<Element> vector_pair(FunctionCallInfo fcinfo) {
    const DensePair<Element> pair{vector_argument<Element>(fcinfo, 0),
                                  vector_argument<Element>(fcinfo, 1)};
    check_same_dimensions<Element>(pair.a.dim, pair.b.dim);
    return pair;
}

template VectorPair vector_pair<float>(FunctionCallInfo fcinfo);
template DensePair<core::Half> vector_pair<core::Half>(FunctionCallInfo fcinfo);

template <typename Element>
Fetched<DenseRef<Element>> fetch_vector(Datum datum) {
    struct varlena* stored = reinterpret_cast<struct varlena*>(DatumGetPointer(datum));
    struct varlena* plain = pg_detoast_datum_packed(stored);
    return {ref_of<Element>(plain), plain == stored ? nullptr : plain};
}

template FetchedVector fetch_vector<float>(Datum datum);
template Fetched<DenseRef<core::Half>> fetch_vector<core::Half>(Datum datum);

}  // namespace vecdot::pg
