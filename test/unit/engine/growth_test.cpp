#include "engine/growth.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.hpp"

namespace vecdot::engine {
namespace {

// Rows arrive in cells at random, by size; cells are split in parts of a share from 0.3 to 0.7.
std::size_t cells_after(std::size_t rows, std::vector<std::uint64_t> cells, std::uint64_t seed) {
    core::Random random(seed);
    std::uint64_t all = 0;
    for (const std::uint64_t n : cells) {
        all += n;
    }
    while (all < rows) {
        std::uint64_t at = random.below(all + cells.size());
        std::size_t i = 0;
        while (at > cells[i]) {
            at -= cells[i++] + 1;
        }
        cells[i] += 1;
        all += 1;
        if (cells[i] > split_above(cells.size())) {
            const std::uint64_t one = static_cast<std::uint64_t>((0.3 + 0.4 * random.uniform()) *
                                                                 static_cast<double>(cells[i]));
            cells.push_back(one);
            cells[i] -= one;
        }
    }
    return cells.size();
}

TEST(Growth, SettlesAtAboutTwiceTheRootWhateverItStartsFrom) {
    for (const std::size_t rows : {std::size_t{60000}, std::size_t{250000}}) {
        const double root = std::sqrt(static_cast<double>(rows));
        for (const std::vector<std::uint64_t>& start :
             {std::vector<std::uint64_t>{0}, std::vector<std::uint64_t>(60, 100)}) {
            const double cells = static_cast<double>(cells_after(rows, start, 3));
            EXPECT_GE(cells, 1.5 * root) << rows;
            EXPECT_LE(cells, 2.2 * root) << rows;
        }
    }
}

TEST(Growth, APartIsNeitherSplitNorMergedAtOnce) {
    for (std::uint64_t cells = 1; cells < 100000; cells += 1 + cells / 7) {
        const std::uint64_t part = (split_above(cells) + 1) / 3;
        EXPECT_LE(part, split_above(cells + 1));
        EXPECT_GT(part, merge_below(cells + 1)) << cells;
        EXPECT_LE(2 * merge_below(cells + 1), split_above(cells)) << cells;
    }
    EXPECT_EQ(merge_below(0), 0u);
    EXPECT_EQ(merge_below(1), 0u);
}

TEST(Growth, MissedSplitsAreMadeUpForAtOnce) {
    EXPECT_EQ(cells_of_split(129, 1, 64), 2u);
    EXPECT_EQ(cells_of_split(600, 1000, 64), 2u);
    EXPECT_EQ(cells_of_split(1000000, 1, 64), 64u);
    EXPECT_EQ(cells_of_split(1000, 1, 64), 14u);
    EXPECT_EQ(cells_of_split(5000, 1000, 64), 17u);
    EXPECT_EQ(cells_of_split(UINT32_MAX, 1000000, 64), 64u);
    EXPECT_EQ(cells_of_split(1000000, 1, 0), 2u);
}

TEST(Growth, EqualRowsAreNotSplit) {
    EXPECT_TRUE(is_split_in_vain(129, 129));
    EXPECT_TRUE(is_split_in_vain(3200, 3201));
    EXPECT_FALSE(is_split_in_vain(120, 129));
    EXPECT_FALSE(is_split_in_vain(1, 2));
}

TEST(Growth, ClusteringFollowsTheCells) {
    EXPECT_FALSE(is_clustering_due(15, 0, true));
    EXPECT_TRUE(is_clustering_due(16, 0, false));
    EXPECT_FALSE(is_clustering_due(1000, 1000, true));
    EXPECT_TRUE(is_clustering_due(1334, 1000, true));
    EXPECT_FALSE(is_clustering_due(1499, 1000, false));
    EXPECT_TRUE(is_clustering_due(1500, 1000, false));
    EXPECT_TRUE(is_clustering_due(660, 1000, false));
    EXPECT_FALSE(are_cells_too_many(15, 20, 20));
    EXPECT_FALSE(are_cells_too_many(204, 10000, 12000));
    EXPECT_TRUE(are_cells_too_many(205, 10000, 0));
    EXPECT_FALSE(are_cells_too_many(178, 10000, 12500));
    EXPECT_TRUE(are_cells_too_many(179, 10000, 12500));
    EXPECT_TRUE(have_rows_grown(100, 0));
    EXPECT_FALSE(have_rows_grown(1499, 1000));
    EXPECT_TRUE(have_rows_grown(1500, 1000));
    EXPECT_FALSE(is_rescale_due(64, 0));
    EXPECT_TRUE(is_rescale_due(65, 0));
    EXPECT_FALSE(is_rescale_due(564, 32000));
    EXPECT_TRUE(is_rescale_due(565, 32000));
}

TEST(Growth, ScaleLeavesOutTheLongest) {
    std::vector<double> lengths;
    EXPECT_EQ(length_of_scale(lengths, 1000), 1);
    for (int i = 1; i <= 320; ++i) {
        lengths.push_back(std::pow(2.0, i / 16.0));
    }
    std::reverse(lengths.begin(), lengths.end());
    // The 21st and the 101st longest.
    EXPECT_NEAR(length_of_scale(lengths, 0), 2 * std::pow(2.0, 300 / 16.0), 1e-3);
    EXPECT_NEAR(length_of_scale(lengths, 10000), 2 * std::pow(2.0, 220 / 16.0), 1e-3);
    EXPECT_NEAR(length_of_scale(lengths, 1000000), 2 * std::pow(2.0, 1 / 16.0), 1e-9);
    // Where all are alike, a little more than the longest.
    std::vector<double> alike(100, 2.0);
    alike.push_back(2.1);
    EXPECT_NEAR(length_of_scale(alike, 3000), 1.25 * 2.1, 1e-9);
}

TEST(Growth, CalibrationFollowsTheRows) {
    EXPECT_FALSE(is_calibration_due(7, 0));
    EXPECT_TRUE(is_calibration_due(8, 0));
    EXPECT_FALSE(is_calibration_due(1000, 1000));
    EXPECT_FALSE(is_calibration_due(1062, 1000));
    EXPECT_TRUE(is_calibration_due(1063, 1000));
    EXPECT_FALSE(is_calibration_due(900, 1000));
    EXPECT_TRUE(is_calibration_due(888, 1000));
    EXPECT_FALSE(is_compaction_due(1000, 0));
    EXPECT_FALSE(is_compaction_due(1000, 100));
    EXPECT_TRUE(is_compaction_due(1000, 125));
    EXPECT_TRUE(is_compaction_due(0, 1));
}

TEST(Growth, WhatWasBegunInVainIsLeftAloneForLonger) {
    EXPECT_TRUE(is_tried_again(100, 100, 0));
    EXPECT_FALSE(is_tried_again(112, 100, 1));
    EXPECT_TRUE(is_tried_again(113, 100, 1));
    EXPECT_TRUE(is_tried_again(87, 100, 1));
    EXPECT_FALSE(is_tried_again(124, 100, 2));
    EXPECT_TRUE(is_tried_again(125, 100, 2));
    EXPECT_FALSE(is_tried_again(149, 100, 3));
    EXPECT_TRUE(is_tried_again(150, 100, 3));
    for (std::uint64_t times = 4; times < 100; times += 30) {
        EXPECT_FALSE(is_tried_again(199, 100, times));
        EXPECT_TRUE(is_tried_again(200, 100, times));
    }
    EXPECT_TRUE(is_split_tried_again(1, 0));
    EXPECT_FALSE(is_split_tried_again(249, 200));
    EXPECT_TRUE(is_split_tried_again(250, 200));
}

TEST(Growth, RowsUnlikeAllStartCells) {
    EXPECT_FALSE(is_unlike(1.2, 1, 0));
    EXPECT_TRUE(is_unlike(1.3, 1, 0));
    EXPECT_FALSE(is_unlike(1.3, 1, 1.1));
    EXPECT_FALSE(may_start_cell(7, 0));
    EXPECT_TRUE(may_start_cell(8, 3));
    EXPECT_FALSE(may_start_cell(8, 4));
    // Such a cell is left alone while there are not too many.
    EXPECT_TRUE(is_thin_cell_kept(200, 10000));
    EXPECT_FALSE(is_thin_cell_kept(201, 10000));
}

TEST(Growth, StraysAreGatheredWhereTheyAreMany) {
    EXPECT_FALSE(is_stray(0.95, 1));
    EXPECT_TRUE(is_stray(0.85, 1));
    EXPECT_FALSE(is_far_stray(0.85, 1));
    EXPECT_TRUE(is_far_stray(0.45, 1));
    EXPECT_FALSE(are_strays_due(0, 0, 0));
    EXPECT_FALSE(are_strays_due(10, 0, 80));
    EXPECT_TRUE(are_strays_due(11, 0, 80));
    EXPECT_TRUE(are_strays_due(1, 1, 100));
    EXPECT_FALSE(are_strays_due(1, 1, 128));
}

TEST(Growth, LargeCellsOfAClusteringAreSplitLater) {
    EXPECT_EQ(split_again_above(split_above(600), 600), 0u);
    EXPECT_EQ(split_again_above(1000, 600), 1500u);
    EXPECT_EQ(split_again_above(4000000000, 600), 4294967295u);
}

TEST(Growth, WhatIsLeftToAnotherProcessIsNearThenDueThenOverdue) {
    for (std::uint64_t learnt = 16; learnt < 5000; learnt += 1 + learnt / 3) {
        std::uint64_t near = 0;
        std::uint64_t due = 0;
        std::uint64_t overdue = 0;
        for (std::uint64_t cells = learnt; overdue == 0; ++cells) {
            near = near == 0 && is_calibration_near(cells, learnt) ? cells : near;
            due = due == 0 && is_calibration_due(cells, learnt) ? cells : due;
            const bool stops = is_rule_void(cells, learnt) || is_calibration_overdue(cells, learnt);
            // Never both: either a search does without the rule or an inserter learns it.
            EXPECT_FALSE(is_rule_void(cells, learnt) && is_calibration_overdue(cells, learnt));
            overdue = stops ? cells : 0;
        }
        EXPECT_LE(near, due);
        EXPECT_LE(due, overdue);
        EXPECT_GT(overdue * 8, learnt * 9);
        EXPECT_LE((overdue - 1) * 8, learnt * 9);
    }
    // Fewer cells, as after a vacuum, are due but not void.
    EXPECT_TRUE(is_calibration_near(80, 100));
    EXPECT_FALSE(is_rule_void(80, 100));
    // Never learnt: nothing is known of the first cells, and a rule of a replaced directory is
    // void.
    EXPECT_FALSE(is_rule_void(7, 0));
    EXPECT_TRUE(is_rule_void(8, 0));
    EXPECT_FALSE(is_calibration_overdue(5000, 0));
}

TEST(Growth, AnInserterSplitsWhatShouldHaveBeenTwoCells) {
    EXPECT_FALSE(is_split_overdue(256, 10, 0));
    EXPECT_TRUE(is_split_overdue(257, 10, 0));
    EXPECT_FALSE(is_split_overdue(1000, 1000, 0));
    EXPECT_TRUE(is_split_overdue(1001, 1000, 0));
    EXPECT_FALSE(is_split_overdue(1001, 1000, 600));
}

}  // namespace
}  // namespace vecdot::engine
