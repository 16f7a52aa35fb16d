#include "engine/kmeans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/random.hpp"
#include "engine/blobs.hpp"
#include "engine/training.hpp"
#include "heap_arena.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {
namespace {

KmeansOptions wanting(std::size_t clusters) {
    KmeansOptions options{};
    options.clusters = clusters;
    options.seed = 4;
    return options;
}

TEST(Kmeans, AssignsToTheNearest) {
    const std::vector<float> rows = blobs(3000, 50, 3);
    const std::vector<float> centroids = blobs(333, 333, 3);
    const CentroidTable table(centroids.data(), 333, padded);
    std::vector<std::uint32_t> cells(3000);
    std::vector<float> distances(3000);
    table.assign(rows.data(), 3000, cells.data(), distances.data());
    for (std::size_t i = 0; i < 3000; ++i) {
        double least = 1e300;
        std::uint32_t nearest = 0;
        for (std::uint32_t c = 0; c < 333; ++c) {
            const double d = kernels::active().floats.l2_squared(
                rows.data() + i * padded, centroids.data() + c * padded, padded);
            if (d < least) {
                least = d;
                nearest = c;
            }
        }
        ASSERT_EQ(cells[i], nearest) << i;
        ASSERT_FLOAT_EQ(distances[i], static_cast<float>(least));
    }
}

TEST(Kmeans, CoversTheRows) {
    for (const std::size_t k : {10, 200}) {
        const std::vector<float> rows = blobs(8000, k, 0.1);
        const std::vector<float> centroids =
            train_kmeans(rows.data(), 8000, padded, wanting(2 * k), core::Interrupt());
        ASSERT_EQ(centroids.size() % padded, 0u);
        const std::size_t count = centroids.size() / padded;
        ASSERT_GT(count, k);
        ASSERT_LE(count, 2 * k + 20);
        const CentroidTable table(centroids.data(), count, padded);
        std::vector<std::uint32_t> cells(8000);
        std::vector<float> distances(8000);
        table.assign(rows.data(), 8000, cells.data(), distances.data());
        std::size_t near = 0;
        for (const float d : distances) {
            near += d < 10 ? 1 : 0;  // a blob of its own: 64·0.1² = 0.64
        }
        EXPECT_GT(near, 7200u) << k;
    }
}

TEST(Kmeans, IsReproducibleAndBearsDuplicates) {
    std::vector<float> rows = blobs(2000, 5, 0);
    const std::vector<float> once =
        train_kmeans(rows.data(), 2000, padded, wanting(100), core::Interrupt());
    EXPECT_EQ(once, train_kmeans(rows.data(), 2000, padded, wanting(100), core::Interrupt()));
    EXPECT_GE(once.size() / padded, 5u);
    std::set<std::vector<float>> distinct;
    for (std::size_t i = 0; i < once.size(); i += padded) {
        distinct.emplace(once.begin() + static_cast<std::ptrdiff_t>(i),
                         once.begin() + static_cast<std::ptrdiff_t>(i + padded));
    }
    EXPECT_GE(distinct.size(), 5u);
    for (float& x : rows) {
        x = 2;
    }
    const std::vector<float> equal =
        train_kmeans(rows.data(), 2000, padded, wanting(100), core::Interrupt());
    ASSERT_GE(equal.size(), padded);
    EXPECT_FLOAT_EQ(equal[0], 2);
    EXPECT_TRUE(train_kmeans(nullptr, 0, padded, wanting(3), core::Interrupt()).empty());
    EXPECT_EQ(train_kmeans(rows.data(), 1, padded, wanting(3), core::Interrupt()).size(), padded);
}

// Rows at distances of every order of magnitude: groups of few rows get a centroid each beyond what
// was wanted, and no more than are announced.
TEST(Kmeans, GivesAtMostMostClusters) {
    constexpr std::size_t n = 2000;
    core::Random random(3);
    std::vector<float> rows(n * padded);
    for (float& x : rows) {
        x = static_cast<float>(std::tan(3.14159 * (random.uniform() - 0.5)));
    }
    bool more = false;
    for (std::size_t wanted = 60; wanted < 80; ++wanted) {
        const std::size_t most = most_clusters(wanted);
        std::vector<float> centroids((most + 1) * padded, -7.0f);
        const std::size_t count = train_kmeans(rows.data(), n, padded, wanting(wanted),
                                               core::Interrupt(), centroids.data());
        EXPECT_LE(count, most);
        EXPECT_EQ(centroids[most * padded], -7.0f);
        more = more || count > wanted;
    }
    EXPECT_TRUE(more);
}

// Two processes, pieces in another order, see the same centroids as one.
TEST(Kmeans, DoesNotDependOnWhoWorks) {
    constexpr std::size_t n = 5000;
    const std::vector<float> rows = blobs(n, 300, 2);
    const std::vector<float> alone =
        train_kmeans(rows.data(), n, padded, wanting(150), core::Interrupt());
    std::vector<double> memory(Sample::bytes(n, padded) / 8 + 1);
    Sample sample(memory.data(), n, padded);
    for (std::size_t i = 0; i < n; ++i) {
        sample.put_image(i, rows.data() + i * padded);
    }
    std::vector<double> state(Training::bytes(n, 150, padded) / 8 + 1);
    Training leader(state.data(), n, 150, sample);
    const Sample mapped(memory.data(), n, padded);
    Training worker(state.data(), n, 150, mapped);
    leader.start(n, wanting(150));
    Training::Task task;
    while (leader.next(&task, core::Interrupt())) {
        for (std::uint32_t i = task.pieces; i-- > 0;) {
            (i % 2 == 0 ? leader : worker).work(task.step, i, core::Interrupt());
        }
    }
    EXPECT_EQ(worker.count(), alone.size() / padded);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), worker.centroids()));
}

TEST(Kmeans, StopsWhenAsked) {
    const std::vector<float> rows = blobs(2000, 5, 1);
    const core::Interrupt stop([] { return true; });
    EXPECT_THROW(train_kmeans(rows.data(), 2000, padded, wanting(100), stop), core::Error);
}

TEST(Kmeans, SplitsInTwo) {
    for (const double spread : {0.0, 0.5}) {
        for (const std::size_t n : {2, 3, 600}) {
            const std::vector<float> rows = blobs(n, 2, spread);
            HeapArena memory;
            core::Arena arena = memory.arena();
            std::vector<float> centroids(2 * padded);
            std::vector<std::uint8_t> side(n, 7);
            split_in_two(arena, rows.data(), n, padded, 1, centroids.data(), side.data());
            for (std::size_t i = 0; i < n; ++i) {
                EXPECT_EQ(side[i], side[i % 2]);
            }
            EXPECT_NE(side[0], side[1]);
        }
    }
    const std::vector<float> equal(100 * padded, 1.0f);
    HeapArena memory;
    core::Arena arena = memory.arena();
    std::vector<float> centroids(2 * padded);
    std::vector<std::uint8_t> side(100, 7);
    split_in_two(arena, equal.data(), 100, padded, 1, centroids.data(), side.data());
    EXPECT_EQ(std::count(side.begin(), side.end(), 1), 50);
    EXPECT_EQ(centroids, std::vector<float>(2 * padded, 1.0f));
}

}  // namespace
}  // namespace vecdot::engine
