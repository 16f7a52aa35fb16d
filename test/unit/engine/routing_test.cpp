#include "engine/routing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.hpp"
#include "engine/gaussian.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {
namespace {

constexpr std::size_t padded = 128;

// Cells around `offset`, every fifth one of long rows.
struct Cells {
    std::vector<CellSummary> summaries;
    std::vector<std::uint8_t> codes;
    std::vector<float> decoded;

    Cells(core::Random& random, std::uint32_t count, float offset)
        : summaries(count), codes(count * padded), decoded(count * padded) {
        for (std::uint32_t i = 0; i < count; ++i) {
            std::vector<float> centroid = gaussian(random, padded, i % 3 == 0 ? 0.1 : 1);
            for (float& x : centroid) {
                x += offset;
            }
            std::uint8_t* code = codes.data() + i * padded;
            summaries[i].centroid = encode_centroid(padded, centroid.data(), code);
            summaries[i].long_rows = i % 5 == 4;
            for (std::size_t k = 0; k < padded; ++k) {
                decoded[i * padded + k] =
                    summaries[i].centroid.scale * (static_cast<float>(code[k]) - 128);
            }
        }
    }

    CellDirectory directory() const {
        return {static_cast<std::uint32_t>(summaries.size()), summaries.data(), codes.data()};
    }

    // Squared distance, with the error that a sum in float4 may make.
    double distance(std::uint32_t cell, const std::vector<float>& row) const {
        double sum = 0;
        for (std::size_t k = 0; k < padded; ++k) {
            const double d =
                static_cast<double>(row[k]) - static_cast<double>(decoded[cell * padded + k]);
            sum += d * d;
        }
        return sum;
    }
};

TEST(Routing, FindsTheNearestCodedCentroid) {
    core::Random random(3);
    for (const float offset : {0.0f, 30.0f}) {
        // More than the run of one kernel call, and not a multiple of it.
        const Cells cells(random, 300, offset);
        for (int trial = 0; trial < 200; ++trial) {
            std::vector<float> row = gaussian(random, padded, trial % 2 == 0 ? 1 : 0.01);
            double size = 0;
            for (float& x : row) {
                x += offset;
                size += static_cast<double>(x) * static_cast<double>(x);
            }
            HeapArena memory;
            for (const bool long_rows : {false, true}) {
                const std::uint32_t except = trial % 3 == 0 ? 7u : UINT32_MAX;
                const std::uint32_t found = nearest_cell(memory.arena(), cells.directory(), padded,
                                                         row.data(), long_rows, except);
                ASSERT_LT(found, 300u);
                ASSERT_NE(found, except);
                EXPECT_EQ(cells.summaries[found].long_rows, long_rows);
                double least = 1e300;
                for (std::uint32_t i = 0; i < 300; ++i) {
                    if (i != except && (i % 5 == 4) == long_rows) {
                        least = std::min(least, cells.distance(i, row));
                    }
                }
                EXPECT_LE(cells.distance(found, row), least + 1e-5 * size);
            }
        }
    }
}

TEST(Routing, GivesTheNearestCellsInOrder) {
    core::Random random(4);
    const Cells cells(random, 90, 1);
    const std::vector<float> row = gaussian(random, padded, 1);
    std::vector<std::uint32_t> usual;
    for (std::uint32_t i = 0; i < 90; ++i) {
        if (i % 5 != 4 && i != 11) {
            usual.push_back(i);
        }
    }
    std::sort(usual.begin(), usual.end(), [&](std::uint32_t a, std::uint32_t b) {
        return cells.distance(a, row) < cells.distance(b, row);
    });
    for (const std::size_t room :
         {std::size_t{0}, std::size_t{1}, std::size_t{24}, usual.size(), usual.size() + 5}) {
        std::vector<NearCell> found(room);
        const std::size_t count = nearest_cells(cells.directory(), padded, row.data(), 11, found);
        ASSERT_EQ(count, std::min(room, usual.size()));
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_EQ(found[i].cell, usual[i]) << i << " of " << room;
        }
    }
}

TEST(Routing, SaysThatThereIsNoCell) {
    core::Random random(5);
    const Cells cells(random, 4, 0);
    const std::vector<float> row(padded);
    HeapArena memory;
    EXPECT_EQ(nearest_cell(memory.arena(), cells.directory(), padded, row.data(), true),
              UINT32_MAX);
    EXPECT_EQ(nearest_cell(memory.arena(), {0, nullptr, nullptr}, padded, row.data(), false),
              UINT32_MAX);
    std::vector<NearCell> found(3);
    EXPECT_EQ(nearest_cells({0, nullptr, nullptr}, padded, row.data(), 0, found), 0u);
    // A row of nothing: zeros.
    EXPECT_LT(nearest_cell(memory.arena(), cells.directory(), padded, row.data(), false), 4u);
}

}  // namespace
}  // namespace vecdot::engine
