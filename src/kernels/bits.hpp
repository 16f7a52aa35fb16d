// Bits that two strings have in common, and those that differ.
#pragma once

#include "kernels/lanes.hpp"

namespace vecdot::kernels {

// One load of a string's bytes, and the sums of set bits, per lane until total().
// load_some: the first count bytes (0 < count < bytes), zeros behind; nothing past them is read.
template <class Arch>
struct BitBlock;

#if defined(__AVX512F__)
template <class Arch>
requires(width<Arch> == 8) struct BitBlock<Arch> {
    using Register = __m512i;
    static constexpr std::size_t bytes = 64;

    static VECDOT_INLINE Register load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
    static VECDOT_INLINE Register load_some(const std::uint8_t* p, std::size_t count) {
        return _mm512_maskz_loadu_epi8((std::uint64_t{1} << count) - 1, p);
    }
    static VECDOT_INLINE Register zero() { return _mm512_setzero_si512(); }
    static VECDOT_INLINE Register differ(Register a, Register b) { return _mm512_xor_si512(a, b); }
    static VECDOT_INLINE Register both(Register a, Register b) { return _mm512_and_si512(a, b); }
    static VECDOT_INLINE Register either(Register a, Register b) { return _mm512_or_si512(a, b); }
    static VECDOT_INLINE Register add(Register sums, Register bits) {
        // Without VPOPCNTDQ: half a byte is an index into the numbers of its bits.
        const __m512i numbers =
            _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
        const __m512i low = _mm512_set1_epi8(15);
        const __m512i counts = _mm512_add_epi8(
            _mm512_shuffle_epi8(numbers, _mm512_and_si512(bits, low)),
            _mm512_shuffle_epi8(numbers, _mm512_and_si512(_mm512_srli_epi16(bits, 4), low)));
        return _mm512_add_epi64(sums, _mm512_sad_epu8(counts, _mm512_setzero_si512()));
    }
    static VECDOT_INLINE std::uint64_t total(Register sums) {
        std::uint64_t lanes[8];
        _mm512_storeu_si512(lanes, sums);
        return lanes[0] + lanes[1] + lanes[2] + lanes[3] + lanes[4] + lanes[5] + lanes[6] +
               lanes[7];
    }
};
#endif

#if defined(__AVX2__)
template <class Arch>
requires(width<Arch> == 4) struct BitBlock<Arch> {
    using Register = __m256i;
    static constexpr std::size_t bytes = 32;

    static VECDOT_INLINE Register load(const std::uint8_t* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static VECDOT_INLINE Register load_some(const std::uint8_t* p, std::size_t count) {
        alignas(32) std::uint8_t copy[bytes] = {};
        __builtin_memcpy(copy, p, count);
        return load(copy);
    }
    static VECDOT_INLINE Register zero() { return _mm256_setzero_si256(); }
    static VECDOT_INLINE Register differ(Register a, Register b) { return _mm256_xor_si256(a, b); }
    static VECDOT_INLINE Register both(Register a, Register b) { return _mm256_and_si256(a, b); }
    static VECDOT_INLINE Register either(Register a, Register b) { return _mm256_or_si256(a, b); }
    static VECDOT_INLINE Register add(Register sums, Register bits) {
        const __m256i numbers = _mm256_broadcastsi128_si256(
            _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
        const __m256i low = _mm256_set1_epi8(15);
        const __m256i counts = _mm256_add_epi8(
            _mm256_shuffle_epi8(numbers, _mm256_and_si256(bits, low)),
            _mm256_shuffle_epi8(numbers, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low)));
        return _mm256_add_epi64(sums, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
    }
    static VECDOT_INLINE std::uint64_t total(Register sums) {
        std::uint64_t lanes[4];
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), sums);
        return lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
};
#endif

// Eight bytes at once, by adding neighbouring fields of 1, 2 and 4 bits.
template <class Arch>
requires(width<Arch> == 2) struct BitBlock<Arch> {
    using Register = std::uint64_t;
    static constexpr std::size_t bytes = 8;

    static VECDOT_INLINE Register load(const std::uint8_t* p) {
        Register word;
        __builtin_memcpy(&word, p, sizeof word);
        return word;
    }
    static VECDOT_INLINE Register load_some(const std::uint8_t* p, std::size_t count) {
        Register word = 0;
        for (std::size_t i = 0; i < count; ++i) {
            word |= Register{p[i]} << (8 * i);
        }
        return word;
    }
    static VECDOT_INLINE Register zero() { return 0; }
    static VECDOT_INLINE Register differ(Register a, Register b) { return a ^ b; }
    static VECDOT_INLINE Register both(Register a, Register b) { return a & b; }
    static VECDOT_INLINE Register either(Register a, Register b) { return a | b; }
    static VECDOT_INLINE Register add(Register sum, Register bits) {
        bits -= bits >> 1 & 0x5555555555555555u;
        bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
        bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
        return sum + (bits * 0x0101010101010101u >> 56);
    }
    static VECDOT_INLINE std::uint64_t total(Register sum) { return sum; }
};

// Calls step with each two blocks of a and b, the last filled up with zeros.
template <class Arch, class Step>
VECDOT_INLINE void for_each_block(const std::uint8_t* a, const std::uint8_t* b, std::size_t n,
                                  Step step) {
    using Block = BitBlock<Arch>;
    std::size_t i = 0;
    for (; i + Block::bytes <= n; i += Block::bytes) {
        step(Block::load(a + i), Block::load(b + i));
    }
    if (i < n) {
        step(Block::load_some(a + i, n - i), Block::load_some(b + i, n - i));
    }
}

template <class Arch>
std::uint64_t differing_bits(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
    using Block = BitBlock<Arch>;
    using Register = typename Block::Register;
    Register sums = Block::zero();
    for_each_block<Arch>(
        a, b, n, [&](Register x, Register y) __attribute__((always_inline)) {
            sums = Block::add(sums, Block::differ(x, y));
        });
    return Block::total(sums);
}

template <class Arch>
SharedBits shared_bits(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
    using Block = BitBlock<Arch>;
    using Register = typename Block::Register;
    Register both = Block::zero();
    Register either = Block::zero();
    for_each_block<Arch>(
        a, b, n, [&](Register x, Register y) __attribute__((always_inline)) {
            both = Block::add(both, Block::both(x, y));
            either = Block::add(either, Block::either(x, y));
        });
    return {Block::total(both), Block::total(either)};
}

}  // namespace vecdot::kernels
