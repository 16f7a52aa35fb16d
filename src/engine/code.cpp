#include "engine/code.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

// The sum of float8 terms over eight lanes, so that the compiler may keep them in registers.
struct Lanes {
    static constexpr std::size_t count = 8;
    double lane[count] = {};

    double total() const {
        return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));
    }
};

// The neighbouring float4 below or above what conversion gives.
float round_down(double x) {
    const float y = static_cast<float>(x);
    return std::nextafter(y, -std::numeric_limits<float>::infinity());
}
float round_up(double x) {
    const float y = static_cast<float>(x);
    return std::nextafter(y, std::numeric_limits<float>::infinity());
}

// Whatever float8 sums of up to 2¹⁵ terms may be off, relative to the sum of magnitudes.
constexpr double float8_error = 0x1p-40;

// Below this nothing is worth a code, and the reciprocal would overflow.
constexpr float least_size = 1e-30f;

// The code of r = x − c (c null: zero), by rounding to the grid that just holds the largest
// element.
void quantise_fine(std::size_t n, const float* x, const float* c, float largest,
                   std::uint8_t* code) noexcept {
    const float inverse = largest > least_size ? 127.0f / largest : 0.0f;
    const kernels::CodeKernels& kernel = kernels::active().codes;
    if (c == nullptr) {
        kernel.quantise(x, n, inverse, code);
        return;
    }
    constexpr std::size_t piece = 64;
    float r[piece];
    for (std::size_t i = 0; i < n; i += piece) {
        for (std::size_t k = 0; k < piece; ++k) {
            r[k] = x[i + k] - c[i + k];
        }
        kernel.quantise(r, piece, inverse, code + i);
    }
}

// The same with 4 bits: sixteen equal steps, zero in the middle between two of them. The grid that
// leaves least of normally distributed elements ends at 2.68 standard deviations (Max, 1960), and
// what lies beyond counts as its end.
void quantise_coarse(std::size_t n, const float* x, const float* c, float largest,
                     std::uint8_t* code) noexcept {
    Lanes square;
    for (std::size_t i = 0; i < n; i += Lanes::count) {
        for (std::size_t k = 0; k < Lanes::count; ++k) {
            const double r = static_cast<double>(x[i + k] - c[i + k]);
            square.lane[k] += r * r;
        }
    }
    constexpr double end = 2.68;
    const float widest = std::min(
        largest, static_cast<float>(end * std::sqrt(square.total() / static_cast<double>(n))));
    const float inverse = widest > least_size ? 8.0f / widest : 0.0f;
    for (std::size_t i = 0; i < n; ++i) {
        const float r = x[i] - c[i];
        const int steps = static_cast<int>(std::min(std::fabs(r) * inverse, 7.0f));
        code[i] = static_cast<std::uint8_t>(16 * (r < 0 ? 7 - steps : 8 + steps) + implied_lower);
    }
}

// code and scale of r = x − c (c null: zero, 8 bits); the scale is fitted by least squares.
RefineFactors encode_bytes(std::size_t n, const float* x, const float* c, float error,
                           std::uint32_t bits, std::uint8_t* code) noexcept {
    float largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const float r = std::fabs(c == nullptr ? x[i] : x[i] - c[i]);
        largest = r > largest ? r : largest;
    }
    (bits == 4 ? quantise_coarse : quantise_fine)(n, x, c, largest, code);
    Lanes product;
    Lanes square;
    Lanes centre;
    Lanes centre_size;
    for (std::size_t i = 0; i < n; i += Lanes::count) {
        for (std::size_t k = 0; k < Lanes::count; ++k) {
            const double value = static_cast<double>(static_cast<int>(code[i + k]) - 128);
            const double origin = c == nullptr ? 0.0 : static_cast<double>(c[i + k]);
            product.lane[k] += value * (static_cast<double>(x[i + k]) - origin);
            square.lane[k] += value * value;
            centre.lane[k] += value * origin;
            centre_size.lane[k] += std::fabs(value * origin);
        }
    }
    const double code_squared = square.total();
    const float scale =
        code_squared > 0 ? static_cast<float>(product.total() / code_squared) : 0.0f;
    const double step = static_cast<double>(scale);
    Lanes residual;
    for (std::size_t i = 0; i < n; i += Lanes::count) {
        for (std::size_t k = 0; k < Lanes::count; ++k) {
            const double value = static_cast<double>(static_cast<int>(code[i + k]) - 128);
            const double origin = c == nullptr ? 0.0 : static_cast<double>(c[i + k]);
            const double left = (static_cast<double>(x[i + k]) - origin) - step * value;
            residual.lane[k] += left * left;
        }
    }
    const double size = step * step * code_squared + 2 * std::fabs(step) * centre_size.total();
    const double add = step * step * code_squared + 2 * step * centre.total();
    // Each element of what is left was computed to 2⁻⁵² of |x| + |c| + |scale·code| at worst.
    const double rounding = 0x1p-50 * (127.0 * std::fabs(step) * std::sqrt(static_cast<double>(n)) +
                                       std::sqrt(std::fabs(size)) + static_cast<double>(largest));
    const double total = std::sqrt(residual.total()) * (1 + float8_error) + rounding +
                         static_cast<double>(error) + 0x1p-100;
    return {scale, round_down(add - float8_error * size), round_up(total)};
}

}  // namespace

