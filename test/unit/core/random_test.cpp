#include "core/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace vecdot::core {
namespace {

// Rotations, and so the codes that indexes store, are made of these: they may never change. By
// another implementation of the two papers.
TEST(Random, Golden) {
    const auto first = [](std::uint64_t seed) {
        Random random(seed);
        std::vector<std::uint64_t> words;
        for (int i = 0; i < 4; ++i) {
            words.push_back(random.next());
        }
        return words;
    };
    using Words = std::vector<std::uint64_t>;
    EXPECT_EQ(first(0), (Words{0x99ec5f36cb75f2b4u, 0xbf6e1f784956452au, 0x1a5f849d4933e6e0u,
                               0x6aa594f1262d2d2cu}));
    EXPECT_EQ(first(42), (Words{0x15780b2e0c2ec716u, 0x6104d9866d113a7eu, 0xae17533239e499a1u,
                                0xecb8ad4703b360a1u}));
    EXPECT_EQ(first(std::numeric_limits<std::uint64_t>::max()),
              (Words{0x8f5520d52a7ead08u, 0xc476a018caa1802du, 0x81de31c0d260469eu,
                     0xbf658d7e065f3c2fu}));

    Random below(42);
    for (const std::uint64_t expected : {83u, 378u, 680u, 924u, 991u, 769u}) {
        EXPECT_EQ(below.below(1000), expected);
    }
    Random uniform(42);
    EXPECT_EQ(uniform.uniform(), 0.08386297105988216);
    EXPECT_EQ(uniform.uniform(), 0.3789802506626686);
    EXPECT_EQ(uniform.uniform(), 0.6800434110281394);
}

TEST(Random, IsUniformWithinBounds) {
    Random random(1);
    constexpr int draws = 60000;
    int counts[6] = {};
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < draws; ++i) {
        const std::uint64_t n = random.below(6);
        ASSERT_LT(n, 6u);
        counts[n] += 1;
        const double u = random.uniform();
        ASSERT_GE(u, 0);
        ASSERT_LT(u, 1);
        const double z = random.normal();
        sum += z;
        squares += z * z;
    }
    for (const int count : counts) {
        EXPECT_NEAR(count, draws / 6, 5 * std::sqrt(draws / 6.0));
    }
    EXPECT_NEAR(sum / draws, 0, 5 / std::sqrt(draws));
    EXPECT_NEAR(squares / draws, 1, 5 * std::sqrt(2.0 / draws));
    EXPECT_EQ(random.below(1), 0u);
}

}  // namespace
}  // namespace vecdot::core
