// The scatter matrix against long double, its merging, and the components it leads to.
#include "math/pca.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "heap_arena.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::math {
namespace {

using RowList = std::vector<std::vector<float>>;

RowList random_rows(std::size_t n, std::size_t d, double offset, std::uint64_t seed) {
    core::Random random(seed);
    RowList rows(n, std::vector<float>(d));
    for (std::vector<float>& row : rows) {
        const double common = random.normal();
        for (std::size_t i = 0; i < d; ++i) {
            row[i] =
                static_cast<float>(offset + common * static_cast<double>(i % 5) + random.normal());
        }
    }
    return rows;
}

Scatter gather(const RowList& rows, std::size_t first, std::size_t last, HeapArena& memory) {
    Scatter scatter(rows[0].size(), memory.arena());
    for (std::size_t i = first; i < last; ++i) {
        scatter.add(rows[i].data(), core::Interrupt());
    }
    scatter.flush(core::Interrupt());
    return scatter;
}

// Within the rounding of deviations to 26 bits: 2⁻²⁵ Σ |terms|.
void expect_reference(const Scatter& scatter, const RowList& rows) {
    const std::size_t d = rows[0].size();
    const auto n = static_cast<long double>(rows.size());
    std::vector<long double> mean(d);
    for (const std::vector<float>& row : rows) {
        for (std::size_t i = 0; i < d; ++i) {
            mean[i] += row[i] / n;
        }
    }
    ASSERT_EQ(scatter.rows(), rows.size());
    for (std::size_t i = 0; i < d; ++i) {
        EXPECT_NEAR(scatter.mean()[i], static_cast<double>(mean[i]),
                    1e-15 * std::fabs(static_cast<double>(mean[i])) * 8 + 1e-14);
        for (std::size_t j = 0; j <= i; ++j) {
            long double sum = 0, size = 0;
            for (const std::vector<float>& row : rows) {
                const long double term = (row[i] - mean[i]) * (row[j] - mean[j]);
                sum += term;
                size += std::fabs(term);
            }
            EXPECT_NEAR(scatter.at(i, j), static_cast<double>(sum),
                        0x1p-25 * static_cast<double>(size) + 1e-9);
        }
    }
}

TEST(ScatterTest, MatchesLongDouble) {
    for (const std::size_t d : {1u, 2u, 23u, 24u, 25u, 50u}) {
        for (const std::size_t n : {1u, 2u, 127u, 128u, 129u, 1000u}) {
            HeapArena memory;
            const RowList rows = random_rows(n, d, 0, n + d);
            expect_reference(gather(rows, 0, n, memory), rows);
            EXPECT_LE(memory.bytes(), Scatter::bytes(d));
        }
    }
}

TEST(ScatterTest, FarFromTheOriginAndDrifting) {
    HeapArena memory;
    const RowList far = random_rows(500, 10, 1e6, 3);
    expect_reference(gather(far, 0, 500, memory), far);
    RowList drifting = random_rows(1000, 10, 0, 4);
    for (std::size_t i = 0; i < drifting.size(); ++i) {
        for (float& value : drifting[i]) {
            value += static_cast<float>(i);
        }
    }
    expect_reference(gather(drifting, 0, 1000, memory), drifting);
}

TEST(ScatterTest, PartsMergeToTheWhole) {
    const RowList rows = random_rows(700, 30, 5, 8);
    HeapArena memory;
    Scatter left = gather(rows, 0, 3, memory);
    left.merge(gather(rows, 3, 3, memory));
    left.merge(gather(rows, 3, 500, memory));
    Scatter empty = gather(rows, 0, 0, memory);
    empty.merge(left);
    empty.merge(gather(rows, 500, 700, memory));
    expect_reference(empty, rows);
}

TEST(ScatterTest, SameBitsOnEveryInstructionSet) {
    const RowList rows = random_rows(300, 61, 3, 21);
    HeapArena memory;
    kernels::select(kernels::InstructionSet::baseline);
    const Scatter expected = gather(rows, 0, 300, memory);
    const Pca expected_pca = pca(expected, 5, memory.arena(), core::Interrupt());
    for (const auto set : {kernels::InstructionSet::avx2, kernels::InstructionSet::avx512}) {
        if (!kernels::is_supported(set)) {
            continue;
        }
        kernels::select(set);
        const Scatter scatter = gather(rows, 0, 300, memory);
        const Pca result = pca(scatter, 5, memory.arena(), core::Interrupt());
        for (std::size_t i = 0; i < 61; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                EXPECT_EQ(scatter.at(i, j), expected.at(i, j));
            }
        }
        for (std::size_t i = 0; i < 5 * 61; ++i) {
            EXPECT_EQ(result.components.flat()[i], expected_pca.components.flat()[i]);
        }
    }
    kernels::select(kernels::InstructionSet::baseline);
}

TEST(PcaTest, FindsTheAxesOfAnEllipse) {
    // (±2, ±2) along the diagonal and (±1, ∓1) across it: variances 16/3 and 4/3.
    const RowList rows{{2, 2}, {-2, -2}, {1, -1}, {-1, 1}};
    HeapArena memory;
    const Pca result = pca(gather(rows, 0, 4, memory), 2, memory.arena(), core::Interrupt());
    EXPECT_NEAR(result.variance[0], 16.0 / 3, 1e-14);
    EXPECT_NEAR(result.variance[1], 4.0 / 3, 1e-14);
    EXPECT_NEAR(result.ratio[0], 0.8, 1e-15);
    EXPECT_NEAR(result.components.row(0)[0], std::sqrt(0.5), 1e-15);
    EXPECT_NEAR(result.components.row(0)[1], std::sqrt(0.5), 1e-15);
    // Both elements are equally large: the first is made positive.
    EXPECT_NEAR(result.components.row(1)[0], std::sqrt(0.5), 1e-15);
    EXPECT_NEAR(result.components.row(1)[1], -std::sqrt(0.5), 1e-15);
}

TEST(PcaTest, EqualRowsHaveNoVariance) {
    const RowList rows(9, std::vector<float>{1e20f, -3, 0.1f});
    HeapArena memory;
    const Pca result = pca(gather(rows, 0, 9, memory), 3, memory.arena(), core::Interrupt());
    for (std::size_t j = 0; j < 3; ++j) {
        EXPECT_EQ(result.variance[j], 0);
        EXPECT_EQ(result.ratio[j], 0);
        EXPECT_EQ(result.components.row(j)[j], 1);
    }
}

TEST(PcaTest, TransformAndBack) {
    const std::vector<float> c0{0.6f, 0.8f, 0}, c1{-0.8f, 0.6f, 0}, mean{1, 2, 3};
    const float* const rows[] = {c0.data(), c1.data()};
    const std::vector<float> x{6, 2, 3};
    std::vector<double> z(2), back(3);
    pca_transform({rows, 2, 3}, mean.data(), x.data(), z);
    EXPECT_NEAR(z[0], 3, 1e-6);
    EXPECT_NEAR(z[1], -4, 1e-6);
    const std::vector<float> narrow{3, -4};
    pca_inverse_transform({rows, 2, 3}, mean.data(), narrow.data(), back);
    EXPECT_NEAR(back[0], 6, 1e-6);
    EXPECT_NEAR(back[1], 2, 1e-6);
    EXPECT_EQ(back[2], 3);
}

}  // namespace
}  // namespace vecdot::math
