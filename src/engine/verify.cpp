#include "engine/verify.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace vecdot::engine {

namespace {

// Not where x or a limit is NaN.
bool is_between(double x, double low, double high) {
    return x >= low && x <= high;
}

// Over the elements of a refinement, its signs and the centroid.
struct Sums {
    std::int64_t squared = 0;
    std::int64_t absolute = 0;
    double centre = 0;       // <c', refinement>
    double centre_size = 0;  // Σ |c'ᵢ refinementᵢ|
    double sign_dot = 0;     // <signs, c'>
    double sign_size = 0;    // Σ |c'ᵢ|
    bool is_refinement = true;
    bool is_signed_well = true;
};

Sums sums_of(std::size_t padded, const EncodedRow& row, const float* centroid) {
    Sums sums;
    for (std::size_t k = 0; k < padded; ++k) {
        const int value = static_cast<int>(row.refinement[k]) - 128;
        const bool positive = (row.signs[k / 8] >> (k % 8) & 1) != 0;
        const double c = static_cast<double>(centroid[k]);
        sums.is_refinement &= value >= -127;
        sums.is_signed_well &= value == 0 || (value > 0) == positive;
        sums.squared += value * value;
        sums.absolute += std::abs(value);
        sums.centre += c * value;
        sums.centre_size += std::fabs(c * value);
        sums.sign_dot += positive ? c : -c;
        sums.sign_size += std::fabs(c);
    }
    return sums;
}

// Whether the factors of the estimate are such as a residual between least and most makes.
bool is_estimate_possible(double padded, const EncodedRow& row, const VerifiedCell& cell,
                          const Sums& sums, double least, double most) {
    const double scale = static_cast<double>(row.refine.scale);
    const double error = static_cast<double>(row.refine.error);
    const double add = static_cast<double>(row.sign_factors.add);
    const double away = error * std::sqrt(padded);
    const double size = scale * static_cast<double>(sums.absolute);
    const double sum_least = std::max(0.0, size - away) * (1 - 1e-5);
    const double sum_most = (size + away) * (1 + 1e-5) + 1e-30;
    const double kappa = static_cast<double>(row.sign_factors.rescale) / -2;
    // κ·|r|₁ = |r|²
    bool fits = std::isfinite(add) && kappa >= 0 && std::isfinite(kappa) &&
                kappa * sum_least <= most * most * 1.0001 &&
                kappa * sum_most >= least * least * 0.9999;
    const double deviation = static_cast<double>(row.sign_factors.error);
    const double widest = 2 * kappa * std::sqrt(padded / (padded - 1));
    fits &= is_between(deviation, 0.28 * least / std::sqrt(padded - 1), widest * 1.0001 + 1e-30);
    const double rest = add - 2 * kappa * sums.sign_dot;
    const double slack = 1e-6 * (std::fabs(add) + 2 * kappa * sums.sign_size) + 1e-30;
    if (cell.is_inner_product) {
        // −2<r, c'>
        const double product = -2 * scale * sums.centre;
        const double off =
            2 * error * cell.centroid_length * (1 + 1e-6) + slack + 1e-9 * scale * sums.centre_size;
        return fits && is_between(rest, product - off, product + off);
    }
    return fits && is_between(rest, least * least - slack, most * most + slack);
}

}  // namespace

CentroidVerdict verify_centroid(std::size_t padded, const float* centroid, const std::uint8_t* code,
                                const RefineFactors& factors) noexcept {
    double away = 0;
    double squared = 0;
    bool is_finite = true;
    const double scale = static_cast<double>(factors.scale);
    for (std::size_t i = 0; i < padded; ++i) {
        const double value = scale * (static_cast<int>(code[i]) - 128);
        const double x = static_cast<double>(centroid[i]);
        is_finite &= std::isfinite(x);
        away += (x - value) * (x - value);
        squared += value * value;
    }
    CentroidVerdict verdict{CentroidFault::none, std::sqrt(away), squared};
    const double error = static_cast<double>(factors.error);
    const double add = static_cast<double>(factors.add);
    if (!is_finite) {
        verdict.fault = CentroidFault::infinite;
    } else if (!(verdict.away <= error * (1 + 1e-6) + 1e-30)) {
        verdict.fault = CentroidFault::error;
    } else if (!(std::fabs(add - squared) <= 1e-6 * squared + 1e-30)) {
        verdict.fault = CentroidFault::term;
    }
    return verdict;
}

RowVerdict verify_row(std::size_t padded, const EncodedRow& row,
                      const VerifiedCell& cell) noexcept {
    const Sums sums = sums_of(padded, row, cell.centroid);
    const double scale = static_cast<double>(row.refine.scale);
    const double add = static_cast<double>(row.refine.add);
    const double error = static_cast<double>(row.refine.error);
    const double length = scale * std::sqrt(static_cast<double>(sums.squared));
    const double size = length * length + 2 * scale * sums.centre_size;
    RowVerdict verdict{};
    verdict.term = length * length + 2 * scale * sums.centre;
    verdict.least = std::max(0.0, length - error) * (1 - 1e-5);
    verdict.most = (length + error) * (1 + 1e-5) + 1e-30;
    const double slack = 1e-6 * std::fabs(verdict.term) + 1e-9 * size + 1e-30;
    if (!(scale >= 0) || !(error >= 0) || !std::isfinite(scale + error) || !std::isfinite(add)) {
        verdict.fault = RowFault::factors;
    } else if (!sums.is_refinement) {
        verdict.fault = RowFault::refinement;
    } else if (!sums.is_signed_well) {
        verdict.fault = RowFault::signs;
    } else if (!is_between(add, verdict.term - slack, verdict.term + slack)) {
        verdict.fault = RowFault::term;
    } else if (!(verdict.least <= cell.radius * (1 + 1e-6))) {
        verdict.fault = RowFault::radius;
    } else if (!is_estimate_possible(static_cast<double>(padded), row, cell, sums, verdict.least,
                                     verdict.most)) {
        verdict.fault = RowFault::estimate;
    }
    return verdict;
}

}  // namespace vecdot::engine
