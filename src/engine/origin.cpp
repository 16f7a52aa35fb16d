#include "engine/origin.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

void find_middle(const float* rows, std::size_t n, std::size_t width, float* middle) {
    std::vector<float> values(n);
    for (std::size_t k = 0; k < width; ++k) {
        for (std::size_t i = 0; i < n; ++i) {
            values[i] = rows[i * width + k];
        }
        const auto at = values.begin() + static_cast<std::ptrdiff_t>(n / 2);
        std::nth_element(values.begin(), at, values.end());
        middle[k] = n > 0 ? *at : 0.0f;
    }
}

bool is_origin_better(const float* rows, std::size_t n, std::size_t width, const float* middle) {
    if (n == 0) {
        return false;
    }
    std::vector<double> squares(n);
    for (std::size_t i = 0; i < n; ++i) {
        squares[i] = kernels::active().floats.l2_squared(rows + i * width, middle, width);
    }
    const auto at = squares.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(squares.begin(), at, squares.end());
    return 4 * kernels::active().floats.norm_squared(middle, width) > *at;
}

bool move_origin(const Space& space, core::VectorView image, float* origin) {
    if (!may_have_origin(space.metric())) {
        return false;
    }
    const double factor = space.metric() == Metric::l2 ? 1 / space.parameters().scale : 1.0;
    std::vector<float> moved(image.begin(), image.end());
    space.rotation().invert(moved.data());
    std::fill(moved.begin() + static_cast<std::ptrdiff_t>(space.dimension()), moved.end(), 0.0f);
    const core::VectorView before = space.origin();
    for (std::size_t i = 0; i < space.dimension(); ++i) {
        const double old = before.empty() ? 0.0 : static_cast<double>(before[i]);
        const double value = old + factor * static_cast<double>(moved[i]);
        // Well below the greatest float4.
        if (!(std::fabs(value) < 1e38)) {
            return false;
        }
        moved[i] = static_cast<float>(value);
    }
    std::copy(moved.begin(), moved.end(), origin);
    return true;
}

bool are_cells_far_off(const CellDirectory& directory, std::size_t padded, double usual_radius) {
    constexpr double far_off = 4;
    std::vector<double> mean(padded);
    double squares = 0;
    std::size_t cells = 0;
    auto each = [&](auto&& visit) {
        for (std::uint32_t i = 0; i < directory.count; ++i) {
            const CellSummary& summary = directory.summaries[i];
            if (!summary.long_rows) {
                visit(static_cast<double>(summary.centroid.scale),
                      directory.codes + std::size_t{i} * padded);
            }
        }
    };
    each([&](double scale, const std::uint8_t* code) {
        for (std::size_t k = 0; k < padded; ++k) {
            const double value = scale * (static_cast<int>(code[k]) - 128);
            mean[k] += value;
            squares += value * value;
        }
        ++cells;
    });
    if (cells == 0) {
        return false;
    }
    const double n = static_cast<double>(cells);
    double middle_squared = 0;
    for (const double sum : mean) {
        middle_squared += sum / n * (sum / n);
    }
    const double scatter = std::sqrt(std::max(0.0, squares / n - middle_squared));
    return std::sqrt(middle_squared) > far_off * (usual_radius + scatter);
}

}  // namespace vecdot::engine
