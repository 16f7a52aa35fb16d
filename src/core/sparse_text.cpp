#include "core/sparse_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace vecdot::core {

namespace {

// Whether the digits before an exponent are all 0.
bool spells_zero(std::string_view number) {
    const std::size_t x = number.find_first_of("xX");
    const bool hexadecimal = x != std::string_view::npos;
    const std::string_view digits = hexadecimal
                                        ? number.substr(x + 1, number.find_first_of("pP") - (x + 1))
                                        : number.substr(0, number.find_first_of("eE"));
    return digits.find_first_of(hexadecimal ? "123456789abcdefABCDEF" : "123456789") ==
           std::string_view::npos;
}

class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool done() const { return rest_.empty(); }

    // Takes c if it comes next, and the white space before it in any case.
    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    void skip_space() {
        while (!rest_.empty() && is_space(rest_.front())) {
            rest_.remove_prefix(1);
        }
    }

    // A whole number with an optional sign; false if there is none.
    bool take_integer(std::int32_t& number) {
        skip_space();
        const bool negative = !rest_.empty() && rest_.front() == '-';
        const std::size_t sign = negative || (!rest_.empty() && rest_.front() == '+') ? 1 : 0;
        std::int64_t magnitude = 0;
        std::size_t end = sign;
        for (; end < rest_.size() && rest_[end] >= '0' && rest_[end] <= '9'; ++end) {
            magnitude = std::min(magnitude * 10 + (rest_[end] - '0'), limit);
        }
        if (end == sign) {
            return false;
        }
        rest_.remove_prefix(end);
        number = static_cast<std::int32_t>(negative ? -magnitude : magnitude);
        return true;
    }

    TextProblem take_value(float& value, std::string_view& where) {
        skip_space();
        std::size_t length = 0;
        TextProblem problem = parse_prefix(rest_, value, length);
        where = rest_.substr(0, length);
        rest_.remove_prefix(length);
        if (problem == TextProblem::none && value == 0 && !spells_zero(where)) {
            problem = TextProblem::out_of_range;
        }
        return problem;
    }

  private:
    static constexpr std::int64_t limit = std::numeric_limits<std::int32_t>::max();

    std::string_view rest_;
};

}  // namespace

ParsedSparse parse_sparse(std::string_view text, std::span<SparseElement> elements) {
    Reader reader(text);
    ParsedSparse parsed{TextProblem::none, 0, 0, {}};
    const auto problem = [&parsed](TextProblem what) {
        parsed.problem = what;
        return parsed;
    };
    if (!reader.take('{')) {
        return problem(TextProblem::no_opening_brace);
    }
    if (!reader.take('}')) {
        do {
            std::int32_t index = 0;
            float value = 0;
            if (!reader.take_integer(index) || !reader.take(':')) {
                return problem(TextProblem::syntax);
            }
            const TextProblem wrong = reader.take_value(value, parsed.where);
            if (wrong != TextProblem::none) {
                return problem(wrong);
            }
            if (value == 0) {
                continue;
            }
            if (parsed.count == elements.size()) {
                return problem(TextProblem::too_many_elements);
            }
            elements[parsed.count++] = {index - 1, value};
        } while (reader.take(','));
        if (!reader.take('}')) {
            return problem(TextProblem::syntax);
        }
    }
    if (!reader.take('/')) {
        return problem(TextProblem::no_dimensions);
    }
    if (!reader.take_integer(parsed.dim)) {
        return problem(TextProblem::syntax);
    }
    reader.skip_space();
    return problem(reader.done() ? TextProblem::none : TextProblem::junk_after_dimensions);
}

TextProblem sort_sparse(std::span<SparseElement> elements, std::int32_t dim) {
    const auto before = [](const SparseElement& a, const SparseElement& b) {
        return a.index < b.index;
    };
    // Most are in order; the sort works in place.
    if (!std::is_sorted(elements.begin(), elements.end(), before)) {
        std::sort(elements.begin(), elements.end(), before);
    }
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (elements[i].index < 0 || elements[i].index >= dim) {
            return TextProblem::index_out_of_bounds;
        }
        if (i > 0 && elements[i].index == elements[i - 1].index) {
            return TextProblem::duplicate_index;
        }
    }
    return TextProblem::none;
}

std::size_t format_sparse(const std::int32_t* indices, const float* values, std::size_t count,
                          std::int32_t dim, char* to) {
    constexpr std::ptrdiff_t integer_room = 10;
    char* p = to;
    *p++ = '{';
    for (std::size_t i = 0; i < count; ++i) {
        std::int32_t index;
        float value;
        std::memcpy(&index, reinterpret_cast<const char*>(indices) + sizeof index * i,
                    sizeof index);
        std::memcpy(&value, reinterpret_cast<const char*>(values) + sizeof value * i, sizeof value);
        if (i > 0) {
            *p++ = ',';
        }
        p = std::to_chars(p, p + integer_room, static_cast<std::uint32_t>(index) + 1).ptr;
        *p++ = ':';
        p += format_float(value, p);
    }
    *p++ = '}';
    *p++ = '/';
    p = std::to_chars(p, p + integer_room, dim).ptr;
    return static_cast<std::size_t>(p - to);
}

}  // namespace vecdot::core
