// The promise of kernels.hpp: whatever the terms, a sum is wrong by less than one float4 ulp of the
// sum of the terms' magnitudes, and nothing overflows. Against long double, on sums made to be
// hard.
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {
namespace {

static_assert(LDBL_MANT_DIG >= 64, "the reference needs more digits than float8");

constexpr std::size_t lengths[] = {1, 2, 3, 15, 16, 17, 31, 100, 784, 1536, 4096, 16000};

struct Sum {
    long double value = 0;
    long double magnitude = 0;  // Σ |terms|

    void add(long double term) {
        value += term;
        magnitude += std::fabs(term);
    }
};

// The distance between neighbouring float4 at x, if float4 had exponents without end.
long double float4_ulp(long double x) {
    return std::ldexp(1.0L, std::ilogb(x) - (FLT_MANT_DIG - 1));
}

// operations: roundings of each term beyond those of the additions.
void expect_kept(double result, const Sum& sum, std::size_t n, int operations, const char* what) {
    ASSERT_TRUE(std::isfinite(result)) << what << ", n " << n;
    const long double error = std::fabs(static_cast<long double>(result) - sum.value);
    if (sum.magnitude == 0) {
        EXPECT_EQ(result, 0) << what << ", n " << n;
        return;
    }
    EXPECT_LT(error, float4_ulp(sum.magnitude)) << what << ", n " << n;
    // The header's sharper bound: a lane's additions, four folds, and the reference's own error.
    const long double roundings = static_cast<long double>(n) / float_lanes + 5 + operations;
    EXPECT_LE(error, roundings * 0x1p-53L * sum.magnitude) << what << ", n " << n;
}

using Fill = std::function<void(std::vector<float>&, std::vector<float>&, core::Random&)>;

struct Family {
    const char* name;
    Fill fill;
};

float sign(core::Random& random) {
    return random.normal() < 0 ? -1.0F : 1.0F;
}

// 2^exponent times something in [1, 2), either sign.
float power(core::Random& random, int lowest, int highest) {
    const double share = std::fmod(std::fabs(random.normal()) * 1000, 1);
    const int exponent = lowest + static_cast<int>(share * (highest - lowest + 1));
    const double mantissa = 1 + std::fmod(std::fabs(random.normal()) * 1000, 1);
    return sign(random) * static_cast<float>(std::ldexp(mantissa, exponent));
}

const std::vector<Family>& families() {
    static const std::vector<Family> all = {
        {"normal",
         [](auto& a, auto& b, auto& random) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = static_cast<float>(random.normal());
                 b[i] = static_cast<float>(random.normal());
             }
         }},
        {"cancelling pairs, a small rest",
         [](auto& a, auto& b, auto& random) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 const bool second = i % 2 == 1;
                 a[i] = second ? a[i - 1] : power(random, 30, 60);
                 b[i] = second ? -b[i - 1] : power(random, 30, 60);
             }
             a.back() = 1;
             b.back() = 1;
         }},
        {"cancelling halves",
         [](auto& a, auto& b, auto& random) {
             const std::size_t half = a.size() / 2;
             for (std::size_t i = 0; i < a.size(); ++i) {
                 const bool second = i >= half && i - half < half;
                 a[i] = second ? -a[i - half] : power(random, -20, 20);
                 b[i] = second ? b[i - half] : power(random, -20, 20);
             }
         }},
        {"1e38",
         [](auto& a, auto& b, auto& random) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = sign(random) * 1e38F;
                 b[i] = sign(random) * FLT_MAX;
             }
         }},
        {"largest, all of one sign",
         [](auto& a, auto& b, auto&) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = FLT_MAX;
                 b[i] = -FLT_MAX;
             }
         }},
        {"denormals",
         [](auto& a, auto& b, auto& random) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = power(random, -149, -127);
                 b[i] = power(random, -149, -127);
             }
         }},
        {"all magnitudes",
         [](auto& a, auto& b, auto& random) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = power(random, -149, 126);
                 b[i] = power(random, -149, 126);
             }
         }},
        {"one large term, then small ones",
         [](auto& a, auto& b, auto&) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = i == 0 ? 0x1p27F : 1;
                 b[i] = i == 0 ? 0x1.000002p26F : 0x1.fffffep-1F;
             }
         }},
        {"the same inexact term again and again",
         [](auto& a, auto& b, auto&) {
             for (std::size_t i = 0; i < a.size(); ++i) {
                 a[i] = 0x1.fffffep0F;
                 b[i] = 0x1.000002p-1F;
             }
         }},
    };
    return all;
}

