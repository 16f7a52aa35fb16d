#include "engine/code.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.hpp"
#include "engine/gaussian.hpp"
#include "engine/store.hpp"
#include "golden.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {
namespace {

// Estimates and bounds of many rows around one centroid.
struct Estimates {
    double mean = 0;         // of (estimate − truth) / predicted standard deviation
    double square = 0;       // of its square
    double beyond_3 = 0;     // share
    double cut_early = 0;    // share whose 1-bit bound at 3 deviations is above the refined one
    std::size_t broken = 0;  // refined bounds above the truth
    double refined_gap = 0;  // mean of √truth − √bound, relative
    // By their upper half bytes, rows that are as near as they are:
    std::size_t out_of_reach = 0;    // although it is proven
    double likely_out_of_reach = 0;  // share
    double half_within = 0;          // share within half of their squared distance
};

void keep_bounds(void* self, std::uint32_t first, std::uint32_t, const float* bounds) noexcept {
    std::memcpy(static_cast<float*>(self) + first, bounds, 32 * sizeof(float));
}

// largest: M of an inner product, over √dimension.
Estimates estimate(Metric metric, std::size_t dimension, bool spiky, double largest,
                   std::size_t queries, std::uint32_t bits = 8) {
    constexpr std::size_t rows = 256;
    core::Random random(dimension);
    HeapArena memory;
    core::Arena arena = memory.arena();
    const double scale =
        metric == Metric::inner_product ? 1 / (largest * std::sqrt(dimension * 1.0)) : 1;
    const Space space(arena, {metric, static_cast<std::uint32_t>(dimension), 3, scale, bits}, {});
    const std::size_t p = space.padded();
    auto make = [&] {
        std::vector<float> x = gaussian(random, dimension, 1);
        for (std::size_t i = 0; spiky && i < dimension; ++i) {
            x[i] = i % 17 == 0 ? x[i] * 30 : x[i] > 0 ? 0.0f : x[i];
        }
        return x;
    };
    std::vector<std::vector<float>> images;
    std::vector<double> mean(p);
    std::vector<std::vector<float>> originals;
    std::vector<float> errors;
    std::vector<bool> is_long;
    for (std::size_t i = 0; i < rows; ++i) {
        originals.push_back(make());
        images.emplace_back(p);
        const RoutedRow routed = space.route(originals[i], images[i].data());
        errors.push_back(routed.error);
        is_long.push_back(routed.kind == RowKind::long_row);
        for (std::size_t j = 0; j < p; ++j) {
            mean[j] += static_cast<double>(images[i][j]) / rows;
        }
    }
    const std::vector<float> centroid(mean.begin(), mean.end());
    std::vector<std::uint8_t> blocks(rows / 32 * block_units(p) * 64);
    std::vector<std::vector<std::uint8_t>> codes(rows, std::vector<std::uint8_t>(p));
    std::vector<std::vector<std::uint8_t>> upper(rows, std::vector<std::uint8_t>(plane_bytes(p)));
    std::vector<std::vector<std::uint8_t>> lower(rows, std::vector<std::uint8_t>(plane_bytes(p)));
    std::vector<EncodedRow> encoded(rows);
    std::vector<std::uint8_t> signs(sign_bytes(p));
    for (std::size_t i = 0; i < rows; ++i) {
        encoded[i].signs = signs.data();
        encoded[i].refinement = codes[i].data();
        encode_row(space, images[i].data(), errors[i], centroid.data(), encoded[i]);
        split_refinement(p, codes[i].data(), upper[i].data(), lower[i].data());
        std::vector<std::uint8_t> joined(p);
        join_refinement(p, upper[i].data(), lower[i].data(), joined.data());
        EXPECT_EQ(joined, codes[i]);
        if (bits == 4) {
            // What is not stored is known, and the code has the signs' sign.
            EXPECT_EQ(lower[i], std::vector<std::uint8_t>(plane_bytes(p), 17 * implied_lower));
            for (std::size_t j = 0; j < p; ++j) {
                EXPECT_EQ(codes[i][j] > 128, (signs[j / 8] >> (j % 8) & 1) != 0);
            }
        }
        std::uint8_t* block = blocks.data() + i / 32 * block_units(p) * 64;
        put_row(block, 0, block_units(p), p, i % 32, signs.data(), encoded[i].sign_factors);
        std::vector<std::uint8_t> back(sign_bytes(p));
        SignFactors factors{};
        // Read back in two pieces.
        get_row(block, 0, 3, p, i % 32, back.data(), factors);
        get_row(block + 3 * 64, 3, block_units(p) - 3, p, i % 32, back.data(), factors);
        EXPECT_EQ(back, signs);
        EXPECT_EQ(factors.add, encoded[i].sign_factors.add);
        EXPECT_EQ(factors.rescale, encoded[i].sign_factors.rescale);
        EXPECT_EQ(factors.error, encoded[i].sign_factors.error);
    }
    Estimates all;
    for (std::size_t q = 0; q < queries; ++q) {
        const std::vector<float> vector = make();
        const Query query = prepare_query(arena, space, vector);
        CellDistance distance(query);
        distance.add(centroid.data(), 16);
        distance.add(centroid.data() + 16, p - 16);
        std::vector<float> estimates(rows);
        const kernels::BoundTerms terms = distance.terms(0, HUGE_VAL);
        SignScorer scorer(query, terms, rows, HUGE_VALF, keep_bounds, estimates.data(), nullptr);
        scorer.units(blocks.data(), blocks.size() / 64, nullptr);
        const double spread = static_cast<double>(distance.terms(1, HUGE_VAL).error_weight);
        std::vector<double> bounds;
        for (std::size_t i = 0; i < rows; ++i) {
            double truth = 0;
            const kernels::CosineSums s =
                kernels::active().floats.cosine_sums(vector.data(), originals[i].data(), dimension);
            switch (metric) {
                case Metric::l2:
                case Metric::hamming:
                    truth = s.aa + s.bb - 2 * s.ab;
                    break;
                case Metric::cosine:
                    truth = 2 - 2 * s.ab / std::sqrt(s.aa * s.bb);
                    break;
                case Metric::inner_product:
                    truth = 2 - 2 * s.ab / std::sqrt(s.aa) * scale;
                    break;
            }
            const double z = (static_cast<double>(estimates[i]) - truth) /
                             (static_cast<double>(encoded[i].sign_factors.error) * spread);
            all.mean += z;
            all.square += z * z;
            all.beyond_3 += std::fabs(z) > 3 ? 1 : 0;
            RefineBatch batch{};
            batch.query = &query;
            batch.entries[0].refine = encoded[i].refine;
            batch.upper(0, 0, upper[i].data(), 32);
            batch.upper(0, 32, upper[i].data() + 32, plane_bytes(p) - 32);
            // The upper half bytes alone leave every row within its own distance.
            auto within = [&](bool proven) {
                return kernels::active().codes.within_reach(
                    reinterpret_cast<const std::uint8_t*>(batch.entries), batch.dots, 1,
                    distance.reach(truth, is_long[i], proven));
            };
            all.out_of_reach += within(true) == 0 ? 1 : 0;
            all.likely_out_of_reach += within(false) == 0 ? 1 : 0;
            all.half_within += kernels::active().codes.within_reach(
                reinterpret_cast<const std::uint8_t*>(batch.entries), batch.dots, 1,
                distance.reach(truth / 2, is_long[i], true));
            kernels::PlaneDots implied = batch.dots[0];
            batch.lower(0, 0, lower[i].data(), plane_bytes(p));
            if (bits == 4) {
                implied.high += query.implied.high;
                implied.low += query.implied.low;
                EXPECT_EQ(implied.high, batch.dots[0].high);
                EXPECT_EQ(implied.low, batch.dots[0].low);
            }
            const CellDistance::Refined refined =
                distance.refine(encoded[i].refine, batch.dots[0], batch.rest[0], is_long[i]);
            bounds.push_back(refined.bound);
            all.broken += refined.bound > truth * (1 + 1e-12) + 1e-12 ? 1 : 0;
            all.refined_gap +=
                (std::sqrt(truth) - std::sqrt(std::max(0.0, refined.bound))) / std::sqrt(truth);
        }
        // The cut of the 1-bit codes leaves the rows whose bounds are below the limit.
        const double limit = *std::max_element(bounds.begin(), bounds.end());
        SignScorer cutter(query, distance.terms(3, limit), rows, HUGE_VALF, keep_bounds,
                          estimates.data(), nullptr);
        cutter.units(blocks.data(), blocks.size() / 64, nullptr);
        for (std::size_t i = 0; i < rows; ++i) {
            all.cut_early += static_cast<double>(estimates[i]) > bounds[i] ? 1 : 0;
        }
    }
    const double n = static_cast<double>(queries * rows);
    all.mean /= n;
    all.square /= n;
    all.beyond_3 /= n;
    all.cut_early /= n;
    all.refined_gap /= n;
    all.likely_out_of_reach /= n;
    all.half_within /= n;
    return all;
}

// Rows that are longer than any was when the index was built.
TEST(Code, LongRows) {
    for (const std::size_t dimension : {100, 784}) {
        const Estimates e = estimate(Metric::inner_product, dimension, false, 0.01, 40);
        EXPECT_NEAR(e.mean, 0, 0.15);
        EXPECT_NEAR(e.square, 1, 0.3);
        EXPECT_EQ(e.broken, 0u);
        EXPECT_EQ(e.out_of_reach, 0u);
        const Estimates half = estimate(Metric::inner_product, dimension, false, 0.01, 40, 4);
        EXPECT_EQ(half.broken, 0u);
        EXPECT_EQ(half.out_of_reach, 0u);
    }
}

TEST(Code, EstimatesAreUnbiasedAndBoundsHold) {
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
        for (const std::size_t dimension : {100, 384, 784}) {
            for (const bool spiky : {false, true}) {
                const Estimates e = estimate(metric, dimension, spiky, spiky ? 16 : 4, 40);
                const std::string what = "metric " + std::to_string(static_cast<int>(metric)) +
                                         " dimension " + std::to_string(dimension) +
                                         (spiky ? " spiky" : "");
                // 40 queries share their error's direction with all rows of a cell: so a tolerance
                // far above that of 10,240 independent ones.
                EXPECT_NEAR(e.mean, 0, 0.15) << what;
                EXPECT_NEAR(e.square, 1, 0.3) << what;
                EXPECT_LT(e.beyond_3, 0.006) << what;
                EXPECT_LT(e.cut_early, 0.01) << what;
                EXPECT_EQ(e.broken, 0u) << what;
                EXPECT_LT(e.refined_gap, 0.02) << what;
                EXPECT_EQ(e.out_of_reach, 0u) << what;
                EXPECT_LT(e.likely_out_of_reach, 1e-3) << what;
                EXPECT_LT(e.half_within, 0.05) << what;
                const Estimates half = estimate(metric, dimension, spiky, spiky ? 16 : 4, 40, 4);
                EXPECT_NEAR(half.mean, 0, 0.15) << what;
                EXPECT_NEAR(half.square, 1, 0.3) << what;
                EXPECT_LT(half.cut_early, 0.01) << what;
                EXPECT_EQ(half.broken, 0u) << what;
                EXPECT_GT(half.refined_gap, e.refined_gap) << what;
                EXPECT_LT(half.refined_gap, 0.12) << what;
                // All is known of a code that has no lower half bytes: what is out of reach is
                // proven to be.
                EXPECT_EQ(half.out_of_reach, 0u) << what;
                EXPECT_EQ(half.likely_out_of_reach, 0) << what;
                EXPECT_LT(half.half_within, 0.01) << what;
            }
        }
    }
}

