// Matrix products and Lambert's law.
#include "algo/projection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vecdot::algo {
namespace {

TEST(ProjectionTest, MultipliesRows) {
    const std::vector<float> a{1, 2, 3}, b{-1, 0, 1e38f}, x{4, 5, 6};
    const float* const rows[] = {a.data(), b.data()};
    std::vector<double> out(2);
    multiply({rows, 2, 3}, x.data(), out);
    EXPECT_EQ(out[0], 32);
    EXPECT_EQ(out[1], -4 + 6 * static_cast<double>(1e38f));
}

TEST(ProjectionTest, LambertIsTheClampedCosine) {
    const std::vector<float> up{0, 0, 2}, slanted{0, 3, 3}, down{0, 0, -1}, zero{0, 0, 0};
    EXPECT_EQ(lambert(up.data(), up.data(), 3), 1);
    EXPECT_NEAR(lambert(up.data(), slanted.data(), 3), std::sqrt(0.5), 1e-15);
    EXPECT_EQ(lambert(up.data(), down.data(), 3), 0);
    EXPECT_EQ(lambert(zero.data(), up.data(), 3), 0);
    EXPECT_EQ(lambert(up.data(), zero.data(), 3), 0);
    const std::vector<float> huge{3e38f, 3e38f, 3e38f};
    EXPECT_NEAR(lambert(huge.data(), huge.data(), 3), 1, 1e-15);
}

}  // namespace
}  // namespace vecdot::algo
