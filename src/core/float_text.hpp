// The shortest decimal text of a float4.
#pragma once

#include <cstddef>

namespace vecdot::core {

// The longest text of one float4; and the room to format it in, since digits are stored eight at a
// time, whether there are so many or not.
constexpr std::size_t max_float_text = 15;
constexpr std::size_t float_text_room = max_float_text + 8;

// Writes the shortest decimal text that reads back as value, as float4out does by default, and
// returns its length. Schubfach (Giulietti, "The Schubfach way to render doubles", 2020). Like
// PostgreSQL, and unlike the paper, the ends of the rounding interval are not used. to has room for
// float_text_room characters.
std::size_t format_float(float value, char* to);

}  // namespace vecdot::core
