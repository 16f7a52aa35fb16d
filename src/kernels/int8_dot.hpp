// Dot products of unsigned bytes and half bytes with signed bytes, and the rounding that makes
// them.
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

#if defined(__AVX512VNNI__)
// The sums of the lanes of four vectors.
VECDOT_INLINE __m128i sum_lanes_512(__m512i a, __m512i b, __m512i c, __m512i d) {
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    const __m512i abcd =
        _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i eight =
        _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
}
#endif

// Bytes of a group of half bytes.
constexpr std::size_t nibble_bytes = nibble_group / 2;

#if defined(__AVX512VNNI__)
// What a vector of half bytes is multiplied with: its lower and its upper halves, of one query
// plane.
struct NibbleQuery512 {
    __m512i lower;
    __m512i upper;

    // Of two groups.
    static VECDOT_INLINE NibbleQuery512 two(const std::int8_t* q) {
        return {_mm512_inserti64x4(_mm512_castsi256_si512(load_256(q)), load_256(q + 64), 1),
                _mm512_inserti64x4(_mm512_castsi256_si512(load_256(q + 32)), load_256(q + 96), 1)};
    }
    static VECDOT_INLINE NibbleQuery512 one(const std::int8_t* q) {
        return {_mm512_zextsi256_si512(load_256(q)), _mm512_zextsi256_si512(load_256(q + 32))};
    }
};

// `rows` ≤ 4 rows at once; the count is a constant so that the sums stay in registers.
template <std::size_t rows>
VECDOT_INLINE void add_nibbles_512(const std::uint8_t* row, std::size_t stride, std::size_t bytes,
                                   const std::int8_t* high, const std::int8_t* low, __m512i* h,
                                   __m512i* l) {
    const __m512i mask = _mm512_set1_epi8(15);
    auto add = [&](std::size_t k, __m512i codes, const NibbleQuery512& hi,
                   const NibbleQuery512& lo) {
        const __m512i lower = _mm512_and_si512(codes, mask);
        const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(codes, 4), mask);
        h[k] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(h[k], lower, hi.lower), upper, hi.upper);
        l[k] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(l[k], lower, lo.lower), upper, lo.upper);
    };
    std::size_t i = 0;
    for (; i + 2 * nibble_bytes <= bytes; i += 2 * nibble_bytes) {
        const NibbleQuery512 hi = NibbleQuery512::two(high + 2 * i);
        const NibbleQuery512 lo = NibbleQuery512::two(low + 2 * i);
#pragma GCC unroll 4
        for (std::size_t k = 0; k < rows; ++k) {
            add(k, _mm512_loadu_si512(row + k * stride + i), hi, lo);
        }
    }
    if (i < bytes) {
        const NibbleQuery512 hi = NibbleQuery512::one(high + 2 * i);
        const NibbleQuery512 lo = NibbleQuery512::one(low + 2 * i);
#pragma GCC unroll 4
        for (std::size_t k = 0; k < rows; ++k) {
            add(k, _mm512_zextsi256_si512(load_256(row + k * stride + i)), hi, lo);
        }
    }
}
#endif

#if defined(__AVX2__)
// Sums of neighbouring products; half bytes keep them from saturating.
VECDOT_INLINE __m256i dot_nibbles_256(__m256i lower, __m256i upper, const std::int8_t* q) {
    const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(lower, load_256(q)),
                                           _mm256_maddubs_epi16(upper, load_256(q + 32)));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

