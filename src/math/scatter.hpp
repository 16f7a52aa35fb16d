// The mean and the scatter matrix Σ (x − mean)(x − mean)ᵀ of a stream of vectors, in float8.
//
// Rows are gathered in blocks. A block is centred on its own mean, enters the matrix as one rank-k
// update over tiles, and its mean is joined to that of the rows before by Chan, Golub & LeVeque's
// update (1983), as are the matrices of parallel workers. So data far from the origin loses
// nothing. A row's deviation from its block's mean is rounded to 26 bits (float4 has 24), which
// makes every product exact and the result independent of the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/arena.hpp"
#include "core/interrupt.hpp"

namespace vecdot::math {

class Scatter {
  public:
    static constexpr std::size_t block_rows = 128;

    // What a Scatter of so many dimensions allocates: about 4 d² + 1600 d bytes.
    static std::size_t bytes(std::size_t dimensions);

    Scatter(std::size_t dimensions, core::Arena arena);

    // x: dimensions() finite elements at any address.
    void add(const float* x, core::Interrupt interrupt);

    // Takes the gathered rows into the matrix. After it, and until the next add(), the rest of the
    // interface may be used. Polls the interrupt; a cancelled one leaves the state unusable.
    void flush(core::Interrupt interrupt);

    // As if other's rows had been added here; both flushed and of the same dimensions.
    void merge(const Scatter& other);

    std::size_t dimensions() const { return dimensions_; }
    std::uint64_t rows() const { return rows_; }
    std::span<const double> mean() const { return mean_.first(dimensions_); }

    // Σ (xᵢ − meanᵢ)(xⱼ − meanⱼ), for i >= j.
    double at(std::size_t i, std::size_t j) const;

    // Σ (xᵢ − meanᵢ)² over all elements.
    double trace() const;

    // The lower triangle row by row, i(i+1)/2 elements before row i; out has d(d+1)/2.
    void copy_lower(std::span<double> out) const;

    // For storing and restoring a flushed state: the row count and these two are all of it.
    std::span<double> stored_mean() { return mean_; }
    std::span<double> stored_tiles() { return tiles_; }
    void set_rows(std::uint64_t rows) { rows_ = rows; }

  private:
    void join(std::span<const double> mean, std::uint64_t rows, std::size_t depth,
              core::Interrupt interrupt);
    void pack(std::span<const double> mean);

    std::size_t dimensions_;
    std::size_t panels_;       // ⌈dimensions / tile_width⌉
    std::uint64_t rows_ = 0;   // in mean_ and tiles_
    std::size_t waiting_ = 0;  // in block_
    std::span<double> mean_;   // padded to panels_ × tile_width, as are the next two
    std::span<double> block_mean_;
    std::span<double> step_;
    std::span<double> tiles_;   // (i, j), j <= i, at i(i+1)/2 + j
    std::span<double> packed_;  // a panel of block_rows × tile_width for each tile column
    std::span<float> block_;    // block_rows × dimensions
};

}  // namespace vecdot::math
