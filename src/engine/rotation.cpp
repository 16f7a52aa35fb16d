#include "engine/rotation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

constexpr float half_root = 0.70710678118654752440f;

}  // namespace

Rotation::Rotation(core::Arena& arena, std::size_t padded, std::uint64_t seed)
    : padded_(padded),
      power_(std::bit_floor(padded)),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(power_)))) {
    const std::span<std::uint32_t> signs = arena.allocate<std::uint32_t>(rounds * padded);
    core::Random random(seed);
    for (std::size_t i = 0; i < signs.size(); i += 64) {
        const std::uint64_t bits = random.next();
        for (std::size_t k = 0; k < 64; ++k) {
            signs[i + k] = static_cast<std::uint32_t>(bits >> k & 1) << 31;
        }
    }
    signs_ = signs;
}

Rotation::Rotation(core::Arena& arena, const Rotation& other) : Rotation(other) {
    const std::span<std::uint32_t> signs = arena.allocate<std::uint32_t>(other.signs_.size());
    std::copy(other.signs_.begin(), other.signs_.end(), signs.begin());
    signs_ = signs;
}

void Rotation::apply(float* x) const noexcept {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    for (std::size_t round = 0; round < rounds; ++round) {
        kernel.flip_signs(x, signs_.data() + round * padded_, padded_);
        transform(round, x);
        if (power_ != padded_) {
            kernel.mix_halves(x, padded_, half_root);
        }
    }
}

// Every step but the flips is its own inverse.
void Rotation::invert(float* x) const noexcept {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    for (std::size_t round = rounds; round-- > 0;) {
        if (power_ != padded_) {
            kernel.mix_halves(x, padded_, half_root);
        }
        transform(round, x);
        kernel.flip_signs(x, signs_.data() + round * padded_, padded_);
    }
}

void Rotation::transform(std::size_t round, float* x) const noexcept {
    kernels::active().codes.hadamard(round % 2 == 0 ? x : x + padded_ - power_, power_, scale_);
}

// Each level rounds every element once, so moves the vector by at most 2⁻²⁴ of its length; so do
// the factors, once as constants and once as products.
double Rotation::relative_error() const noexcept {
    const int levels = std::countr_zero(power_) + 2 + (power_ != padded_ ? 3 : 0);
    return 1.001 * 0x1p-24 * static_cast<double>(rounds) * levels;
}

}  // namespace vecdot::engine