// fetch(row, count) before `count` rows are worked on.
template <class Arch, class Fetch>
VECDOT_INLINE void nibble_rows(const std::uint8_t* rows, std::size_t count, std::size_t n,
                               const std::int8_t* high, const std::int8_t* low, PlaneDots* dots,
                               Fetch&& fetch) {
    const std::size_t bytes = n / 2;
#if defined(__AVX512VNNI__)
    if constexpr (width<Arch> == 8) {
        std::size_t r = 0;
        for (; r + 4 <= count; r += 4) {
            const std::uint8_t* row = rows + r * bytes;
            fetch(row, 4);
            __m512i h[4];
            __m512i l[4];
            for (int k = 0; k < 4; ++k) {
                h[k] = _mm512_setzero_si512();
                l[k] = _mm512_setzero_si512();
            }
            add_nibbles_512<4>(row, bytes, bytes, high, low, h, l);
            const __m128i hs = sum_lanes_512(h[0], h[1], h[2], h[3]);
            const __m128i ls = sum_lanes_512(l[0], l[1], l[2], l[3]);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(dots + r), _mm_unpacklo_epi32(hs, ls));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(dots + r + 2), _mm_unpackhi_epi32(hs, ls));
        }
        for (; r < count; ++r) {
            fetch(rows + r * bytes, 1);
            __m512i h = _mm512_setzero_si512();
            __m512i l = _mm512_setzero_si512();
            add_nibbles_512<1>(rows + r * bytes, bytes, bytes, high, low, &h, &l);
            dots[r] = {_mm512_reduce_add_epi32(h), _mm512_reduce_add_epi32(l)};
        }
        return;
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        const __m256i mask = _mm256_set1_epi8(15);
        for (std::size_t r = 0; r < count; ++r) {
            const std::uint8_t* row = rows + r * bytes;
            fetch(row, 1);
            __m256i h = _mm256_setzero_si256();
            __m256i l = h;
            for (std::size_t i = 0; i < bytes; i += nibble_bytes) {
                const __m256i codes = load_256(row + i);
                const __m256i lower = _mm256_and_si256(codes, mask);
                const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(codes, 4), mask);
                h = _mm256_add_epi32(h, dot_nibbles_256(lower, upper, high + 2 * i));
                l = _mm256_add_epi32(l, dot_nibbles_256(lower, upper, low + 2 * i));
            }
            dots[r] = {sum_lanes_256(h), sum_lanes_256(l)};
        }
        return;
    }
#endif
    for (std::size_t r = 0; r < count; ++r) {
        const std::uint8_t* row = rows + r * bytes;
        fetch(row, 1);
        PlaneDots sum{0, 0};
        for (std::size_t i = 0; i < n; i += nibble_group) {
            for (std::size_t b = 0; b < nibble_bytes; ++b) {
                const int lower = row[i / 2 + b] & 15;
                const int upper = row[i / 2 + b] >> 4;
                sum.high += lower * high[i + b] + upper * high[i + nibble_bytes + b];
                sum.low += lower * low[i + b] + upper * low[i + nibble_bytes + b];
            }
        }
        dots[r] = sum;
    }
}

template <class Arch>
void dot_nibbles(const std::uint8_t* rows, std::size_t count, std::size_t n,
                 const std::int8_t* high, const std::int8_t* low, PlaneDots* dots) noexcept {
    nibble_rows<Arch>(rows, count, n, high, low, dots, [](const std::uint8_t*, std::size_t) {});
}

template <class Arch>
void scan_nibbles(const std::uint8_t* rows, std::size_t count, std::size_t n,
                  const std::int8_t* high, const std::int8_t* low, PlaneDots* dots,
                  const Stream& stream) noexcept {
    nibble_rows<Arch>(rows, count, n, high, low, dots,
                      [&](const std::uint8_t* row, std::size_t some) {
                          for (std::size_t i = 0; i < some * n / 2; i += unit_bytes) {
                              fetch_ahead(row + i, stream);
                          }
                      });
}

#if defined(__AVX512F__)
// Factors and dots of 16 rows, a row in each lane.
struct ReachRows512 {
    __m512 scale;
    __m512 add;
    __m512 error;
    __m512i high;
    __m512i low;
};