void encode_row(const Space& space, const float* rotated, float error, const float* centroid,
                EncodedRow& row) noexcept {
    const std::size_t n = space.padded();
    Lanes absolute;    // |r|₁
    Lanes square;      // |r|²
    Lanes sign_dot;    // <signs, c'>
    Lanes centre_dot;  // <r, c'>
    std::memset(row.signs, 0, sign_bytes(n));
    for (std::size_t i = 0; i < n; i += Lanes::count) {
        unsigned bits = 0;
        for (std::size_t k = 0; k < Lanes::count; ++k) {
            const double c = static_cast<double>(centroid[i + k]);
            const double r = static_cast<double>(rotated[i + k]) - c;
            absolute.lane[k] += std::fabs(r);
            square.lane[k] += r * r;
            sign_dot.lane[k] += std::copysign(c, c * (r < 0 ? -1.0 : 1.0));
            centre_dot.lane[k] += r * c;
            bits |= static_cast<unsigned>(!(r < 0)) << k;
        }
        row.signs[i / 8] = static_cast<std::uint8_t>(bits);
    }
    const double norm_squared = square.total();
    const double kappa = absolute.total() > 0 ? norm_squared / absolute.total() : 0.0;
    const double dimensions = static_cast<double>(n);
    // |r|²·(1/<x̄,o>² − 1) = κ²P − |r|²; the floor is for residuals that the signs describe exactly.
    const double variance =
        std::max(kappa * kappa * dimensions - norm_squared, 0.02 * norm_squared) / (dimensions - 1);
    row.sign_factors.add = static_cast<float>(
        2 * kappa * sign_dot.total() +
        (space.metric() == Metric::inner_product ? -2 * centre_dot.total() : norm_squared));
    row.sign_factors.rescale = static_cast<float>(-2 * kappa);
    row.sign_factors.error = static_cast<float>(2 * std::sqrt(variance));
    row.refine =
        encode_bytes(n, rotated, centroid, error, space.parameters().refine_bits, row.refinement);
    row.radius = round_up(std::sqrt(norm_squared) * (1 + float8_error) +
                          static_cast<double>(error) + 0x1p-100);
}

void split_refinement(std::size_t padded, const std::uint8_t* refinement, std::uint8_t* upper,
                      std::uint8_t* lower) noexcept {
    constexpr std::size_t half = plane_bytes(kernels::nibble_group);
    for (std::size_t i = 0; i < padded; i += kernels::nibble_group) {
        for (std::size_t b = 0; b < half; ++b) {
            const unsigned first = refinement[i + b];
            const unsigned second = refinement[i + half + b];
            upper[i / 2 + b] = static_cast<std::uint8_t>(first >> 4 | (second & 0xf0u));
            lower[i / 2 + b] = static_cast<std::uint8_t>((first & 15u) | second << 4);
        }
    }
}

void join_refinement(std::size_t padded, const std::uint8_t* upper, const std::uint8_t* lower,
                     std::uint8_t* refinement) noexcept {
    constexpr std::size_t half = plane_bytes(kernels::nibble_group);
    for (std::size_t i = 0; i < padded; i += kernels::nibble_group) {
        for (std::size_t b = 0; b < half; ++b) {
            const unsigned u = upper[i / 2 + b];
            const unsigned l = lower[i / 2 + b];
            refinement[i + b] = static_cast<std::uint8_t>((u & 15u) << 4 | (l & 15u));
            refinement[i + half + b] = static_cast<std::uint8_t>((u & 0xf0u) | l >> 4);
        }
    }
}

