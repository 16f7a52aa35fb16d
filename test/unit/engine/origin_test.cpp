#include "engine/origin.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "engine/sample.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {
namespace {

// Rows of spread 1 around a point at so great a distance along each axis, as float4 holds them.
std::vector<float> make_rows(core::Random& random, std::size_t n, std::size_t dimension,
                             double offset) {
    std::vector<float> rows(n * dimension);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double sign = i % dimension % 3 == 1 ? -1 : 1;
        rows[i] = static_cast<float>(sign * offset + random.normal());
    }
    return rows;
}

core::VectorView row_of(const std::vector<float>& rows, std::size_t i, std::size_t dimension) {
    return {rows.data() + i * dimension, dimension};
}

// The squared distance of two images without any rounding worth mention.
long double exact_key(Metric metric, double scale, core::VectorView a, core::VectorView b) {
    long double a_squared = 0;
    long double b_squared = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        a_squared += static_cast<long double>(a[i]) * static_cast<long double>(a[i]);
        b_squared += static_cast<long double>(b[i]) * static_cast<long double>(b[i]);
    }
    const long double a_factor =
        metric == Metric::l2 ? static_cast<long double>(scale) : 1 / std::sqrt(a_squared);
    const long double b_factor =
        metric == Metric::l2 ? static_cast<long double>(scale) : 1 / std::sqrt(b_squared);
    long double key = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const long double difference =
            a_factor * static_cast<long double>(a[i]) - b_factor * static_cast<long double>(b[i]);
        key += difference * difference;
    }
    return key;
}

double operator_result(Metric metric, core::VectorView a, core::VectorView b) {
    const kernels::FloatKernels& floats = kernels::active().floats;
    if (metric == Metric::l2) {
        return std::sqrt(floats.l2_squared(a.data(), b.data(), a.size()));
    }
    const kernels::CosineSums sums = floats.cosine_sums(a.data(), b.data(), a.size());
    return 1 - std::min(1.0, sums.ab / std::sqrt(sums.aa * sums.bb));
}

// The origin for rows, as a build finds it.
std::vector<float> origin_for(Metric metric, std::vector<float> rows, std::size_t n,
                              std::size_t dimension) {
    if (metric == Metric::cosine) {
        for (std::size_t i = 0; i < n; ++i) {
            float* row = rows.data() + i * dimension;
            const double norm = std::sqrt(kernels::active().floats.norm_squared(row, dimension));
            for (std::size_t k = 0; k < dimension; ++k) {
                row[k] = static_cast<float>(row[k] / norm);
            }
        }
    }
    std::vector<float> origin(padded_dimension(metric, dimension));
    find_middle(rows.data(), n, dimension, origin.data());
    return origin;
}

// Bounds of rows that have next to everything in common, against long double.
struct Bounds {
    std::size_t broken = 0;        // above the key
    std::size_t above = 0;         // above the operator's result
    std::size_t out_of_reach = 0;  // by the upper half bytes, although as near as they are
    double gap = 0;                // mean of √key − √bound
};

