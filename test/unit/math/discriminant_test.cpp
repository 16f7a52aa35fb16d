// The linear discriminant against a two-dimensional example worked by hand, and its limits.
#include "math/discriminant.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "heap_arena.hpp"

namespace vecdot::math {
namespace {

struct Row {
    std::vector<float> x;
    std::int32_t label;
};

Discriminant gather(const std::vector<Row>& rows, std::size_t first, std::size_t last,
                    core::Arena arena) {
    Discriminant statistics(rows[0].x.size(), arena);
    for (std::size_t i = first; i < last; ++i) {
        statistics.add(rows[i].x.data(), rows[i].label, arena, core::Interrupt());
    }
    statistics.flush(core::Interrupt());
    return statistics;
}

// Around (0, 0) and (4, 2): scatter within diag(2·2, 2·0.5), divisor 8 − 2.
const std::vector<Row> cross{{{1, 0}, 7},  {{-1, 0}, 7}, {{0, 0.5f}, 7},  {{0, -0.5f}, 7},
                             {{5, 2}, -3}, {{3, 2}, -3}, {{4, 2.5f}, -3}, {{4, 1.5f}, -3}};

TEST(DiscriminantTest, WorkedByHand) {
    HeapArena memory;
    const Discriminant statistics = gather(cross, 0, 8, memory.arena());
    ASSERT_EQ(statistics.classes().size(), 2u);
    EXPECT_EQ(statistics.classes()[0].label, -3);
    EXPECT_EQ(statistics.classes()[1].label, 7);
    const LinearModel model = fit(statistics, 0, memory.arena(), core::Interrupt());
    // S = diag(4/6, 1/6); distances ±(2, 1); S⁻¹ (2, 1) = (3, 6).
    EXPECT_NEAR(model.weights.row(0)[0], 3, 1e-12);
    EXPECT_NEAR(model.weights.row(0)[1], 6, 1e-12);
    EXPECT_NEAR(model.weights.row(1)[0], -3, 1e-12);
    EXPECT_NEAR(model.weights.row(1)[1], -6, 1e-12);
    // ln ½ − ½ · 12 ∓ (2, 1)·(3, 6)
    EXPECT_NEAR(model.bias[0], std::log(0.5) - 6 - 12, 1e-12);
    EXPECT_NEAR(model.bias[1], std::log(0.5) - 6 + 12, 1e-12);
}

TEST(DiscriminantTest, PartsMergeToTheWhole) {
    core::Random random(1);
    std::vector<Row> rows;
    for (int i = 0; i < 900; ++i) {
        Row row{std::vector<float>(7), static_cast<std::int32_t>(random.below(40)) - 20};
        for (std::size_t j = 0; j < 7; ++j) {
            row.x[j] = static_cast<float>(random.normal() + (row.label % 5) * static_cast<int>(j));
        }
        rows.push_back(row);
    }
    HeapArena memory;
    const LinearModel whole =
        fit(gather(rows, 0, 900, memory.arena()), 0.1, memory.arena(), core::Interrupt());
    Discriminant parts = gather(rows, 0, 10, memory.arena());
    parts.merge(gather(rows, 10, 400, memory.arena()), memory.arena());
    parts.merge(gather(rows, 400, 900, memory.arena()), memory.arena());
    const LinearModel merged = fit(parts, 0.1, memory.arena(), core::Interrupt());
    ASSERT_EQ(whole.bias.size(), 40u);
    for (std::size_t c = 0; c < 40; ++c) {
        // Deviations are rounded to 26 bits, and the classes' means are far apart.
        EXPECT_NEAR(whole.bias[c], merged.bias[c], 2e-6 * (1 + std::fabs(whole.bias[c])));
        for (std::size_t i = 0; i < 7; ++i) {
            EXPECT_NEAR(whole.weights.row(c)[i], merged.weights.row(c)[i],
                        2e-6 * (1 + std::fabs(whole.weights.row(c)[i])));
        }
    }
}

// The same formulas in long double, two passes and Gaussian elimination.
struct Reference {
    std::vector<std::vector<long double>> weights;
    std::vector<long double> bias;
};

Reference reference_fit(const std::vector<Row>& rows, std::size_t classes, double shrinkage) {
    const std::size_t d = rows[0].x.size();
    std::vector<std::vector<long double>> mean(classes + 1, std::vector<long double>(d));
    std::vector<long double> count(classes + 1);
    for (const Row& row : rows) {
        for (const std::size_t c : {static_cast<std::size_t>(row.label), classes}) {
            count[c] += 1;
            for (std::size_t i = 0; i < d; ++i) {
                mean[c][i] += row.x[i];
            }
        }
    }
    for (std::size_t c = 0; c <= classes; ++c) {
        for (long double& value : mean[c]) {
            value /= count[c];
        }
    }
    std::vector<std::vector<long double>> s(d, std::vector<long double>(d));
    long double trace = 0;
    const long double freedom = count[classes] - static_cast<long double>(classes);
    for (const Row& row : rows) {
        const std::vector<long double>& m = mean[static_cast<std::size_t>(row.label)];
        for (std::size_t i = 0; i < d; ++i) {
            for (std::size_t j = 0; j < d; ++j) {
                s[i][j] += (row.x[i] - m[i]) * (row.x[j] - m[j]) / freedom;
            }
        }
    }
    for (std::size_t i = 0; i < d; ++i) {
        trace += s[i][i];
    }
    for (std::size_t i = 0; i < d; ++i) {
        for (std::size_t j = 0; j < d; ++j) {
            s[i][j] = (1 - shrinkage) * s[i][j] +
                      (i == j ? shrinkage * trace / static_cast<long double>(d) : 0);
        }
    }
    Reference result;
    for (std::size_t c = 0; c < classes; ++c) {
        std::vector<std::vector<long double>> a = s;
        std::vector<long double> w(d), distance(d);
        for (std::size_t i = 0; i < d; ++i) {
            w[i] = distance[i] = mean[c][i] - mean[classes][i];
        }
        // s is positive definite: no pivoting.
        for (std::size_t i = 0; i < d; ++i) {
            for (std::size_t k = i + 1; k < d; ++k) {
                const long double factor = a[k][i] / a[i][i];
                for (std::size_t j = i; j < d; ++j) {
                    a[k][j] -= factor * a[i][j];
                }
                w[k] -= factor * w[i];
            }
        }
        for (std::size_t i = d; i-- > 0;) {
            for (std::size_t j = i + 1; j < d; ++j) {
                w[i] -= a[i][j] * w[j];
            }
            w[i] /= a[i][i];
        }
        long double bias = std::log(count[c] / count[classes]);
        for (std::size_t i = 0; i < d; ++i) {
            bias -= (0.5L * distance[i] + mean[classes][i]) * w[i];
        }
        result.weights.push_back(w);
        result.bias.push_back(bias);
    }
    return result;
}

TEST(DiscriminantTest, MatchesLongDouble) {
    core::Random random(5);
    constexpr std::size_t classes = 4, d = 30;
    std::vector<Row> rows;
    for (int i = 0; i < 700; ++i) {
        Row row{std::vector<float>(d), static_cast<std::int32_t>(random.below(classes))};
        for (std::size_t j = 0; j < d; ++j) {
            const double centre = j % classes == static_cast<std::size_t>(row.label) ? 1.5 : 0;
            row.x[j] = static_cast<float>(10 + centre + random.normal());
        }
        rows.push_back(row);
    }
    for (const double shrinkage : {0.0, 0.01, 1.0}) {
        HeapArena memory;
        const LinearModel model = fit(gather(rows, 0, rows.size(), memory.arena()), shrinkage,
                                      memory.arena(), core::Interrupt());
        const Reference expected = reference_fit(rows, classes, shrinkage);
        for (std::size_t c = 0; c < classes; ++c) {
            // Deviations are rounded to 26 bits.
            EXPECT_NEAR(model.bias[c], static_cast<double>(expected.bias[c]),
                        1e-7 * static_cast<double>(1 + std::fabs(expected.bias[c])));
            for (std::size_t i = 0; i < d; ++i) {
                EXPECT_NEAR(model.weights.row(c)[i], static_cast<double>(expected.weights[c][i]),
                            1e-7);
            }
        }
    }
}

TEST(DiscriminantTest, SingularWithoutShrinkage) {
    const std::vector<Row> rows{{{1, 5}, 0}, {{2, 5}, 0}, {{8, 5}, 1}, {{9, 5}, 1}};
    HeapArena memory;
    const Discriminant statistics = gather(rows, 0, 4, memory.arena());
    EXPECT_THROW(fit(statistics, 0, memory.arena(), core::Interrupt()), core::Error);
    const LinearModel model = fit(statistics, 0.01, memory.arena(), core::Interrupt());
    EXPECT_LT(model.weights.row(0)[0], 0);
    EXPECT_EQ(model.weights.row(0)[1], 0);
}

TEST(DiscriminantTest, NearestMeanWhereNothingVaries) {
    const std::vector<Row> rows{{{0, 0}, 1}, {{2, 0}, 2}};
    HeapArena memory;
    const LinearModel model =
        fit(gather(rows, 0, 2, memory.arena()), 0.01, memory.arena(), core::Interrupt());
    EXPECT_EQ(model.weights.row(0)[0], -1);
    EXPECT_EQ(model.weights.row(1)[0], 1);
    EXPECT_NEAR(model.bias[1] - model.bias[0], -2, 1e-15);
}

}  // namespace
}  // namespace vecdot::math
