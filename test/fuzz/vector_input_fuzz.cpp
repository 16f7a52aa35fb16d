// Arbitrary bytes as the text of a vector, a halfvec and a sparsevec and as their binary form.
// Whatever is accepted holds finite numbers only and comes back bit for bit from the text and the
// bytes that are written for it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/sparse_binary.hpp"
#include "core/sparse_text.hpp"
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

template <typename Element>
void require_round_trip(std::span<const Element> values) {
    for (const Element value : values) {
        require(is_finite(value));
    }
    std::vector<Element> back(values.size());

    std::vector<char> text(max_vector_text(values.size()));
    const std::size_t length = format_vector(values, text.data());
    require(length <= text.size());
    const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    const ParsedText parsed = parse_vector({exact.data(), exact.size()}, back);
    require(parsed.problem == TextProblem::none && parsed.dim == values.size());
    require(std::memcmp(back.data(), values.data(), sizeof(Element) * values.size()) == 0);

    std::vector<unsigned char> bytes(sizeof(Element) * values.size());
    write_binary_elements(values, bytes);
    require(read_binary_elements(bytes, back) == values.size());
    require(std::memcmp(back.data(), values.data(), sizeof(Element) * values.size()) == 0);
}

template <typename Element>
void read_text(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Element values[max_dimensions];
    const ParsedText parsed = parse_vector(text, values);
    require(parsed.dim <= max_dimensions);
    if (!parsed.where.empty()) {
        require(parsed.where.data() >= text.data() &&
                parsed.where.data() + parsed.where.size() <= text.data() + text.size());
    }
    if (parsed.problem == TextProblem::none) {
        require(parsed.dim > 0);
        require_round_trip(std::span<const Element>(values, parsed.dim));
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

template <typename Element>
void read_binary(const unsigned char* data, std::size_t size) {
    if (size < binary_header_size) {
        return;
    }
    const BinaryHeader header = read_binary_header({data, binary_header_size});
    require(header.dim >= 0 && header.dim <= 0xffff && header.unused >= 0);
    const std::size_t dim = (size - binary_header_size) / sizeof(Element);
    std::vector<Element> values(dim);
    const std::size_t finite =
        read_binary_elements({data + binary_header_size, sizeof(Element) * dim}, values);
    require(finite <= dim);
    require(finite == dim || !is_finite(values[finite]));
    if (finite > 0) {
        require_round_trip(std::span<const Element>(values.data(), finite));
    }
}

struct Sparse {
    std::int32_t dim;
    std::vector<std::int32_t> indices;
    std::vector<float> values;

    bool operator==(const Sparse&) const = default;
};

std::vector<unsigned char> bytes_of(const Sparse& v) {
    std::vector<unsigned char> bytes(sparse_binary_size(v.values.size()));
    const auto count = static_cast<std::int32_t>(v.values.size());
    write_sparse({v.dim, count, 0}, v.indices.data(), v.values.data(), bytes);
    return bytes;
}

// False where text is refused.
bool sparse_of(std::string_view text, Sparse& v) {
    std::vector<SparseElement> elements(max_dimensions);
    const ParsedSparse parsed = parse_sparse(text, elements);
    require(parsed.count <= max_dimensions);
    elements.resize(parsed.count);
    if (!parsed.where.empty()) {
        require(parsed.where.data() >= text.data() &&
                parsed.where.data() + parsed.where.size() <= text.data() + text.size());
    }
    if (parsed.problem != TextProblem::none ||
        sort_sparse(elements, parsed.dim) != TextProblem::none) {
        return false;
    }
    v = {parsed.dim, {}, {}};
    for (const SparseElement& element : elements) {
        v.indices.push_back(element.index);
        v.values.push_back(element.value);
    }
    return true;
}

void require_round_trip(const Sparse& v) {
    for (std::size_t i = 0; i < v.values.size(); ++i) {
        require(std::isfinite(v.values[i]) && v.values[i] != 0);
        require(v.indices[i] >= 0 && v.indices[i] < v.dim);
        require(i == 0 || v.indices[i - 1] < v.indices[i]);
    }
    std::vector<char> text(max_sparse_text(v.values.size()));
    const std::size_t length =
        format_sparse(v.indices.data(), v.values.data(), v.values.size(), v.dim, text.data());
    require(length <= text.size());
    text.resize(length);
    Sparse back{};
    require(sparse_of({text.data(), text.size()}, back) && back == v);
}

void read_sparse_text(const unsigned char* data, std::size_t size) {
    Sparse v{};
    if (sparse_of({reinterpret_cast<const char*>(data), size}, v)) {
        if (v.dim > 0) {
            require_round_trip(v);
        }
    }
}

void read_sparse_binary(const unsigned char* data, std::size_t size) {
    if (size < sparse_header_size) {
        return;
    }
    const std::int32_t dim = read_sparse_header({data, sparse_header_size}).dim;
    const std::size_t count = std::min((size - sparse_header_size) / 8, max_dimensions);
    Sparse v{dim, std::vector<std::int32_t>(count), std::vector<float>(count)};
    const ReadSparse read =
        read_sparse_elements({data + sparse_header_size, 8 * count}, dim, v.indices, v.values);
    require(read.at <= count);
    require((read.problem == SparseProblem::none) == (read.at == count));
    if (read.problem == SparseProblem::none && dim > 0) {
        require_round_trip(v);
        const std::vector<unsigned char> bytes = bytes_of(v);
        require(std::memcmp(bytes.data() + sparse_header_size, data + sparse_header_size,
                            8 * count) == 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    read_text<float>(data, size);
    read_text<Half>(data, size);
    read_element(data, size);
    read_binary<float>(data, size);
    read_binary<Half>(data, size);
    read_sparse_text(data, size);
    read_sparse_binary(data, size);
    return 0;
}