// local: of the queries.
Bounds measure(Metric metric, std::size_t dimension, double offset, bool has_origin,
               std::uint32_t bits, double local) {
    constexpr std::size_t n = 64;
    core::Random random(dimension);
    const std::vector<float> rows = make_rows(random, n, dimension, offset);
    const std::vector<float> queries = make_rows(random, 8, dimension, offset);
    const std::vector<float> origin = origin_for(metric, rows, n, dimension);
    const double scale = metric == Metric::l2 ? 0.25 : 1;
    HeapArena memory;
    core::Arena arena = memory.arena();
    const Space space(arena, {metric, static_cast<std::uint32_t>(dimension), 3, scale, bits},
                      has_origin ? core::VectorView(origin) : core::VectorView());
    const std::size_t p = space.padded();
    std::vector<std::vector<float>> images(n, std::vector<float>(p));
    std::vector<float> errors;
    std::vector<double> mean(p);
    for (std::size_t i = 0; i < n; ++i) {
        const RoutedRow routed = space.route(row_of(rows, i, dimension), images[i].data());
        EXPECT_EQ(routed.kind, RowKind::normal);
        errors.push_back(routed.error);
        for (std::size_t k = 0; k < p; ++k) {
            mean[k] += static_cast<double>(images[i][k]) / n;
        }
    }
    const std::vector<float> centroid(mean.begin(), mean.end());
    Bounds bounds;
    for (std::size_t q = 0; q < 8; ++q) {
        const core::VectorView query_row = row_of(queries, q, dimension);
        std::vector<float> query_image(p);
        const RoutedRow query_routed = space.route(query_row, query_image.data());
        const Query query = prepare_query(arena, space, query_row, local);
        EXPECT_EQ(query.rest.empty(), local > 1);
        EXPECT_LE(std::sqrt(kernels::active().floats.l2_squared(query.vector.data(),
                                                                query_image.data(), p)),
                  query.error);
        CellDistance distance(query);
        distance.add(centroid.data(), p);
        for (std::size_t i = 0; i < n; ++i) {
            const core::VectorView row = row_of(rows, i, dimension);
            const long double key = exact_key(metric, scale, row, query_row);
            const double truth = static_cast<double>(std::sqrt(key));
            const double apart = std::sqrt(
                kernels::active().floats.l2_squared(images[i].data(), query_image.data(), p));
            EXPECT_LE(std::fabs(apart - truth), errors[i] + query_routed.error);
            EncodedRow encoded{};
            std::vector<std::uint8_t> signs(sign_bytes(p));
            std::vector<std::uint8_t> code(p);
            encoded.signs = signs.data();
            encoded.refinement = code.data();
            encode_row(space, images[i].data(), errors[i], centroid.data(), encoded);
            std::vector<std::uint8_t> upper(plane_bytes(p));
            std::vector<std::uint8_t> lower(plane_bytes(p));
            split_refinement(p, code.data(), upper.data(), lower.data());
            RefineBatch batch{};
            batch.query = &query;
            batch.entries[0].refine = encoded.refine;
            batch.upper(0, 0, upper.data(), 32);
            if (p > 64) {
                batch.upper(0, 32, upper.data() + 32, plane_bytes(p) - 32);
            }
            for (const bool proven : {true, false}) {
                bounds.out_of_reach +=
                    kernels::active().codes.within_reach(
                        reinterpret_cast<const std::uint8_t*>(batch.entries), batch.dots, 1,
                        distance.reach(static_cast<double>(key), false, proven)) == 0
                        ? 1
                        : 0;
            }
            const std::int32_t upper_rest = batch.rest[0];
            batch.lower(0, 0, lower.data(), plane_bytes(p));
            if (bits == 4) {
                EXPECT_EQ(upper_rest + query.implied_rest, batch.rest[0]);
            }
            const CellDistance::Refined refined =
                distance.refine(encoded.refine, batch.dots[0], batch.rest[0], false);
            bounds.broken += refined.bound > static_cast<double>(key) * (1 + 1e-14) ? 1 : 0;
            bounds.above +=
                operator_value(query, refined.bound) > operator_result(metric, row, query_row) ? 1
                                                                                               : 0;
            bounds.gap += (truth - std::sqrt(refined.bound)) / (8 * n);
        }
    }
    return bounds;
}

constexpr double everywhere = std::numeric_limits<double>::infinity();

std::string name_of(Metric metric, std::size_t dimension, double offset) {
    return "metric " + std::to_string(static_cast<int>(metric)) + " dimension " +
           std::to_string(dimension) + " offset " + std::to_string(offset);
}

// As near to the truth as without an offset, in units of the spread.
TEST(Origin, BoundsHoldFarFromZero) {
    for (const Metric metric : {Metric::l2, Metric::cosine}) {
        for (const std::size_t dimension : {2, 3, 16, 100, 784}) {
            for (const double offset : {0.0, 3.0, 1e3, 1e6}) {
                const std::string what = name_of(metric, dimension, offset);
                const double unit = metric == Metric::l2
                                        ? 0.25 * std::sqrt(static_cast<double>(dimension))
                                        : 1 / std::fmax(offset, 1.0);
                for (const double local : {everywhere, 0.0}) {
                    const Bounds bounds = measure(metric, dimension, offset, true, 8, local);
                    EXPECT_EQ(bounds.broken, 0u) << what;
                    EXPECT_EQ(bounds.above, 0u) << what;
                    EXPECT_EQ(bounds.out_of_reach, 0u) << what;
                    EXPECT_LT(bounds.gap, 0.02 * unit) << what;
                    EXPECT_EQ(measure(metric, dimension, offset, true, 4, local).broken, 0u)
                        << what;
                }
            }
        }
    }
}

