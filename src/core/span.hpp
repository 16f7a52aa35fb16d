// Views over numbers that somebody else owns. A vector is a span of float4; nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vecdot::core {

using VectorView = std::span<const float>;
using MutableVectorView = std::span<float>;

// n rows of d columns, row-major, without gaps.
template <typename T>
struct MatrixView {
    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t columns = 0;

    std::span<T> row(std::size_t i) const { return {data + i * columns, columns}; }
    std::span<T> flat() const { return {data, rows * columns}; }
};

}  // namespace vecdot::core
