#include "kernels/plain_loops.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace vecdot::bench {

double plain_dot(const float* a, const float* b, std::size_t n) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

double plain_l2_squared(const float* a, const float* b, std::size_t n) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const float difference = a[i] - b[i];
        sum += difference * difference;
    }
    return sum;
}

double plain_l1(const float* a, const float* b, std::size_t n) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += std::fabs(a[i] - b[i]);
    }
    return sum;
}

double plain_norm_squared(const float* a, std::size_t n) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += a[i] * a[i];
    }
    return sum;
}

double plain_cosine_sums(const float* a, const float* b, std::size_t n) noexcept {
    float ab = 0;
    float aa = 0;
    float bb = 0;
    for (std::size_t i = 0; i < n; ++i) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return static_cast<double>(ab) + static_cast<double>(aa) + static_cast<double>(bb);
}

double plain_wide_dot(const float* a, const float* b, std::size_t n) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

double stream(const float* a, std::size_t n) noexcept {
    // Eight independent chains of a whole cache line's integers each.
    using Line = std::uint32_t __attribute__((vector_size(32), aligned(4)));
    Line seen[8] = {};
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const Line* lines = reinterpret_cast<const Line*>(a + i);
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j) {
            seen[j] |= lines[j];
        }
    }
    for (int j = 1; j < 8; ++j) {
        seen[0] |= seen[j];
    }
    std::uint32_t all = 0;
    for (int j = 0; j < 8; ++j) {
        all |= seen[0][j];
    }
    for (; i < n; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, a + i, sizeof bits);
        all |= bits;
    }
    return all;
}

}  // namespace vecdot::bench
