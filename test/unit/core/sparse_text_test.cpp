// Sparse vectors as text and as bytes.
#include "core/sparse_text.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/sparse_binary.hpp"

namespace vecdot::core {
namespace {

struct Read {
    ParsedSparse parsed;
    std::vector<SparseElement> elements;
};

Read read(std::string_view text, std::size_t room = 8) {
    // A copy with nothing behind it.
    static std::vector<char> copy;
    copy.assign(text.begin(), text.end());
    Read result{{}, std::vector<SparseElement>(room)};
    result.parsed = parse_sparse({copy.data(), copy.size()}, result.elements);
    result.elements.resize(result.parsed.count);
    return result;
}

TEST(SparseTextTest, ReadsWhatThereIs) {
    Read v = read(" { 3 : -2e1 , 1:0x1p-1,2:0, +4 : +.5 } / 5 ");
    ASSERT_EQ(v.parsed.problem, TextProblem::none);
    EXPECT_EQ(v.parsed.dim, 5);
    ASSERT_EQ(v.elements.size(), 3u);
    EXPECT_EQ(sort_sparse(v.elements, 5), TextProblem::none);
    EXPECT_EQ(v.elements[0].index, 0);
    EXPECT_EQ(v.elements[0].value, 0.5f);
    EXPECT_EQ(v.elements[1].index, 2);
    EXPECT_EQ(v.elements[1].value, -20.0f);
    EXPECT_EQ(v.elements[2].index, 3);
    EXPECT_EQ(read("{}/1000000000").parsed.dim, 1000000000);
    EXPECT_EQ(read("{ } / -7").parsed.dim, -7);
}

TEST(SparseTextTest, RefusesTheRest) {
    const std::vector<std::pair<const char*, TextProblem>> texts = {
        {"", TextProblem::no_opening_brace},
        {"[1]", TextProblem::no_opening_brace},
        {"{", TextProblem::syntax},
        {"{1", TextProblem::syntax},
        {"{1:", TextProblem::syntax},
        {"{1:1", TextProblem::syntax},
        {"{1:1,", TextProblem::syntax},
        {"{1:1,}/1", TextProblem::syntax},
        {"{:1}/1", TextProblem::syntax},
        {"{-:1}/1", TextProblem::syntax},
        {"{1:a}/1", TextProblem::syntax},
        {"{1a:1}/1", TextProblem::syntax},
        {"{1:1a}/1", TextProblem::syntax},
        {"{1.5:1}/2", TextProblem::syntax},
        {"{}", TextProblem::no_dimensions},
        {"{1:1}", TextProblem::no_dimensions},
        {"{}x1", TextProblem::no_dimensions},
        {"{}/", TextProblem::syntax},
        {"{}/x", TextProblem::syntax},
        {"{}/1a", TextProblem::junk_after_dimensions},
        {"{}/1 1", TextProblem::junk_after_dimensions},
        {"{1:nan}/1", TextProblem::not_a_number},
        {"{1:-inf}/1", TextProblem::infinite},
        {"{1:1e39}/1", TextProblem::out_of_range},
        // Too small is out of range, unlike in a dense vector.
        {"{1:1e-46}/1", TextProblem::out_of_range},
        {"{1:-0x1p-151}/1", TextProblem::out_of_range},
        {"{1:0.0e5,2:-0,3:0x0p9}/3", TextProblem::none},
        {"{1:1e-45}/1", TextProblem::none},
    };
    for (const auto& [text, problem] : texts) {
        EXPECT_EQ(read(text).parsed.problem, problem) << text;
    }
    EXPECT_EQ(read("{1:1, 2:1e-46}/2").parsed.where, "1e-46");
    EXPECT_EQ(read("{1:1,2:1,3:1}/3", 2).parsed.problem, TextProblem::too_many_elements);
    EXPECT_EQ(read("{1:1,2:1,3:0}/3", 2).parsed.problem, TextProblem::none);
}

TEST(SparseTextTest, IndicesAndDimensionsAreClampedAndThenRefused) {
    for (const char* index : {"0", "6", "-1", "2147483647", "2147483648", "-2147483648",
                              "-2147483649", "99999999999999999999", "-99999999999999999999"}) {
        Read v = read("{" + std::string(index) + ":1}/5");
        ASSERT_EQ(v.parsed.problem, TextProblem::none) << index;
        EXPECT_EQ(sort_sparse(v.elements, 5), TextProblem::index_out_of_bounds) << index;
    }
    EXPECT_EQ(read("{}/9223372036854775808").parsed.dim, INT_MAX);
    EXPECT_EQ(read("{}/-9223372036854775809").parsed.dim, -INT_MAX);
    Read twice = read("{2:1,1:1,2:3}/5");
    EXPECT_EQ(sort_sparse(twice.elements, 5), TextProblem::duplicate_index);
    Read both = read("{0:1,2:1,2:3}/5");
    EXPECT_EQ(sort_sparse(both.elements, 5), TextProblem::index_out_of_bounds);
}

TEST(SparseTextTest, FormatsAtAnyAddress) {
    const std::int32_t indices[] = {0, 41, 999999999};
    const float values[] = {1.5f, -1e-45f, 3.4028235e38f};
    char bytes[1 + sizeof indices + sizeof values];
    std::memcpy(bytes + 1, indices, sizeof indices);
    std::memcpy(bytes + 1 + sizeof indices, values, sizeof values);
    std::vector<char> text(max_sparse_text(3));
    const std::size_t length = format_sparse(
        reinterpret_cast<const std::int32_t*>(bytes + 1),
        reinterpret_cast<const float*>(bytes + 1 + sizeof indices), 3, 1000000000, text.data());
    EXPECT_EQ(std::string(text.data(), length),
              "{1:1.5,42:-1e-45,1000000000:3.4028235e+38}/1000000000");
    EXPECT_EQ(std::string(text.data(), format_sparse(nullptr, nullptr, 0, 1, text.data())), "{}/1");
    // The longest text there is, of one element.
    const std::int32_t last = 999999999;
    const float longest = -1.17549435e-38f;
    EXPECT_LE(format_sparse(&last, &longest, 1, 1000000000, text.data()), max_sparse_text(1));
}

TEST(SparseBinaryTest, WritesAndReads) {
    const std::int32_t indices[] = {0, 2};
    const float values[] = {1.5f, -2};
    std::vector<unsigned char> bytes(sparse_binary_size(2));
    write_sparse({5, 2, 0}, indices, values, bytes);
    const unsigned char expected[] = {0, 0, 0, 5, 0, 0, 0,    2,    0, 0, 0,    0, 0, 0,
                                      0, 0, 0, 0, 0, 2, 0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0};
    ASSERT_EQ(bytes.size(), sizeof expected);
    EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof expected), 0);
    const SparseHeader header = read_sparse_header({bytes.data(), sparse_header_size});
    EXPECT_EQ(header.dim, 5);
    EXPECT_EQ(header.count, 2);
    EXPECT_EQ(header.unused, 0);
    std::vector<std::int32_t> read_indices(2);
    std::vector<float> read_values(2);
    const auto elements = std::span<const unsigned char>(bytes).subspan(sparse_header_size);
    const auto problem = [&](std::int32_t dim) {
        return read_sparse_elements(elements, dim, read_indices, read_values).problem;
    };
    EXPECT_EQ(problem(5), SparseProblem::none);
    EXPECT_EQ(read_indices[1], 2);
    EXPECT_EQ(read_values[1], -2);
    EXPECT_EQ(problem(2), SparseProblem::index_out_of_bounds);
    const auto problem_of = [&](std::int32_t first, std::int32_t second, float value) {
        const std::int32_t changed[] = {first, second};
        const float changed_values[] = {1, value};
        write_sparse({5, 2, 0}, changed, changed_values, bytes);
        return problem(5);
    };
    EXPECT_EQ(problem_of(2, 1, 1), SparseProblem::not_ascending);
    EXPECT_EQ(problem_of(2, 2, 1), SparseProblem::duplicate);
    EXPECT_EQ(problem_of(-1, 2, 1), SparseProblem::index_out_of_bounds);
    EXPECT_EQ(problem_of(1, 2, 0), SparseProblem::zero);
    EXPECT_EQ(problem_of(1, 2, -0.0f), SparseProblem::zero);
    EXPECT_EQ(problem_of(1, 2, std::numeric_limits<float>::infinity()), SparseProblem::not_finite);
    EXPECT_EQ(problem_of(1, 2, std::numeric_limits<float>::quiet_NaN()), SparseProblem::not_finite);
}

}  // namespace
}  // namespace vecdot::core