// Rows far from the origin, as tight clusters among many are: a query in three planes is all that
// tells them apart.
TEST(Origin, ThirdPlane) {
    for (const Metric metric : {Metric::l2, Metric::cosine}) {
        for (const std::size_t dimension : {2, 16, 100}) {
            for (const double offset : {1e3, 1e4}) {
                const std::string what = name_of(metric, dimension, offset);
                const Bounds two = measure(metric, dimension, offset, false, 8, everywhere);
                const Bounds three = measure(metric, dimension, offset, false, 8, 0);
                EXPECT_EQ(three.broken, 0u) << what;
                EXPECT_EQ(three.above, 0u) << what;
                EXPECT_EQ(three.out_of_reach, 0u) << what;
                EXPECT_LT(three.gap, 0.5 * two.gap) << what;
                const Bounds half = measure(metric, dimension, offset, false, 4, 0);
                EXPECT_EQ(half.broken, 0u) << what;
                EXPECT_EQ(half.out_of_reach, 0u) << what;
            }
        }
    }
}

// What a renewal does: images of one space become those of another.
TEST(Origin, MovesImages) {
    core::Random random(2);
    for (const Metric metric : {Metric::l2, Metric::cosine}) {
        for (const std::size_t dimension : {2, 16, 100}) {
            const std::vector<float> rows = make_rows(random, 64, dimension, 1000);
            HeapArena memory;
            core::Arena arena = memory.arena();
            const double scale = metric == Metric::l2 ? 0.5 : 1;
            const SpaceParameters parameters{metric, static_cast<std::uint32_t>(dimension), 3,
                                             scale};
            const Space without(arena, parameters, {});
            const std::size_t p = without.padded();
            std::vector<float> images(64 * p);
            std::vector<float> errors;
            for (std::size_t i = 0; i < 64; ++i) {
                errors.push_back(
                    without.route(row_of(rows, i, dimension), images.data() + i * p).error);
            }
            std::vector<float> middle(p);
            find_middle(images.data(), 64, p, middle.data());
            EXPECT_TRUE(is_origin_better(images.data(), 64, p, middle.data()));
            std::vector<float> origin(p);
            ASSERT_TRUE(move_origin(without, middle, origin.data()));
            const Space with(arena, parameters, origin);
            std::vector<float> shift(p);
            const float shift_error = without.translation(with, shift.data());
            std::vector<float> expected(p);
            for (std::size_t i = 0; i < 64; ++i) {
                const RoutedRow routed = with.route(row_of(rows, i, dimension), expected.data());
                const std::span<float> image(images.data() + i * p, p);
                const float error = translate(shift.data(), shift_error, errors[i], image);
                EXPECT_LE(std::sqrt(kernels::active().floats.l2_squared(image.data(),
                                                                        expected.data(), p)),
                          error + routed.error);
                EXPECT_LT(error, 3 * errors[i]);
                EXPECT_LT(routed.error, 0.02f * errors[i]);
            }
            // There it is as good as it gets, and the way back leads back.
            find_middle(images.data(), 64, p, middle.data());
            EXPECT_FALSE(is_origin_better(images.data(), 64, p, middle.data()));
            std::vector<float> back(p);
            const float back_error = with.translation(without, back.data());
            for (std::size_t k = 0; k < p; ++k) {
                EXPECT_NEAR(back[k], -shift[k], back_error);
            }
        }
    }
    // Neither under inner product, nor beyond what float4 holds.
    HeapArena memory;
    core::Arena arena = memory.arena();
    const Space product(arena, {Metric::inner_product, 3, 3, 1.0}, {});
    std::vector<float> image(64, 1.0f);
    std::vector<float> origin(64);
    EXPECT_FALSE(move_origin(product, image, origin.data()));
    const Space tiny(arena, {Metric::l2, 3, 3, 0x1p-100}, {});
    std::fill(image.begin(), image.end(), 1e15f);
    EXPECT_FALSE(move_origin(tiny, image, origin.data()));
}

