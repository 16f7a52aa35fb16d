// Dot products of unsigned and signed bytes, and the rounding that makes the bytes.
#pragma once

#include "kernels/bit_codes.hpp"
#include "kernels/lanes.hpp"

namespace vecdot::kernels {

#if defined(__AVX2__)
// Σ of four neighbouring products in each 32-bit lane. maddubs would saturate.
VECDOT_INLINE __m256i dot_bytes_256(__m256i codes, __m256i even, __m256i odd) {
    const __m256i low = _mm256_and_si256(codes, _mm256_set1_epi16(0xff));
    return _mm256_add_epi32(_mm256_madd_epi16(low, even),
                            _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), odd));
}

// The signed bytes at even and at odd places, as 16-bit numbers.
VECDOT_INLINE __m256i even_bytes(__m256i x) {
    return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
}
VECDOT_INLINE __m256i odd_bytes(__m256i x) {
    return _mm256_srai_epi16(x, 8);
}

VECDOT_INLINE std::int32_t sum_lanes_256(__m256i x) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

VECDOT_INLINE __m256i load_256(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
#endif

template <class Arch>
PlaneDots dot_planes(const std::uint8_t* codes, const std::int8_t* high, const std::int8_t* low,
                     std::size_t n) noexcept {
#if defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        __m512i h = _mm512_setzero_si512();
        __m512i l = _mm512_setzero_si512();
        for (std::size_t i = 0; i < n; i += 64) {
            const __m512i code = _mm512_loadu_si512(codes + i);
            h = _mm512_dpbusd_epi32(h, code, _mm512_loadu_si512(high + i));
            l = _mm512_dpbusd_epi32(l, code, _mm512_loadu_si512(low + i));
        }
        return {_mm512_reduce_add_epi32(h), _mm512_reduce_add_epi32(l)};
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        __m256i h = _mm256_setzero_si256();
        __m256i l = _mm256_setzero_si256();
        for (std::size_t i = 0; i < n; i += 32) {
            const __m256i code = load_256(codes + i);
            const __m256i hi = load_256(high + i);
            const __m256i lo = load_256(low + i);
            h = _mm256_add_epi32(h, dot_bytes_256(code, even_bytes(hi), odd_bytes(hi)));
            l = _mm256_add_epi32(l, dot_bytes_256(code, even_bytes(lo), odd_bytes(lo)));
        }
        return {sum_lanes_256(h), sum_lanes_256(l)};
    }
#endif
    PlaneDots dots{0, 0};
    for (std::size_t i = 0; i < n; ++i) {
        dots.high += codes[i] * high[i];
        dots.low += codes[i] * low[i];
    }
    return dots;
}

template <class Arch>
void dot_rows(const std::uint8_t* rows, std::size_t count, std::size_t n, const std::int8_t* query,
              std::int32_t* sums) noexcept {
#if defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        std::size_t r = 0;
        for (; r + 4 <= count; r += 4) {
            const std::uint8_t* row = rows + r * n;
            __m512i a = _mm512_setzero_si512();
            __m512i b = a;
            __m512i c = a;
            __m512i d = a;
            for (std::size_t i = 0; i < n; i += 64) {
                const __m512i q = _mm512_loadu_si512(query + i);
                a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(row + i), q);
                b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(row + n + i), q);
                c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(row + 2 * n + i), q);
                d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(row + 3 * n + i), q);
            }
            const __m512i ab =
                _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            const __m512i cd =
                _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            const __m512i abcd =
                _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
            const __m256i eight =
                _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
            _mm_storeu_si128(
                reinterpret_cast<__m128i*>(sums + r),
                _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)));
        }
        for (; r < count; ++r) {
            __m512i a = _mm512_setzero_si512();
            for (std::size_t i = 0; i < n; i += 64) {
                a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(rows + r * n + i),
                                        _mm512_loadu_si512(query + i));
            }
            sums[r] = _mm512_reduce_add_epi32(a);
        }
        return;
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        for (std::size_t r = 0; r < count; ++r) {
            __m256i a = _mm256_setzero_si256();
            for (std::size_t i = 0; i < n; i += 32) {
                const __m256i q = load_256(query + i);
                a = _mm256_add_epi32(
                    a, dot_bytes_256(load_256(rows + r * n + i), even_bytes(q), odd_bytes(q)));
            }
            sums[r] = sum_lanes_256(a);
        }
        return;
    }
#endif
    for (std::size_t r = 0; r < count; ++r) {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sum += rows[r * n + i] * query[i];
        }
        sums[r] = sum;
    }
}

