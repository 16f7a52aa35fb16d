#include "core/float_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/vector_text.hpp"

namespace vecdot::core {

namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr int min_power = -31;
constexpr int max_power = 45;

// 10^k = g · 2^e with 2^63 <= g < 2^64, rounded up where it is not exact.
constexpr std::uint64_t power_of_ten(int k) {
    Wide five = 1;
    for (int i = 0; i < (k < 0 ? -k : k); ++i) {
        five *= 5;
    }
    if (k >= 0) {
        int length = 0;
        while (length < 128 && (five >> length) != 0) {
            ++length;
        }
        if (length <= 64) {
            return static_cast<std::uint64_t>(five) << (64 - length);
        }
        const int excess = length - 64;
        const bool exact = (five & ((Wide{1} << excess) - 1)) == 0;
        return static_cast<std::uint64_t>(five >> excess) + (exact ? 0 : 1);
    }
    // Long division of a power of two by five, until 64 significant bits are there; never exact.
    std::uint64_t quotient = 0;
    Wide remainder = 1;
    while ((quotient >> 63) == 0) {
        remainder <<= 1;
        quotient <<= 1;
        if (remainder >= five) {
            remainder -= five;
            quotient |= 1;
        }
    }
    return quotient + 1;
}

constexpr auto powers_of_ten = [] {
    std::array<std::uint64_t, max_power - min_power + 1> powers{};
    for (int k = min_power; k <= max_power; ++k) {
        powers[static_cast<std::size_t>(k - min_power)] = power_of_ten(k);
    }
    return powers;
}();

static_assert(powers_of_ten[-min_power] == 0x8000000000000000u);
static_assert(powers_of_ten[1 - min_power] == 0xa000000000000000u);
static_assert(powers_of_ten[0] == 0x81ceb32c4b43fcf5u);

struct Decimal {
    std::uint32_t digits;  // value = digits · 10^exponent
    std::int32_t exponent;
};

// The upper 32 bits of g · c / 2^64 scaled so that rounding errors cannot be mistaken: the last bit
// is sticky.
std::uint32_t round_to_odd(std::uint64_t g, std::uint32_t c) {
    const Wide product = Wide{g} * c;
    const std::uint32_t high = static_cast<std::uint32_t>(product >> 64);
    const std::uint32_t low = static_cast<std::uint32_t>(static_cast<std::uint64_t>(product) >> 32);
    return high | static_cast<std::uint32_t>(low > 1);
}

// Of a finite value; its sign is ignored. 0 is no digit and 10^1, so that as first.rest it becomes
// 0 · 10^0.
Decimal shortest_decimal(std::uint32_t bits) {
    if (bits == 0) {
        return {0, 1};
    }
    const std::uint32_t fraction = bits & 0x7fffff;
    const std::uint32_t biased = (bits >> 23) & 0xff;
    std::uint32_t c = fraction;
    std::int32_t q = 1 - 150;
    if (biased != 0) {
        c |= 0x800000;
        q = static_cast<std::int32_t>(biased) - 150;
        if (q <= 0 && q > -24 && (c & ((1u << -q) - 1)) == 0) {
            return {c >> -q, 0};
        }
    }
    const bool closer_below = fraction == 0 && biased > 1;
    const std::uint32_t lower_bound = 4 * c - 2 + closer_below;
    const std::uint32_t upper_bound = 4 * c + 2;
    // floor(log10(2^q)), or of 3/4 · 2^q; then floor(log2(10^-k)).
    const std::int32_t k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22;
    const std::int32_t h = q + ((-k * 1741647) >> 19) + 1;
    const std::uint64_t g = powers_of_ten[static_cast<std::size_t>(-k - min_power)];
    const std::uint32_t lower = round_to_odd(g, lower_bound << h) + 1;
    const std::uint32_t middle = round_to_odd(g, (4 * c) << h);
    const std::uint32_t upper = round_to_odd(g, upper_bound << h) - 1;
    // Which candidate it is depends on digits that look random: computed all, then chosen, since a
    // branch would be mispredicted every other time.
    const std::uint32_t s = middle / 4;
    const std::uint32_t tens = s / 10;
    const std::uint32_t tens_below = lower <= 40 * tens;
    const std::uint32_t tens_above = 40 * tens + 40 <= upper;
    const std::uint32_t shorter = (s >= 10) & (tens_below ^ tens_above);
    const std::uint32_t below = lower <= 4 * s;
    const std::uint32_t above = 4 * s + 4 <= upper;
    // Up from the middle, or to the even one.
    const std::uint32_t up = middle + (s & 1) > 4 * s + 2;
    const std::uint32_t one = below ^ above;
    const std::uint32_t full = s + ((above & one) | (up & ~one));
    const std::uint32_t choice = tens + tens_above;
    return {full ^ ((full ^ choice) & (0 - shorter)), k + static_cast<std::int32_t>(shorter)};
}

constexpr std::uint32_t small_powers[] = {1,      10,      100,      1000,      10000,
                                          100000, 1000000, 10000000, 100000000, 1000000000};

// The number n of digits of v depends on the number of its bits, and on whether v has come to the
// power of ten among those: v + digit_counts[bits] = n · 2^32 + something below 2^32.
constexpr auto digit_counts = [] {
    std::array<std::uint64_t, 33> counts{};
    for (int bits = 1; bits <= 32; ++bits) {
        std::uint64_t power =
            1;  // the only one that a number of so many bits can just have reached
        std::uint64_t digits = 1;
        while (10 * power < (std::uint64_t{1} << bits)) {
            power *= 10;
            ++digits;
        }
        counts[static_cast<std::size_t>(bits)] = (digits << 32) - (digits == 1 ? 0 : power);
    }
    return counts;
}();

// v < 10^9; 0 has none
unsigned count_digits(std::uint32_t v) {
    return static_cast<unsigned>((v + digit_counts[static_cast<std::size_t>(std::bit_width(v))]) >>
                                 32);
}

// i's two digits as bytes 0 to 9, the first in the lower one.
constexpr auto digit_pairs = [] {
    std::array<std::uint16_t, 100> pairs{};
    for (unsigned i = 0; i < 100; ++i) {
        pairs[i] = static_cast<std::uint16_t>(i / 10 + i % 10 * 256);
    }
    return pairs;
}();

// The 8 digits of v < 10^8, likewise.
std::uint64_t eight_digits(std::uint32_t v) {
    const std::uint32_t high = v / 10000;
    const std::uint32_t low = v % 10000;
    return digit_pairs[high / 100] | std::uint64_t{digit_pairs[high % 100]} << 16 |
           std::uint64_t{digit_pairs[low / 100]} << 32 |
           std::uint64_t{digit_pairs[low % 100]} << 48;
}

static_assert(std::endian::native == std::endian::little, "digits are stored by the word");

// A number as first.rest · 10^exponent.
struct Digits {
    std::uint64_t rest;    // eight characters, the first in the lowest byte
    unsigned significant;  // digits until only zeros follow, the first included
    std::int32_t exponent;
    char first;
};

Digits digits_of(Decimal decimal) {
    const unsigned count = count_digits(decimal.digits);
    const std::uint32_t nine = decimal.digits * small_powers[9 - count];
    const std::uint64_t rest = eight_digits(nine % 100000000);
    return {rest | 0x3030303030303030u,
            rest == 0 ? 1 : 9 - static_cast<unsigned>(std::countl_zero(rest)) / 8,
            decimal.exponent + static_cast<std::int32_t>(count) - 1,
            static_cast<char>('0' + nine / 100000000)};
}

// Returns the end.
char* write(const Digits& digits, bool negative, char* p) {
    *p = '-';
    p += negative;
    const std::int32_t exponent = digits.exponent;
    const unsigned significant = digits.significant;
    if (exponent >= -4 && exponent < 0) {
        std::memcpy(p, "0.000000", 8);
        p += 1 - exponent;
        p[0] = digits.first;
        std::memcpy(p + 1, &digits.rest, 8);
        return p + significant;
    }
    p[0] = digits.first;
    if (exponent >= 0 && exponent < 6) {
        const unsigned whole = static_cast<unsigned>(exponent) + 1;
        std::memcpy(p + 1, &digits.rest, 8);
        if (significant <= whole) {
            return p + whole;
        }
        const std::uint64_t fraction = digits.rest >> (8 * exponent);
        p[whole] = '.';
        std::memcpy(p + whole + 1, &fraction, 8);
        return p + significant + 1;
    }
    p[1] = '.';
    std::memcpy(p + 2, &digits.rest, 8);
    p += significant > 1 ? significant + 1 : 1;
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    const std::uint32_t magnitude = static_cast<std::uint32_t>(exponent < 0 ? -exponent : exponent);
    *p++ = static_cast<char>('0' + magnitude / 10);
    *p++ = static_cast<char>('0' + magnitude % 10);
    return p;
}

}  // namespace

std::size_t format_float(float value, char* to) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const Digits digits = digits_of(shortest_decimal(bits & 0x7fffffff));
    return static_cast<std::size_t>(write(digits, bits >> 31, to) - to);
}

namespace {

template <typename Element>
std::size_t format(std::span<const Element> values, char* to) {
    char* p = to;
    *p++ = '[';
    for (const Element value : values) {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(to_float(value));
        p = write(digits_of(shortest_decimal(bits & 0x7fffffff)), bits >> 31, p);
        *p++ = ',';
    }
    p[-1] = ']';
    return static_cast<std::size_t>(p - to);
}

}  // namespace

std::size_t format_vector(VectorView values, char* to) {
    return format(values, to);
}

std::size_t format_vector(HalfView values, char* to) {
    return format(values, to);
}

}  // namespace vecdot::core
