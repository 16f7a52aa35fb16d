// A matrix whose rows lie anywhere: the elements of an array of vectors.
#pragma once

#include <cstddef>

namespace vecdot::math {

// rows pointers to columns floats each, at any address.
struct Rows {
    const float* const* row = nullptr;
    std::size_t rows = 0;
    std::size_t columns = 0;
};

}  // namespace vecdot::math
