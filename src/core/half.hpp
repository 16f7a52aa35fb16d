// IEEE half precision (binary16): 1 bit of sign, 5 of exponent, 10 of fraction; 65504 is the
// largest.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

namespace vecdot::core {

struct Half {
    std::uint16_t bits;
};

using HalfView = std::span<const Half>;
using MutableHalfView = std::span<Half>;

// The value, exactly.
constexpr float to_float(Half half) {
    const std::uint32_t sign = (half.bits & 0x8000u) << 16;
    const std::uint32_t magnitude = (half.bits & 0x7fffu) << 13;
    // The bias of float4's exponent is 112 more; the product makes subnormal halves normal, too.
    std::uint32_t bits =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f) | sign;
    if (magnitude >= 0x7c00u << 13) {
        bits |= 0x7f800000;  // infinity, NaN
    }
    return std::bit_cast<float>(bits);
}

// The nearest half, the even one of two; infinity from 65520 on.
constexpr Half to_half(float value) {
    constexpr std::uint32_t infinity = 0x7f800000;
    constexpr std::uint32_t overflow = 0x477ff000;         // 65520
    constexpr std::uint32_t smallest_normal = 0x38800000;  // 2^-14
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = bits & 0x7fffffff;
    std::uint32_t half = 0;
    if (magnitude > infinity) {
        half = 0x7e00 | (magnitude >> 13 & 0x3ff);
    } else if (magnitude >= overflow) {
        half = 0x7c00;
    } else if (magnitude < smallest_normal) {
        // The last bit of a float4 from 0.5 on is that of a subnormal half: the sum is rounded
        // there.
        half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
    } else {
        const std::uint32_t odd = magnitude >> 13 & 1;
        half = (magnitude - (112u << 23) + 0xfff + odd) >> 13;
    }
    return {static_cast<std::uint16_t>(half | (bits >> 16 & 0x8000))};
}

// An element of any vector as float4, and back: so templates over float and Half read alike.
constexpr float to_float(float value) {
    return value;
}

template <typename Element>
Element from_float(float value);

template <>
inline float from_float<float>(float value) {
    return value;
}

template <>
inline Half from_float<Half>(float value) {
    return to_half(value);
}

inline bool is_finite(float value) {
    return std::isfinite(value);
}

constexpr bool is_finite(Half value) {
    return (value.bits & 0x7c00) != 0x7c00;
}

}  // namespace vecdot::core
