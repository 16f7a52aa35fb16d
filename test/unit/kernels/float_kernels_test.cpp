// Every float kernel of every instruction set: against a scalar reference at all lengths and odd
// addresses, bit for bit against each other, and between pages that may not be touched.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {

#if defined(__x86_64__)
extern const Kernels avx512_kernels;
#endif

namespace {

struct Tested {
    const char* name;
    InstructionSet needed;
    const FloatKernels* kernels;  // null: what the table of `needed` has
};

class FloatKernelsTest : public testing::TestWithParam<Tested> {
  protected:
    void SetUp() override {
        if (!is_supported(GetParam().needed)) {
            GTEST_SKIP() << "this processor or build lacks " << GetParam().name;
        }
        kernels_ =
            GetParam().kernels != nullptr ? GetParam().kernels : &table(GetParam().needed)->floats;
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
        if (!values.empty()) {
            std::memcpy(start_, values.data(), values.size() * sizeof(float));
        }
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

// Random values of very different sizes, down to denormals, and zeros of both signs.
std::vector<float> wild_values(std::size_t n, std::uint64_t seed) {
    core::Random random(seed);
    std::vector<float> values(n);
    for (float& value : values) {
        const auto exponent = static_cast<int>(random.below(277)) - 149;
        value = static_cast<float>(std::ldexp(random.normal() / 8, exponent));
        if (random.below(8) == 0) {
            value = std::copysign(0.0f, value);
        }
    }
    return values;
}

std::uint64_t bits(double value) {
    std::uint64_t result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

TEST_P(FloatKernelsTest, GiveTheSameBitsAsBaseline) {
    const FloatKernels& baseline = table(InstructionSet::baseline)->floats;
    std::vector<std::size_t> lengths = {784, 1536, 4096, 16000};
    for (std::size_t n = 0; n <= 130; ++n) {
        lengths.push_back(n);
    }
    for (const std::size_t n : lengths) {
        for (const bool wild : {false, true}) {
            const std::vector<float> x = wild ? wild_values(n, n) : random_values(n, n);
            const std::vector<float> y = wild ? wild_values(n, n + 1) : random_values(n, n + 1);
            const Shifted a(x, n % 64);
            const Shifted b(y, (n * 7) % 64);
            EXPECT_EQ(bits(kernels_->dot(a.data(), b.data(), n)),
                      bits(baseline.dot(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels_->l1(a.data(), b.data(), n)),
                      bits(baseline.l1(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels_->l2_squared(a.data(), b.data(), n)),
                      bits(baseline.l2_squared(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels_->norm_squared(a.data(), n)),
                      bits(baseline.norm_squared(x.data(), n)));
            const CosineSums sums = kernels_->cosine_sums(a.data(), b.data(), n);
            EXPECT_EQ(bits(sums.ab), bits(baseline.dot(x.data(), y.data(), n)));
            EXPECT_EQ(bits(sums.aa), bits(baseline.norm_squared(x.data(), n)));
            EXPECT_EQ(bits(sums.bb), bits(baseline.norm_squared(y.data(), n)));
        }
    }
}

TEST_P(FloatKernelsTest, StayFiniteAndExactAtTheExtremes) {
    const float largest = std::numeric_limits<float>::max();
    const float smallest = std::numeric_limits<float>::denorm_min();
    for (std::size_t n : {1u, 7u, 16u, 37u, 16000u}) {
        const double count = static_cast<double>(n);
        const std::vector<float> up(n, largest);
        const std::vector<float> down(n, -largest);
        const double square = static_cast<double>(largest) * static_cast<double>(largest);
        EXPECT_NEAR(kernels_->dot(up.data(), down.data(), n) / square, -count, count * 1e-13);
        EXPECT_NEAR(kernels_->l2_squared(up.data(), down.data(), n) / square, 4 * count,
                    count * 1e-12);
        EXPECT_EQ(kernels_->l1(up.data(), down.data(), n),
                  2 * count * static_cast<double>(largest));
        const std::vector<float> tiny(n, smallest);
        const double tiny_square = static_cast<double>(smallest) * static_cast<double>(smallest);
        EXPECT_EQ(kernels_->norm_squared(tiny.data(), n), count * tiny_square);
        EXPECT_EQ(kernels_->dot(tiny.data(), up.data(), n),
                  count * (static_cast<double>(smallest) * static_cast<double>(largest)));
    }
}

// One readable stretch between two pages that may not be touched.
class GuardedPages {
  public:
    GuardedPages() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        void* mapped = mmap(nullptr, 3 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) {
            throw std::bad_alloc();
        }
        start_ = static_cast<char*>(mapped);
        if (mprotect(start_ + page_, page_, PROT_READ | PROT_WRITE) != 0) {
            throw std::bad_alloc();
        }
        std::memset(start_ + page_, 0, page_);
    }
    GuardedPages(const GuardedPages&) = delete;
    GuardedPages& operator=(const GuardedPages&) = delete;
    ~GuardedPages() { munmap(start_, 3 * page_); }

    template <class T>
    T* first() const {
        return reinterpret_cast<T*>(start_ + page_);
    }
    template <class T>
    T* last(std::size_t n) const {
        return reinterpret_cast<T*>(start_ + 2 * page_ - n * sizeof(T));
    }

  private:
    std::size_t page_;
    char* start_;
};

TEST_P(FloatKernelsTest, ReadAndWriteNothingOutsideTheirVectors) {
    const GuardedPages a;
    const GuardedPages b;
    const GuardedPages sums;
    for (std::size_t n = 1; n <= 300; ++n) {
        const std::vector<float> x = random_values(n, n);
        const std::vector<float> y = random_values(n, n + 1);
        const double expected = kernels_->dot(x.data(), y.data(), n);
        for (const bool at_end : {false, true}) {
            float* p = at_end ? a.last<float>(n) : a.first<float>();
            float* q = at_end ? b.last<float>(n) : b.first<float>();
            double* r = at_end ? sums.last<double>(n) : sums.first<double>();
            std::copy(x.begin(), x.end(), p);
            std::copy(y.begin(), y.end(), q);
            EXPECT_EQ(kernels_->dot(p, q, n), expected);
            EXPECT_EQ(kernels_->cosine_sums(p, q, n).ab, expected);
            EXPECT_EQ(kernels_->norm_squared(p, n), kernels_->norm_squared(x.data(), n));
            EXPECT_EQ(kernels_->l1(p, q, n), kernels_->l1(x.data(), y.data(), n));
            EXPECT_EQ(kernels_->l2_squared(p, q, n), kernels_->l2_squared(x.data(), y.data(), n));
            std::fill(r, r + n, 0.0);
            kernels_->accumulate(r, 1.0, p, n);
            EXPECT_EQ(r[n - 1], static_cast<double>(x[n - 1]));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    InstructionSets, FloatKernelsTest,
    testing::Values(Tested{"baseline", InstructionSet::baseline, nullptr},
                    Tested{"avx2", InstructionSet::avx2, nullptr},
#if defined(__x86_64__)
                    // The table may hold narrower kernels: the 512-bit ones are tested too.
                    Tested{"wide", InstructionSet::avx512, &avx512_kernels.floats},
#endif
                    Tested{"avx512", InstructionSet::avx512, nullptr}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vecdot::kernels
