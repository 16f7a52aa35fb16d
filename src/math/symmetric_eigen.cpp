#include "math/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::math {

namespace {

// Eigenvectors are worked on in strips of so many columns, row by row.
constexpr std::size_t strip_width = 16;

// Sweeps between two checkpoints.
constexpr std::size_t checkpoint_interval = 32;

constexpr int max_sweeps_per_value = 100;

double* row_of(std::span<double> matrix, std::size_t i) {
    return matrix.data() + i * (i + 1) / 2;
}

// d: diagonal; e[i] couples i and i + 1, e[n-1] = 0. h: ½‖v‖² of the reflector left in each row, 0
// for none.
struct Tridiagonal {
    std::span<double> d;
    std::span<double> e;
    std::span<double> h;
};

// Turns row's first i elements into a Householder vector that maps them to (0, …, 0, result).
// half_norm: ½‖v‖², 0 if they already are of that form.
double make_reflector(double* row, std::size_t i, double& half_norm) {
    const double last = row[i - 1];
    double rest = 0;
    for (std::size_t c = 0; c + 1 < i; ++c) {
        rest += row[c] * row[c];
    }
    if (rest == 0) {
        half_norm = 0;
        return last;
    }
    const double norm = std::sqrt(rest + last * last);
    const double result = last >= 0 ? -norm : norm;
    row[i - 1] = last - result;
    half_norm = norm * (norm + std::fabs(last));
    return result;
}

// The rank-2 update A −= v qᵀ + q vᵀ of one reflector waits until the next one is known, so that
// one pass over the matrix does both: update, and multiply with the next reflector's vector.
void tridiagonalise(std::span<double> matrix, Tridiagonal out, core::Arena arena,
                    core::Interrupt interrupt) {
    const auto householder_row = kernels::active().matrices.householder_row;
    const std::size_t n = out.d.size();
    std::span<double> q = arena.allocate_zeroed<double>(n);
    std::span<double> product = arena.allocate_zeroed<double>(n);
    const std::span<double> zeros = arena.allocate_zeroed<double>(n);
    const double* v = zeros.data();
    for (std::size_t i = n - 1; i > 0; --i) {
        double* row = row_of(matrix, i);
        for (std::size_t c = 0; c <= i; ++c) {
            row[c] -= v[i] * q[c] + q[i] * v[c];
        }
        out.d[i] = row[i];
        out.e[i - 1] = make_reflector(row, i, out.h[i]);
        const double half_norm = out.h[i];
        const double* next = half_norm == 0 ? zeros.data() : row;
        std::fill(product.begin(), product.end(), 0.0);
        for (std::size_t r = 0; r < i; ++r) {
            interrupt.poll();
            double* other = row_of(matrix, r);
            product[r] +=
                householder_row(other, r, v, q.data(), v[r], q[r], next, next[r], product.data());
            other[r] -= 2 * (v[r] * q[r]);
            product[r] += other[r] * next[r];
        }
        if (half_norm != 0) {
            double projection = 0;
            for (std::size_t c = 0; c < i; ++c) {
                product[c] /= half_norm;
                projection += product[c] * next[c];
            }
            projection /= 2 * half_norm;
            for (std::size_t c = 0; c < i; ++c) {
                product[c] -= projection * next[c];
            }
        }
        // Row i keeps its reflector in elements 0 … i − 1; the diagonal is saved.
        v = next;
        std::swap(q, product);
    }
    out.d[0] = row_of(matrix, 0)[0];
    out.e[n - 1] = 0;
    out.h[0] = 0;
}

// Column i and i + 1 become c·col_i − s·col_{i+1} and s·col_i + c·col_{i+1}.
struct Rotation {
    double c;
    double s;
};

// The rotations of one sweep, from index first − 1 + count… downwards: rotation[t] is of the
// columns last − t and last − t + 1.
struct Sweep {
    std::size_t last = 0;
    std::size_t count = 0;
};

// The implicit QL iteration, one sweep at a time.
class Ql {
  public:
    Ql(std::span<double> d, std::span<double> e) : d_(d), e_(e) {}

