#include "engine/space.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

// Longer images have no useful float4 factors.
constexpr double longest_squared = 1e30;

// What the float8 norms and quotients may be off, relative to the vector.
constexpr double float8_error = 0x1p-42;

// Squared norms within which a sum of float4 products of two such vectors neither overflows nor
// loses anything that counts below the smallest normal number.
constexpr double least_squared_float4 = 0x1p-90;
constexpr double most_squared_float4 = 0x1p120;

}  // namespace

Space::Space(core::Arena& arena, const SpaceParameters& parameters, core::VectorView origin)
    : parameters_(parameters),
      rotation_(arena, padded_dimension(parameters.metric, parameters.dimension), parameters.seed),
      origin_(origin) {}

Space::Space(core::Arena& arena, const Space& other)
    : parameters_(other.parameters_), rotation_(arena, other.rotation_) {
    const std::span<float> origin = arena.allocate<float>(other.origin_.size());
    std::copy(other.origin_.begin(), other.origin_.end(), origin.begin());
    origin_ = origin;
}

bool Space::is_summed_safely(double norm_squared) const noexcept {
    if (parameters_.arithmetic == Arithmetic::float8 || metric() == Metric::l2) {
        return true;
    }
    return norm_squared <= most_squared_float4 &&
           (metric() != Metric::cosine || norm_squared >= least_squared_float4);
}

RoutedRow Space::route(core::VectorView x, float* rotated) const noexcept {
    const std::size_t n = x.size();
    const double norm_squared = kernels::active().floats.norm_squared(x.data(), n);
    double factor = parameters_.scale;
    double last = 0;
    double absolute = 0x1p-100;
    RowKind kind = RowKind::normal;
    switch (metric()) {
        case Metric::l2:
        case Metric::hamming:
            break;
        case Metric::cosine:
            if (!(norm_squared > 0)) {
                return {RowKind::undefined, 0};
            }
            factor = 1 / std::sqrt(norm_squared);
            absolute += float8_error;
            break;
        case Metric::inner_product: {
            const double inside = 1 - norm_squared * factor * factor;
            if (inside < 0) {
                kind = RowKind::long_row;
            } else {
                last = std::sqrt(inside);
                absolute += float8_error / std::max(last, std::sqrt(float8_error));
            }
            absolute += float8_error * std::sqrt(norm_squared) * factor;
            break;
        }
    }
    if (!(norm_squared * factor * factor <= longest_squared) || !is_summed_safely(norm_squared)) {
        return {RowKind::loose, 0};
    }
    if (origin_.empty()) {
        for (std::size_t i = 0; i < n; ++i) {
            rotated[i] = static_cast<float>(factor * static_cast<double>(x[i]));
        }
    } else {
        // The products with a power of two are exact, and the difference is rounded once.
        const double weight = metric() == Metric::l2 ? factor : 1.0;
        for (std::size_t i = 0; i < n; ++i) {
            rotated[i] = static_cast<float>(factor * static_cast<double>(x[i]) -
                                            weight * static_cast<double>(origin_[i]));
        }
    }
    std::fill(rotated + n, rotated + padded(), 0.0f);
    if (metric() == Metric::inner_product) {
        rotated[n] = static_cast<float>(last);
    }
    const double length =
        std::sqrt(kernels::active().floats.norm_squared(rotated, n + (last > 0 ? 1 : 0)));
    if (!(length * length <= longest_squared)) {
        return {RowKind::loose, 0};
    }
    rotation_.apply(rotated);
    const double error =
        (length * (rotation_.relative_error() + 1.001 * 0x1p-24) + absolute) * 1.001;
    return {kind, static_cast<float>(error)};
}

void Space::row_as_query(const float* rotated, float* query) const noexcept {
    std::copy(rotated, rotated + padded(), query);
    if (metric() != Metric::inner_product) {
        return;
    }
    rotation_.invert(query);
    std::fill(query + dimension(), query + padded(), 0.0f);
    const double norm = std::sqrt(kernels::active().floats.norm_squared(query, dimension()));
    for (std::size_t i = 0; i < dimension() && norm > 0; ++i) {
        query[i] = static_cast<float>(query[i] / norm);
    }
    rotation_.apply(query);
}

