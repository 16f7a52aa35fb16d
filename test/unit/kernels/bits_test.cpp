// Set bits of two strings, on every instruction set: against counting them one by one, at all
// lengths and odd addresses.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {
namespace {

class BitsTest : public testing::TestWithParam<InstructionSet> {
  protected:
    void SetUp() override {
        if (!is_supported(GetParam())) {
            GTEST_SKIP() << "this processor or build lacks it";
        }
        kernels_ = &table(GetParam())->bits;
    }

    const BitKernels* kernels_ = nullptr;
};

std::uint64_t count(unsigned byte) {
    std::uint64_t bits = 0;
    for (; byte != 0; byte >>= 1) {
        bits += byte & 1;
    }
    return bits;
}

TEST_P(BitsTest, CountAtAllLengthsAndOffsets) {
    core::Random random(1);
    for (std::size_t n = 0; n <= 300; n += n < 140 ? 1 : 7) {
        for (std::size_t offset = 0; offset < 5; ++offset) {
            // No byte behind the string: a sanitizer would see who reads it.
            std::vector<std::uint8_t> a(offset + n);
            std::vector<std::uint8_t> b(2 * offset + n);
            std::uint64_t differing = 0, both = 0, either = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const unsigned x = static_cast<unsigned>(random.below(256));
                const unsigned y = n % 3 == 0 ? ~x & 255 : static_cast<unsigned>(random.below(256));
                a[offset + i] = static_cast<std::uint8_t>(x);
                b[2 * offset + i] = static_cast<std::uint8_t>(y);
                differing += count(x ^ y);
                both += count(x & y);
                either += count(x | y);
            }
            const std::uint8_t* p = a.data() + offset;
            const std::uint8_t* q = b.data() + 2 * offset;
            EXPECT_EQ(kernels_->differing(p, q, n), differing) << n;
            const SharedBits shared = kernels_->shared(p, q, n);
            EXPECT_EQ(shared.both, both) << n;
            EXPECT_EQ(shared.either, either) << n;
        }
    }
}

// Every byte set, many times: no sum of a lane overflows.
TEST_P(BitsTest, ManySetBits) {
    const std::size_t n = 10'000'019;
    const std::vector<std::uint8_t> ones(n, 255);
    const std::vector<std::uint8_t> zeros(n, 0);
    EXPECT_EQ(kernels_->differing(ones.data(), zeros.data(), n), 8 * n);
    EXPECT_EQ(kernels_->shared(ones.data(), ones.data(), n).both, 8 * n);
    EXPECT_EQ(kernels_->shared(ones.data(), zeros.data(), n).both, 0u);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, BitsTest,
                         testing::Values(InstructionSet::baseline, InstructionSet::avx2,
                                         InstructionSet::avx512),
                         [](const auto& info) {
                             return info.param == InstructionSet::baseline ? "baseline"
                                    : info.param == InstructionSet::avx2   ? "avx2"
                                                                           : "avx512";
                         });

}  // namespace
}  // namespace vecdot::kernels
