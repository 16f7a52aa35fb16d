// Matrix products and Lambert's law.
#include "math/projection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.hpp"

namespace vecdot::math {
namespace {

TEST(ProjectionTest, MultipliesRows) {
    const std::vector<float> a{1, 2, 3}, b{-1, 0, 1e38f}, x{4, 5, 6};
    const float* const rows[] = {a.data(), b.data()};
    std::vector<double> out(2);
    multiply({rows, 2, 3}, x.data(), out);
    EXPECT_EQ(out[0], 32);
    EXPECT_EQ(out[1], -4 + 6 * static_cast<double>(1e38f));
}

TEST(ProjectionTest, MatchesLongDouble) {
    core::Random random(3);
    for (const std::size_t d : {1u, 5u, 16u, 33u, 784u}) {
        std::vector<float> a(d), b(d);
        long double ab = 0, aa = 0, bb = 0, size = 0;
        for (std::size_t i = 0; i < d; ++i) {
            a[i] = static_cast<float>(random.normal());
            b[i] = static_cast<float>(random.normal() + 0.5 * static_cast<double>(a[i]));
            const long double x = a[i], y = b[i];
            ab += x * y;
            aa += x * x;
            bb += y * y;
            size += std::fabs(x * y);
        }
        const float* const rows[] = {a.data(), a.data(), b.data()};
        std::vector<double> out(3);
        multiply({rows, 3, d}, b.data(), out);
        const double rounding = 1e-15 * static_cast<double>(d);
        EXPECT_NEAR(out[0], static_cast<double>(ab), rounding * static_cast<double>(size));
        EXPECT_EQ(out[0], out[1]);
        EXPECT_NEAR(out[2], static_cast<double>(bb), rounding * static_cast<double>(bb));
        const long double cosine = std::max(0.0L, ab / std::sqrt(aa * bb));
        EXPECT_NEAR(lambert(a.data(), b.data(), d), static_cast<double>(cosine), rounding);
    }
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
}  // namespace vecdot::math