// Numbers 5·r + first, r = 0 … 15, of the 80 in five vectors.
VECDOT_INLINE __m512 every_fifth(const __m512i* v, int first) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i place = _mm512_add_epi32(_mm512_add_epi32(lane, _mm512_slli_epi32(lane, 2)),
                                           _mm512_set1_epi32(first));
    const __mmask16 second = _mm512_cmpge_epi32_mask(place, _mm512_set1_epi32(32));
    const __mmask16 third = _mm512_cmpge_epi32_mask(place, _mm512_set1_epi32(64));
    __m512i found = _mm512_permutex2var_epi32(v[0], place, v[1]);
    found = _mm512_mask_mov_epi32(found, second, _mm512_permutex2var_epi32(v[2], place, v[3]));
    found = _mm512_mask_permutexvar_epi32(found, third, place, v[4]);
    return _mm512_castsi512_ps(found);
}

VECDOT_INLINE ReachRows512 reach_rows(const std::uint8_t* entries, const PlaneDots* dots) {
    static_assert(entry_bytes == 20 && entry_factors == 8 && sizeof(PlaneDots) == 8);
    __m512i v[5];
    for (int k = 0; k < 5; ++k) {
        v[k] = _mm512_loadu_si512(entries + 64 * k);
    }
    const __m512i pairs = _mm512_loadu_si512(dots);
    const __m512i more = _mm512_loadu_si512(dots + 8);
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return {every_fifth(v, 2), every_fifth(v, 3), every_fifth(v, 4),
            _mm512_permutex2var_epi32(pairs, even, more),
            _mm512_permutex2var_epi32(pairs, _mm512_add_epi32(even, _mm512_set1_epi32(1)), more)};
}

// The same of the first rows.
VECDOT_INLINE ReachRows512 reach_rows(const std::uint8_t* entries, const PlaneDots* dots,
                                      __mmask16 rows) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i entry = _mm512_mullo_epi32(lane, _mm512_set1_epi32(entry_bytes));
    const __m512i pair = _mm512_slli_epi32(lane, 3);
    const std::uint8_t* factors = entries + entry_factors;
    const __m512 zero = _mm512_setzero_ps();
    const __m512i none = _mm512_setzero_si512();
    return {_mm512_mask_i32gather_ps(zero, rows, entry, factors, 1),
            _mm512_mask_i32gather_ps(zero, rows, entry, factors + 4, 1),
            _mm512_mask_i32gather_ps(zero, rows, entry, factors + 8, 1),
            _mm512_mask_i32gather_epi32(none, rows, pair, &dots->high, 1),
            _mm512_mask_i32gather_epi32(none, rows, pair, &dots->low, 1)};
}
#endif

template <class Arch>
std::uint32_t within_reach(const std::uint8_t* entries, const PlaneDots* dots, std::size_t count,
                           const ReachTerms& terms) noexcept {
    constexpr float relative = 0x1p-20f;
    constexpr float absolute = 1e-35f;
#if defined(__AVX512F__)
    if constexpr (width<Arch> == 8) {
        std::uint32_t within = 0;
        const __m512 base = _mm512_set1_ps(terms.base);
        const __m512 weight = _mm512_set1_ps(terms.weight);
        const __m512 reach = _mm512_set1_ps(terms.reach);
        for (std::size_t first = 0; first < count; first += 16) {
            const std::size_t left = count - first;
            const __mmask16 rows = static_cast<__mmask16>(left < 16 ? (1u << left) - 1 : 0xffffu);
            const std::uint8_t* at = entries + first * entry_bytes;
            const ReachRows512 row =
                left < 16 ? reach_rows(at, dots + first, rows) : reach_rows(at, dots + first);
            const __m512 h = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(
                                               row.high, _mm512_set1_epi32(terms.high_offset))),
                                           _mm512_set1_ps(128.0f));
            const __m512 l =
                _mm512_cvtepi32_ps(_mm512_sub_epi32(row.low, _mm512_set1_epi32(terms.low_offset)));
            const __m512 factor = _mm512_mul_ps(weight, row.scale);
            const __m512 size = _mm512_mul_ps(_mm512_abs_ps(factor),
                                              _mm512_add_ps(_mm512_abs_ps(h), _mm512_abs_ps(l)));
            const __m512 squared = _mm512_sub_ps(_mm512_add_ps(base, row.add),
                                                 _mm512_mul_ps(factor, _mm512_add_ps(h, l)));
            const __m512 slack = _mm512_add_ps(
                _mm512_mul_ps(_mm512_add_ps(_mm512_add_ps(base, _mm512_abs_ps(row.add)), size),
                              _mm512_set1_ps(relative)),
                _mm512_set1_ps(absolute));
            const __m512 limit = _mm512_add_ps(reach, row.error);
            const __mmask16 beyond = _mm512_cmp_ps_mask(_mm512_sub_ps(squared, slack),
                                                        _mm512_mul_ps(limit, limit), _CMP_GT_OQ);
            within |= static_cast<std::uint32_t>(rows & ~beyond) << first;
        }
        return within;
    }
