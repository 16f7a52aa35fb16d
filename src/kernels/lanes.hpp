// float4 or half in, float8 lanes: what the kernels of vectors share. Compiled once per instruction
// set; everything here is a template over the xsimd architecture or inlined, so that no symbol is
// shared between instruction sets.
#pragma once

// Before xsimd, which has messages of its own.
#include "core/platform.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>
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

// Zen 4 has two pipes that convert and add, and two others that multiply: l2 and l1 are a quarter
// faster if these subtract, by x · 1 − y (rounded once, as is x − y).
template <class Arch>
VECDOT_INLINE Doubles<Arch> subtract(Doubles<Arch> x, Doubles<Arch> y) {
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        return _mm256_fmsub_pd(x, _mm256_set1_pd(1.0), y);
    }
#endif
    return x - y;
}

// widen: the next width<Arch> elements at p (any alignment) as doubles.
// widen_some: the same for the first count (0 < count < width), zeros behind; nothing past them is
// read. fold: the upper half of the lanes added to the lower, until one is left.
#if defined(__AVX512F__)
template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen(const float* p) {
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen_some(const float* p, long count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __mmask8 mask =
        _mm256_cmpgt_epi32_mask(_mm256_set1_epi32(static_cast<int>(count)), lanes);
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, p));
}

// Half precision by way of float4, both steps exact.
template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen(const core::Half* p) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_cvtps_pd(_mm256_cvtph_ps(halves));
}

template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> widen_some(const core::Half* p, long count) {
    const __mmask8 mask = static_cast<__mmask8>((1u << count) - 1);
    return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(mask, p)));
}

template <class Arch>
requires(width<Arch> == 8) VECDOT_INLINE Doubles<Arch> multiply_add(Doubles<Arch> x,
                                                                    Doubles<Arch> y,
                                                                    Doubles<Arch> z) {
    return _mm512_fmadd_pd(x, y, z);
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
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> widen_some(const float* p, long count) {
    const __m128i mask =
        _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(count)), _mm_setr_epi32(0, 1, 2, 3));
    return _mm256_cvtps_pd(_mm_maskload_ps(p, mask));
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> widen(const core::Half* p) {
    const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtps_pd(_mm_cvtph_ps(halves));
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> widen_some(const core::Half* p, long count) {
    std::uint32_t pair = 0;
    std::uint16_t last = 0;
    if ((count & 2) != 0) {
        __builtin_memcpy(&pair, p, sizeof pair);
    }
    if ((count & 1) != 0) {
        __builtin_memcpy(&last, p + (count & 2), sizeof last);
    }
    const std::uint64_t bits = pair | std::uint64_t{last} << (16 * (count & 2));
    return _mm256_cvtps_pd(_mm_cvtph_ps(_mm_cvtsi64_si128(static_cast<long long>(bits))));
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> multiply_add(Doubles<Arch> x,
                                                                    Doubles<Arch> y,
                                                                    Doubles<Arch> z) {
    return _mm256_fmadd_pd(x, y, z);
}

template <class Arch>
requires(width<Arch> == 4) VECDOT_INLINE Doubles<Arch> subtract(Doubles<Arch> x, Doubles<Arch> y) {
    return _mm256_fmsub_pd(x, _mm256_set1_pd(1.0), y);
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
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen_some(const float* p, long count) {
    return count >= 2   ? widen<Arch>(p)
           : count == 1 ? Doubles<Arch>(_mm_cvtps_pd(_mm_load_ss(p)))
                        : Doubles<Arch>(0.0);
}

// Two halves without instructions for them: see core::to_float.
template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen_pair(std::uint32_t pair) {
    const __m128i words =
        _mm_unpacklo_epi16(_mm_cvtsi32_si128(static_cast<int>(pair)), _mm_setzero_si128());
    const __m128i magnitude = _mm_slli_epi32(_mm_and_si128(words, _mm_set1_epi32(0x7fff)), 13);
    const __m128i sign = _mm_slli_epi32(_mm_and_si128(words, _mm_set1_epi32(0x8000)), 16);
    const __m128i no_number = _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x0f7fffff)),
                                            _mm_set1_epi32(0x7f800000));
    const __m128 value = _mm_mul_ps(_mm_castsi128_ps(magnitude), _mm_set1_ps(0x1p112f));
    return _mm_cvtps_pd(_mm_or_ps(value, _mm_castsi128_ps(_mm_or_si128(sign, no_number))));
}

template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen(const core::Half* p) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return widen_pair<Arch>(pair);
}

template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> widen_some(const core::Half* p, long count) {
    std::uint16_t one = 0;
    if (count >= 2) {
        return widen<Arch>(p);
    }
    if (count == 1) {
        __builtin_memcpy(&one, p, sizeof one);
    }
    return widen_pair<Arch>(one);
}