// What splits and merges do to a row: decoded and encoded against another centroid, again and
// again.
TEST(Code, ErrorsHoldThroughManyRewrites) {
    core::Random random(12);
    for (const auto& [p, bits] :
         {std::pair<std::size_t, std::uint32_t>{64, 8}, {832, 8}, {64, 4}, {832, 4}}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space space(arena, {Metric::l2, static_cast<std::uint32_t>(p), 3, 1.0, bits}, {});
        // Sizes of a row's distance from its centroid, and of the centroid.
        for (const double spread : {1.0, 1e-6, 1e-30, 0.0}) {
            for (const double size : {1.0, 1e5, 0.0}) {
                std::vector<float> centroid = gaussian(random, p, size);
                std::vector<float> row = centroid;
                for (float& x : row) {
                    x += static_cast<float>(random.normal() * spread);
                }
                std::vector<std::uint8_t> signs(sign_bytes(p));
                std::vector<std::uint8_t> code(p);
                EncodedRow encoded{};
                encoded.signs = signs.data();
                encoded.refinement = code.data();
                std::vector<float> rotated = row;
                float error = 0;
                for (int round = 0; round < 12; ++round) {
                    encode_row(space, rotated.data(), error, centroid.data(), encoded);
                    double away = 0;
                    double radius = 0;
                    for (std::size_t i = 0; i < p; ++i) {
                        const double c = static_cast<double>(centroid[i]);
                        const double stored = c + static_cast<double>(encoded.refine.scale) *
                                                      (static_cast<int>(code[i]) - 128);
                        const double x = static_cast<double>(row[i]);
                        away += (x - stored) * (x - stored);
                        radius += (x - c) * (x - c);
                    }
                    EXPECT_LE(std::sqrt(away), encoded.refine.error) << spread << ' ' << size;
                    EXPECT_LE(std::sqrt(radius), encoded.radius);
                    EXPECT_LE(std::sqrt(radius), stored_radius(p, code.data(), encoded.refine));
                    error =
                        decode_row(p, code.data(), encoded.refine, centroid.data(), rotated.data());
                    for (float& x : centroid) {
                        x += static_cast<float>(random.normal() * (spread + 1e-7 * size));
                    }
                }
            }
        }
    }
}

