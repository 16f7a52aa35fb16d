// Scoring of 1-bit codes by table look-up, 32 rows at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

template <class Arch>
void scan_units(const std::uint8_t* units, const std::int8_t* table, std::size_t count,
                std::int32_t* sums) noexcept {
#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        const __m512i nibble = _mm512_set1_epi8(0x0f);
        const __m512i group = _mm512_set1_epi32(0x30201000);
        const __m512i one = _mm512_set1_epi8(1);
        __m512i low = _mm512_loadu_si512(sums);
        __m512i high = _mm512_loadu_si512(sums + 16);
        for (std::size_t u = 0; u < count; ++u) {
            const __m512i unit = _mm512_loadu_si512(units + unit_bytes * u);
            const __m512i entries = _mm512_loadu_si512(table + unit_bytes * u);
            // 0xea: (a & b) | c
            const __m512i first = _mm512_ternarylogic_epi32(unit, nibble, group, 0xea);
            const __m512i second =
                _mm512_ternarylogic_epi32(_mm512_srli_epi16(unit, 4), nibble, group, 0xea);
            low = _mm512_dpbusd_epi32(low, one, _mm512_permutexvar_epi8(first, entries));
            high = _mm512_dpbusd_epi32(high, one, _mm512_permutexvar_epi8(second, entries));
        }
        _mm512_storeu_si512(sums, low);
        _mm512_storeu_si512(sums + 16, high);
        return;
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        const __m256i nibble = _mm256_set1_epi8(0x0f);
        const __m256i one = _mm256_set1_epi8(1);
        const __m256i ones = _mm256_set1_epi16(1);
        // The bytes of other groups get index 128, which looks up 0.
        const __m256i skip[4] = {
            _mm256_set1_epi32(static_cast<int>(0x80808000u)),
            _mm256_set1_epi32(static_cast<int>(0x80800080u)),
            _mm256_set1_epi32(static_cast<int>(0x80008080u)),
            _mm256_set1_epi32(0x00808080),
        };
        __m256i sum[4];
        for (int k = 0; k < 4; ++k) {
            sum[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + 8 * k));
        }
        for (std::size_t u = 0; u < count; ++u) {
            __m256i entries[4];
            for (int g = 0; g < 4; ++g) {
                entries[g] = _mm256_broadcastsi128_si256(_mm_loadu_si128(
                    reinterpret_cast<const __m128i*>(table + unit_bytes * u + 16 * g)));
            }
            for (int half = 0; half < 2; ++half) {
                const __m256i unit = _mm256_loadu_si256(
                    reinterpret_cast<const __m256i*>(units + unit_bytes * u + 32 * half));
                for (int upper = 0; upper < 2; ++upper) {
                    const __m256i index =
                        _mm256_and_si256(upper != 0 ? _mm256_srli_epi16(unit, 4) : unit, nibble);
                    __m256i found = _mm256_setzero_si256();
                    for (int g = 0; g < 4; ++g) {
                        found = _mm256_or_si256(
                            found,
                            _mm256_shuffle_epi8(entries[g], _mm256_or_si256(index, skip[g])));
                    }
                    const __m256i four = _mm256_madd_epi16(_mm256_maddubs_epi16(one, found), ones);
                    sum[2 * upper + half] = _mm256_add_epi32(sum[2 * upper + half], four);
                }
            }
        }
        for (int k = 0; k < 4; ++k) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 8 * k), sum[k]);
        }
        return;
    }
#endif
    for (std::size_t u = 0; u < count; ++u) {
        for (std::size_t v = 0; v < 16; ++v) {
            for (std::size_t g = 0; g < 4; ++g) {
                const std::uint8_t byte = units[unit_bytes * u + 4 * v + g];
                const std::int8_t* entries = table + unit_bytes * u + 16 * g;
                sums[v] += entries[byte & 15];
                sums[v + 16] += entries[byte >> 4];
            }
        }
    }
}

template <class Arch>
std::uint32_t block_bounds(const std::uint8_t* factors, const std::int32_t* sums,
                           const BoundTerms& terms, float cut, float* bounds) noexcept {
    float add[block_rows];
    float rescale[block_rows];
    float error[block_rows];
    std::memcpy(add, factors, sizeof add);
    std::memcpy(rescale, factors + sizeof add, sizeof rescale);
    std::memcpy(error, factors + 2 * sizeof add, sizeof error);
    for (std::size_t v = 0; v < block_rows; ++v) {
        const float sum = terms.sum_weight * static_cast<float>(sums[v]);
        bounds[v] = ((terms.base + terms.add_weight * add[v]) + rescale[v] * sum) -
                    terms.error_weight * error[v];
    }
#if defined(__AVX512F__)
    if constexpr (width<Arch> == 8) {
        const __m512 limit = _mm512_set1_ps(cut);
        const std::uint32_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(bounds), limit, _CMP_LT_OQ);
        const std::uint32_t high =
            _mm512_cmp_ps_mask(_mm512_loadu_ps(bounds + 16), limit, _CMP_LT_OQ);
        return low | high << 16;
    }
#endif
    std::uint32_t below = 0;
    for (std::size_t v = 0; v < block_rows; ++v) {
        below |= static_cast<std::uint32_t>(bounds[v] < cut) << v;
    }
    return below;
}

