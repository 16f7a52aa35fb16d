// The eigensolver against Jacobi's method in long double and against matrices of known spectrum.
#include "math/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "heap_arena.hpp"

namespace vecdot::math {
namespace {

using Dense = std::vector<std::vector<long double>>;

std::vector<long double> jacobi_eigenvalues(Dense a) {
    const std::size_t n = a.size();
    for (int sweep = 0; sweep < 60; ++sweep) {
        for (std::size_t p = 0; p < n; ++p) {
            for (std::size_t q = p + 1; q < n; ++q) {
                if (a[p][q] == 0) {
                    continue;
                }
                const long double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
                const long double t =
                    std::copysign(1.0L, theta) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
                const long double c = 1 / std::sqrt(t * t + 1), s = t * c;
                for (std::size_t k = 0; k < n; ++k) {
                    const long double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for (std::size_t k = 0; k < n; ++k) {
                    const long double x = a[p][k], y = a[q][k];
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                }
            }
        }
    }
    std::vector<long double> values;
    for (std::size_t i = 0; i < n; ++i) {
        values.push_back(a[i][i]);
    }
    std::sort(values.rbegin(), values.rend());
    return values;
}

struct Solution {
    std::vector<double> values;
    std::vector<double> vectors;
};

// Solves and checks residuals and orthogonality.
Solution solve(const Dense& a, std::size_t k) {
    const std::size_t n = a.size();
    std::vector<double> lower;
    long double size = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            lower.push_back(static_cast<double>(a[i][j]));
            size = std::max(size, std::fabs(a[i][j]));
        }
    }
    HeapArena memory;
    Solution s{std::vector<double>(n), std::vector<double>(k * n)};
    const core::MatrixView<double> vectors{s.vectors.data(), k, n};
    leading_eigenpairs(lower, s.values, vectors, memory.arena(), core::Interrupt());
    EXPECT_LE(memory.bytes(), eigen_bytes(n, k));
    const long double tolerance = 1e-14L * static_cast<long double>(n);
    for (std::size_t v = 0; v < k; ++v) {
        for (std::size_t i = 0; i < n; ++i) {
            long double product = 0;
            for (std::size_t j = 0; j < n; ++j) {
                product += a[i][j] * vectors.row(v)[j];
            }
            EXPECT_LE(std::fabs(product - static_cast<long double>(s.values[v]) *
                                              static_cast<long double>(vectors.row(v)[i])),
                      tolerance * size * 4)
                << "n " << n << " vector " << v;
        }
        for (std::size_t w = 0; w <= v; ++w) {
            long double product = 0;
            for (std::size_t j = 0; j < n; ++j) {
                product += static_cast<long double>(vectors.row(v)[j]) * vectors.row(w)[j];
            }
            EXPECT_LE(std::fabs(product - (v == w ? 1 : 0)), tolerance) << v << " " << w;
        }
    }
    return s;
}

Dense random_symmetric(std::size_t n, std::uint64_t seed) {
    core::Random random(seed);
    Dense a(n, std::vector<long double>(n));
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            a[i][j] = a[j][i] = random.normal();
        }
    }
    return a;
}

TEST(SymmetricEigenTest, MatchesJacobi) {
    for (const std::size_t n : {1u, 2u, 3u, 5u, 16u, 17u, 33u, 60u}) {
        const Dense a = random_symmetric(n, n);
        const std::vector<long double> expected = jacobi_eigenvalues(a);
        const Solution s = solve(a, n);
        for (std::size_t i = 0; i < n; ++i) {
            EXPECT_NEAR(s.values[i], static_cast<double>(expected[i]), 1e-12) << n << " " << i;
        }
    }
}

TEST(SymmetricEigenTest, EqualZeroAndSplitSpectra) {
    constexpr std::size_t n = 40;
    const Dense zero(n, std::vector<long double>(n));
    EXPECT_EQ(solve(zero, n).values, std::vector<double>(n, 0.0));

    Dense identity = zero;
    for (std::size_t i = 0; i < n; ++i) {
        identity[i][i] = 3;
    }
    EXPECT_EQ(solve(identity, 7).values, std::vector<double>(n, 3.0));

    // All ones: n once, 0 otherwise.
    const Dense ones(n, std::vector<long double>(n, 1));
    const Solution rank_one = solve(ones, n);
    EXPECT_NEAR(rank_one.values[0], n, 1e-12);
    for (std::size_t i = 1; i < n; ++i) {
        EXPECT_NEAR(rank_one.values[i], 0, 1e-12);
    }

    // Two equal blocks: every eigenvalue twice.
    const Dense block = random_symmetric(n / 2, 9);
    Dense twice = zero;
    for (std::size_t i = 0; i < n / 2; ++i) {
        for (std::size_t j = 0; j < n / 2; ++j) {
            twice[i][j] = twice[n / 2 + i][n / 2 + j] = block[i][j];
        }
    }
    const Solution pairs = solve(twice, n);
    for (std::size_t i = 0; i < n; i += 2) {
        EXPECT_NEAR(pairs.values[i], pairs.values[i + 1], 1e-12);
    }
}

TEST(SymmetricEigenTest, WideRangeOfMagnitudes) {
    constexpr std::size_t n = 30;
    Dense a(n, std::vector<long double>(n));
    const Dense mix = random_symmetric(n, 4);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            a[i][j] = 1e76L * mix[i][j] * std::pow(10.0L, -static_cast<long double>(i + j) / 2);
        }
    }
    const std::vector<long double> expected = jacobi_eigenvalues(a);
    const Solution s = solve(a, n);
    for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(s.values[i] / 1e76, static_cast<double>(expected[i] / 1e76L), 1e-13);
    }
}

TEST(SymmetricEigenTest, ManyMoreThanOneCheckpoint) {
    // The second difference matrix: 2 − 2 cos(π j / (n + 1)).
    constexpr std::size_t n = 300;
    Dense a(n, std::vector<long double>(n));
    for (std::size_t i = 0; i < n; ++i) {
        a[i][i] = 2;
        if (i > 0) {
            a[i][i - 1] = a[i - 1][i] = -1;
        }
    }
    const Solution s = solve(a, 20);
    for (std::size_t j = 0; j < n; ++j) {
        const double angle = M_PI * static_cast<double>(n - j) / (n + 1);
        EXPECT_NEAR(s.values[j], 2 - 2 * std::cos(angle), 1e-12);
    }
}

TEST(SymmetricEigenTest, StopsWhenInterrupted) {
    std::vector<double> lower(50 * 51 / 2, 1.0), values(50), vectors(50);
    HeapArena memory;
    EXPECT_THROW(leading_eigenpairs(lower, values, {vectors.data(), 1, 50}, memory.arena(),
                                    core::Interrupt([] { return true; })),
                 core::Error);
}

}  // namespace
}  // namespace vecdot::math
