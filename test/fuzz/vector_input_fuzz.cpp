// Arbitrary bytes as a vector's text and as its binary form. Whatever is accepted holds finite
// numbers only and comes back bit for bit from the text and the bytes that are written for it.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/vector_binary.hpp"
#include "core/vector_text.hpp"

namespace {

using namespace vecdot::core;

constexpr std::size_t max_dimensions = 64;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void require_round_trip(VectorView values) {
    for (const float value : values) {
        require(std::isfinite(value));
    }
    std::vector<float> back(values.size());

    std::vector<char> text(max_vector_text(values.size()));
    const std::size_t length = format_vector(values, text.data());
    require(length <= text.size());
    const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    const ParsedText parsed = parse_vector({exact.data(), exact.size()}, back);
    require(parsed.problem == TextProblem::none && parsed.dim == values.size());
    require(std::memcmp(back.data(), values.data(), sizeof(float) * values.size()) == 0);

    std::vector<unsigned char> bytes(4 * values.size());
    write_binary_elements(values, bytes);
    require(read_binary_elements(bytes, back) == values.size());
    require(std::memcmp(back.data(), values.data(), sizeof(float) * values.size()) == 0);
}

void read_text(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    float values[max_dimensions];
    const ParsedText parsed = parse_vector(text, values);
    require(parsed.dim <= max_dimensions);
    if (!parsed.where.empty()) {
        require(parsed.where.data() >= text.data() &&
                parsed.where.data() + parsed.where.size() <= text.data() + text.size());
    }
    if (parsed.problem == TextProblem::none) {
        require(parsed.dim > 0);
        require_round_trip({values, parsed.dim});
    }
}

// One element must be what strtof makes of it.
void read_element(const unsigned char* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    float value = 0;
    if (parse_element(text, value) != TextProblem::none) {
        return;
    }
    char* end = nullptr;
    const float expected = std::strtof(text.c_str(), &end);
    require(end == text.c_str() + text.size());
    // glibc's own rounding of subnormal hexadecimal text is sometimes off by one.
    if (std::fpclassify(value) == FP_NORMAL || text.find_first_of("xX") == std::string::npos) {
        require(std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(expected));
    }
}

void read_binary(const unsigned char* data, std::size_t size) {
    if (size < binary_header_size) {
        return;
    }
    const BinaryHeader header = read_binary_header({data, binary_header_size});
    require(header.dim >= 0 && header.dim <= 0xffff && header.unused >= 0);
    const std::size_t dim = (size - binary_header_size) / 4;
    std::vector<float> values(dim);
    const std::size_t finite = read_binary_elements({data + binary_header_size, 4 * dim}, values);
    require(finite <= dim);
    require(finite == dim || !std::isfinite(values[finite]));
    if (finite > 0) {
        require_round_trip({values.data(), finite});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    read_text(data, size);
    read_element(data, size);
    read_binary(data, size);
    return 0;
}