// Asks for the line that lies 1.5 kB behind `at` in its stream.
VECDOT_INLINE void fetch_ahead(const std::uint8_t* at, const Stream& stream) {
    const std::uintptr_t line = reinterpret_cast<std::uintptr_t>(at) + 24 * unit_bytes;
    __builtin_prefetch(
        reinterpret_cast<const void*>(line < stream.end ? line : line + stream.jump));
}

template <class Arch>
void score_blocks(const std::uint8_t* units, std::size_t blocks, std::size_t sign_units,
                  const std::int8_t* table, const BoundTerms& terms, float cut, float* bounds,
                  std::uint32_t* below, const Stream& stream) noexcept {
#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        const __m512i nibble = _mm512_set1_epi8(0x0f);
        const __m512i group = _mm512_set1_epi32(0x30201000);
        const __m512i one = _mm512_set1_epi8(1);
        const __m512 base = _mm512_set1_ps(terms.base);
        const __m512 add_weight = _mm512_set1_ps(terms.add_weight);
        const __m512 sum_weight = _mm512_set1_ps(terms.sum_weight);
        const __m512 error_weight = _mm512_set1_ps(terms.error_weight);
        const __m512 limit = _mm512_set1_ps(cut);
        for (std::size_t b = 0; b < blocks; ++b) {
            __m512i low[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
            __m512i high[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
            // Two sums of each, so that one need not wait for the other.
            auto step = [&](std::size_t u, std::size_t k) __attribute__((always_inline)) {
                const __m512i unit = _mm512_loadu_si512(units + unit_bytes * u);
                const __m512i entries = _mm512_loadu_si512(table + unit_bytes * u);
                fetch_ahead(units + unit_bytes * u, stream);
                const __m512i first = _mm512_ternarylogic_epi32(unit, nibble, group, 0xea);
                const __m512i second =
                    _mm512_ternarylogic_epi32(_mm512_srli_epi16(unit, 4), nibble, group, 0xea);
                low[k] = _mm512_dpbusd_epi32(low[k], one, _mm512_permutexvar_epi8(first, entries));
                high[k] =
                    _mm512_dpbusd_epi32(high[k], one, _mm512_permutexvar_epi8(second, entries));
            };
            for (std::size_t u = 0; u + 2 <= sign_units; u += 2) {
                step(u, 0);
                step(u + 1, 1);
            }
            if (sign_units % 2 != 0) {
                step(sign_units - 1, 0);
            }
            const std::uint8_t* factors = units + sign_units * unit_bytes;
            auto bound = [&](std::size_t half, __m512i sums) __attribute__((always_inline)) {
                const std::uint8_t* at = factors + half * unit_bytes;
                const __m512 add = _mm512_loadu_ps(at);
                const __m512 rescale = _mm512_loadu_ps(at + 2 * unit_bytes);
                const __m512 error = _mm512_loadu_ps(at + 4 * unit_bytes);
                const __m512 sum = _mm512_mul_ps(sum_weight, _mm512_cvtepi32_ps(sums));
                return _mm512_sub_ps(
                    _mm512_add_ps(_mm512_add_ps(base, _mm512_mul_ps(add_weight, add)),
                                  _mm512_mul_ps(rescale, sum)),
                    _mm512_mul_ps(error_weight, error));
            };
            const __m512 first = bound(0, _mm512_add_epi32(low[0], low[1]));
            const __m512 second = bound(1, _mm512_add_epi32(high[0], high[1]));
            const std::uint32_t rows =
                static_cast<std::uint32_t>(_mm512_cmp_ps_mask(first, limit, _CMP_LT_OQ)) |
                static_cast<std::uint32_t>(_mm512_cmp_ps_mask(second, limit, _CMP_LT_OQ)) << 16;
            below[b] = rows;
            _mm512_storeu_ps(bounds + block_rows * b, first);
            _mm512_storeu_ps(bounds + block_rows * b + 16, second);
            units = factors + 6 * unit_bytes;
        }
        return;
    }
#endif
    static_cast<void>(stream);
    for (std::size_t b = 0; b < blocks; ++b) {
        std::int32_t sums[block_rows] = {};
        scan_units<Arch>(units, table, sign_units, sums);
        const std::uint8_t* factors = units + sign_units * unit_bytes;
        below[b] = block_bounds<Arch>(factors, sums, terms, cut, bounds + block_rows * b);
        units = factors + 6 * unit_bytes;
    }
}

// Adding and taking away 1.5·2²³ rounds to an integer, half to even, for |x| < 2²².
VECDOT_INLINE std::int32_t round_to_integer(float x) {
    const float shifted = x + 12582912.0f;
    std::int32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4b400000;
}

template <class Arch>
float sign_table(const float* query, std::size_t n, std::int8_t* table) noexcept {
    float largest = 0;
    for (std::size_t i = 0; i < n; i += 4) {
        const float sum = (std::fabs(query[i]) + std::fabs(query[i + 1])) +
                          (std::fabs(query[i + 2]) + std::fabs(query[i + 3]));
        largest = sum > largest ? sum : largest;
    }
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    static constexpr float sign[4][16] = {
        {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1},
        {-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1},
        {-1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1},
        {-1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    for (std::size_t i = 0; i < n; i += 4) {
        for (std::size_t e = 0; e < 16; ++e) {
            const float sum = (query[i] * sign[0][e] + query[i + 1] * sign[1][e]) +
                              (query[i + 2] * sign[2][e] + query[i + 3] * sign[3][e]);
            table[4 * i + e] = static_cast<std::int8_t>(round_to_integer(sum * inverse));
        }
    }
    return largest / 127.0f;
}

}  // namespace vecdot::kernels
