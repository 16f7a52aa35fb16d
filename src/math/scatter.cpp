#include "math/scatter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.hpp"

namespace vecdot::math {

namespace {

using kernels::tile_width;

constexpr std::size_t tile_size = tile_width * tile_width;

std::size_t panels_of(std::size_t dimensions) {
    return (dimensions + tile_width - 1) / tile_width;
}

std::size_t tiles_of(std::size_t panels) {
    return panels * (panels + 1) / 2;
}

// Rounded to 26 significant bits (Veltkamp 1968).
double round_to_26_bits(double value) {
    const double scaled = value * 134217729.0;
    return scaled - (scaled - value);
}

}  // namespace

std::size_t Scatter::bytes(std::size_t dimensions) {
    const std::size_t panels = panels_of(dimensions);
    const std::size_t padded = panels * tile_width;
    return sizeof(double) * (3 * padded + tiles_of(panels) * tile_size + padded * block_rows) +
           sizeof(float) * dimensions * block_rows;
}

Scatter::Scatter(std::size_t dimensions, core::Arena arena)
    : dimensions_(dimensions),
      panels_(panels_of(dimensions)),
      mean_(arena.allocate_zeroed<double>(panels_ * tile_width)),
      block_mean_(arena.allocate_zeroed<double>(panels_ * tile_width)),
      step_(arena.allocate_zeroed<double>(panels_ * tile_width)),
      tiles_(arena.allocate_zeroed<double>(tiles_of(panels_) * tile_size)),
      packed_(arena.allocate_zeroed<double>(panels_ * tile_width * block_rows)),
      block_(arena.allocate<float>(block_rows * dimensions)) {}

void Scatter::add(const float* x, core::Interrupt interrupt) {
    std::memcpy(block_.data() + waiting_ * dimensions_, x, sizeof(float) * dimensions_);
    if (++waiting_ == block_rows) {
        flush(interrupt);
    }
}

void Scatter::pack(std::span<const double> mean) {
    for (std::size_t k = 0; k < waiting_; ++k) {
        const float* row = block_.data() + k * dimensions_;
        for (std::size_t panel = 0; panel < panels_; ++panel) {
            const std::size_t first = panel * tile_width;
            const std::size_t count = std::min(tile_width, dimensions_ - first);
            double* target = packed_.data() + (panel * block_rows + k) * tile_width;
            for (std::size_t i = 0; i < count; ++i) {
                target[i] = round_to_26_bits(static_cast<double>(row[first + i]) - mean[first + i]);
            }
        }
    }
}

// Adds depth packed rows, already centred on mean, and the distance between that mean and ours.
void Scatter::join(std::span<const double> mean, std::uint64_t rows, std::size_t depth,
                   core::Interrupt interrupt) {
    const auto update_tile = kernels::active().matrices.update_tile;
    const double before = static_cast<double>(rows_);
    const double joined = static_cast<double>(rows);
    const double factor = std::sqrt(before * joined / (before + joined));
    for (std::size_t i = 0; i < dimensions_; ++i) {
        step_[i] = factor * (mean[i] - mean_[i]);
    }
    for (std::size_t i = 0, tile = 0; i < panels_; ++i) {
        interrupt.poll();
        for (std::size_t j = 0; j <= i; ++j, ++tile) {
            update_tile(packed_.data() + i * block_rows * tile_width,
                        packed_.data() + j * block_rows * tile_width, depth,
                        step_.data() + i * tile_width, step_.data() + j * tile_width,
                        tiles_.data() + tile * tile_size);
        }
    }
    for (std::size_t i = 0; i < dimensions_; ++i) {
        mean_[i] += joined / (before + joined) * (mean[i] - mean_[i]);
    }
    rows_ += rows;
}

void Scatter::flush(core::Interrupt interrupt) {
    if (waiting_ == 0) {
        return;
    }
    std::fill(block_mean_.begin(), block_mean_.end(), 0.0);
    for (std::size_t k = 0; k < waiting_; ++k) {
        kernels::active().floats.accumulate(block_mean_.data(), 1, &block_[k * dimensions_],
                                            dimensions_);
    }
    for (double& value : block_mean_) {
        value /= static_cast<double>(waiting_);
    }
    pack(block_mean_);
    join(block_mean_, waiting_, waiting_, interrupt);
    waiting_ = 0;
}

void Scatter::merge(const Scatter& other) {
    if (other.rows_ == 0) {
        return;
    }
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
        tiles_[i] += other.tiles_[i];
    }
    join(other.mean_, other.rows_, 0, core::Interrupt());
}

double Scatter::at(std::size_t i, std::size_t j) const {
    const std::size_t p = i / tile_width;
    const std::size_t tile = p * (p + 1) / 2 + j / tile_width;
    return tiles_[tile * tile_size + i % tile_width * tile_width + j % tile_width];
}

double Scatter::trace() const {
    double sum = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) {
        sum += at(i, i);
    }
    return sum;
}

void Scatter::copy_lower(std::span<double> out) const {
    for (std::size_t i = 0, next = 0; i < dimensions_; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            out[next++] = at(i, j);
        }
    }
}

}  // namespace vecdot::math
