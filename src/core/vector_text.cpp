// Reading a vector from text. Most elements take a path of a few multiplications that proves its
// own rounding; the rest go to std::from_chars.
#include "core/vector_text.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace vecdot::core {

namespace {

bool is_digit(char c) {
    return static_cast<unsigned char>(c - '0') < 10;
}

bool is_letter(char c) {
    return static_cast<unsigned char>((c | 0x20) - 'a') < 26;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

struct Cursor {
    const char* at;
    const char* end;

    bool done() const { return at == end; }
    bool is(char c) const { return at != end && *at == c; }
    void skip_space() {
        while (at != end && is_space(*at)) {
            ++at;
        }
    }
};

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int max_exact_power = 22;

constexpr std::uint64_t whole_powers[] = {
    1,        10,        100,        1000,        10000,        100000,       1000000,
    10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000};

// An element's digits, read without judging them.
struct Digits {
    std::uint64_t significand;  // the first 19 significant digits
    int exponent;               // value = significand · 10^exponent, if no digit was dropped
    bool dropped;               // digits beyond the 19th
    bool any;
};

// Reads digits, a point, digits and an exponent at c, if they are there.
Digits read_digits(Cursor& c) {
    Digits d{0, 0, false, false};
    int significant = 0;
    auto take = [&](char digit) {
        d.any = true;
        if (significant == 0 && digit == '0') {
            return true;
        }
        if (significant < 19) {
            d.significand = d.significand * 10 + static_cast<std::uint64_t>(digit - '0');
            ++significant;
            return true;
        }
        d.dropped = true;
        return false;
    };
    for (; !c.done() && is_digit(*c.at); ++c.at) {
        if (!take(*c.at) && d.exponent < 100000) {
            ++d.exponent;
        }
    }
    if (c.is('.')) {
        ++c.at;
        for (; !c.done() && is_digit(*c.at); ++c.at) {
            if (take(*c.at) && d.exponent > -100000) {
                --d.exponent;
            }
        }
    }
    if (d.any && !c.done() && lower(*c.at) == 'e') {
        Cursor e{c.at + 1, c.end};
        bool negative = false;
        if (e.is('-') || e.is('+')) {
            negative = *e.at == '-';
            ++e.at;
        }
        if (!e.done() && is_digit(*e.at)) {
            int exponent = 0;
            for (; !e.done() && is_digit(*e.at); ++e.at) {
                if (exponent < 100000) {
                    exponent = exponent * 10 + (*e.at - '0');
                }
            }
            d.exponent += negative ? -exponent : exponent;
            c.at = e.at;
        }
    }
    return d;
}

// Whether the float4 nearest to x is also the one nearest to the number that x was computed for. x
// is off by less than 2 units in its last place (each of three operations adds half a unit); so
// unless its 29 bits below float4's last one are within 4 units of the middle, it is.
bool is_certain(double x) {
    const std::uint64_t below = std::bit_cast<std::uint64_t>(x) & 0x1fffffff;
    return below - (0x10000000 - 4) > 8;
}

// significand · 10^exponent as float4, if float8 arithmetic can prove the rounding.
bool round_fast(const Digits& d, float& value) {
    if (d.dropped || d.exponent < -max_exact_power || d.exponent > max_exact_power) {
        return false;
    }
    double x = static_cast<double>(d.significand);
    x = d.exponent < 0 ? x / powers_of_ten[-d.exponent] : x * powers_of_ten[d.exponent];
    if (x < static_cast<double>(std::numeric_limits<float>::min()) || x > 3e38) {
        value = 0;
        return d.significand == 0;
    }
    if (!is_certain(x)) {
        return false;
    }
    value = static_cast<float>(x);
    return true;
}

// How many of the 8 characters from the lowest byte on are digits.
unsigned leading_digits(std::uint64_t text) {
    // A digit's upper half is 3, and stays 3 when 6 is added.
    const std::uint64_t other =
        ((text & 0xf0f0f0f0f0f0f0f0u) ^ 0x3030303030303030u) |
        (((text + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) ^ 0x3030303030303030u);
    return static_cast<unsigned>(std::countr_zero(other)) / 8;
}

// The number that the first count characters spell, 0 < count <= 8: two, then four, then eight
// digits at once.
std::uint64_t eight_digits(std::uint64_t text, unsigned count) {
    text = (text & 0x0f0f0f0f0f0f0f0fu) << (64 - 8 * count);  // zeros before them
    text = text * 10 + (text >> 8);
    return (((text & 0x000000ff000000ffu) * (100 + (1000000ull << 32)) +
             ((text >> 16) & 0x000000ff000000ffu) * (1 + (10000ull << 32))) >>
            32) &
           0xffffffffu;
}

std::uint64_t load(const char* p) {
    std::uint64_t text;
    std::memcpy(&text, p, sizeof text);
    return text;
}

static_assert(std::endian::native == std::endian::little, "digits are loaded by the word");

// The element at c if it is as most are: perhaps a minus, at most 7 digits, then a point and at
// most 12 digits or nothing, then a comma or the closing bracket, and far enough from the end.
// Otherwise c stays.
bool read_common(Cursor& c, float& value) {
    constexpr std::ptrdiff_t window = 32;
    if (c.end - c.at < window) {
        return false;
    }
    const char* p = c.at;
    const bool negative = *p == '-';
    p += negative;
    const std::uint64_t head = load(p);
    const unsigned whole = leading_digits(head);
    if (whole == 0 || whole == 8) {
        return false;
    }
    double x = 0;
    p += whole;
    if (*p == '.') {
        ++p;
        const std::uint64_t first = load(p);
        const std::uint64_t second = load(p + 8);
        const unsigned count = leading_digits(first);
        // Without a branch on the number of digits, which looks random.
        const std::uint64_t full = 0 - std::uint64_t{count == 8};
        const unsigned more = leading_digits(second) & static_cast<unsigned>(full);
        if (count == 0 || more > 4) {
            return false;
        }
        const std::uint64_t rest =
            eight_digits(second, more | (more == 0)) & (0 - std::uint64_t{more != 0});
        const unsigned digits = count + more;
        std::uint64_t significand = eight_digits(first, count);
        significand = significand * whole_powers[more] + rest;
        significand += eight_digits(head, whole) * whole_powers[digits];
        // Of 19 digits at most; below 2e19 and, if not 0, above 1e-12.
        x = static_cast<double>(significand) / powers_of_ten[digits];
        p += digits;
    } else {
        x = static_cast<double>(eight_digits(head, whole));
    }
    if ((*p != ',' && *p != ']') || !is_certain(x)) {
        return false;
    }
    value = static_cast<float>(negative ? -x : x);
    c.at = p;
    return true;
}

// The value of a hexadecimal digit, or -1.
int hexadecimal_digit(char c) {
    const char l = lower(c);
    return is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// significand · 2^exponent rounded to float4, half to even; sticky: there is more behind it.
float round_binary(std::uint64_t significand, std::int64_t exponent, bool sticky,
                   TextProblem& problem) {
    if (significand == 0) {
        return 0;
    }
    const int width = std::bit_width(significand);
    const std::int64_t leading = exponent + width - 1;
    if (leading > 127) {
        problem = TextProblem::out_of_range;
        return 0;
    }
    if (leading < -150) {
        return 0;
    }
    const int precision = leading >= -126 ? 24 : static_cast<int>(leading) + 150;
    const int excess = width - precision;
    if (excess > 0) {
        const std::uint64_t kept = excess == 64 ? 0 : significand >> excess;
        const std::uint64_t half = std::uint64_t{1} << (excess - 1);
        const std::uint64_t rest = significand - (excess == 64 ? 0 : kept << excess);
        const bool up = rest > half || (rest == half && (sticky || (kept & 1) != 0));
        significand = kept + up;
        exponent += excess;
    }
    const double value = std::ldexp(static_cast<double>(significand), static_cast<int>(exponent));
    if (value > static_cast<double>(std::numeric_limits<float>::max())) {
        problem = TextProblem::out_of_range;
        return 0;
    }
    return static_cast<float>(value);
}

// "0x", digits with a point, "p" and an exponent at c, as far as they are there; the 0 alone if no
// digit follows. (libstdc++'s from_chars takes "0x-1" and "0x1p+-1".)
float read_hexadecimal(Cursor& c, TextProblem& problem) {
    Cursor h{c.at + 2, c.end};
    std::uint64_t significand = 0;
    std::int64_t exponent = 0;
    bool sticky = false;
    bool any = false;
    bool point = false;
    for (; !h.done(); ++h.at) {
        if (*h.at == '.' && !point) {
            point = true;
            continue;
        }
        const int digit = hexadecimal_digit(*h.at);
        if (digit < 0) {
            break;
        }
        any = true;
        if ((significand >> 60) == 0) {
            significand = significand << 4 | static_cast<unsigned>(digit);
            exponent -= point ? 4 : 0;
        } else {
            sticky = sticky || digit != 0;
            exponent += point ? 0 : 4;
        }
    }
    if (!any) {
        ++c.at;
        return 0;
    }
    if (!h.done() && lower(*h.at) == 'p') {
        Cursor e{h.at + 1, h.end};
        const bool negative = e.is('-');
        if (negative || e.is('+')) {
            ++e.at;
        }
        if (!e.done() && is_digit(*e.at)) {
            std::int64_t power = 0;
            for (; !e.done() && is_digit(*e.at); ++e.at) {
                power = power < 1000000000000 ? power * 10 + (*e.at - '0') : power;
            }
            exponent += negative ? -power : power;
            h.at = e.at;
        }
    }
    c.at = h.at;
    return round_binary(significand, exponent, sticky, problem);
}

// An element without sign or leading space at c. Sets problem to out_of_range, or to syntax if
// there is none.
float read_unsigned(Cursor& c, TextProblem& problem) {
    const char* start = c.at;
    if (c.end - c.at > 2 && c.at[0] == '0' && lower(c.at[1]) == 'x') {
        return read_hexadecimal(c, problem);
    }
    const Digits digits = read_digits(c);
    float value = 0;
    if (digits.any) {
        if (round_fast(digits, value)) {
            return value;
        }
        const auto result = std::from_chars(start, c.at, value);
        if (result.ec == std::errc::result_out_of_range) {
            int magnitude = digits.exponent;
            for (std::uint64_t s = digits.significand; s != 0; s /= 10) {
                ++magnitude;
            }
            value = 0;
            if (magnitude > 0) {
                problem = TextProblem::out_of_range;
            }
        }
        return value;
    }
    // Only infinity and NaN, as text, are left; from_chars would also take a second sign.
    c.at = start;
    if (c.done() || !is_letter(*start)) {
        problem = TextProblem::syntax;
        return value;
    }
    const auto result = std::from_chars(start, c.end, value);
    if (result.ptr == start) {
        problem = TextProblem::syntax;
    }
    c.at = result.ptr;
    return value;
}

// An element with its sign at c, whose text becomes where.
TextProblem read_element(Cursor& c, float& value, std::string_view& where) {
    const char* start = c.at;
    const bool negative = c.is('-');
    if (negative || c.is('+')) {
        ++c.at;
    }
    TextProblem problem = TextProblem::none;
    value = read_unsigned(c, problem);
    value = negative ? -value : value;
    where = {start, static_cast<std::size_t>(c.at - start)};
    if (problem == TextProblem::none && !std::isfinite(value)) {
        problem = std::isnan(value) ? TextProblem::not_a_number : TextProblem::infinite;
    }
    return problem;
}

// The next element of a list, which ends behind it if it is as most are. Its text becomes where.
template <typename Element>
TextProblem read_next(Cursor& c, Element& value, std::string_view& where) {
    [[maybe_unused]] const char* start = c.at;
    float read = 0;
    TextProblem problem = TextProblem::none;
    if (!read_common(c, read)) {
        problem = read_element(c, read, where);
    }
    value = from_float<Element>(read);
    if constexpr (!std::is_same_v<Element, float>) {
        if (problem == TextProblem::none && !is_finite(value)) {
            where = {start, static_cast<std::size_t>(c.at - start)};
            problem = TextProblem::out_of_range;
        }
    }
    return problem;
}

template <typename Element>
ParsedText parse(std::string_view text, std::span<Element> values) {
    Cursor c{text.data(), text.data() + text.size()};
    std::size_t dim = 0;
    auto problem = [&](TextProblem what, std::string_view where = {}) {
        return ParsedText{what, dim, where};
    };
    c.skip_space();
    if (!c.is('[')) {
        return problem(TextProblem::no_opening_bracket);
    }
    ++c.at;
    c.skip_space();
    if (c.is(']')) {
        return problem(TextProblem::empty);
    }
    for (;;) {
        if (dim == values.size()) {
            return problem(TextProblem::too_many);
        }
        c.skip_space();
        std::string_view where;
        const TextProblem element = read_next(c, values[dim], where);
        if (element != TextProblem::none) {
            return problem(element, where);
        }
        ++dim;
        c.skip_space();
        if (c.is(',')) {
            ++c.at;
        } else if (c.is(']')) {
            ++c.at;
            break;
        } else {
            return problem(TextProblem::syntax);
        }
    }
    c.skip_space();
    return problem(c.done() ? TextProblem::none : TextProblem::junk);
}

}  // namespace

ParsedText parse_vector(std::string_view text, MutableVectorView values) {
    return parse(text, values);
}

ParsedText parse_vector(std::string_view text, MutableHalfView values) {
    return parse(text, values);
}

TextProblem parse_prefix(std::string_view text, float& value, std::size_t& length) {
    Cursor c{text.data(), text.data() + text.size()};
    std::string_view where;
    const TextProblem problem = read_element(c, value, where);
    length = where.size();
    return problem;
}

TextProblem parse_element(std::string_view text, float& value) {
    Cursor c{text.data(), text.data() + text.size()};
    std::string_view where;
    const TextProblem problem = read_element(c, value, where);
    return problem == TextProblem::none && !c.done() ? TextProblem::junk : problem;
}

}  // namespace vecdot::core
