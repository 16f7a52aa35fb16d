#include "pg/vector_slice.hpp"

#include <algorithm>

namespace vecdot::pg {

namespace {

// Offsets behind the varlena header.
constexpr int elements_offset = offsetof(Vector, x) - VARHDRSZ;

// size bytes from offset, or fewer where the value ends.
StoredElements stored_bytes(Datum datum, int offset, int size) {
    varlena* value = reinterpret_cast<varlena*>(DatumGetPointer(datum));
    if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value)) {
        value = PG_DETOAST_DATUM_SLICE(datum, offset, size);
        offset = 0;
    }
    const int available = static_cast<int>(VARSIZE_ANY_EXHDR(value)) - offset;
    return {VARDATA_ANY(value) + offset, std::clamp(available, 0, size)};
}

}  // namespace

int stored_dimensions(Datum datum) {
    const StoredElements header = stored_bytes(datum, 0, elements_offset);
    int16 dim = 0;
    if (header.count == elements_offset) {
        std::memcpy(&dim, header.data, sizeof dim);
    }
    if (unlikely(dim < 1 || dim > max_dimensions)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("invalid vector value of %d dimensions", dim)));
    }
    return dim;
}

template <typename Element>
StoredElements stored_elements(Datum datum, int first, int last) {
    constexpr int element_size = sizeof(Element);
    first = std::max(first, 1);
    last = std::min(last, max_dimensions);
    if (first > last) {
        return {nullptr, 0};
    }
    StoredElements elements = stored_bytes(datum, elements_offset + element_size * (first - 1),
                                           element_size * (last - first + 1));
    elements.count /= element_size;
    return elements;
}

template StoredElements stored_elements<float>(Datum datum, int first, int last);
template StoredElements stored_elements<core::Half>(Datum datum, int first, int last);

}  // namespace vecdot::pg