float decode_row(std::size_t padded, const std::uint8_t* refinement, const RefineFactors& refine,
                 const float* centroid, float* rotated) noexcept {
    int squared = 0;  // at most 127²·2¹⁴
    for (std::size_t i = 0; i < padded; ++i) {
        const int value = static_cast<int>(refinement[i]) - 128;
        rotated[i] = centroid[i] + refine.scale * static_cast<float>(value);
        squared += value * value;
    }
    // Product and sum round each element once.
    const double product =
        std::fabs(static_cast<double>(refine.scale)) * std::sqrt(static_cast<double>(squared));
    const double sum = std::sqrt(kernels::active().floats.norm_squared(rotated, padded));
    return round_up(static_cast<double>(refine.error) + 1.001 * 0x1p-24 * (product + sum) +
                    0x1p-120);
}

float code_dot(std::size_t padded, const std::uint8_t* code, const float* x) noexcept {
    constexpr std::size_t count = 16;
    float lane[count] = {};
    for (std::size_t i = 0; i < padded; i += count) {
        for (std::size_t k = 0; k < count; ++k) {
            lane[k] += static_cast<float>(static_cast<int>(code[i + k]) - 128) * x[i + k];
        }
    }
    float sum = 0;
    for (const float part : lane) {
        sum += part;
    }
    return sum;
}

float stored_radius(std::size_t padded, const std::uint8_t* refinement,
                    const RefineFactors& refine) noexcept {
    std::int64_t squared = 0;
    for (std::size_t i = 0; i < padded; ++i) {
        const int value = static_cast<int>(refinement[i]) - 128;
        squared += value * value;
    }
    return round_up(std::fabs(static_cast<double>(refine.scale)) *
                        std::sqrt(static_cast<double>(squared)) * (1 + float8_error) +
                    static_cast<double>(refine.error));
}

RefineFactors encode_centroid(std::size_t padded, const float* centroid,
                              std::uint8_t* code) noexcept {
    return encode_bytes(padded, centroid, nullptr, 0, 8, code);
}

void put_row(std::uint8_t* units, std::size_t first, std::size_t count, std::size_t padded,
             std::size_t v, const std::uint8_t* signs, const SignFactors& factors) noexcept {
    const std::size_t sign_units = padded / kernels::unit_dimensions;
    const unsigned shift = v < 16 ? 0 : 4;
    for (std::size_t u = first; u < first + count; ++u) {
        std::uint8_t* unit = units + (u - first) * kernels::unit_bytes;
        if (u < sign_units) {
            for (std::size_t g = 0; g < 4; ++g) {
                const std::size_t group = 4 * u + g;
                const unsigned nibble = signs[group / 2] >> (4 * (group % 2)) & 15u;
                std::uint8_t& byte = unit[4 * (v % 16) + g];
                byte = static_cast<std::uint8_t>((byte & ~(15u << shift)) | nibble << shift);
            }
            continue;
        }
        // Two units each of add, rescale, error: 16 rows in a unit.
        const std::size_t k = u - sign_units;
        if (k % 2 == v / 16) {
            const float value = k < 2 ? factors.add : k < 4 ? factors.rescale : factors.error;
            std::memcpy(unit + 4 * (v % 16), &value, sizeof value);
        }
    }
}

void get_row(const std::uint8_t* units, std::size_t first, std::size_t count, std::size_t padded,
             std::size_t v, std::uint8_t* signs, SignFactors& factors) noexcept {
    const std::size_t sign_units = padded / kernels::unit_dimensions;
    const unsigned shift = v < 16 ? 0 : 4;
    for (std::size_t u = first; u < first + count; ++u) {
        const std::uint8_t* unit = units + (u - first) * kernels::unit_bytes;
        if (u < sign_units) {
            for (std::size_t g = 0; g < 4; ++g) {
                const std::size_t group = 4 * u + g;
                const unsigned place = 4 * (group % 2);
                const unsigned nibble = unit[4 * (v % 16) + g] >> shift & 15u;
                std::uint8_t& byte = signs[group / 2];
                byte = static_cast<std::uint8_t>((byte & ~(15u << place)) | nibble << place);
            }
            continue;
        }
        const std::size_t k = u - sign_units;
        if (k % 2 == v / 16) {
            float& value = k < 2 ? factors.add : k < 4 ? factors.rescale : factors.error;
            std::memcpy(&value, unit + 4 * (v % 16), sizeof value);
        }
    }
}

}  // namespace vecdot::engine
