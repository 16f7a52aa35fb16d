#include "engine/space.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.hpp"
#include "engine/gaussian.hpp"
#include "heap_arena.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {
namespace {

// Another scale for inner product: the image moves to where the new space has the row, within the
// error that comes with it, whether the row was long before or not.
TEST(Space, Rescales) {
    core::Random random(13);
    for (const std::uint32_t dimension : {3u, 100u, 784u}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space before(arena, {Metric::inner_product, dimension, 3, 1.0}, {});
        const std::size_t p = before.padded();
        for (const double ratio : {0.3, 0.001}) {
            const Space after(arena, {Metric::inner_product, dimension, 3, ratio}, {});
            for (int i = 0; i < 50; ++i) {
                const double length = 0.9 / ratio * random.uniform() * (i % 3 == 0 ? ratio : 1.0);
                std::vector<float> x = gaussian(random, dimension, 1);
                const double norm =
                    std::sqrt(kernels::active().floats.norm_squared(x.data(), dimension));
                for (float& value : x) {
                    value = static_cast<float>(value * length / norm);
                }
                std::vector<float> image(p);
                std::vector<float> expected(p);
                const RoutedRow routed = before.route(x, image.data());
                const RoutedRow target = after.route(x, expected.data());
                ASSERT_EQ(target.kind, RowKind::normal);
                // The same row as one of the long ones: all but the last coordinate.
                std::vector<float> as_long = image;
                const float long_error = before.rescale_long(ratio, routed.error, as_long.data());
                for (std::size_t k = 0; k < p; ++k) {
                    as_long[k] -= expected[k];
                }
                EXPECT_LE(after.scaled_norm(as_long.data()), long_error + target.error);
                EXPECT_LT(long_error, 2 * ratio * routed.error + 1e-5);
                std::vector<float> copy = image;
                EXPECT_NEAR(before.scaled_norm(copy.data()), length, 1e-5 * (1 + length));
                // As far off as its error allows.
                const double push = 1e-3;
                std::vector<float> away = gaussian(random, p, 1);
                const double size =
                    std::sqrt(kernels::active().floats.norm_squared(away.data(), p));
                for (std::size_t k = 0; k < p; ++k) {
                    image[k] += static_cast<float>(away[k] / size * push);
                }
                const float error =
                    before.rescale(ratio, routed.error + static_cast<float>(push), image.data());
                EXPECT_LE(std::sqrt(kernels::active().floats.l2_squared(image.data(),
                                                                        expected.data(), p)),
                          error + target.error);
                EXPECT_LT(error, 2.4 * ratio * push + 3e-5);
            }
        }
    }
}

}  // namespace
}  // namespace vecdot::engine
