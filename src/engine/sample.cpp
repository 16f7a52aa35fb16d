#include "engine/sample.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

// As Space has it: longer images have no place.
constexpr double longest = 1e15;

}  // namespace

Sample::Sample(void* memory, std::size_t capacity, std::size_t padded)
    : padded_(padded),
      capacity_(capacity),
      along_(static_cast<double*>(memory)),
      axis_(reinterpret_cast<float*>(along_ + capacity)),
      scale_(axis_ + padded),
      codes_(reinterpret_cast<std::uint8_t*>(scale_ + capacity)) {}

void Sample::put(std::size_t i, const Space& space, core::VectorView x, double norm_squared,
                 float* scratch) noexcept {
    const bool is_undefined = space.metric() == Metric::cosine && !(norm_squared > 0);
    const double factor =
        space.metric() == Metric::cosine && !is_undefined ? 1 / std::sqrt(norm_squared) : 1.0;
    const core::VectorView origin = space.origin();
    auto element = [&](std::size_t k) {
        const double value = factor * static_cast<double>(x[k]);
        return origin.empty() ? value : value - static_cast<double>(origin[k]);
    };
    double norm = std::sqrt(factor * factor * norm_squared);
    if (!origin.empty()) {
        double sum = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
            sum += element(k) * element(k);
        }
        norm = std::sqrt(sum);
    }
    const double inverse = norm > 0 ? 1 / norm : 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
        scratch[k] = static_cast<float>(inverse * element(k));
    }
    std::fill(scratch + x.size(), scratch + padded_, 0.0f);
    space.rotation().apply(scratch);
    put_image(i, scratch);
    along_[i] = is_undefined ? -1 : norm;
}

void Sample::put_image(std::size_t i, const float* image) noexcept {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    const float largest = kernel.largest(image, padded_);
    kernel.quantise(image, padded_, largest > 1e-30f ? 127.0f / largest : 0.0f,
                    codes_ + i * padded_);
    scale_[i] = largest / 127.0f;
    along_[i] = 0;
}

void Sample::move(std::size_t from, std::size_t to) noexcept {
    if (from != to) {
        std::memcpy(codes_ + to * padded_, codes_ + from * padded_, padded_);
        scale_[to] = scale_[from];
        along_[to] = along_[from];
    }
}

std::size_t Sample::settle(const Space& space, std::size_t n) noexcept {
    std::fill(axis_, axis_ + padded_, 0.0f);
    if (space.metric() == Metric::inner_product) {
        axis_[space.dimension()] = 1;
        space.rotation().apply(axis_);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double length = along_[i] * space.parameters().scale;
        double along = 0;
        if (space.metric() == Metric::inner_product) {
            const double inside = 1 - length * length;
            if (inside < 0) {
                continue;
            }
            along = std::sqrt(inside);
        }
        if (!(length >= 0 && length <= longest)) {
            continue;
        }
        move(i, kept);
        scale_[kept] = static_cast<float>(length * static_cast<double>(scale_[i]));
        along_[kept] = along;
        ++kept;
    }
    return kept;
}

void Sample::decode(std::size_t i, float* row) const noexcept {
    kernels::active().codes.dequantise(codes_ + i * padded_, padded_, scale_[i], row);
    if (along_[i] != 0) {
        const float along = static_cast<float>(along_[i]);
        for (std::size_t k = 0; k < padded_; ++k) {
            row[k] += along * axis_[k];
        }
    }
}

}  // namespace vecdot::engine
