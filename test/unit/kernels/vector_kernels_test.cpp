// Every kernel of vectors of float4 and of halves, of every instruction set: against a scalar
// reference at all lengths and odd addresses, bit for bit against each other, and between pages
// that may not be touched.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "core/half.hpp"
#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {

#if defined(__x86_64__)
extern const Kernels avx512_kernels;
#endif

namespace {

// Kernels of one type of elements and one instruction set.
template <class T, InstructionSet set, bool wide = false>
struct Tested {
    using Element = T;
    static constexpr InstructionSet needed = set;

    static const VectorKernels<T>& kernels() {
#if defined(__x86_64__)
        // The table may hold narrower kernels: the 512-bit ones are tested too.
        const Kernels& all = wide ? avx512_kernels : *table(set);
#else
        const Kernels& all = *table(set);
#endif
        return kernels_of(all, T{});
    }
    static const VectorKernels<T>& baseline() {
        return kernels_of(*table(InstructionSet::baseline), T{});
    }

    static std::string name() {
        const char* kernels = wide                              ? "wide"
                              : set == InstructionSet::baseline ? "baseline"
                              : set == InstructionSet::avx2     ? "avx2"
                                                                : "avx512";
        return std::string(std::is_same_v<T, float> ? "float_" : "half_") + kernels;
    }

  private:
    static const FloatKernels& kernels_of(const Kernels& all, float) {
        return all.floats;
    }
    static const HalfKernels& kernels_of(const Kernels& all, core::Half) {
        return all.halves;
    }
};

template <class T>
class VectorKernelsTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!is_supported(T::needed)) {
            GTEST_SKIP() << "this processor or build lacks it";
        }
        kernels_ = &T::kernels();
    }

    const VectorKernels<typename T::Element>* kernels_ = nullptr;
};

struct TestedName {
    template <class T>
    static std::string GetName(int) {
        return T::name();
    }
};

using All = testing::Types<
    Tested<float, InstructionSet::baseline>, Tested<float, InstructionSet::avx2>,
    Tested<float, InstructionSet::avx512>, Tested<float, InstructionSet::avx512, true>,
    Tested<core::Half, InstructionSet::baseline>, Tested<core::Half, InstructionSet::avx2>,
    Tested<core::Half, InstructionSet::avx512>, Tested<core::Half, InstructionSet::avx512, true>>;
TYPED_TEST_SUITE(VectorKernelsTest, All, TestedName);

// A copy of values that starts offset bytes behind an aligned address.
template <class T>
class Shifted {
  public:
    Shifted(const std::vector<T>& values, std::size_t offset)
        : bytes_(values.size() * sizeof(T) + 64 + offset) {
        const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(bytes_.data()) % 64;
        start_ = bytes_.data() + (64 - misaligned) % 64 + offset;
        if (!values.empty()) {
            std::memcpy(start_, values.data(), values.size() * sizeof(T));
        }
    }
    const T* data() const { return reinterpret_cast<const T*>(start_); }

  private:
    std::vector<char> bytes_;
    char* start_;
};

template <class T>
std::vector<T> random_values(std::size_t n, std::uint64_t seed) {
    core::Random random(seed);
    std::vector<T> values(n);
    for (T& value : values) {
        value = core::from_float<T>(static_cast<float>(random.normal()));
    }
    return values;
}

template <class T>
struct Extremes;
template <>
struct Extremes<float> {
    static constexpr float largest = std::numeric_limits<float>::max();
    static constexpr float smallest = std::numeric_limits<float>::denorm_min();
    static constexpr int exponents = 277;
    static constexpr int lowest = -149;
};
template <>
struct Extremes<core::Half> {
    static constexpr float largest = 65504;
    static constexpr float smallest = 0x1p-24f;
    static constexpr int exponents = 38;
    static constexpr int lowest = -24;
};

