#include "core/sparse_binary.hpp"

#include <cmath>

#include "core/big_endian.hpp"

namespace vecdot::core {

namespace {

SparseProblem problem_of_index(std::int32_t index, std::int32_t before, std::int32_t dim) {
    return index < 0 || index >= dim ? SparseProblem::index_out_of_bounds
           : index < before          ? SparseProblem::not_ascending
           : index == before         ? SparseProblem::duplicate
                                     : SparseProblem::none;
}

template <typename Number>
void store_list(const Number* numbers, std::size_t count, unsigned char* bytes) {
    for (std::size_t i = 0; i < count; ++i) {
        Number number;
        std::memcpy(&number, reinterpret_cast<const char*>(numbers) + sizeof number * i,
                    sizeof number);
        store_big_endian(number, bytes + sizeof number * i);
    }
}

}  // namespace

SparseHeader read_sparse_header(std::span<const unsigned char> bytes) {
    return {load_big_endian<std::int32_t>(bytes.data()),
            load_big_endian<std::int32_t>(bytes.data() + 4),
            load_big_endian<std::int32_t>(bytes.data() + 8)};
}

ReadSparse read_sparse_elements(std::span<const unsigned char> bytes, std::int32_t dim,
                                std::span<std::int32_t> indices, std::span<float> values) {
    const std::size_t count = indices.size();
    for (std::size_t i = 0; i < count; ++i) {
        indices[i] = load_big_endian<std::int32_t>(bytes.data() + 4 * i);
        const SparseProblem problem =
            problem_of_index(indices[i], i == 0 ? -1 : indices[i - 1], dim);
        if (problem != SparseProblem::none) {
            return {problem, i};
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = load_big_endian<float>(bytes.data() + 4 * (count + i));
        if (!std::isfinite(values[i])) {
            return {SparseProblem::not_finite, i};
        }
        if (values[i] == 0) {
            return {SparseProblem::zero, i};
        }
    }
    return {SparseProblem::none, count};
}

void write_sparse(SparseHeader header, const std::int32_t* indices, const float* values,
                  std::span<unsigned char> bytes) {
    const auto count = static_cast<std::size_t>(header.count);
    store_big_endian(header.dim, bytes.data());
    store_big_endian(header.count, bytes.data() + 4);
    store_big_endian(header.unused, bytes.data() + 8);
    store_list(indices, count, bytes.data() + sparse_header_size);
    store_list(values, count, bytes.data() + sparse_header_size + 4 * count);
}

}  // namespace vecdot::core