template <class Arch>
requires(width<Arch> == 2) VECDOT_INLINE Doubles<Arch> multiply_add(Doubles<Arch> x,
                                                                    Doubles<Arch> y,
                                                                    Doubles<Arch> z) {
    return x * y + z;
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
VECDOT_INLINE Doubles<Arch> widen_some(const float* p, long count) {
    return count >= 2   ? widen<Arch>(p)
           : count == 1 ? Doubles<Arch>(vcvt_f64_f32(vld1_lane_f32(p, vdup_n_f32(0), 0)))
                        : Doubles<Arch>(0.0);
}

template <class Arch>
VECDOT_INLINE Doubles<Arch> widen_pair(std::uint32_t pair) {
    const float32x4_t values = vcvt_f32_f16(vreinterpret_f16_u32(vdup_n_u32(pair)));
    return vcvt_f64_f32(vget_low_f32(values));
}

template <class Arch>
VECDOT_INLINE Doubles<Arch> widen(const core::Half* p) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return widen_pair<Arch>(pair);
}

template <class Arch>
VECDOT_INLINE Doubles<Arch> widen_some(const core::Half* p, long count) {
    std::uint16_t one = 0;
    if (count >= 2) {
        return widen<Arch>(p);
    }
    if (count == 1) {
        __builtin_memcpy(&one, p, sizeof one);
    }
    return widen_pair<Arch>(one);
}

template <class Arch>
VECDOT_INLINE Doubles<Arch> multiply_add(Doubles<Arch> x, Doubles<Arch> y, Doubles<Arch> z) {
    return vfmaq_f64(z, x, y);
}

template <class Arch>
VECDOT_INLINE double fold(Doubles<Arch> lanes) {
    const float64x2_t two = lanes;
    return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
}
#endif

// float_lanes accumulators of float8, and the fixed order in which they become one number.
template <class Arch>
struct Sum {
    static constexpr std::size_t parts = float_lanes / width<Arch>;

    Doubles<Arch> part[parts];

    VECDOT_INLINE Sum() { clear(std::make_index_sequence<parts>{}); }

    VECDOT_INLINE double total() const { return fold<Arch>(add_up<0, 1>()); }

  private:
    // Spelt out: an array that a loop indexes would live in memory.
    template <std::size_t... J>
    VECDOT_INLINE void clear(std::index_sequence<J...>) {
        ((part[J] = Doubles<Arch>(0.0)), ...);
    }

    // The parts whose number is j modulo count: adding the upper half of them to the lower, as
    // often as it takes.
    template <std::size_t j, std::size_t count>
    VECDOT_INLINE Doubles<Arch> add_up() const {
        if constexpr (count == parts) {
            return part[j];
        } else {
            return add_up<j, 2 * count>() + add_up<j + count, 2 * count>();
        }
    }
};

// How many elements ahead of the arithmetic they are asked for: the processor's own prefetching
// starts anew at every page and, of two streams, loses a tenth of the bus.
template <class Element>
constexpr std::size_t prefetch_distance = 128 / sizeof(Element);

// The last count < float_lanes elements of for_each_pair, from part j on.
template <class Arch, std::size_t j, class Element, class Step>
VECDOT_INLINE void for_each_last(const Element* a, const Element* b, std::size_t count, Step step) {
    constexpr std::size_t w = width<Arch>;
    constexpr std::integral_constant<std::size_t, j> part{};
    if (count < w) {
        if (count > 0) {
            step(part, widen_some<Arch>(a, static_cast<long>(count)),
                 widen_some<Arch>(b, static_cast<long>(count)));
        }
        return;
    }
    step(part, widen<Arch>(a), widen<Arch>(b));
    if constexpr (j + 1 < Sum<Arch>::parts) {
        for_each_last<Arch, j + 1>(a + w, b + w, count - w, step);
    }
}

// Calls step(j, aᵢ…, bᵢ…) for every run of width<Arch> elements, j (a compile-time constant) being
// the part of the sums that it belongs to. Lanes without an element are zeros in the last step, for
// which step must add 0: as no sum is ever −0, that is the same as not adding at all.
template <class Arch, class Element, class Step>
VECDOT_INLINE void for_each_pair(const Element* a, const Element* b, std::size_t n, Step step) {
    constexpr std::size_t w = width<Arch>;
    std::size_t i = 0;
    const auto round = [&]() __attribute__((always_inline)) {
        [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
            (step(std::integral_constant<std::size_t, J>{}, widen<Arch>(a + i + J * w),
                  widen<Arch>(b + i + J * w)),
             ...);
        }
        (std::make_index_sequence<Sum<Arch>::parts>{});
    };
    for (; i + prefetch_distance<Element> + float_lanes <= n; i += float_lanes) {
        __builtin_prefetch(a + i + prefetch_distance<Element>);
        __builtin_prefetch(b + i + prefetch_distance<Element>);
        round();
    }
    for (; i + float_lanes <= n; i += float_lanes) {
        round();
    }
    for_each_last<Arch, 0>(a + i, b + i, n - i, step);
}

}  // namespace vecdot::kernels
