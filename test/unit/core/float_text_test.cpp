// Formatting and parsing of elements against the standard library, over random bit patterns.
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/random.hpp"
#include "core/vector_text.hpp"

namespace vecdot::core {
namespace {

std::string formatted(float value) {
    // What is behind the room must stay.
    char text[float_text_room + 1];
    text[float_text_room] = '#';
    const std::size_t length = format_float(value, text);
    EXPECT_LE(length, max_float_text);
    EXPECT_EQ(text[float_text_room], '#');
    return {text, length};
}

// Digits without sign, point, exponent and the zeros at both ends.
std::size_t significant_digits(const std::string& text) {
    std::string digits;
    for (const char c : text.substr(0, text.find('e'))) {
        if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) {
            digits += c;
        }
    }
    digits.erase(digits.find_last_not_of('0') + 1);
    return digits.size();
}

void expect_shortest(float value) {
    const std::string text = formatted(value);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)),
              std::bit_cast<std::uint32_t>(value))
        << text;
    char standard[32];
    const auto end =
        std::to_chars(standard, standard + sizeof standard, value, std::chars_format::scientific);
    const std::size_t shortest = significant_digits({standard, end.ptr});
    // PostgreSQL's rule, and ours, leaves out the ends of the rounding interval. Above 2^24 these
    // may be round numbers.
    EXPECT_GE(significant_digits(text), shortest) << text;
    EXPECT_LE(significant_digits(text), std::fabs(value) < 0x1p24f ? shortest : 9) << text;

    float parsed = 0;
    const ParsedText result = parse_vector("[" + text + "]", {&parsed, 1});
    EXPECT_EQ(result.problem, TextProblem::none) << text;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(parsed), std::bit_cast<std::uint32_t>(value)) << text;
}

TEST(FloatText, IsTheShortestThatReadsBack) {
    Random random(1);
    for (int i = 0; i < 500000; ++i) {
        const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next() >> 32));
        if (std::isfinite(value)) {
            expect_shortest(value);
        }
    }
    for (int i = 0; i < 200000; ++i) {
        expect_shortest(static_cast<float>(random.normal() / 30));
        expect_shortest(static_cast<float>(random.below(2000000)) / 1000);
    }
    for (int exponent = 0; exponent < 255; ++exponent) {
        for (const std::uint32_t fraction : {0u, 1u, 0x7fffffu, 0x400000u}) {
            const std::uint32_t bits = (static_cast<std::uint32_t>(exponent) << 23) | fraction;
            expect_shortest(std::bit_cast<float>(bits));
            expect_shortest(std::bit_cast<float>(bits | 0x80000000u));
        }
    }
}

TEST(FloatText, LooksAsFloat4outDoes) {
    const std::pair<float, const char*> cases[] = {{0.0f, "0"},
                                                   {-0.0f, "-0"},
                                                   {1.0f, "1"},
                                                   {-10.0f, "-10"},
                                                   {100000.0f, "100000"},
                                                   {999999.0f, "999999"},
                                                   {1e6f, "1e+06"},
                                                   {1234567.0f, "1.234567e+06"},
                                                   {16777216.0f, "1.6777216e+07"},
                                                   {0.5f, "0.5"},
                                                   {0.0001f, "0.0001"},
                                                   {0.00001f, "1e-05"},
                                                   {123.456f, "123.456"},
                                                   {3.4028235e38f, "3.4028235e+38"},
                                                   {1e-45f, "1e-45"},
                                                   {99999.9f, "99999.9"},
                                                   {0.1f, "0.1"},
                                                   {120000.0f, "120000"},
                                                   {1.17549435e-38f, "1.1754944e-38"},
                                                   {0.00123f, "0.00123"}};
    for (const auto& [value, text] : cases) {
        EXPECT_EQ(formatted(value), text);
    }
}

// All ways to spell an element that the quick path of the parser reads, and its neighbours that it
// leaves to the careful one; with and without bytes behind the vector.
TEST(FloatText, ParserAgreesWithStrtof) {
    Random random(2);
    for (int i = 0; i < 300000; ++i) {
        std::string text;
        if (random.below(2) != 0) {
            text += '-';
        }
        const auto digits = [&](std::uint64_t count) {
            for (std::uint64_t k = 0; k < count; ++k) {
                text += static_cast<char>('0' + random.below(10));
            }
        };
        const std::uint64_t whole = random.below(12);
        digits(whole);
        if (whole == 0 || random.below(4) != 0) {
            text += '.';
            digits(random.below(22) + (whole == 0));
        }
        if (random.below(8) == 0) {
            text += "e" + std::to_string(static_cast<int>(random.below(40)) - 25);
        }
        const float expected = std::strtof(text.c_str(), nullptr);
        for (const std::string& vector : {"[" + text + "]", "[" + text + " , 1]",
                                          "[" + text + ",7,7,7,7,7,7,7,7,7,7,7,7,7,7]"}) {
            float values[16];
            const ParsedText result = parse_vector(vector, values);
            ASSERT_EQ(result.problem, TextProblem::none) << vector;
            ASSERT_EQ(std::bit_cast<std::uint32_t>(values[0]),
                      std::bit_cast<std::uint32_t>(expected))
                << vector;
        }
    }
}

}  // namespace
}  // namespace vecdot::core
