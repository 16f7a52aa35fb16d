// A pseudo-random orthogonal map of P dimensions, computed in P log P steps: four rounds of sign
// flips and Hadamard transforms (after Ailon & Chazelle 2009; four rounds because fewer leave a
// bias on image data). Where P is no power of two a round transforms the first (even rounds) or
// last (odd rounds) 2^k dimensions and then mixes the halves, (a ± b)/√2.
//
// The same seed gives the same bits on every machine and instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/arena.hpp"
#include "core/span.hpp"

namespace vecdot::engine {

constexpr std::size_t padded_dimension(std::size_t dimension) {
    return (dimension + 63) / 64 * 64;
}

class Rotation {
  public:
    static constexpr std::size_t rounds = 4;

    // padded: a positive multiple of 64. The sign masks (4·4·padded bytes) live in arena.
    Rotation(core::Arena& arena, std::size_t padded, std::uint64_t seed);

    // A copy whose masks live in arena.
    Rotation(core::Arena& arena, const Rotation& other);

    std::size_t padded() const { return padded_; }

    // x := R x. x: padded floats.
    void apply(float* x) const noexcept;

    // x := Rᵀ x.
    void invert(float* x) const noexcept;

    // apply(x) differs from the R x of an exactly orthogonal R by at most relative_error()·|x| +
    // 2⁻¹²⁰ in the Euclidean norm, whatever x (finite, |x| < 2¹²⁰).
    double relative_error() const noexcept;

  private:
    void transform(std::size_t round, float* x) const noexcept;

    std::size_t padded_;
    std::size_t power_;                     // the largest power of two ≤ padded_
    float scale_;                           // 1/√power_
    std::span<const std::uint32_t> signs_;  // rounds × padded_: 0 or the sign bit of a float
};

}  // namespace vecdot::engine
