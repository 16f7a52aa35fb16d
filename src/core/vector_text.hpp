// A vector as text: "[1,2.5,-3e-4]".
#pragma once

#include <cstddef>
#include <string_view>

#include "core/float_text.hpp"
#include "core/half.hpp"
#include "core/span.hpp"

namespace vecdot::core {

enum class TextProblem {
    none,
    no_opening_bracket,
    empty,         // "[]"
    syntax,        // anything else that is not a list of numbers
    junk,          // something behind the closing bracket
    too_many,      // more elements than there is room for
    out_of_range,  // an element beyond float4, or half
    not_a_number,  // "NaN"
    infinite,      // "inf"
    // Of sparse vectors:
    no_opening_brace,
    no_dimensions,          // nothing behind the closing brace
    junk_after_dimensions,  // something behind them
    too_many_elements,      // more that are not 0 than there is room for
    index_out_of_bounds,
    duplicate_index,
};

struct ParsedText {
    TextProblem problem;
    std::size_t dim;         // elements read
    std::string_view where;  // the element that is wrong
};

// Reads text into values; at most values.size() elements. White space may stand around elements and
// brackets. Elements are what strtof reads (decimal or hexadecimal, an optional sign), correctly
// rounded to float4; what is too small for float4 reads as 0. Nothing is thrown and nothing
// allocated.
ParsedText parse_vector(std::string_view text, MutableVectorView values);

// Each element is rounded to float4, then to half, as pgvector does.
ParsedText parse_vector(std::string_view text, MutableHalfView values);

// Reads one element, with nothing around it.
TextProblem parse_element(std::string_view text, float& value);

// Reads the element that text starts with, of so many characters.
TextProblem parse_prefix(std::string_view text, float& value, std::size_t& length);

inline bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

// The room to format a vector of dim elements in, with its brackets (no terminating zero).
constexpr std::size_t max_vector_text(std::size_t dim) {
    return (dim - 1) * (max_float_text + 1) + float_text_room + 2;
}

// Writes each element as format_float() does, and returns the length; to has room for
// max_vector_text(values.size()).
std::size_t format_vector(VectorView values, char* to);

// Of halves it is the text of the float4 that each is, as in pgvector: mostly longer than needed.
std::size_t format_vector(HalfView values, char* to);

}  // namespace vecdot::core