    // Does the next sweep and returns true, or returns false when the matrix is diagonal. rotations
    // has room for n, or is null.
    bool sweep(Rotation* rotations, Sweep& done) {
        const std::size_t n = d_.size();
        while (value_ < n) {
            std::size_t m = value_;
            while (m + 1 < n && !is_negligible(m)) {
                ++m;
            }
            if (m == value_) {
                ++value_;
                sweeps_ = 0;
                continue;
            }
            if (++sweeps_ > max_sweeps_per_value) {
                core::fail(core::ErrorCode::internal, "eigenvalue %zu of %zu did not converge",
                           value_ + 1, n);
            }
            chase(m, rotations, done);
            return true;
        }
        return false;
    }

    // Everything that a later sweep depends on, beside d and e.
    struct Position {
        std::size_t value;
        int sweeps;
    };
    Position position() const { return {value_, sweeps_}; }
    void set_position(Position position) {
        value_ = position.value;
        sweeps_ = position.sweeps;
    }

  private:
    bool is_negligible(std::size_t i) const {
        constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2;
        return std::fabs(e_[i]) <= epsilon * (std::fabs(d_[i]) + std::fabs(d_[i + 1]));
    }

    // One implicitly shifted sweep over rows value_ … m.
    void chase(std::size_t m, Rotation* rotations, Sweep& done) {
        const std::size_t l = value_;
        double g = (d_[l + 1] - d_[l]) / (2 * e_[l]);
        double r = std::hypot(g, 1.0);
        g = d_[m] - d_[l] + e_[l] / (g + std::copysign(r, g));
        double s = 1, c = 1, p = 0;
        done = {m - 1, 0};
        for (std::size_t i = m; i-- > l;) {
            const double f = s * e_[i];
            const double b = c * e_[i];
            r = std::hypot(f, g);
            e_[i + 1] = r;
            if (r == 0) {  // the matrix splits here
                d_[i + 1] -= p;
                e_[m] = 0;
                return;
            }
            s = f / r;
            c = g / r;
            g = d_[i + 1] - p;
            r = (d_[i] - g) * s + 2 * c * b;
            p = s * r;
            d_[i + 1] = g + p;
            g = c * r - b;
            if (rotations != nullptr) {
                rotations[done.count] = {c, s};
            }
            ++done.count;
        }
        d_[l] -= p;
        e_[l] = g;
        e_[m] = 0;
    }

