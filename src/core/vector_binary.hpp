// A vector or halfvec as bytes between client and server: int16 dimensions, int16 0, then float4 or
// half elements, all big-endian.
#pragma once

#include <cstddef>
#include <span>

#include "core/half.hpp"
#include "core/span.hpp"

namespace vecdot::core {

constexpr std::size_t binary_header_size = 4;

// The length of a vector of dim elements.
template <typename Element = float>
constexpr std::size_t binary_size(std::size_t dim) {
    return binary_header_size + sizeof(Element) * dim;
}

// Both numbers are taken as unsigned: what is negative is too large.
struct BinaryHeader {
    int dim;
    int unused;  // must be 0
};

// bytes holds at least binary_header_size.
BinaryHeader read_binary_header(std::span<const unsigned char> bytes);

// bytes has binary_header_size of room.
void write_binary_header(BinaryHeader header, std::span<unsigned char> bytes);

// Reads values.size() elements from 4 (2) bytes each. Returns the index of the first that is NaN or
// infinite, or values.size().
std::size_t read_binary_elements(std::span<const unsigned char> bytes, MutableVectorView values);
std::size_t read_binary_elements(std::span<const unsigned char> bytes, MutableHalfView values);

// Writes values to 4 (2) bytes each.
void write_binary_elements(VectorView values, std::span<unsigned char> bytes);
void write_binary_elements(HalfView values, std::span<unsigned char> bytes);

}  // namespace vecdot::core