TYPED_TEST(VectorKernelsTest, MatchScalarReferenceAtAllLengthsAndOffsets) {
    using T = typename TypeParam::Element;
    const auto* kernels = this->kernels_;
    for (std::size_t n = 1; n <= 130; ++n) {
        const std::vector<T> x = random_values<T>(n, n);
        const std::vector<T> y = random_values<T>(n, n + 1000);
        long double ab = 0, aa = 0, bb = 0, l1 = 0, l2 = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const long double p = core::to_float(x[i]);
            const long double q = core::to_float(y[i]);
            ab += p * q;
            aa += p * p;
            bb += q * q;
            l1 += std::fabs(p - q);
            l2 += (p - q) * (p - q);
        }
        const double tolerance = 1e-14 * static_cast<double>(n);
        for (std::size_t offset : {0, 4, 5, 12, 33}) {
            const Shifted<T> a(x, offset);
            const Shifted<T> b(y, (offset * 7) % 64);
            EXPECT_NEAR(kernels->dot(a.data(), b.data(), n), static_cast<double>(ab), tolerance);
            EXPECT_NEAR(kernels->l1(a.data(), b.data(), n), static_cast<double>(l1), tolerance);
            EXPECT_NEAR(kernels->l2_squared(a.data(), b.data(), n), static_cast<double>(l2),
                        tolerance);
            EXPECT_NEAR(kernels->norm_squared(a.data(), n), static_cast<double>(aa), tolerance);
            const CosineSums sums = kernels->cosine_sums(a.data(), b.data(), n);
            EXPECT_EQ(sums.ab, kernels->dot(a.data(), b.data(), n));
            EXPECT_EQ(sums.aa, kernels->norm_squared(a.data(), n));
            EXPECT_EQ(sums.bb, kernels->norm_squared(b.data(), n));
            EXPECT_NEAR(sums.bb, static_cast<double>(bb), tolerance);
        }
    }
}

TYPED_TEST(VectorKernelsTest, AccumulateRoundsTheProductThenTheSum) {
    using T = typename TypeParam::Element;
    const auto* kernels = this->kernels_;
    for (std::size_t n = 0; n <= 130; ++n) {
        const std::vector<T> x = random_values<T>(n, n);
        const std::vector<float> start = random_values<float>(n, n + 1000);
        const double factor = 0.1 + static_cast<double>(n);
        for (std::size_t offset : {0, 4, 5, 33}) {
            std::vector<double> sums(start.begin(), start.end());
            sums.push_back(42);  // must stay
            kernels->accumulate(sums.data(), factor, Shifted<T>(x, offset).data(), n);
            for (std::size_t i = 0; i < n; ++i) {
                const double product = factor * static_cast<double>(core::to_float(x[i]));
                EXPECT_EQ(sums[i], static_cast<double>(start[i]) + product) << n << ", " << i;
            }
            EXPECT_EQ(sums[n], 42);
        }
    }
}

// Random values of very different sizes, down to denormals, and zeros of both signs.
template <class T>
std::vector<T> wild_values(std::size_t n, std::uint64_t seed) {
    core::Random random(seed);
    std::vector<T> values(n);
    for (T& value : values) {
        const auto exponent =
            static_cast<int>(random.below(Extremes<T>::exponents)) + Extremes<T>::lowest;
        auto wide = static_cast<float>(std::ldexp(random.normal() / 8, exponent));
        if (random.below(8) == 0) {
            wide = std::copysign(0.0f, wide);
        }
        value = core::from_float<T>(wide);
    }
    return values;
}

