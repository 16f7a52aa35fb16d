// Text of vectors: what is read, what is refused, and that every float4 comes back bit for bit.
#include "core/vector_text.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/random.hpp"

namespace vecdot::core {
namespace {

std::uint32_t bits_of(float value) {
    return std::bit_cast<std::uint32_t>(value);
}

std::string format(float value) {
    char text[float_text_room];
    return {text, format_float(value, text)};
}

// Digits of the significand in text.
std::size_t digit_count(const std::string& text) {
    std::string digits;
    for (const char c : text.substr(0, text.find('e'))) {
        if (c >= '0' && c <= '9') {
            digits += c;
        }
    }
    const std::size_t first = digits.find_first_not_of('0');
    const std::size_t last = digits.find_last_not_of('0');
    return first == std::string::npos ? 0 : last - first + 1;
}

// Finite values of every exponent, powers of two and their neighbours, and random bits.
std::vector<float> many_values(std::size_t random_values) {
    std::vector<float> values;
    for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
        for (const std::uint32_t fraction :
             {0u, 1u, 2u, 0x3fffffu, 0x400000u, 0x7ffffeu, 0x7fffffu}) {
            values.push_back(std::bit_cast<float>(exponent << 23 | fraction));
        }
    }
    for (int i = 1; i < 2000; ++i) {
        values.push_back(static_cast<float>(i) / 100);
        values.push_back(static_cast<float>(i) * 1000);
    }
    Random random(42);
    while (values.size() < random_values) {
        const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
        if (std::isfinite(value)) {
            values.push_back(value);
        }
    }
    return values;
}

TEST(FormatFloatTest, LooksLikeFloat4Out) {
    const struct {
        float value;
        const char* text;
    } cases[] = {
        {0.0f, "0"},
        {-0.0f, "-0"},
        {1.0f, "1"},
        {-1.5f, "-1.5"},
        {0.1f, "0.1"},
        {100000.0f, "100000"},
        {123456.0f, "123456"},
        {999999.0f, "999999"},
        {1e6f, "1e+06"},
        {1234567.0f, "1.234567e+06"},
        {0.0001f, "0.0001"},
        {0.00012345f, "0.00012345"},
        {0.00001f, "1e-05"},
        {12345.678f, "12345.678"},
        {16777216.0f, "1.6777216e+07"},
        {0.33333334f, "0.33333334"},
        {3.4028235e38f, "3.4028235e+38"},
        {1.1754944e-38f, "1.1754944e-38"},
        {std::numeric_limits<float>::denorm_min(), "1e-45"},
        // 9e9 lies on the end of this value's rounding interval: PostgreSQL does not write it so.
        {9e9f, "8.999999e+09"},
        {8589934592.0f, "8.589935e+09"},
        {33554432.0f, "3.3554432e+07"},
        {9.5367432e-07f, "9.536743e-07"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(format(c.value), c.text);
    }
}

TEST(FormatFloatTest, IsShortestAndReadsBackTheSame) {
    for (const float value : many_values(300000)) {
        const std::string text = format(value);
        ASSERT_LE(text.size(), max_float_text);
        ASSERT_EQ(bits_of(std::strtof(text.c_str(), nullptr)), bits_of(value)) << text;
        float back = 0;
        ASSERT_EQ(parse_element(text, back), TextProblem::none) << text;
        ASSERT_EQ(bits_of(back), bits_of(value)) << text;
        // std::to_chars may use the ends of the interval and so be shorter; never longer.
        char shortest[64];
        const auto end = std::to_chars(shortest, shortest + sizeof shortest, value,
                                       std::chars_format::scientific);
        ASSERT_GE(digit_count(text), digit_count({shortest, end.ptr})) << text;
        ASSERT_LE(digit_count(text), 9u) << text;
    }
}

TEST(FormatVectorTest, NeedsNoMoreRoomThanPromised) {
    const std::vector<float> values(100, -1.17549435e-38f);
    std::vector<char> text(max_vector_text(values.size()));
    const std::size_t length = format_vector(values, text.data());
    EXPECT_LE(length, text.size());
    EXPECT_EQ(text[0], '[');
    EXPECT_EQ(text[length - 1], ']');
}

// Reads text as one element; strtof is the reference.
void expect_as_strtof(const std::string& text) {
    char* end = nullptr;
    const float expected = std::strtof(text.c_str(), &end);
    float value = 0;
    const TextProblem problem = parse_element(text, value);
    if (end == text.c_str()) {
        EXPECT_EQ(problem, TextProblem::syntax) << text;
    } else if (std::isnan(expected)) {
        EXPECT_EQ(problem, TextProblem::not_a_number) << text;
    } else if (std::isinf(expected)) {
        EXPECT_EQ(problem, text.find_first_of("nN") != std::string::npos
                               ? TextProblem::infinite
                               : TextProblem::out_of_range)
            << text;
    } else if (*end != '\0') {
        EXPECT_EQ(problem, TextProblem::junk) << text;
    } else {
        EXPECT_EQ(problem, TextProblem::none) << text;
        EXPECT_EQ(bits_of(value), bits_of(expected)) << text;
    }
}

TEST(ParseElementTest, ReadsWhatStrtofReads) {
    for (const char* text : {"0",
                             "-0",
                             "+1",
                             ".5",
                             "5.",
                             "-.5e1",
                             "1e",
                             "1e+",
                             "1e5",
                             "1E-5",
                             "1.5e+3",
                             "00012",
                             "1e-50",
                             "-1e-50",
                             "1e39",
                             "-1e39",
                             "1e999999999999",
                             "1e-999999999999",
                             "0e999999999999",
                             "--1",
                             "+-1",
                             "-",
                             "+",
                             "",
                             ".",
                             "e5",
                             ".e5",
                             "abc",
                             "1x",
                             "0x",
                             "0xg",
                             "0x1",
                             "0x.8",
                             "0x1.8p1",
                             "0x1p",
                             "0x1p-149",
                             "0x1p-150",
                             "0x1p-151",
                             "0x1p-200",
                             "0x1p127",
                             "0x1.ffffffp127",
                             "0x1.fffffeffp127",
                             "0x1p128",
                             "0x1p99999",
                             "0x-1",
                             "0x+1",
                             "0xinf",
                             "0xnan",
                             "0x1.0000010p0",
                             "0x1.0000011p0",
                             "0x1.0000030p0",
                             "0x123456789abcdef0",
                             "0x1p+-1",
                             "0x1p--1",
                             "0x.p1",
                             "0x..1",
                             "0x1.2.3",
                             "0x1000001000000000000",
                             "0x1000001000000000001",
                             "0x1000003000000000000.0",
                             "0x0.00000000000000000000001p90",
                             "0xffffff8p100",
                             "0xffffff7fp96",
                             "-0x1p-1074",
                             "0X1P3",
                             "nan",
                             "NaN",
                             "-nan",
                             "inf",
                             "INF",
                             "-Infinity",
                             "infinit",
                             "infinityx",
                             "in",
                             "na",
                             "1.0000000596046447753906",
                             "1.00000005960464477539062500000000000000001",
                             "1.0000000596046447753906249999999999999999",
                             "3.4028235677973366e38",
                             "3.4028235677973367e38",
                             "340282356779733661637539395458142568447",
                             "340282356779733661637539395458142568448",
                             "7.0064923216240853e-46",
                             "7.0064923216240854e-46",
                             "7.006492321624085354618e-46",
                             "1.1754942807573643e-38",
                             "1.17549421e-38",
                             "123456789012345678901234567890",
                             "0.000000000000000000000000000000000000000000001",
                             "9007199254740993",
                             "16777217",
                             "16777219",
                             "33554433.5"}) {
        expect_as_strtof(text);
    }
    expect_as_strtof("0." + std::string(1000, '0') + "1e1001");
    expect_as_strtof(std::string(1000, '9') + "e-1000");
    expect_as_strtof("1" + std::string(200000, '0') + "e-200000");
}

TEST(ParseElementTest, RoundsRandomTextAsStrtof) {
    Random random(7);
    for (int i = 0; i < 200000; ++i) {
        // Up to 25 digits, a point somewhere, an exponent that often reaches the ends of float4.
        std::string text = random.next() % 2 == 0 ? "-" : "";
        const std::size_t digits = 1 + random.next() % 25;
        const std::size_t point = random.next() % (digits + 1);
        for (std::size_t d = 0; d < digits; ++d) {
            if (d == point) {
                text += '.';
            }
            text += static_cast<char>('0' + random.next() % 10);
        }
        if (random.next() % 3 != 0) {
            text += 'e' + std::to_string(static_cast<int>(random.next() % 100) - 60);
        }
        expect_as_strtof(text);
        if (HasFailure()) {
            return;
        }
    }
}

// Just below, at and just above the middle of two neighbours: where rounding goes wrong if ever.
TEST(ParseElementTest, RoundsTheMiddleBetweenNeighbours) {
    for (const float value : many_values(20000)) {
        const float next = std::nextafter(std::fabs(value), INFINITY);
        if (!std::isfinite(next)) {
            continue;
        }
        const double middle =
            (static_cast<double>(std::fabs(value)) + static_cast<double>(next)) / 2;
        char text[400];
        for (const char* tail : {"", "1"}) {
            const int length = std::snprintf(text, sizeof text, "%.160e", middle);
            std::string t(text, static_cast<std::size_t>(length));
            t.insert(t.find('e'), tail);
            expect_as_strtof(t);
        }
        std::snprintf(text, sizeof text, "%.17g", middle);
        expect_as_strtof(text);
        if (HasFailure()) {
            return;
        }
    }
}

TEST(ParseElementTest, RoundsSubnormalHexadecimal) {
    // Some versions of strtof read 0 here.
    float value = 0;
    ASSERT_EQ(parse_element("0x1.000001p-150", value), TextProblem::none);
    EXPECT_EQ(bits_of(value), 1u);
    ASSERT_EQ(parse_element("0x1p-150", value), TextProblem::none);
    EXPECT_EQ(bits_of(value), 0u);
}

TEST(ParseElementTest, HexadecimalAsStrtof) {
    Random random(11);
    for (int i = 0; i < 100000; ++i) {
        char text[64];
        std::snprintf(text, sizeof text, "0x%llx.%llxp%d",
                      static_cast<unsigned long long>(random.next() >> (random.next() % 64)),
                      static_cast<unsigned long long>(random.next() >> (random.next() % 64)),
                      static_cast<int>(random.next() % 400) - 230);
        expect_as_strtof(text);
        if (HasFailure()) {
            return;
        }
    }
}

TEST(ParseVectorTest, SaysWhatIsWrong) {
    const struct {
        const char* text;
        TextProblem problem;
        std::size_t dim;
    } cases[] = {
        {"[1,2,3]", TextProblem::none, 3},
        {" [ 1 , 2 ] ", TextProblem::none, 2},
        {"", TextProblem::no_opening_bracket, 0},
        {"1]", TextProblem::no_opening_bracket, 0},
        {"[]", TextProblem::empty, 0},
        {"[ ]", TextProblem::empty, 0},
        {"[", TextProblem::syntax, 0},
        {"[1", TextProblem::syntax, 1},
        {"[1,", TextProblem::syntax, 1},
        {"[1,]", TextProblem::syntax, 1},
        {"[1,,2]", TextProblem::syntax, 1},
        {"[1 2]", TextProblem::syntax, 1},
        {"[- 1]", TextProblem::syntax, 0},
        {"[1] 2", TextProblem::junk, 1},
        {"[1,2,3,4]", TextProblem::none, 4},
        {"[1,2,3,4,5]", TextProblem::too_many, 4},
        {"[1e39]", TextProblem::out_of_range, 0},
        {"[nan", TextProblem::not_a_number, 0},
        {"[-inf]", TextProblem::infinite, 0},
    };
    for (const auto& c : cases) {
        float values[4];
        const ParsedText parsed = parse_vector(c.text, values);
        EXPECT_EQ(parsed.problem, c.problem) << c.text;
        EXPECT_EQ(parsed.dim, c.dim) << c.text;
    }
    float value[1];
    EXPECT_EQ(parse_vector("[ -1e39 ]", value).where, "-1e39");
}

// A text that ends anywhere is refused and never read past its end (the copy has no byte behind
// it).
TEST(ParseVectorTest, StopsAtTheEnd) {
    const std::string whole = " [ -1.5e+10 , 0x1.8p3, nan ] ";
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const std::vector<char> part(whole.begin(),
                                     whole.begin() + static_cast<std::ptrdiff_t>(length));
        float values[8];
        EXPECT_NE(parse_vector({part.data(), part.size()}, values).problem, TextProblem::none);
    }
}

TEST(ParseVectorTest, ReadsWhatFormatVectorWrites) {
    const std::vector<float> values = many_values(16000);
    std::vector<char> text(max_vector_text(values.size()));
    const std::size_t length = format_vector(values, text.data());
    std::vector<float> back(values.size());
    const ParsedText parsed = parse_vector({text.data(), length}, back);
    ASSERT_EQ(parsed.problem, TextProblem::none);
    ASSERT_EQ(parsed.dim, values.size());
    EXPECT_EQ(std::memcmp(values.data(), back.data(), sizeof(float) * values.size()), 0);
}

TEST(ParseVectorTest, HalvesAreRoundedTwiceAsPgvectorDoes) {
    Half value[2];
    // The middle between 1 and the next half, and what float4 rounds to that middle.
    EXPECT_EQ(parse_vector("[1.00048828125,1.000488281251]", value).problem, TextProblem::none);
    EXPECT_EQ(value[0].bits, 0x3c00);
    EXPECT_EQ(value[1].bits, 0x3c00);
    EXPECT_EQ(parse_vector("[1.0004885,-0x1.8p3]", value).dim, 2u);
    EXPECT_EQ(value[0].bits, 0x3c01);
    EXPECT_EQ(value[1].bits, 0xca00);
    EXPECT_EQ(parse_vector("[65519.99,-1e-8]", value).problem, TextProblem::none);
    EXPECT_EQ(value[0].bits, 0x7bff);
    EXPECT_EQ(value[1].bits, 0x8000);
}

// Whichever way an element was read.
TEST(ParseVectorTest, HalvesOutOfRange) {
    Half value[3];
    for (const std::string element : {"65520", "-65520", "+65520.0", "6.6e4", "0x1p16", "1e39"}) {
        for (const std::string& text :
             {"[1," + element + ",2]", "[1," + element + ",2]                        ",
              "[1, " + element + " , x"}) {
            const ParsedText parsed = parse_vector(text, value);
            EXPECT_EQ(parsed.problem, TextProblem::out_of_range) << text;
            EXPECT_EQ(parsed.where, element) << text;
        }
    }
    EXPECT_EQ(parse_vector("[inf]", value).problem, TextProblem::infinite);
    EXPECT_EQ(parse_vector("[nan]", value).problem, TextProblem::not_a_number);
    EXPECT_EQ(parse_vector("[1,2,3,4]", value).problem, TextProblem::too_many);
}

TEST(ParseVectorTest, EveryHalfComesBack) {
    std::vector<Half> values;
    for (unsigned bits = 0; bits <= 0xffff; ++bits) {
        if ((bits & 0x7c00) != 0x7c00) {
            values.push_back({static_cast<std::uint16_t>(bits)});
        }
    }
    std::vector<char> text(max_vector_text(values.size()));
    const std::size_t length = format_vector(values, text.data());
    std::vector<Half> back(values.size());
    const ParsedText parsed = parse_vector({text.data(), length}, back);
    ASSERT_EQ(parsed.problem, TextProblem::none);
    ASSERT_EQ(parsed.dim, values.size());
    EXPECT_EQ(std::memcmp(values.data(), back.data(), sizeof(Half) * values.size()), 0);
}

}  // namespace
}  // namespace vecdot::core
