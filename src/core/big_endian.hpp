// Numbers of 2 and 4 bytes as they go over the wire, at any address.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace vecdot::core {

namespace detail {

template <typename Number>
using Word = std::conditional_t<sizeof(Number) == 2, std::uint16_t, std::uint32_t>;

constexpr std::uint16_t swap(std::uint16_t word) {
    return std::endian::native == std::endian::little ? __builtin_bswap16(word) : word;
}

constexpr std::uint32_t swap(std::uint32_t word) {
    return std::endian::native == std::endian::little ? __builtin_bswap32(word) : word;
}

}  // namespace detail

template <typename Number>
Number load_big_endian(const unsigned char* bytes) {
    detail::Word<Number> word;
    std::memcpy(&word, bytes, sizeof word);
    return std::bit_cast<Number>(detail::swap(word));
}

template <typename Number>
void store_big_endian(Number number, unsigned char* bytes) {
    const auto word = detail::swap(std::bit_cast<detail::Word<Number>>(number));
    std::memcpy(bytes, &word, sizeof word);
}

}  // namespace vecdot::core
