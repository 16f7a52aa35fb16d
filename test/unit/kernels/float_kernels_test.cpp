// Every float kernel of every instruction set against a scalar reference: all lengths 1–130, odd
// addresses.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {

#if defined(__x86_64__)
extern const Kernels avx512_kernels;
#endif

namespace {

const char* name_of(InstructionSet set) {
    switch (set) {
        case InstructionSet::baseline:
            return "baseline";
        case InstructionSet::avx2:
            return "avx2";
        case InstructionSet::avx512:
            return "avx512";
    }
    return "unknown";
}

class FloatKernelsTest : public testing::TestWithParam<InstructionSet> {
  protected:
    void SetUp() override {
        if (!is_supported(GetParam())) {
            GTEST_SKIP() << "this processor or build lacks " << name_of(GetParam());
        }
        kernels_ = &table(GetParam())->floats;
    }

    const FloatKernels* kernels_ = nullptr;
};

// A copy of values that starts offset bytes behind an aligned address.
class Shifted {
  public:
    Shifted(const std::vector<float>& values, std::size_t offset)
        : bytes_(values.size() * sizeof(float) + 64 + offset) {
        const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(bytes_.data()) % 64;
        start_ = bytes_.data() + (64 - misaligned) % 64 + offset;
        std::memcpy(start_, values.data(), values.size() * sizeof(float));
    }
    const float* data() const { return reinterpret_cast<const float*>(start_); }

  private:
    std::vector<char> bytes_;
    char* start_;
};

std::vector<float> random_values(std::size_t n, std::uint64_t seed) {
    core::Random random(seed);
    std::vector<float> values(n);
    for (float& value : values) {
        value = static_cast<float>(random.normal());
    }
    return values;
}

TEST_P(FloatKernelsTest, MatchScalarReferenceAtAllLengthsAndOffsets) {
    for (std::size_t n = 1; n <= 130; ++n) {
        const std::vector<float> x = random_values(n, n);
        const std::vector<float> y = random_values(n, n + 1000);
        long double ab = 0, aa = 0, bb = 0, l1 = 0, l2 = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const long double p = x[i];
            const long double q = y[i];
            ab += p * q;
            aa += p * p;
            bb += q * q;
            l1 += std::fabs(p - q);
            l2 += (p - q) * (p - q);
        }
        const double tolerance = 1e-14 * static_cast<double>(n);
        for (std::size_t offset : {0, 4, 5, 12, 33}) {
            const Shifted a(x, offset);
            const Shifted b(y, (offset * 7) % 64);
            EXPECT_NEAR(kernels_->dot(a.data(), b.data(), n), static_cast<double>(ab), tolerance);
            EXPECT_NEAR(kernels_->l1(a.data(), b.data(), n), static_cast<double>(l1), tolerance);
            EXPECT_NEAR(kernels_->l2_squared(a.data(), b.data(), n), static_cast<double>(l2),
                        tolerance);
            EXPECT_NEAR(kernels_->norm_squared(a.data(), n), static_cast<double>(aa), tolerance);
            const CosineSums sums = kernels_->cosine_sums(a.data(), b.data(), n);
            EXPECT_EQ(sums.ab, kernels_->dot(a.data(), b.data(), n));
            EXPECT_EQ(sums.aa, kernels_->norm_squared(a.data(), n));
            EXPECT_EQ(sums.bb, kernels_->norm_squared(b.data(), n));
            EXPECT_NEAR(sums.bb, static_cast<double>(bb), tolerance);
        }
    }
}

TEST_P(FloatKernelsTest, AccumulateRoundsTheProductThenTheSum) {
    for (std::size_t n = 0; n <= 130; ++n) {
        const std::vector<float> x = random_values(n, n);
        const std::vector<float> start = random_values(n, n + 1000);
        const double factor = 0.1 + static_cast<double>(n);
        for (std::size_t offset : {0, 4, 5, 33}) {
            std::vector<double> sums(start.begin(), start.end());
            sums.push_back(42);  // must stay
            kernels_->accumulate(sums.data(), factor, Shifted(x, offset).data(), n);
            for (std::size_t i = 0; i < n; ++i) {
                const double product = factor * static_cast<double>(x[i]);
                EXPECT_EQ(sums[i], static_cast<double>(start[i]) + product) << n << ", " << i;
            }
            EXPECT_EQ(sums[n], 42);
        }
    }
}

TEST_P(FloatKernelsTest, GiveTheSameBitsAsBaseline) {
    const FloatKernels& baseline = table(InstructionSet::baseline)->floats;
    for (std::size_t n : {1u, 3u, 15u, 16u, 17u, 100u, 129u, 784u, 1536u, 16000u}) {
        const std::vector<float> a = random_values(n, n);
        const std::vector<float> b = random_values(n, n + 1);
        EXPECT_EQ(kernels_->dot(a.data(), b.data(), n), baseline.dot(a.data(), b.data(), n));
        EXPECT_EQ(kernels_->l1(a.data(), b.data(), n), baseline.l1(a.data(), b.data(), n));
        EXPECT_EQ(kernels_->l2_squared(a.data(), b.data(), n),
                  baseline.l2_squared(a.data(), b.data(), n));
        EXPECT_EQ(kernels_->norm_squared(a.data(), n), baseline.norm_squared(a.data(), n));
    }
}

#if defined(__x86_64__)
// table() may mix in narrower kernels: the 512-bit ones are tested by themselves too.
TEST(WideFloatKernels, GiveTheSameBitsAsBaseline) {
    if (!is_supported(InstructionSet::avx512)) {
        GTEST_SKIP() << "this processor lacks avx512";
    }
    const FloatKernels& wide = avx512_kernels.floats;
    const FloatKernels& baseline = table(InstructionSet::baseline)->floats;
    for (std::size_t n = 1; n <= 130; ++n) {
        const std::vector<float> a = random_values(n, n);
        const std::vector<float> b = random_values(n, n + 1);
        EXPECT_EQ(wide.dot(a.data(), b.data(), n), baseline.dot(a.data(), b.data(), n));
        EXPECT_EQ(wide.l1(a.data(), b.data(), n), baseline.l1(a.data(), b.data(), n));
        EXPECT_EQ(wide.l2_squared(a.data(), b.data(), n),
                  baseline.l2_squared(a.data(), b.data(), n));
        EXPECT_EQ(wide.norm_squared(a.data(), n), baseline.norm_squared(a.data(), n));
        EXPECT_EQ(wide.cosine_sums(a.data(), b.data(), n).ab,
                  baseline.cosine_sums(a.data(), b.data(), n).ab);
    }
}
#endif

INSTANTIATE_TEST_SUITE_P(InstructionSets, FloatKernelsTest,
                         testing::Values(InstructionSet::baseline, InstructionSet::avx2,
                                         InstructionSet::avx512),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace vecdot::kernels