TEST(Origin, IsTheMiddleOfMostRows) {
    core::Random random(3);
    std::vector<float> rows = make_rows(random, 101, 5, 100);
    for (std::size_t k = 0; k < 5; ++k) {
        rows[k] = 3e38f;
        rows[5 + k] = -3e38f;
    }
    std::vector<float> middle(5);
    find_middle(rows.data(), 101, 5, middle.data());
    for (std::size_t k = 0; k < 5; ++k) {
        EXPECT_NEAR(middle[k], k % 3 == 1 ? -100 : 100, 1);
    }
    EXPECT_TRUE(is_origin_better(rows.data(), 101, 5, middle.data()));
    // Where 0 is among the rows nothing is gained.
    const std::vector<float> around = make_rows(random, 101, 5, 0);
    find_middle(around.data(), 101, 5, middle.data());
    EXPECT_FALSE(is_origin_better(around.data(), 101, 5, middle.data()));
    find_middle(rows.data(), 0, 5, middle.data());
    EXPECT_EQ(middle, std::vector<float>(5));
    EXPECT_FALSE(is_origin_better(rows.data(), 0, 5, middle.data()));
}

// The sample of a build keeps what rows differ in, not what they have in common.
TEST(Origin, SampleKeepsImages) {
    core::Random random(4);
    for (const Metric metric : {Metric::l2, Metric::cosine}) {
        constexpr std::size_t dimension = 16;
        const std::vector<float> rows = make_rows(random, 100, dimension, 1e4);
        const std::vector<float> origin = origin_for(metric, rows, 100, dimension);
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space unscaled(arena, {metric, dimension, 3, 1.0}, origin);
        const Space space(arena, {metric, dimension, 3, metric == Metric::l2 ? 0.25 : 1.0}, origin);
        const std::size_t p = space.padded();
        std::vector<double> kept(Sample::bytes(100, p) / 8 + 1);
        Sample sample(kept.data(), 100, p);
        std::vector<float> scratch(p);
        std::vector<float> image(p);
        for (std::size_t i = 0; i < 100; ++i) {
            const core::VectorView row = row_of(rows, i, dimension);
            sample.put(i, unscaled, row,
                       kernels::active().floats.norm_squared(row.data(), dimension),
                       scratch.data());
            if (metric == Metric::l2) {
                EXPECT_LT(sample.norm(i), 3 * std::sqrt(dimension * 1.0));
            }
        }
        ASSERT_EQ(sample.settle(space, 100), 100u);
        for (std::size_t i = 0; i < 100; ++i) {
            space.route(row_of(rows, i, dimension), image.data());
            sample.decode(i, scratch.data());
            EXPECT_LT(kernels::active().floats.l2_squared(image.data(), scratch.data(), p),
                      1e-3 * kernels::active().floats.norm_squared(image.data(), p));
        }
    }
}

TEST(Origin, FarCellsCallForOne) {
    core::Random random(5);
    constexpr std::size_t p = 64;
    for (const double offset : {0.0, 2.0, 1e3}) {
        std::vector<CellSummary> summaries(5);
        std::vector<std::uint8_t> codes(5 * p);
        for (std::size_t i = 0; i < 5; ++i) {
            std::vector<float> centroid = make_rows(random, 1, p, offset);
            if (i == 4) {
                // Of no interest.
                std::fill(centroid.begin(), centroid.end(), 1e9f);
                summaries[i].long_rows = true;
            }
            summaries[i].centroid = encode_centroid(p, centroid.data(), codes.data() + i * p);
        }
        const CellDirectory directory{5, summaries.data(), codes.data()};
        EXPECT_EQ(are_cells_far_off(directory, p, 8), offset > 100) << offset;
        EXPECT_FALSE(are_cells_far_off({0, nullptr, nullptr}, p, 8));
    }
}

}  // namespace
}  // namespace vecdot::engine
