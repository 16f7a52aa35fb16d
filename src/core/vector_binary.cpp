#include "core/vector_binary.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace vecdot::core {

namespace {

// Network order from and to the machine's.
std::uint32_t swap(std::uint32_t v) {
    return std::endian::native == std::endian::little ? __builtin_bswap32(v) : v;
}

}  // namespace

BinaryHeader read_binary_header(std::span<const unsigned char> bytes) {
    return {bytes[0] << 8 | bytes[1], bytes[2] << 8 | bytes[3]};
}

void write_binary_header(BinaryHeader header, std::span<unsigned char> bytes) {
    bytes[0] = static_cast<unsigned char>(header.dim >> 8);
    bytes[1] = static_cast<unsigned char>(header.dim);
    bytes[2] = static_cast<unsigned char>(header.unused >> 8);
    bytes[3] = static_cast<unsigned char>(header.unused);
}

std::size_t read_binary_elements(std::span<const unsigned char> bytes, MutableVectorView values) {
    constexpr std::uint32_t infinity = 0x7f800000;
    bool finite = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, bytes.data() + 4 * i, 4);
        bits = swap(bits);
        finite &= (bits & infinity) != infinity;
        values[i] = std::bit_cast<float>(bits);
    }
    std::size_t first = finite ? values.size() : 0;
    while (first < values.size() &&
           (std::bit_cast<std::uint32_t>(values[first]) & infinity) != infinity) {
        ++first;
    }
    return first;
}

void write_binary_elements(VectorView values, std::span<unsigned char> bytes) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint32_t bits = swap(std::bit_cast<std::uint32_t>(values[i]));
        std::memcpy(bytes.data() + 4 * i, &bits, 4);
    }
}

}  // namespace vecdot::core
