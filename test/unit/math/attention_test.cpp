// Attention against long double: streamed, merged, in any order, with extreme scores, as matrices.
#include "math/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/random.hpp"
#include "heap_arena.hpp"

namespace vecdot::math {
namespace {

using Matrix = std::vector<std::vector<float>>;

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
    core::Random random(seed);
    Matrix matrix(rows, std::vector<float>(columns));
    for (std::vector<float>& row : matrix) {
        for (float& value : row) {
            value = static_cast<float>(random.normal());
        }
    }
    return matrix;
}

std::vector<const float*> pointers(const Matrix& matrix) {
    std::vector<const float*> result;
    for (const std::vector<float>& row : matrix) {
        result.push_back(row.data());
    }
    return result;
}

std::vector<double> weighted_mean(const std::vector<double>& scores, const Matrix& values,
                                  std::size_t first, std::size_t width) {
    const long double top = *std::max_element(scores.begin(), scores.end());
    std::vector<long double> sums(width);
    long double weight = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const long double w = std::exp(scores[i] - top);
        weight += w;
        for (std::size_t j = 0; j < width; ++j) {
            sums[j] += w * values[i][first + j];
        }
    }
    std::vector<double> result;
    for (const long double sum : sums) {
        result.push_back(static_cast<double>(sum / weight));
    }
    return result;
}

class Stream {
  public:
    explicit Stream(std::size_t n) : sums(n), online(sums), result(n) {}
    std::vector<float> finish() {
        online.finish(result);
        return result;
    }
    std::vector<double> sums;
    OnlineAttention online;
    std::vector<float> result;
};

void expect_close(const std::vector<float>& actual, const std::vector<double>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_NEAR(actual[i], expected[i], 1e-7 * std::fabs(expected[i]) + 1e-9) << i;
    }
}

TEST(AttentionTest, StreamMatchesLongDoubleInAnyOrderAndPartition) {
    constexpr std::size_t rows = 1000;
    const Matrix values = random_matrix(rows, 13, 1);
    for (const double spread : {0.1, 3.0, 200.0, 1e5}) {
        core::Random random(2);
        std::vector<double> scores(rows);
        for (double& score : scores) {
            score = spread * random.normal();
        }
        const std::vector<double> expected = weighted_mean(scores, values, 0, 13);
        std::vector<std::size_t> order(rows);
        std::iota(order.begin(), order.end(), std::size_t{0});
        const auto by_score = [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; };
        for (int arrangement = 0; arrangement < 3; ++arrangement) {
            if (arrangement == 1) {
                std::sort(order.begin(), order.end(), by_score);
            } else if (arrangement == 2) {
                std::reverse(order.begin(), order.end());
            }
            Stream whole(13);
            Stream parts[3] = {Stream(13), Stream(13), Stream(13)};
            for (std::size_t i = 0; i < rows; ++i) {
                whole.online.add(scores[order[i]], values[order[i]].data());
                parts[i < 5 ? 0 : 1].online.add(scores[order[i]], values[order[i]].data());
            }
            expect_close(whole.finish(), expected);
            parts[2].online.merge(parts[1].online);
            parts[2].online.merge(parts[0].online);
            expect_close(parts[2].finish(), expected);
        }
    }
}

TEST(AttentionTest, ExtremeScores) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const Matrix values{{1, 0}, {0, 1}, {3e38f, -3e38f}};
    Stream high(2);
    high.online.add(1e38, values[0].data());
    high.online.add(1e38, values[1].data());
    high.online.add(-1e38, values[2].data());
    EXPECT_EQ(high.finish(), (std::vector<float>{0.5, 0.5}));
    Stream overflow(2);
    overflow.online.add(-infinity, values[2].data());
    overflow.online.add(infinity, values[0].data());
    overflow.online.add(infinity, values[1].data());
    EXPECT_EQ(overflow.finish(), (std::vector<float>{0.5, 0.5}));
    Stream low(2);
    low.online.add(-infinity, values[2].data());
    EXPECT_EQ(low.finish(), values[2]);
    low.online.merge(overflow.online);
    EXPECT_EQ(low.finish(), (std::vector<float>{0.5, 0.5}));
}

