// Parts of a stored vector: of a value out of line only the chunks that hold them are read.
#pragma once

#include "pg/vector_datum.hpp"

namespace vecdot::pg {

// The number of dimensions of a stored vector or halfvec, which have the same header.
int stored_dimensions(Datum datum);

// Elements at an address that may be unaligned: read them with memcpy.
struct StoredElements {
    const char* data;
    int count;
};

// The elements first..last of a stored vector, counted from 1 and clipped to those that are there.
template <typename Element = float>
StoredElements stored_elements(Datum datum, int first, int last);

}  // namespace vecdot::pg
