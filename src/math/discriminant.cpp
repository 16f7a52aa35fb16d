#include "math/discriminant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::math {

namespace {

// Eight running sums, so that the additions don't wait for each other.
double dot(const double* a, const double* b, std::size_t n) {
    constexpr std::size_t lanes = 8;
    double sum[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) {
            sum[j] += a[i + j] * b[i + j];
        }
    }
    double total = 0;
    for (; i < n; ++i) {
        total += a[i] * b[i];
    }
    for (const double part : sum) {
        total += part;
    }
    return total;
}

double* row_of(std::span<double> matrix, std::size_t i) {
    return matrix.data() + i * (i + 1) / 2;
}

// S = L Lᵀ in place, the lower triangle row by row.
void cholesky(std::span<double> matrix, std::size_t n, core::Interrupt interrupt) {
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
        largest = std::max(largest, row_of(matrix, i)[i]);
    }
    const double smallest =
        largest * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    for (std::size_t i = 0; i < n; ++i) {
        double* row = row_of(matrix, i);
        for (std::size_t j = 0; j < i; ++j) {
            if (j % 64 == 0) {
                interrupt.poll();
            }
            const double* other = row_of(matrix, j);
            row[j] = (row[j] - dot(row, other, j)) / other[j];
        }
        const double pivot = row[i] - dot(row, row, i);
        if (!(pivot > smallest)) {
            core::fail_with(core::ErrorCode::data_exception,
                            "An element is constant within every class, or a combination of "
                            "others.",
                            "Use a shrinkage greater than 0.",
                            "covariance within the classes is singular at dimension %zu of %zu",
                            i + 1, n);
        }
        row[i] = std::sqrt(pivot);
    }
}

// L Lᵀ x = b, x in place of b.
void solve(std::span<double> matrix, std::span<double> x) {
    const std::size_t n = x.size();
    for (std::size_t i = 0; i < n; ++i) {
        const double* row = row_of(matrix, i);
        x[i] = (x[i] - dot(row, x.data(), i)) / row[i];
    }
    for (std::size_t i = n; i-- > 0;) {
        const double* row = row_of(matrix, i);
        x[i] /= row[i];
        for (std::size_t j = 0; j < i; ++j) {
            x[j] -= row[j] * x[i];
        }
    }
}

// The covariance within the classes, shrunk: what is left of the whole scatter without that of the
// class means.
void within_classes(const Discriminant& statistics, core::MatrixView<double> distances,
                    double shrinkage, std::span<double> matrix, core::Interrupt interrupt) {
    const Scatter& scatter = statistics.scatter();
    const std::size_t d = scatter.dimensions();
    const std::span<const Discriminant::Class> classes = statistics.classes();
    scatter.copy_lower(matrix);
    double trace = 0;
    for (std::size_t i = 0; i < d; ++i) {
        interrupt.poll();
        double* row = row_of(matrix, i);
        const double whole = row[i];
        for (std::size_t c = 0; c < classes.size(); ++c) {
            const double factor = static_cast<double>(classes[c].rows) * distances.row(c)[i];
            for (std::size_t j = 0; j <= i; ++j) {
                row[j] -= factor * distances.row(c)[j];
            }
        }
        // What rounding leaves of an element that is constant within the classes.
        if (row[i] <= 1e-12 * whole) {
            row[i] = 0;
        }
        trace += row[i];
    }
    const double freedom =
        std::max(1.0, static_cast<double>(scatter.rows()) - static_cast<double>(classes.size()));
    const double sphere = trace > 0 ? shrinkage * trace / freedom / static_cast<double>(d) : 1.0;
    for (std::size_t i = 0; i < d; ++i) {
        double* row = row_of(matrix, i);
        for (std::size_t j = 0; j <= i; ++j) {
            row[j] *= (1 - shrinkage) / freedom;
        }
        row[i] += sphere;
    }
}

}  // namespace

Discriminant::Class& Discriminant::class_of(std::int32_t label, core::Arena arena) {
    const std::span<Class> known = classes();
    const auto place = std::lower_bound(
        known.begin(), known.end(), label,
        [](const Class& entry, std::int32_t value) { return entry.label < value; });
    const auto at = static_cast<std::size_t>(place - known.begin());
    if (at < count_ && classes_[at].label == label) {
        return classes_[at];
    }
    const std::span<double> sum = arena.allocate_zeroed<double>(dimensions());
    if (count_ == classes_.size()) {
        const std::span<Class> larger =
            arena.allocate<Class>(std::max<std::size_t>(16, 2 * count_));
        std::copy(known.begin(), known.end(), larger.begin());
        classes_ = larger;
    }
    std::copy_backward(classes_.begin() + static_cast<std::ptrdiff_t>(at),
                       classes_.begin() + static_cast<std::ptrdiff_t>(count_),
                       classes_.begin() + static_cast<std::ptrdiff_t>(count_) + 1);
    ++count_;
    classes_[at] = {label, 0, sum.data()};
    return classes_[at];
}

void Discriminant::add(const float* x, std::int32_t label, core::Arena arena,
                       core::Interrupt interrupt) {
    Class& entry = class_of(label, arena);
    ++entry.rows;
    kernels::active().floats.accumulate(entry.sum, 1, x, dimensions());
    scatter_.add(x, interrupt);
}

void Discriminant::merge(const Discriminant& other, core::Arena arena) {
    for (const Class& theirs : other.classes()) {
        Class& ours = class_of(theirs.label, arena);
        ours.rows += theirs.rows;
        for (std::size_t i = 0; i < dimensions(); ++i) {
            ours.sum[i] += theirs.sum[i];
        }
    }
    scatter_.merge(other.scatter_);
}

std::size_t discriminant_bytes(std::size_t dimensions, std::size_t classes) {
    return sizeof(double) * (dimensions * (dimensions + 1) / 2 + 2 * classes * dimensions);
}

LinearModel fit(const Discriminant& statistics, double shrinkage, core::Arena arena,
                core::Interrupt interrupt) {
    const Scatter& scatter = statistics.scatter();
    const std::span<const Discriminant::Class> classes = statistics.classes();
    const std::size_t d = scatter.dimensions();
    const core::MatrixView<double> distances{arena.allocate<double>(classes.size() * d).data(),
                                             classes.size(), d};
    for (std::size_t c = 0; c < classes.size(); ++c) {
        for (std::size_t i = 0; i < d; ++i) {
            distances.row(c)[i] =
                classes[c].sum[i] / static_cast<double>(classes[c].rows) - scatter.mean()[i];
        }
    }
    const std::span<double> matrix = arena.allocate<double>(d * (d + 1) / 2);
    within_classes(statistics, distances, shrinkage, matrix, interrupt);
    cholesky(matrix, d, interrupt);

    const LinearModel model{{arena.allocate<double>(classes.size() * d).data(), classes.size(), d},
                            arena.allocate<double>(classes.size())};
    for (std::size_t c = 0; c < classes.size(); ++c) {
        interrupt.poll();
        const std::span<double> distance = distances.row(c);
        const std::span<double> weights = model.weights.row(c);
        std::copy(distance.begin(), distance.end(), weights.begin());
        solve(matrix, weights);
        model.bias[c] =
            std::log(static_cast<double>(classes[c].rows) / static_cast<double>(scatter.rows())) -
            0.5 * dot(distance.data(), weights.data(), d) -
            dot(scatter.mean().data(), weights.data(), d);
    }
    return model;
}

}  // namespace vecdot::math