// With y = ratio·scale·x and z = √(1 − |y|²), dz ≤ |y|/z·dy, so the error of y grows by at most
// √(1 + |y|²/z²) = 1/z in the new image, whose own roundings come on top.
float Space::rescale(double ratio, float error, float* rotated) const noexcept {
    const std::size_t n = dimension();
    const double length = std::sqrt(kernels::active().floats.norm_squared(rotated, padded()));
    const double inherited =
        ratio * (static_cast<double>(error) + rotation_.relative_error() * length + 0x1p-100);
    rotation_.invert(rotated);
    const double norm_squared = kernels::active().floats.norm_squared(rotated, n);
    for (std::size_t i = 0; i < n; ++i) {
        rotated[i] = static_cast<float>(ratio * static_cast<double>(rotated[i]));
    }
    std::fill(rotated + n, rotated + padded(), 0.0f);
    rotated[n] = static_cast<float>(std::sqrt(std::max(0.0, 1 - ratio * ratio * norm_squared)));
    rotation_.apply(rotated);
    const double longest = ratio * std::sqrt(norm_squared) + inherited;
    const double least_last = std::sqrt(std::max(0x1p-20, 1 - longest * longest));
    return static_cast<float>((inherited / least_last + rotation_.relative_error() + 0x1p-23) *
                              1.001);
}

float Space::rescale_long(double ratio, float error, float* rotated) const noexcept {
    for (std::size_t i = 0; i < padded(); ++i) {
        rotated[i] = static_cast<float>(ratio * static_cast<double>(rotated[i]));
    }
    const double length = std::sqrt(kernels::active().floats.norm_squared(rotated, padded()));
    return static_cast<float>((ratio * (static_cast<double>(error) + 0x1p-100) + 0x1p-24 * length) *
                              1.001);
}

double Space::scaled_norm(float* rotated) const noexcept {
    // The last coordinate holds what is missing to 1, before the rotation.
    rotation_.invert(rotated);
    return std::sqrt(kernels::active().floats.norm_squared(rotated, dimension()));
}

// Each element of s·(o' − o) is rounded once to float8, once to float4.
float Space::translation(const Space& to, float* shift) const noexcept {
    const double weight = metric() == Metric::l2 ? parameters_.scale : 1.0;
    for (std::size_t i = 0; i < padded(); ++i) {
        const double from = origin_.empty() ? 0.0 : static_cast<double>(origin_[i]);
        const double there = to.origin_.empty() ? 0.0 : static_cast<double>(to.origin_[i]);
        shift[i] = static_cast<float>(weight * (there - from));
    }
    const double length = std::sqrt(kernels::active().floats.norm_squared(shift, padded()));
    rotation_.apply(shift);
    return static_cast<float>((length * (rotation_.relative_error() + 1.001 * 0x1p-24) + 0x1p-100) *
                              1.001);
}

float translate(const float* shift, float shift_error, float error,
                std::span<float> rotated) noexcept {
    for (std::size_t i = 0; i < rotated.size(); ++i) {
        rotated[i] -= shift[i];
    }
    const double length =
        std::sqrt(kernels::active().floats.norm_squared(rotated.data(), rotated.size()));
    return static_cast<float>(
        (static_cast<double>(error) + static_cast<double>(shift_error) + 0x1p-24 * length) * 1.001);
}

double choose_scale(Metric metric, std::span<double> norms) {
    if (metric == Metric::cosine) {
        return 1;
    }
    const auto end = std::partition(norms.begin(), norms.end(),
                                    [](double norm) { return norm > 0 && std::isfinite(norm); });
    const std::ptrdiff_t n = end - norms.begin();
    if (n == 0) {
        return 1;
    }
    // The norm that `share` of all rows don't exceed.
    auto quantile = [&](double share) {
        const auto at =
            norms.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(n - 1));
        std::nth_element(norms.begin(), at, end);
        return *at;
    };
    if (metric == Metric::inner_product) {
        return 1 / (1.01 * std::min(*std::max_element(norms.begin(), end), 2 * quantile(0.99)));
    }
    return std::exp2(-std::floor(std::log2(quantile(0.5))));
}

double choose_scale(Metric metric, const float* rows, std::size_t n, std::size_t dimension) {
    std::vector<double> norms(n);
    for (std::size_t i = 0; i < n; ++i) {
        norms[i] =
            std::sqrt(kernels::active().floats.norm_squared(rows + i * dimension, dimension));
    }
    return choose_scale(metric, norms);
}

}  // namespace vecdot::engine