TEST(AttentionTest, WeightsSumToOneAndMatch) {
    const Matrix keys = random_matrix(50, 8, 3);
    const Matrix query = random_matrix(1, 8, 4);
    const std::vector<const float*> rows = pointers(keys);
    std::vector<float> out(50);
    attention_weights(query[0].data(), {rows.data(), 50, 8}, default_scale(8), out);
    std::vector<long double> expected;
    long double sum = 0;
    for (const std::vector<float>& key : keys) {
        long double score = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            score += static_cast<long double>(key[i]) * query[0][i];
        }
        expected.push_back(std::exp(score / std::sqrt(8.0L)));
        sum += expected.back();
    }
    for (std::size_t j = 0; j < 50; ++j) {
        EXPECT_NEAR(out[j], static_cast<double>(expected[j] / sum), 1e-8);
    }
}

TEST(AttentionTest, MatrixFormMatchesPerHeadAndCausal) {
    const Matrix q = random_matrix(5, 12, 5);
    const Matrix k = random_matrix(7, 12, 6);
    const Matrix v = random_matrix(7, 6, 7);
    const auto qp = pointers(q), kp = pointers(k), vp = pointers(v);
    for (const bool causal : {false, true}) {
        for (const std::size_t heads : {1u, 2u, 3u, 6u}) {
            HeapArena memory;
            std::vector<float> out(5 * 6);
            attention({qp.data(), 5, 12}, {kp.data(), 7, 12}, {vp.data(), 7, 6}, {causal, heads},
                      {out.data(), 5, 6}, memory.arena(), core::Interrupt());
            for (std::size_t i = 0; i < 5; ++i) {
                for (std::size_t h = 0; h < heads; ++h) {
                    std::vector<double> scores;
                    for (std::size_t j = 0; j < (causal ? i + 3 : 7); ++j) {
                        long double score = 0;
                        for (std::size_t c = h * 12 / heads; c < (h + 1) * 12 / heads; ++c) {
                            score += static_cast<long double>(q[i][c]) * k[j][c];
                        }
                        scores.push_back(static_cast<double>(
                            score / std::sqrt(12.0L / static_cast<long double>(heads))));
                    }
                    const std::size_t width = 6 / heads;
                    const auto expected = weighted_mean(scores, v, h * width, width);
                    for (std::size_t c = 0; c < width; ++c) {
                        EXPECT_NEAR(out[i * 6 + h * width + c], expected[c], 1e-6);
                    }
                }
            }
        }
    }
}

TEST(AttentionTest, ScoresAreScaledProducts) {
    const Matrix q{{1, 2}, {0, -1}};
    const Matrix k{{3, 4}, {5, 6}, {0, 0}};
    const auto qp = pointers(q), kp = pointers(k);
    std::vector<double> out(6);
    attention_scores({qp.data(), 2, 2}, {kp.data(), 3, 2}, 0.5, out, core::Interrupt());
    EXPECT_EQ(out, (std::vector<double>{5.5, 8.5, 0, -2, -3, 0}));
}

TEST(AttentionTest, LongMatrixWorkIsInterrupted) {
    const Matrix q = random_matrix(3, 4, 1);
    const auto qp = pointers(q);
    std::vector<float> out(12);
    HeapArena memory;
    EXPECT_THROW(
        attention({qp.data(), 3, 4}, {qp.data(), 3, 4}, {qp.data(), 3, 4}, {}, {out.data(), 3, 4},
                  memory.arena(), core::Interrupt([] { return true; })),
        core::Error);
}

int polls;

// One query, as the SQL function asks for one after another, has up to 16,000 keys.
TEST(AttentionTest, ManyKeysArePolledBetween) {
    const Matrix k = random_matrix(1000, 4, 1);
    const auto kp = pointers(k);
    std::vector<double> scores(1000);
    std::vector<float> out(4);
    HeapArena memory;
    const core::Interrupt third([] { return ++polls == 3; });
    polls = 0;
    EXPECT_THROW(attention_scores({kp.data(), 1, 4}, {kp.data(), 1000, 4}, 1, scores, third),
                 core::Error);
    polls = 0;
    EXPECT_THROW(attention({kp.data(), 1, 4}, {kp.data(), 1000, 4}, {kp.data(), 1000, 4}, {},
                           {out.data(), 1, 4}, memory.arena(), third),
                 core::Error);
}

}  // namespace
}  // namespace vecdot::math
