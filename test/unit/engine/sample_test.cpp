#include "engine/sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.hpp"
#include "engine/blobs.hpp"
#include "heap_arena.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {
namespace {

// What a sample keeps of a row is its image, up to the code's step, under every metric.
TEST(Sample, KeepsImages) {
    const std::vector<float> rows = blobs(200, 200, 1);
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
        constexpr std::size_t dimension = 60;
        HeapArena memory;
        core::Arena arena = memory.arena();
        const double scale = metric == Metric::inner_product ? 1 / 120.0 : 0.25;
        const Space space(arena, {metric, dimension, 3, metric == Metric::cosine ? 1 : scale}, {});
        std::vector<double> kept(Sample::bytes(201, space.padded()) / 8 + 1);
        Sample sample(kept.data(), 201, space.padded());
        std::vector<float> scratch(space.padded());
        std::vector<float> image(space.padded());
        for (std::size_t i = 0; i < 200; ++i) {
            const core::VectorView row(rows.data() + i * padded, dimension);
            sample.put(i, space, row, kernels::active().floats.norm_squared(row.data(), dimension),
                       scratch.data());
        }
        sample.put(200, space, {rows.data(), dimension}, 0, scratch.data());
        ASSERT_EQ(sample.settle(space, 201), metric == Metric::cosine ? 200u : 201u);
        for (std::size_t i = 0; i < 200; ++i) {
            space.route({rows.data() + i * padded, dimension}, image.data());
            sample.decode(i, scratch.data());
            const double norm = kernels::active().floats.norm_squared(image.data(), space.padded());
            EXPECT_LT(
                kernels::active().floats.l2_squared(image.data(), scratch.data(), space.padded()),
                1e-3 * norm);
        }
    }
}

}  // namespace
}  // namespace vecdot::engine
