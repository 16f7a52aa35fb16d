// Rows that a build has drawn from its table, rotated, with 8 bits a dimension: a quarter of the
// floats' memory, in one block that several processes may share.
#pragma once

#include <cstdint>

#include "engine/space.hpp"

namespace vecdot::engine {

class Sample {
  public:
    static constexpr std::size_t bytes_per_row(std::size_t padded) {
        return padded + sizeof(float) + sizeof(double);
    }
    // Of memory, which is aligned to 64.
    static constexpr std::size_t bytes(std::size_t capacity, std::size_t padded) {
        return capacity * bytes_per_row(padded) + padded * sizeof(float) + 64;
    }

    Sample(void* memory, std::size_t capacity, std::size_t padded);

    std::size_t padded() const { return padded_; }
    std::size_t capacity() const { return capacity_; }

    // Keeps x, whose norm is given too, at place i < capacity(). The scale of the space is of no
    // interest yet. scratch: padded() floats.
    void put(std::size_t i, const Space& space, core::VectorView x, double norm_squared,
             float* scratch) noexcept;

    // Keeps an image of padded() floats as it is: settle() has no part in it.
    void put_image(std::size_t i, const float* image) noexcept;

    void move(std::size_t from, std::size_t to) noexcept;

    // |x|, less the origin, of what put() has kept, before settle().
    double norm(std::size_t i) const { return along_[i]; }

    // Once the scale is known: makes images of the first n rows and drops those that have no place
    // in the space. Returns how many are left. Once only; not for put_image().
    std::size_t settle(const Space& space, std::size_t n) noexcept;

    // row := image of row i.
    void decode(std::size_t i, float* row) const noexcept;

  private:
    std::size_t padded_;
    std::size_t capacity_;
    double* along_;  // norm() or -1 for none, and after settle() the part that lies along the axis
    float* axis_;    // where inner product keeps what is missing to the sphere
    float* scale_;
    std::uint8_t* codes_;
};

}  // namespace vecdot::engine
