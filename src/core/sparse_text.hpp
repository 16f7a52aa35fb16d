// A sparse vector as text: "{1:1.5,3:-2}/5", indices from 1, then the dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/vector_text.hpp"

namespace vecdot::core {

struct SparseElement {
    std::int32_t index;  // from 0
    float value;
};

struct ParsedSparse {
    TextProblem problem;
    std::size_t count;       // elements read
    std::int32_t dim;        // any number
    std::string_view where;  // the element that is wrong
};

// Reads text into elements, in the order of the text, zeros left out. White space may stand around
// every part; values are read as parse_vector does, but what is too small for float4 is out of
// range. Indices and dimensions are not checked; what int32 does not hold becomes its limit.
ParsedSparse parse_sparse(std::string_view text, std::span<SparseElement> elements);

// Sorts elements by their indices and finds the first that does not lie in 0..dim - 1
// (index_out_of_bounds) or has its predecessor's index (duplicate_index).
TextProblem sort_sparse(std::span<SparseElement> elements, std::int32_t dim);

// The room to format count elements in, with all around them (no terminating zero).
constexpr std::size_t max_sparse_text(std::size_t count) {
    return count * (10 + 1 + max_float_text + 1) + float_text_room + 2 + 1 + 10;
}

// Writes count elements and returns the length. Indices and values may have any address.
std::size_t format_sparse(const std::int32_t* indices, const float* values, std::size_t count,
                          std::int32_t dim, char* to);

}  // namespace vecdot::core
