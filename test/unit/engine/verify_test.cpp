#include "engine/verify.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/random.hpp"
#include "engine/gaussian.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// A row around a centroid, encoded.
struct Example {
    std::vector<float> centroid;
    std::vector<std::uint8_t> signs;
    std::vector<std::uint8_t> code;
    EncodedRow row{};
    VerifiedCell cell{};

    Example(Metric metric, std::uint32_t bits, std::uint64_t seed) {
        constexpr std::uint32_t dimension = 200;
        core::Random random(seed);
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space space(arena, {metric, dimension, 3, 1.0 / 32, bits}, {});
        const std::size_t p = space.padded();
        std::vector<float> image(p);
        const RoutedRow routed = space.route(gaussian(random, dimension, 1), image.data());
        EXPECT_EQ(routed.kind, RowKind::normal);
        centroid = image;
        for (std::size_t i = 0; i < p; ++i) {
            centroid[i] += static_cast<float>(random.normal() * 0.02);
        }
        signs.resize(sign_bytes(p));
        code.resize(p);
        row.signs = signs.data();
        row.refinement = code.data();
        encode_row(space, image.data(), routed.error, centroid.data(), row);
        double squared = 0;
        for (const float x : centroid) {
            squared += static_cast<double>(x) * static_cast<double>(x);
        }
        cell = {centroid.data(), std::sqrt(squared), static_cast<double>(row.radius),
                metric == Metric::inner_product};
    }
    Example(const Example&) = delete;

    RowFault fault() const { return verify_row(centroid.size(), row, cell).fault; }
};

constexpr Metric every_metric[] = {Metric::l2, Metric::cosine, Metric::inner_product,
                                   Metric::hamming};

TEST(Verify, BelievesWhatWasEncoded) {
    for (const Metric metric : every_metric) {
        for (const std::uint32_t bits : {8u, 4u}) {
            for (std::uint64_t seed = 0; seed < 50; ++seed) {
                const Example example(metric, bits, seed);
                const RowVerdict verdict =
                    verify_row(example.centroid.size(), example.row, example.cell);
                EXPECT_EQ(verdict.fault, RowFault::none) << bits << " bits, row " << seed;
                EXPECT_LE(verdict.least, static_cast<double>(example.row.radius));
                EXPECT_NEAR(verdict.term, static_cast<double>(example.row.refine.add), 1e-3);
            }
        }
    }
}

TEST(Verify, NoticesEachPartThatWasChanged) {
    for (const Metric metric : every_metric) {
        const auto fault_after = [metric](auto&& change) {
            Example example(metric, 8, 1);
            change(example);
            return example.fault();
        };
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.scale = nan; }), RowFault::factors);
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.scale *= -1; }), RowFault::factors);
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.error = infinity; }),
                  RowFault::factors);
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.add = infinity; }), RowFault::factors);
        EXPECT_EQ(fault_after([](Example& e) { e.code[3] = 0; }), RowFault::refinement);
        EXPECT_EQ(fault_after([](Example& e) {
                      const auto at = std::find_if(e.code.begin(), e.code.end(), [](int value) {
                          return std::abs(value - 128) > 5;
                      });
                      const auto place = static_cast<std::size_t>(at - e.code.begin());
                      e.signs[place / 8] ^= static_cast<std::uint8_t>(1 << place % 8);
                  }),
                  RowFault::signs);
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.add += 0.01f; }), RowFault::term);
        EXPECT_EQ(fault_after([](Example& e) { e.row.refine.scale *= 1.01f; }), RowFault::term);
        EXPECT_EQ(fault_after([](Example& e) { e.centroid[5] += 1; }), RowFault::term);
        EXPECT_EQ(fault_after([](Example& e) { e.cell.radius /= 2; }), RowFault::radius);
        EXPECT_EQ(fault_after([](Example& e) { e.cell.radius = std::nan(""); }), RowFault::radius);
        for (float SignFactors::*factor :
             {&SignFactors::add, &SignFactors::rescale, &SignFactors::error}) {
            for (const float value : {nan, infinity, -infinity, 1e30f}) {
                EXPECT_EQ(fault_after([&](Example& e) { e.row.sign_factors.*factor = value; }),
                          RowFault::estimate);
            }
        }
        EXPECT_EQ(fault_after([](Example& e) { e.row.sign_factors.rescale *= 1.5f; }),
                  RowFault::estimate);
        EXPECT_EQ(fault_after([](Example& e) { e.row.sign_factors.error = 0; }),
                  RowFault::estimate);
    }
}

TEST(Verify, Centroids) {
    core::Random random(7);
    constexpr std::size_t p = 192;
    std::vector<float> centroid = gaussian(random, p, 1);
    std::vector<std::uint8_t> code(p);
    const RefineFactors factors = encode_centroid(p, centroid.data(), code.data());
    const auto fault = [&](const RefineFactors& f) {
        return verify_centroid(p, centroid.data(), code.data(), f).fault;
    };
    const CentroidVerdict verdict = verify_centroid(p, centroid.data(), code.data(), factors);
    EXPECT_EQ(verdict.fault, CentroidFault::none);
    EXPECT_LE(verdict.away, static_cast<double>(factors.error));
    EXPECT_NEAR(verdict.length_squared, static_cast<double>(factors.add), 1e-3);
    EXPECT_EQ(fault({factors.scale * 1.2f, factors.add, factors.error}), CentroidFault::error);
    EXPECT_EQ(fault({nan, factors.add, factors.error}), CentroidFault::error);
    EXPECT_EQ(fault({factors.scale, factors.add, factors.error / 2}), CentroidFault::error);
    EXPECT_EQ(fault({factors.scale, factors.add * 1.001f, factors.error}), CentroidFault::term);
    EXPECT_EQ(fault({factors.scale, nan, factors.error}), CentroidFault::term);
    centroid[100] = infinity;
    EXPECT_EQ(fault(factors), CentroidFault::infinite);
    // A cell that was never filled has a centroid of zeros.
    std::fill(centroid.begin(), centroid.end(), 0.0f);
    EXPECT_EQ(fault(encode_centroid(p, centroid.data(), code.data())), CentroidFault::none);
}

}  // namespace
}  // namespace vecdot::engine