    std::span<double> d_;
    std::span<double> e_;
    std::size_t value_ = 0;
    int sweeps_ = 0;
};

struct Checkpoint {
    Checkpoint* before;
    std::span<double> d;
    std::span<double> e;
    Ql::Position position;
};

// strips of n × strip_width float8
using Strips = std::span<double>;

// Applies a sweep's rotations, last one first, to the vectors of one strip.
void rotate_back(double* strip, const Rotation* rotations, Sweep sweep) {
    for (std::size_t t = sweep.count; t-- > 0;) {
        const auto [c, s] = rotations[t];
        double* upper = strip + (sweep.last - t) * strip_width;
        double* lower = upper + strip_width;
        for (std::size_t j = 0; j < strip_width; ++j) {
            const double a = upper[j];
            const double b = lower[j];
            upper[j] = c * a + s * b;
            lower[j] = c * b - s * a;
        }
    }
}

// From eigenvectors of the tridiagonal matrix to those of the full one: H_{n−1} … H_1 w.
void reflect_back(double* strip, std::span<double> matrix, std::span<const double> h,
                  core::Interrupt interrupt) {
    for (std::size_t i = 1; i < h.size(); ++i) {
        if (h[i] == 0) {
            continue;
        }
        interrupt.poll();
        const double* v = row_of(matrix, i);
        double product[strip_width] = {};
        for (std::size_t r = 0; r < i; ++r) {
            for (std::size_t j = 0; j < strip_width; ++j) {
                product[j] += v[r] * strip[r * strip_width + j];
            }
        }
        for (double& value : product) {
            value /= h[i];
        }
        for (std::size_t r = 0; r < i; ++r) {
            for (std::size_t j = 0; j < strip_width; ++j) {
                strip[r * strip_width + j] -= v[r] * product[j];
            }
        }
    }
}

std::size_t strips_of(std::size_t k) {
    return (k + strip_width - 1) / strip_width;
}

// All eigenvalues into t.d; the checkpoints of the way there.
Checkpoint* diagonalise(Tridiagonal t, core::Arena arena, core::Interrupt interrupt) {
    Ql ql(t.d, t.e);
    Checkpoint* last = nullptr;
    Sweep ignored;
    for (std::size_t sweeps = 0;; ++sweeps) {
        interrupt.poll();
        if (sweeps % checkpoint_interval == 0) {
            Checkpoint* checkpoint = arena.create<Checkpoint>();
            *checkpoint = {last, arena.allocate<double>(t.d.size()),
                           arena.allocate<double>(t.e.size()), ql.position()};
            std::copy(t.d.begin(), t.d.end(), checkpoint->d.begin());
            std::copy(t.e.begin(), t.e.end(), checkpoint->e.begin());
            last = checkpoint;
        }
        if (!ql.sweep(nullptr, ignored)) {
            return last;
        }
    }
}

void undo_rotations(Checkpoint* last, std::size_t n, Strips strips, core::Arena arena,
                    core::Interrupt interrupt) {
    const std::span<Rotation> rotations = arena.allocate<Rotation>(checkpoint_interval * n);
    Sweep sweeps[checkpoint_interval];
    for (Checkpoint* checkpoint = last; checkpoint != nullptr; checkpoint = checkpoint->before) {
        Ql ql(checkpoint->d, checkpoint->e);
        ql.set_position(checkpoint->position);
        std::size_t count = 0;
        while (count < checkpoint_interval &&
               ql.sweep(rotations.data() + count * n, sweeps[count])) {
            ++count;
        }
        for (double* strip = strips.data(); strip < strips.data() + strips.size();
             strip += n * strip_width) {
            for (std::size_t i = count; i-- > 0;) {
                interrupt.poll();
                rotate_back(strip, rotations.data() + i * n, sweeps[i]);
            }
        }
    }
}

}  // namespace

std::size_t eigen_bytes(std::size_t n, std::size_t k) {
    // About 1.7 sweeps a value; twice that is allowed for.
    const std::size_t checkpoints = 1 + 4 * n / checkpoint_interval;
    return sizeof(double) * n * (7 + 2 * checkpoints + strips_of(k) * strip_width) +
           sizeof(Rotation) * checkpoint_interval * n + sizeof(std::size_t) * n +
           sizeof(Checkpoint) * checkpoints;
}

void leading_eigenpairs(std::span<double> matrix, std::span<double> values,
                        core::MatrixView<double> vectors, core::Arena arena,
                        core::Interrupt interrupt) {
    const std::size_t n = values.size();
    const Tridiagonal t{arena.allocate<double>(n), arena.allocate<double>(n),
                        arena.allocate<double>(n)};
    tridiagonalise(matrix, t, arena, interrupt);
    Checkpoint* last = diagonalise(t, arena, interrupt);

    const std::span<std::size_t> order = arena.allocate<std::size_t>(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return t.d[a] != t.d[b] ? t.d[a] > t.d[b] : a < b;
    });
    for (std::size_t i = 0; i < n; ++i) {
        values[i] = t.d[order[i]];
    }

    const Strips strips = arena.allocate_zeroed<double>(strips_of(vectors.rows) * n * strip_width);
    const auto at = [&](std::size_t vector, std::size_t i) -> double& {
        return strips[(vector / strip_width * n + i) * strip_width + vector % strip_width];
    };
    for (std::size_t j = 0; j < vectors.rows; ++j) {
        at(j, order[j]) = 1;
    }
    undo_rotations(last, n, strips, arena, interrupt);
    for (std::size_t s = 0; s < strips_of(vectors.rows); ++s) {
        reflect_back(strips.data() + s * n * strip_width, matrix, t.h, interrupt);
    }
    for (std::size_t j = 0; j < vectors.rows; ++j) {
        for (std::size_t i = 0; i < n; ++i) {
            vectors.row(j)[i] = at(j, i);
        }
    }
}

}  // namespace vecdot::math
