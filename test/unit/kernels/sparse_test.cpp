// Sums over sparse vectors, on every instruction set: against long double sums over the dense
// vectors that they stand for, at all numbers of elements and odd addresses, and bit for bit each
// other's.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {
namespace {

class SparseTest : public testing::TestWithParam<InstructionSet> {
  protected:
    void SetUp() override {
        if (!is_supported(GetParam())) {
            GTEST_SKIP() << "this processor or build lacks it";
        }
        kernels_ = &table(GetParam())->sparse;
    }

    const SparseKernels* kernels_ = nullptr;
};

using Elements = std::map<std::int32_t, float>;

// Elements as they may lie in a row: behind offset bytes, nothing behind them.
class Stored {
  public:
    Stored(const Elements& elements, std::size_t offset)
        : bytes_(offset + 8 * elements.size()), offset_(offset), count_(elements.size()) {
        std::size_t i = 0;
        for (const auto& [index, value] : elements) {
            std::memcpy(bytes_.data() + offset + 4 * i, &index, 4);
            std::memcpy(bytes_.data() + offset + 4 * (count_ + i), &value, 4);
            ++i;
        }
    }
    SparseVector view() const {
        const char* start = bytes_.data() + offset_;
        return {reinterpret_cast<const std::int32_t*>(start),
                reinterpret_cast<const float*>(start + 4 * count_), count_};
    }

  private:
    std::vector<char> bytes_;
    std::size_t offset_;
    std::size_t count_;
};

Elements random_elements(std::size_t count, std::uint64_t dim, core::Random& random) {
    Elements elements;
    while (elements.size() < count) {
        const float value = static_cast<float>(random.normal());
        elements[static_cast<std::int32_t>(random.below(dim))] = value == 0 ? 1 : value;
    }
    return elements;
}

struct Expected {
    long double dot = 0, l2 = 0, l1 = 0;
    long double magnitude = 0;  // of the products
    std::size_t terms = 0;

    Expected(Elements a, Elements b) {
        for (const auto& [index, value] : a) {
            b.emplace(index, 0.0f);
        }
        for (const auto& [index, value] : b) {
            const auto found = a.find(index);
            const long double x = found == a.end() ? 0 : found->second;
            const long double y = value;
            dot += x * y;
            magnitude += std::fabs(x * y);
            ++terms;
            l2 += (x - y) * (x - y);
            l1 += std::fabs(x - y);
        }
    }
};

TEST_P(SparseTest, MatchDenseReferenceAtAllLengths) {
    core::Random random(7);
    const SparseKernels& baseline = table(InstructionSet::baseline)->sparse;
    for (std::size_t n = 0; n <= 130; ++n) {
        for (const std::size_t m : {n, n / 3, (n * 7 + 5) % 131}) {
            // Dense, half of it shared, and hardly any.
            for (const std::uint64_t dim :
                 {std::uint64_t{131}, std::uint64_t{400}, std::uint64_t{1000000000}}) {
                const Elements x = random_elements(n, dim, random);
                const Elements y = n == m && n % 5 == 0 ? x : random_elements(m, dim, random);
                const Expected expected(x, y);
                const Stored a(x, n % 8);
                const Stored b(y, (3 * n + 1) % 8);
                // The header's bound, and the roundings of each term and of the reference.
                const double each = static_cast<double>(expected.terms + 4) * 0x1p-53;
                const auto near = [each](double sum, long double reference, long double terms) {
                    EXPECT_NEAR(sum, static_cast<double>(reference),
                                each * static_cast<double>(terms));
                };
                near(kernels_->dot(a.view(), b.view()), expected.dot, expected.magnitude);
                near(kernels_->l2_squared(a.view(), b.view()), expected.l2, expected.l2);
                near(kernels_->l1(a.view(), b.view()), expected.l1, expected.l1);
                EXPECT_EQ(kernels_->dot(a.view(), b.view()), baseline.dot(a.view(), b.view()));
                EXPECT_EQ(kernels_->l2_squared(a.view(), b.view()),
                          baseline.l2_squared(a.view(), b.view()));
                EXPECT_EQ(kernels_->l1(a.view(), b.view()), baseline.l1(b.view(), a.view()));
            }
        }
    }
}

TEST_P(SparseTest, StayFiniteAtTheExtremes) {
    const float largest = std::numeric_limits<float>::max();
    const float smallest = std::numeric_limits<float>::denorm_min();
    const Stored a({{0, largest}, {999999999, smallest}}, 1);
    const Stored b({{0, -largest}, {999999998, smallest}}, 2);
    const double wide = static_cast<double>(largest);
    EXPECT_EQ(kernels_->dot(a.view(), b.view()), -wide * wide);
    EXPECT_EQ(kernels_->l2_squared(a.view(), b.view()), 4 * wide * wide);
    EXPECT_EQ(kernels_->l1(a.view(), b.view()), 2 * wide);
    const Stored none({}, 0);
    EXPECT_EQ(kernels_->dot(a.view(), none.view()), 0);
    EXPECT_EQ(kernels_->l1(none.view(), b.view()), wide + static_cast<double>(smallest));
    EXPECT_EQ(kernels_->l2_squared(none.view(), none.view()), 0);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, SparseTest,
                         testing::Values(InstructionSet::baseline, InstructionSet::avx2,
                                         InstructionSet::avx512),
                         [](const auto& info) {
                             return info.param == InstructionSet::baseline ? "baseline"
                                    : info.param == InstructionSet::avx2   ? "avx2"
                                                                           : "avx512";
                         });

}  // namespace
}  // namespace vecdot::kernels
