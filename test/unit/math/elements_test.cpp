// softmax and the other functions of one vector against long double.
#include "math/elements.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/random.hpp"

namespace vecdot::math {
namespace {

constexpr float largest = std::numeric_limits<float>::max();

std::vector<float> random_values(std::size_t n, double spread) {
    core::Random random(n);
    std::vector<float> x(n);
    for (float& value : x) {
        value = static_cast<float>(spread * random.normal());
    }
    return x;
}

std::vector<long double> reference(const std::vector<float>& x, long double temperature) {
    long double top = x[0];
    for (const float value : x) {
        top = std::max(top, static_cast<long double>(value));
    }
    long double sum = 0;
    for (const float value : x) {
        sum += std::exp((value - top) / temperature);
    }
    std::vector<long double> out;
    for (const float value : x) {
        out.push_back((value - top) / temperature - std::log(sum));
    }
    return out;
}

TEST(ElementsTest, SoftmaxMatchesLongDouble) {
    for (const std::size_t n : {1u, 2u, 7u, 100u, 16000u}) {
        for (const double spread : {1e-3, 1.0, 30.0, 1e10}) {
            for (const double temperature : {0.01, 1.0, 50.0}) {
                const std::vector<float> x = random_values(n, spread);
                const std::vector<long double> expected = reference(x, temperature);
                std::vector<float> out(n);
                std::vector<float> logarithm(n);
                softmax(x.data(), temperature, out);
                log_softmax(x.data(), temperature, logarithm);
                for (std::size_t i = 0; i < n; ++i) {
                    const double p = static_cast<double>(std::exp(expected[i]));
                    EXPECT_NEAR(out[i], p, 1e-7 * p + 1e-37);
                    EXPECT_NEAR(logarithm[i], static_cast<double>(expected[i]),
                                1e-7 * std::fabs(static_cast<double>(expected[i])) + 1e-12);
                }
            }
        }
    }
}

TEST(ElementsTest, SoftmaxIsFiniteForAnyFiniteInput) {
    const std::vector<float> x{largest, -largest, 0, 1e-45f, largest};
    std::vector<float> out(x.size());
    for (const double temperature :
         {std::numeric_limits<double>::denorm_min(), 1e-300, 1.0, 1e308}) {
        softmax(x.data(), temperature, out);
        float sum = 0;
        for (const float value : out) {
            EXPECT_TRUE(std::isfinite(value));
            sum += value;
        }
        EXPECT_NEAR(sum, 1, 1e-6);
        log_softmax(x.data(), temperature, out);
        for (const float value : out) {
            EXPECT_TRUE(std::isfinite(value));
        }
    }
    log_softmax(x.data(), 1, out);
    EXPECT_EQ(out[1], -largest);
}

TEST(ElementsTest, SigmoidAndRelu) {
    const std::vector<float> x{-largest, -100, -1, 0, 1, 100, largest};
    std::vector<float> out(x.size());
    sigmoid(x.data(), out);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double expected = 1 / (1 + std::exp(-static_cast<long double>(x[i])));
        EXPECT_NEAR(out[i], static_cast<double>(expected),
                    1e-7 * static_cast<double>(expected) + 1e-45);
    }
    relu(x.data(), out);
    EXPECT_EQ(out, (std::vector<float>{0, 0, 0, 0, 1, 100, largest}));
}

TEST(ElementsTest, FirstOfSeveral) {
    const std::vector<float> x{1, 3, 3, -2, -2};
    EXPECT_EQ(arg_max(x.data(), x.size()), 1u);
    EXPECT_EQ(arg_min(x.data(), x.size()), 3u);
    EXPECT_EQ(arg_max(x.data(), 1), 0u);
}

TEST(ElementsTest, SumDoesNotOverflow) {
    const std::vector<float> x{largest, largest, -largest};
    EXPECT_EQ(element_sum(x.data(), 2), 2 * static_cast<double>(largest));
    EXPECT_EQ(element_sum(x.data(), 3), static_cast<double>(largest));
}

}  // namespace
}  // namespace vecdot::math
