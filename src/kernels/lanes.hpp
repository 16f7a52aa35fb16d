// float4 in, float8 lanes: what the float kernels share. Compiled once per instruction set;
// everything here is a template over the xsimd architecture or inlined, so that no symbol is shared
// between instruction sets.
#pragma once

#include <xsimd/xsimd.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/kernels.hpp"

#define VECDOT_INLINE inline __attribute__((always_inline))

namespace vecdot::kernels {

template <class Arch>
using Doubles = xsimd::batch<double, Arch>;

template <class Arch>
constexpr std::size_t width = Doubles<Arch>::size;

// widen: the next width<Arch> floats at p (any alignment) as doubles.
// widen_some: the same for the first count (0 < count < width), zeros behind; nothing past them is
// read. fold: the upper half of the lanes added to the lower, until one is left.
#if defined(__AVX512F__)
template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen(const float* p) {
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen_some(const float* p,
                                                                  std::size_t count) {
    const __mmask8 mask = static_cast<__mmask8>((1u << count) - 1);
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, p));
}

template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE double fold(Doubles<Arch> lanes) {
    const __m512d v = lanes;
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
#endif

#if defined(__AVX2__)
template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> widen(const float* p) {
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> widen_some(const float* p,
                                                                  std::size_t count) {
    const __m128i mask =
        _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(count)), _mm_setr_epi32(0, 1, 2, 3));
    return _mm256_cvtps_pd(_mm_maskload_ps(p, mask));
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE double fold(Doubles<Arch> lanes) {
    const __m256d four = lanes;
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
#endif

#if defined(__x86_64__)
template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen(const float* p) {
    return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen_some(const float* p, std::size_t) {
    return _mm_cvtps_pd(_mm_load_ss(p));
}

template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE double fold(Doubles<Arch> lanes) {
    const __m128d two = lanes;
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
#elif defined(__aarch64__)
template <class Arch>
VECDOT_INLINE Doubles<Arch> widen(const float* p) {
    return vcvt_f64_f32(vld1_f32(p));
}

template <class Arch>
VECDOT_INLINE Doubles<Arch> widen_some(const float* p, std::size_t) {
    return vcvt_f64_f32(vld1_lane_f32(p, vdup_n_f32(0), 0));
}

template <class Arch>
VECDOT_INLINE double fold(Doubles<Arch> lanes) {
    const float64x2_t two = lanes;
    return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
}
#else
#error "vecdot has kernels for x86-64 and 64-bit ARM only"
#endif

// float_lanes accumulators of float8, and the fixed order in which they become one number.
template <class Arch>
struct Sum {
    static constexpr std::size_t parts = float_lanes / width<Arch>;

    Doubles<Arch> part[parts];

    VECDOT_INLINE Sum() {
        for (Doubles<Arch>& p : part) {
            p = Doubles<Arch>(0.0);
        }
    }

    VECDOT_INLINE double total() const {
        Doubles<Arch> folded[parts];
        for (std::size_t j = 0; j < parts; ++j) {
            folded[j] = part[j];
        }
        for (std::size_t half = parts / 2; half > 0; half /= 2) {
            for (std::size_t j = 0; j < half; ++j) {
                folded[j] = folded[j] + folded[j + half];
            }
        }
        return fold<Arch>(folded[0]);
    }
};

// Calls step(j, aᵢ…, bᵢ…) for every run of width<Arch> elements, j being the part of the sums it
// belongs to. A lane without an element is left out of the last step's input: it sees zeros, and
// step must add 0 then.
template <class Arch, class Step>
VECDOT_INLINE void for_each_pair(const float* a, const float* b, std::size_t n, Step step) {
    constexpr std::size_t w = width<Arch>;
    constexpr std::size_t parts = float_lanes / w;
    std::size_t i = 0;
    for (; i + float_lanes <= n; i += float_lanes) {
        for (std::size_t j = 0; j < parts; ++j) {
            step(j, widen<Arch>(a + i + j * w), widen<Arch>(b + i + j * w));
        }
    }
    for (std::size_t j = 0; j < parts; ++j) {
        if (i + w <= n) {
            step(j, widen<Arch>(a + i), widen<Arch>(b + i));
            i += w;
        } else if (i < n) {
            step(j, widen_some<Arch>(a + i, n - i), widen_some<Arch>(b + i, n - i));
            i = n;
        }
    }
}

}  // namespace vecdot::kernels
