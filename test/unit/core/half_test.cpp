#include "core/half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace vecdot::core {
namespace {

std::uint32_t bits(float value) {
    return std::bit_cast<std::uint32_t>(value);
}

Half half(unsigned bits) {
    return {static_cast<std::uint16_t>(bits)};
}

// By the definition of the format.
long double value_of(unsigned bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const long double fraction = bits & 0x3ff;
    const long double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(HalfTest, EveryHalfIsExactAsFloatAndComesBack) {
    for (unsigned i = 0; i <= 0xffff; ++i) {
        const float value = to_float(half(i));
        if ((i & 0x7c00) != 0x7c00) {
            EXPECT_EQ(value, static_cast<float>(value_of(i))) << i;
            EXPECT_EQ(std::signbit(value), (i & 0x8000) != 0) << i;
            EXPECT_TRUE(is_finite(half(i)));
        } else {
            EXPECT_EQ(std::isinf(value), (i & 0x3ff) == 0) << i;
            EXPECT_EQ(std::isnan(value), (i & 0x3ff) != 0) << i;
            EXPECT_FALSE(is_finite(half(i)));
        }
        const Half back = to_half(value);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(to_float(back))) << i;
        } else {
            EXPECT_EQ(back.bits, i);
        }
    }
}

// Between each two neighbours: the middle goes to the even one, what is beside it to the nearer.
TEST(HalfTest, RoundsToTheNearestAndToEven) {
    for (unsigned i = 0; i < 0x7c00; ++i) {
        const long double upper = i == 0x7bff ? 65536.0L : value_of(i + 1);
        const auto middle = static_cast<float>((value_of(i) + upper) / 2);
        ASSERT_EQ(static_cast<long double>(middle), (value_of(i) + upper) / 2);
        const float infinity = std::numeric_limits<float>::infinity();
        for (const float sign : {1.0f, -1.0f}) {
            const unsigned sign_bit = sign < 0 ? 0x8000 : 0;
            EXPECT_EQ(to_half(sign * middle).bits, (i + (i & 1)) | sign_bit) << i;
            EXPECT_EQ(to_half(sign * std::nextafter(middle, 0.0f)).bits, i | sign_bit) << i;
            EXPECT_EQ(to_half(sign * std::nextafter(middle, infinity)).bits, (i + 1) | sign_bit)
                << i;
        }
    }
}

TEST(HalfTest, ExtremesAndZeros) {
    EXPECT_EQ(to_half(0.0f).bits, 0);
    EXPECT_EQ(to_half(-0.0f).bits, 0x8000);
    EXPECT_EQ(to_half(std::numeric_limits<float>::denorm_min()).bits, 0);
    EXPECT_EQ(to_half(-std::numeric_limits<float>::min()).bits, 0x8000);
    EXPECT_EQ(to_half(0x1p-25f).bits, 0);
    EXPECT_EQ(to_half(std::nextafter(0x1p-25f, 1.0f)).bits, 1);
    EXPECT_EQ(to_half(65519.996f).bits, 0x7bff);
    EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
    EXPECT_EQ(to_half(-std::numeric_limits<float>::max()).bits, 0xfc00);
    EXPECT_EQ(bits(to_float(half(1))), bits(0x1p-24f));
    EXPECT_EQ(bits(to_float(half(0x8000))), bits(-0.0f));
}

}  // namespace
}  // namespace vecdot::core
