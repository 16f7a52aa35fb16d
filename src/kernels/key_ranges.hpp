// Keys of 8 bytes within a range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/code_kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace vecdot::kernels {

template <class Arch>
std::uint32_t keys_within(const std::uint8_t* keys, std::size_t units, std::uint64_t least,
                          std::uint64_t width) noexcept {
    std::uint32_t within = 0;
#if defined(__AVX512F__)
    const __m512i first = _mm512_set1_epi64(static_cast<long long>(least));
    const __m512i most = _mm512_set1_epi64(static_cast<long long>(width));
    for (std::size_t u = 0; u < units; ++u) {
        const __m512i some = _mm512_loadu_si512(keys + u * unit_bytes);
        within |=
            static_cast<std::uint32_t>(_mm512_cmple_epu64_mask(_mm512_sub_epi64(some, first), most))
            << (8 * u);
    }
#elif defined(__AVX2__)
    // Compared as signed numbers: both sides' order is the same with the sign turned.
    const __m256i sign = _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{1} << 63));
    const __m256i first = _mm256_set1_epi64x(static_cast<long long>(least));
    const __m256i most = _mm256_xor_si256(_mm256_set1_epi64x(static_cast<long long>(width)), sign);
    for (std::size_t half = 0; half < 2 * units; ++half) {
        const __m256i some =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys + half * (unit_bytes / 2)));
        const __m256i beyond =
            _mm256_cmpgt_epi64(_mm256_xor_si256(_mm256_sub_epi64(some, first), sign), most);
        const int out = _mm256_movemask_pd(_mm256_castsi256_pd(beyond));
        within |= static_cast<std::uint32_t>(~out & 15) << (4 * half);
    }
#else
    for (std::size_t i = 0; i < units * (unit_bytes / sizeof(std::uint64_t)); ++i) {
        std::uint64_t key;
        std::memcpy(&key, keys + i * sizeof key, sizeof key);
        within |= static_cast<std::uint32_t>(key - least <= width) << i;
    }
#endif
    return within;
}

}  // namespace vecdot::kernels