class AccuracyTest : public testing::TestWithParam<InstructionSet> {};

TEST_P(AccuracyTest, IsWithinOneFloat4UlpOfTheMagnitudes) {
    if (!is_supported(GetParam())) {
        GTEST_SKIP() << "this processor or build lacks it";
    }
    const FloatKernels& kernels = table(GetParam())->floats;
    core::Random random(20);
    for (const Family& family : families()) {
        for (const std::size_t n : lengths) {
            std::vector<float> a(n);
            std::vector<float> b(n);
            family.fill(a, b, random);
            Sum ab, aa, bb, l1, l2;
            for (std::size_t i = 0; i < n; ++i) {
                const long double x = a[i];
                const long double y = b[i];
                ab.add(x * y);
                aa.add(x * x);
                bb.add(y * y);
                l1.add(std::fabs(x - y));
                l2.add((x - y) * (x - y));
            }
            SCOPED_TRACE(family.name);
            expect_kept(kernels.dot(a.data(), b.data(), n), ab, n, 0, "dot");
            expect_kept(kernels.norm_squared(a.data(), n), aa, n, 0, "norm");
            expect_kept(kernels.l1(a.data(), b.data(), n), l1, n, 1, "l1");
            expect_kept(kernels.l2_squared(a.data(), b.data(), n), l2, n, 3, "l2");
            const CosineSums sums = kernels.cosine_sums(a.data(), b.data(), n);
            expect_kept(sums.ab, ab, n, 0, "cosine ab");
            expect_kept(sums.aa, aa, n, 0, "cosine aa");
            expect_kept(sums.bb, bb, n, 0, "cosine bb");
        }
    }
}

// Sums whose value is known exactly.
TEST_P(AccuracyTest, ExactWhereFloat8HoldsTheTerms) {
    if (!is_supported(GetParam())) {
        GTEST_SKIP() << "this processor or build lacks it";
    }
    const FloatKernels& kernels = table(GetParam())->floats;
    const float large[] = {1e8F, 1, -1e8F};
    const float other[] = {1e8F, 1, 1e8F};
    EXPECT_EQ(kernels.dot(large, other, 3), 1);
    const float denormal = 0x1p-149F;
    EXPECT_EQ(kernels.norm_squared(&denormal, 1), 0x1p-298);
    const float highest = FLT_MAX;
    const float lowest = -FLT_MAX;
    EXPECT_EQ(kernels.l1(&highest, &lowest, 1), 2.0 * FLT_MAX);
    EXPECT_EQ(kernels.l2_squared(&highest, &lowest, 1), 4.0 * FLT_MAX * FLT_MAX);
    const std::vector<float> ones(16000, 1);
    std::vector<float> alternating(16000, 1);
    for (std::size_t i = 1; i < alternating.size(); i += 2) {
        alternating[i] = -1;
    }
    EXPECT_EQ(kernels.dot(ones.data(), alternating.data(), ones.size()), 0);
    EXPECT_EQ(kernels.l1(ones.data(), alternating.data(), ones.size()), 16000);
    EXPECT_EQ(kernels.l2_squared(ones.data(), alternating.data(), ones.size()), 32000);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, AccuracyTest,
                         testing::Values(InstructionSet::baseline, InstructionSet::avx2,
                                         InstructionSet::avx512),
                         [](const auto& info) {
                             return info.param == InstructionSet::baseline ? "baseline"
                                    : info.param == InstructionSet::avx2   ? "avx2"
                                                                           : "avx512";
                         });

}  // namespace
}  // namespace vecdot::kernels
