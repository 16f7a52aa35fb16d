#include "core/vector_binary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace vecdot::core {
namespace {

TEST(VectorBinaryTest, HeaderIsBigEndianAndUnsigned) {
    unsigned char bytes[binary_header_size];
    write_binary_header({16000, 0}, bytes);
    EXPECT_EQ(bytes[0], 0x3e);
    EXPECT_EQ(bytes[1], 0x80);
    EXPECT_EQ(read_binary_header(bytes).dim, 16000);
    EXPECT_EQ(read_binary_header(bytes).unused, 0);
    const unsigned char negative[] = {0xff, 0xff, 0xff, 0xfe};
    EXPECT_EQ(read_binary_header(negative).dim, 65535);
    EXPECT_EQ(read_binary_header(negative).unused, 65534);
}

TEST(VectorBinaryTest, ElementsAreBigEndian) {
    unsigned char bytes[8];
    write_binary_elements(std::vector<float>{1.0f, -2.0f}, bytes);
    const unsigned char expected[] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
    EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
}

TEST(VectorBinaryTest, HalvesAreBigEndianAndFinite) {
    unsigned char bytes[8];
    const std::vector<Half> halves{{0x3c00}, {0xc100}, {0x7bff}, {0x8001}};
    write_binary_elements(halves, bytes);
    const unsigned char expected[] = {0x3c, 0, 0xc1, 0, 0x7b, 0xff, 0x80, 0x01};
    EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
    std::vector<Half> back(4);
    EXPECT_EQ(read_binary_elements(bytes, back), 4u);
    EXPECT_EQ(std::memcmp(back.data(), halves.data(), sizeof bytes), 0);
    const unsigned char infinite[] = {0x3c, 0, 0x7c, 0, 0xfc, 0, 0x7e, 0};
    EXPECT_EQ(read_binary_elements(infinite, back), 1u);
    EXPECT_EQ(binary_size<Half>(3), 10u);
}

// Of every length and at odd addresses, the first value that is no number is found.
TEST(VectorBinaryTest, FindsWhatIsNotFinite) {
    for (std::size_t n = 1; n < 70; ++n) {
        std::vector<unsigned char> bytes(4 * n + 1);
        std::vector<float> values(n, 1.5f);
        std::vector<float> back(n);
        write_binary_elements(values, {bytes.data() + 1, 4 * n});
        EXPECT_EQ(read_binary_elements({bytes.data() + 1, 4 * n}, back), n);
        EXPECT_EQ(back, values);
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
              -std::numeric_limits<float>::infinity()}) {
            for (std::size_t i = 0; i < n; i += 3) {
                values.assign(n, std::numeric_limits<float>::max());
                values[i] = bad;
                values[n - 1] = i == n - 1 ? bad : std::numeric_limits<float>::infinity();
                write_binary_elements(values, {bytes.data() + 1, 4 * n});
                EXPECT_EQ(read_binary_elements({bytes.data() + 1, 4 * n}, back), i);
            }
        }
    }
}

}  // namespace
}  // namespace vecdot::core