// One panel against up to `queries` ≤ 8 queries; the count is a constant so that the accumulators
// stay in registers.
template <class Arch, std::size_t queries>
VECDOT_INLINE void dot_panel(const std::uint8_t* panel, std::size_t n, const std::int8_t* query,
                             std::int32_t* sums, std::size_t stride) {
#if defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        __m512i sum[queries];
        for (std::size_t q = 0; q < queries; ++q) {
            sum[q] = _mm512_setzero_si512();
        }
        for (std::size_t i = 0; i < n; i += 4) {
            const __m512i codes = _mm512_loadu_si512(panel + 16 * i);
#pragma GCC unroll 8
            for (std::size_t q = 0; q < queries; ++q) {
                std::int32_t four;
                std::memcpy(&four, query + q * n + i, sizeof four);
                sum[q] = _mm512_dpbusd_epi32(sum[q], codes, _mm512_set1_epi32(four));
            }
        }
        for (std::size_t q = 0; q < queries; ++q) {
            _mm512_storeu_si512(sums + q * stride, sum[q]);
        }
        return;
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        for (std::size_t q = 0; q < queries; ++q) {
            __m256i first = _mm256_setzero_si256();
            __m256i second = first;
            for (std::size_t i = 0; i < n; i += 4) {
                std::int32_t four;
                std::memcpy(&four, query + q * n + i, sizeof four);
                const __m256i x = _mm256_set1_epi32(four);
                const __m256i even = even_bytes(x);
                const __m256i odd = odd_bytes(x);
                first = _mm256_add_epi32(first, dot_bytes_256(load_256(panel + 16 * i), even, odd));
                second = _mm256_add_epi32(second,
                                          dot_bytes_256(load_256(panel + 16 * i + 32), even, odd));
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + q * stride), first);
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + q * stride + 8), second);
        }
        return;
    }
#endif
    for (std::size_t q = 0; q < queries; ++q) {
        std::int32_t sum[16] = {};
        for (std::size_t i = 0; i < n; i += 4) {
            for (std::size_t c = 0; c < 16; ++c) {
                for (std::size_t k = 0; k < 4; ++k) {
                    sum[c] += panel[16 * i + 4 * c + k] * query[q * n + i + k];
                }
            }
        }
        std::memcpy(sums + q * stride, sum, sizeof sum);
    }
}

template <class Arch>
void nearest_in_panels(const std::uint8_t* panels, std::size_t count, std::size_t n,
                       const float* norm, const float* weight, const std::int8_t* query,
                       const float* scale, const std::int32_t* offset, std::size_t queries,
                       float* best, std::uint32_t* index) noexcept {
    constexpr std::size_t group = 8;
    for (std::size_t i = 0; i < 16 * queries; ++i) {
        best[i] = __builtin_huge_valf();
        index[i] = 0;
    }
    for (std::size_t p = 0; p < count; ++p) {
        const std::uint8_t* panel = panels + p * n * 16;
        std::int32_t sums[16 * group];
        for (std::size_t first = 0; first < queries; first += group) {
            const std::size_t some = queries - first < group ? queries - first : group;
            if (some == group) {
                dot_panel<Arch, group>(panel, n, query + first * n, sums, 16);
            } else {
                for (std::size_t q = 0; q < some; ++q) {
                    dot_panel<Arch, 1>(panel, n, query + (first + q) * n, sums + 16 * q, 16);
                }
            }
            for (std::size_t q = 0; q < some; ++q) {
                float* least = best + 16 * (first + q);
                std::uint32_t* where = index + 16 * (first + q);
                const float factor = scale[first + q];
                const std::int32_t shift = offset[first + q];
                for (std::size_t c = 0; c < 16; ++c) {
                    const std::size_t r = 16 * p + c;
                    const float value = norm[r] - (weight[r] * factor) *
                                                      static_cast<float>(sums[16 * q + c] - shift);
                    where[c] = value < least[c] ? static_cast<std::uint32_t>(r) : where[c];
                    least[c] = value < least[c] ? value : least[c];
                }
            }
        }
    }
}

template <class Arch>
void quantise(const float* x, std::size_t n, float inverse_step, std::uint8_t* codes) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        float value = x[i] * inverse_step;
        value = value < 127.0f ? value : 127.0f;
        value = value > -127.0f ? value : -127.0f;
        codes[i] = static_cast<std::uint8_t>(round_to_integer(value) + 128);
    }
}

}  // namespace vecdot::kernels
