#include "core/vector_binary.hpp"

#include <algorithm>

#include "core/big_endian.hpp"

namespace vecdot::core {

namespace {

template <typename Element>
std::size_t read(std::span<const unsigned char> bytes, std::span<Element> values) {
    bool finite = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = load_big_endian<Element>(bytes.data() + sizeof(Element) * i);
        finite &= is_finite(values[i]);
    }
    if (finite) {
        return values.size();
    }
    const auto first = std::find_if_not(values.begin(), values.end(),
                                        [](Element value) { return is_finite(value); });
    return static_cast<std::size_t>(first - values.begin());
}

template <typename Element>
void write(std::span<const Element> values, std::span<unsigned char> bytes) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        store_big_endian(values[i], bytes.data() + sizeof(Element) * i);
    }
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
    return read(bytes, values);
}

std::size_t read_binary_elements(std::span<const unsigned char> bytes, MutableHalfView values) {
    return read(bytes, values);
}

void write_binary_elements(VectorView values, std::span<unsigned char> bytes) {
    write(values, bytes);
}

void write_binary_elements(HalfView values, std::span<unsigned char> bytes) {
    write(values, bytes);
}

}  // namespace vecdot::core