// What is stored of a row, and of a cell's centroid: the same bits for ever, or all that is stored
// means something else.
TEST(Code, Golden) {
    const auto hash = [](Metric metric, std::uint32_t bits) {
        constexpr std::uint32_t dimension = 100;
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space space(arena, {metric, dimension, 3, 1.0 / 64, bits}, {});
        const std::size_t p = space.padded();
        std::vector<float> image(p);
        std::vector<float> centroid(p);
        std::vector<std::uint8_t> signs(sign_bytes(p));
        std::vector<std::uint8_t> code(p);
        std::vector<float> x(dimension);
        for (std::uint32_t i = 0; i < dimension; ++i) {
            x[i] = static_cast<float>(i * i * 7 % 101) / 16 - 3;
        }
        const RoutedRow row = space.route(x, image.data());
        EXPECT_EQ(row.kind, RowKind::normal);
        for (std::size_t i = 0; i < p; ++i) {
            centroid[i] = image[i] / 2 + static_cast<float>(i % 5) / 1024;
        }
        EncodedRow encoded{};
        encoded.signs = signs.data();
        encoded.refinement = code.data();
        encode_row(space, image.data(), row.error, centroid.data(), encoded);
        std::uint64_t hash = hash_of(signs.data(), signs.size());
        hash = hash_of(code.data(), code.size(), hash);
        hash = hash_of(&encoded.sign_factors, sizeof encoded.sign_factors, hash);
        hash = hash_of(&encoded.refine, sizeof encoded.refine, hash);
        std::vector<std::uint8_t> units(block_units(p) * kernels::unit_bytes);
        put_row(units.data(), 0, block_units(p), p, 5, signs.data(), encoded.sign_factors);
        hash = hash_of(units.data(), units.size(), hash);
        std::vector<std::uint8_t> planes(p);
        split_refinement(p, code.data(), planes.data(), planes.data() + plane_bytes(p));
        hash = hash_of(planes.data(), planes.size(), hash);
        const RefineFactors factors = encode_centroid(p, centroid.data(), code.data());
        hash = hash_of(code.data(), code.size(), hash);
        return hash_of(&factors, sizeof factors, hash);
    };
    EXPECT_EQ(hash(Metric::l2, 8), 0xfae51cf379d5c348u);
    EXPECT_EQ(hash(Metric::l2, 4), 0x6ac6422f9113854u);
    EXPECT_EQ(hash(Metric::cosine, 8), 0x38ed42e424469618u);
    EXPECT_EQ(hash(Metric::inner_product, 8), 0x8f48f58b56fab61au);
    EXPECT_EQ(hash(Metric::inner_product, 4), 0x3754f83982d440d8u);
    EXPECT_EQ(hash(Metric::hamming, 8), 0xfae51cf379d5c348u);
}

}  // namespace
}  // namespace vecdot::engine
