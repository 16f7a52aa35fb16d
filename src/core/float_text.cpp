// The shortest decimal text of a float4.
#include <array>
#include <bit>
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

constexpr auto digit_pairs = [] {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
        pairs[2 * i] = static_cast<char>('0' + i / 10);
        pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}();

struct Decimal {
    std::uint32_t digits;  // value = digits · 10^exponent
    std::int32_t exponent;
};

// The upper 32 bits of g · c / 2^64 scaled so that rounding errors cannot be mistaken: the last bit
// is sticky.
std::uint32_t round_to_odd(std::uint64_t g, std::uint32_t c) {
    const Wide product = Wide{g} * c;
    const std::uint32_t high = static_cast<std::uint32_t>(product >> 64);
    const std::uint32_t low = static_cast<std::uint32_t>(product >> 32);
    return high | static_cast<std::uint32_t>(low > 1);
}

// value finite and not 0, sign ignored.
Decimal shortest_decimal(std::uint32_t bits) {
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
    const std::uint32_t s = middle / 4;
    if (s >= 10) {
        const std::uint32_t tens = s / 10;
        const bool below = lower <= 40 * tens;
        const bool above = 40 * tens + 40 <= upper;
        if (below != above) {
            return {tens + above, k + 1};
        }
    }
    const bool below = lower <= 4 * s;
    const bool above = 4 * s + 4 <= upper;
    if (below != above) {
        return {s + above, k};
    }
    const std::uint32_t half = 4 * s + 2;
    const bool up = middle > half || (middle == half && (s & 1) != 0);
    return {s + up, k};
}

unsigned count_digits(std::uint32_t v) {
    return v >= 100000000  ? 9
           : v >= 10000000 ? 8
           : v >= 1000000  ? 7
           : v >= 100000   ? 6
           : v >= 10000    ? 5
           : v >= 1000     ? 4
           : v >= 100      ? 3
           : v >= 10       ? 2
                           : 1;
}

// Writes the decimal digits of v, count of them, at to.
void write_digits(char* to, std::uint32_t v, unsigned count) {
    while (count >= 2) {
        count -= 2;
        std::memcpy(to + count, &digit_pairs[2 * (v % 100)], 2);
        v /= 100;
    }
    if (count != 0) {
        *to = static_cast<char>('0' + v);
    }
}

}  // namespace

std::size_t format_float(float value, char* to) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    char* p = to;
    if ((bits >> 31) != 0) {
        *p++ = '-';
    }
    if ((bits & 0x7fffffff) == 0) {
        *p++ = '0';
        return static_cast<std::size_t>(p - to);
    }
    Decimal decimal = shortest_decimal(bits & 0x7fffffff);
    unsigned count = count_digits(decimal.digits);
    // Of the leading digit.
    const std::int32_t exponent = decimal.exponent + static_cast<std::int32_t>(count) - 1;
    if (decimal.exponent >= 0 && exponent < 6) {
        write_digits(p, decimal.digits, count);
        p += count;
        std::memset(p, '0', static_cast<std::size_t>(decimal.exponent));
        p += decimal.exponent;
        return static_cast<std::size_t>(p - to);
    }
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        ++decimal.exponent;
        --count;
    }
    if (exponent >= -4 && exponent < 6) {
        if (exponent < 0) {
            std::memcpy(p, "0.000", 5);
            p += 1 - exponent;
            write_digits(p, decimal.digits, count);
            return static_cast<std::size_t>(p + count - to);
        }
        const unsigned whole = static_cast<unsigned>(exponent) + 1;
        write_digits(p + 1, decimal.digits, count);
        std::memmove(p, p + 1, whole);
        p[whole] = '.';
        return static_cast<std::size_t>(p + count + 1 - to);
    }
    write_digits(p + 1, decimal.digits, count);
    p[0] = p[1];
    if (count > 1) {
        p[1] = '.';
        p += count + 1;
    } else {
        p += 1;
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    const std::uint32_t magnitude = static_cast<std::uint32_t>(exponent < 0 ? -exponent : exponent);
    std::memcpy(p, &digit_pairs[2 * magnitude], 2);
    return static_cast<std::size_t>(p + 2 - to);
}

std::size_t format_vector(VectorView values, char* to) {
    char* p = to;
    *p++ = '[';
    for (const float value : values) {
        p += format_float(value, p);
        *p++ = ',';
    }
    p[-1] = ']';
    return static_cast<std::size_t>(p - to);
}

}  // namespace vecdot::core