#endif
    std::uint32_t within = 0;
    for (std::size_t r = 0; r < count; ++r) {
        float factors[3];
        std::memcpy(factors, entries + r * entry_bytes + entry_factors, sizeof factors);
        const float h = static_cast<float>(dots[r].high - terms.high_offset) * 128.0f;
        const float l = static_cast<float>(dots[r].low - terms.low_offset);
        const float factor = terms.weight * factors[0];
        const float size = std::fabs(factor) * (std::fabs(h) + std::fabs(l));
        const float squared = (terms.base + factors[1]) - factor * (h + l);
        const float slack = ((terms.base + std::fabs(factors[1])) + size) * relative + absolute;
        const float limit = terms.reach + factors[2];
        within |= static_cast<std::uint32_t>(!(squared - slack > limit * limit)) << r;
    }
    return within;
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
            _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + r), sum_lanes_512(a, b, c, d));
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

template <class Arch>
void dequantise(const std::uint8_t* codes, std::size_t n, float scale, float* x) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = scale * static_cast<float>(static_cast<std::int32_t>(codes[i]) - 128);
    }
}

template <class Arch>
std::int32_t centre(const std::uint8_t* codes, std::size_t n, std::int8_t* signed_codes) noexcept {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::int32_t value = static_cast<std::int32_t>(codes[i]) - 128;
        signed_codes[i] = static_cast<std::int8_t>(value);
        sum += value;
    }
    return sum;
}

template <class Arch>
float largest(const float* x, std::size_t n) noexcept {
    // A maximum has no order, but the compiler may not know. Where one operand is NaN these give
    // the second.
#if defined(__AVX512F__)
    if constexpr (width<Arch> == 8) {
        __m512 most = _mm512_setzero_ps();
        for (std::size_t i = 0; i < n; i += 16) {
            most = _mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(x + i)), most);
        }
        return _mm512_reduce_max_ps(most);
    }
#endif
#if defined(__AVX2__)
    if constexpr (width<Arch> == 4) {
        const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
        __m256 most = _mm256_setzero_ps();
        for (std::size_t i = 0; i < n; i += 8) {
            most = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), magnitude), most);
        }
        const __m128 four =
            _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
#endif
    float most[16] = {};
    for (std::size_t i = 0; i < n; i += 16) {
        for (std::size_t k = 0; k < 16; ++k) {
            const float size = x[i + k] < 0 ? -x[i + k] : x[i + k];
            most[k] = size > most[k] ? size : most[k];
        }
    }
    for (std::size_t half = 8; half > 0; half /= 2) {
        for (std::size_t k = 0; k < half; ++k) {
            most[k] = most[k + half] > most[k] ? most[k + half] : most[k];
        }
    }
    return most[0];
}

}  // namespace vecdot::kernels
