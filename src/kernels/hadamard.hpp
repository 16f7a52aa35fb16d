// The steps of the fast rotation. Sums of two and products of two floats, each rounded once: the
// same bits whatever the width of the registers.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class Arch>
void flip_signs(float* x, const std::uint32_t* masks, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, x + i, sizeof bits);
        bits ^= masks[i];
        std::memcpy(x + i, &bits, sizeof bits);
    }
}

// The levels with strides below 16, for one run of 16.
template <class Arch>
VECDOT_INLINE void hadamard_16(float* x) {
#if defined(__AVX512F__)
    if constexpr (width<Arch> == 8) {
        // lower + upper in the lower lanes; lower − upper, as lower + (−upper), in the upper ones.
        auto level = [](__m512 own, __m512 other, __mmask16 upper) __attribute__((always_inline)) {
            const __m512i minus = _mm512_maskz_set1_epi32(upper, static_cast<int>(0x80000000u));
            return _mm512_add_ps(
                other, _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(own), minus)));
        };
        __m512 v = _mm512_loadu_ps(x);
        v = level(v, _mm512_permute_ps(v, 0xb1), 0xaaaa);
        v = level(v, _mm512_permute_ps(v, 0x4e), 0xcccc);
        v = level(v, _mm512_shuffle_f32x4(v, v, 0xb1), 0xf0f0);
        v = level(v, _mm512_shuffle_f32x4(v, v, 0x4e), 0xff00);
        _mm512_storeu_ps(x, v);
        return;
    }
#endif
    for (std::size_t h = 1; h < 16; h *= 2) {
        for (std::size_t i = 0; i < 16; i += 2 * h) {
            for (std::size_t j = i; j < i + h; ++j) {
                const float a = x[j];
                const float b = x[j + h];
                x[j] = a + b;
                x[j + h] = a - b;
            }
        }
    }
}

template <class Arch>
void hadamard(float* x, std::size_t n, float scale) noexcept {
    for (std::size_t i = 0; i < n; i += 16) {
        hadamard_16<Arch>(x + i);
    }
    // Two levels in one pass while there are two besides the last.
    std::size_t h = 16;
    for (; 4 * h < n; h *= 4) {
        for (std::size_t i = 0; i < n; i += 4 * h) {
            float* p = x + i;
            for (std::size_t j = 0; j < h; ++j) {
                const float a = p[j] + p[j + h];
                const float b = p[j] - p[j + h];
                const float c = p[j + 2 * h] + p[j + 3 * h];
                const float d = p[j + 2 * h] - p[j + 3 * h];
                p[j] = a + c;
                p[j + h] = b + d;
                p[j + 2 * h] = a - c;
                p[j + 3 * h] = b - d;
            }
        }
    }
    if (2 * h < n) {
        float* p = x;
        for (std::size_t j = 0; j < h; ++j) {
            const float a = p[j] + p[j + h];
            const float b = p[j] - p[j + h];
            const float c = p[j + 2 * h] + p[j + 3 * h];
            const float d = p[j + 2 * h] - p[j + 3 * h];
            p[j] = (a + c) * scale;
            p[j + h] = (b + d) * scale;
            p[j + 2 * h] = (a - c) * scale;
            p[j + 3 * h] = (b - d) * scale;
        }
        return;
    }
    for (std::size_t j = 0; j < h; ++j) {
        const float a = x[j];
        const float b = x[j + h];
        x[j] = (a + b) * scale;
        x[j + h] = (a - b) * scale;
    }
}

template <class Arch>
void mix_halves(float* x, std::size_t n, float scale) noexcept {
    const std::size_t half = n / 2;
    for (std::size_t j = 0; j < half; ++j) {
        const float a = x[j];
        const float b = x[j + half];
        x[j] = (a + b) * scale;
        x[j + half] = (a - b) * scale;
    }
}

}  // namespace vecdot::kernels