std::uint64_t bits(double value) {
    std::uint64_t result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

TYPED_TEST(VectorKernelsTest, GiveTheSameBitsAsBaseline) {
    using T = typename TypeParam::Element;
    const auto* kernels = this->kernels_;
    const VectorKernels<T>& baseline = TypeParam::baseline();
    std::vector<std::size_t> lengths = {784, 1536, 4096, 16000};
    for (std::size_t n = 0; n <= 130; ++n) {
        lengths.push_back(n);
    }
    for (const std::size_t n : lengths) {
        for (const bool wild : {false, true}) {
            const std::vector<T> x = wild ? wild_values<T>(n, n) : random_values<T>(n, n);
            const std::vector<T> y = wild ? wild_values<T>(n, n + 1) : random_values<T>(n, n + 1);
            const Shifted<T> a(x, n % 64);
            const Shifted<T> b(y, (n * 7) % 64);
            EXPECT_EQ(bits(kernels->dot(a.data(), b.data(), n)),
                      bits(baseline.dot(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels->l1(a.data(), b.data(), n)),
                      bits(baseline.l1(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels->l2_squared(a.data(), b.data(), n)),
                      bits(baseline.l2_squared(x.data(), y.data(), n)));
            EXPECT_EQ(bits(kernels->norm_squared(a.data(), n)),
                      bits(baseline.norm_squared(x.data(), n)));
            const CosineSums sums = kernels->cosine_sums(a.data(), b.data(), n);
            EXPECT_EQ(bits(sums.ab), bits(baseline.dot(x.data(), y.data(), n)));
            EXPECT_EQ(bits(sums.aa), bits(baseline.norm_squared(x.data(), n)));
            EXPECT_EQ(bits(sums.bb), bits(baseline.norm_squared(y.data(), n)));
        }
    }
}

TYPED_TEST(VectorKernelsTest, StayFiniteAndExactAtTheExtremes) {
    using T = typename TypeParam::Element;
    const auto* kernels = this->kernels_;
    const float largest = Extremes<T>::largest;
    const float smallest = Extremes<T>::smallest;
    for (std::size_t n : {1u, 7u, 16u, 37u, 16000u}) {
        const double count = static_cast<double>(n);
        const std::vector<T> up(n, core::from_float<T>(largest));
        const std::vector<T> down(n, core::from_float<T>(-largest));
        const double square = static_cast<double>(largest) * static_cast<double>(largest);
        EXPECT_NEAR(kernels->dot(up.data(), down.data(), n) / square, -count, count * 1e-13);
        EXPECT_NEAR(kernels->l2_squared(up.data(), down.data(), n) / square, 4 * count,
                    count * 1e-12);
        EXPECT_EQ(kernels->l1(up.data(), down.data(), n), 2 * count * static_cast<double>(largest));
        const std::vector<T> tiny(n, core::from_float<T>(smallest));
        const double tiny_square = static_cast<double>(smallest) * static_cast<double>(smallest);
        EXPECT_EQ(kernels->norm_squared(tiny.data(), n), count * tiny_square);
        EXPECT_EQ(kernels->dot(tiny.data(), up.data(), n),
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

TYPED_TEST(VectorKernelsTest, ReadAndWriteNothingOutsideTheirVectors) {
    using T = typename TypeParam::Element;
    const auto* kernels = this->kernels_;
    const GuardedPages a;
    const GuardedPages b;
    const GuardedPages sums;
    for (std::size_t n = 1; n <= 300; ++n) {
        const std::vector<T> x = random_values<T>(n, n);
        const std::vector<T> y = random_values<T>(n, n + 1);
        const double expected = kernels->dot(x.data(), y.data(), n);
        for (const bool at_end : {false, true}) {
            T* p = at_end ? a.last<T>(n) : a.first<T>();
            T* q = at_end ? b.last<T>(n) : b.first<T>();
            double* r = at_end ? sums.last<double>(n) : sums.first<double>();
            std::copy(x.begin(), x.end(), p);
            std::copy(y.begin(), y.end(), q);
            EXPECT_EQ(kernels->dot(p, q, n), expected);
            EXPECT_EQ(kernels->cosine_sums(p, q, n).ab, expected);
            EXPECT_EQ(kernels->norm_squared(p, n), kernels->norm_squared(x.data(), n));
            EXPECT_EQ(kernels->l1(p, q, n), kernels->l1(x.data(), y.data(), n));
            EXPECT_EQ(kernels->l2_squared(p, q, n), kernels->l2_squared(x.data(), y.data(), n));
            std::fill(r, r + n, 0.0);
            kernels->accumulate(r, 1.0, p, n);
            EXPECT_EQ(r[n - 1], static_cast<double>(core::to_float(x[n - 1])));
        }
    }
}

}  // namespace
}  // namespace vecdot::kernels
