// A sparse vector as bytes between client and server: int32 dimensions, int32 elements, int32 0,
// the indices from 0 as int32, then the values as float4, all big-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vecdot::core {

constexpr std::size_t sparse_header_size = 12;

// The length of a sparse vector of count elements.
constexpr std::size_t sparse_binary_size(std::size_t count) {
    return sparse_header_size + 8 * count;
}

struct SparseHeader {
    std::int32_t dim;
    std::int32_t count;
    std::int32_t unused;  // must be 0
};

// bytes has sparse_header_size.
SparseHeader read_sparse_header(std::span<const unsigned char> bytes);

enum class SparseProblem { none, index_out_of_bounds, not_ascending, duplicate, not_finite, zero };

struct ReadSparse {
    SparseProblem problem;
    std::size_t at;  // the element that is wrong
};

// Reads as many indices as values, from 8 bytes each; indices must be ascending and below dim,
// values finite and not 0. All values are checked after all indices.
ReadSparse read_sparse_elements(std::span<const unsigned char> bytes, std::int32_t dim,
                                std::span<std::int32_t> indices, std::span<float> values);

// Writes header.count elements, at any address, to sparse_binary_size(header.count) bytes.
void write_sparse(SparseHeader header, const std::int32_t* indices, const float* values,
                  std::span<unsigned char> bytes);

}  // namespace vecdot::core
