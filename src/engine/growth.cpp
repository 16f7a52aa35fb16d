#include "engine/growth.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace vecdot::engine {

namespace {

constexpr std::uint64_t fewest_to_split = 128;

// With so few cells a search opens most of them, whatever the rule.
constexpr std::uint64_t first_calibration = 8;

// All of them, some 30,000 rows, are searched in little time.
constexpr std::uint64_t few_cells = 256;

}  // namespace

std::uint64_t split_above(std::uint64_t cells) {
    return std::max(fewest_to_split, cells / 2);
}

std::uint32_t split_again_above(std::uint64_t rows, std::uint64_t cells) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    return rows > split_above(cells) ? static_cast<std::uint32_t>(std::min(rows + rows / 2, most))
                                     : 0;
}

// Well below a quarter of what is split, so that halves are not merged again.
std::uint64_t merge_below(std::uint64_t cells) {
    return cells <= 1 ? 0 : std::max<std::uint64_t>(16, cells / 12);
}

std::uint64_t cells_of_split(std::uint64_t live, std::uint64_t cells, std::uint64_t most) {
    most = std::max<std::uint64_t>(most, 2);
    // Parts of 0.6 of what will be split when all of them are there.
    std::uint64_t parts = 2;
    while (parts < most && live * 5 / 3 > parts * split_above(cells + parts)) {
        parts += 1;
    }
    return parts;
}

bool is_split_in_vain(std::uint64_t largest, std::uint64_t live) {
    return largest > live - live / 32;
}

bool is_unlike(double distance, double radius, double usual_radius) {
    return distance > 1.25 * std::max(radius, usual_radius);
}

bool may_start_cell(std::uint64_t cells, std::uint64_t started) {
    return cells >= first_calibration && started < cells / 2;
}

bool is_stray(double to_other, double to_own) {
    return to_other < 0.9 * to_own;
}

bool is_far_stray(double to_other, double to_own) {
    return to_other < 0.5 * to_own;
}

bool are_strays_due(std::uint64_t strays, std::uint64_t far_strays, std::uint64_t rows) {
    return strays * 8 > rows || far_strays * 128 > rows;
}

bool is_thin_cell_kept(std::uint64_t cells, std::uint64_t rows) {
    return cells * cells <= 4 * rows;
}

bool is_compaction_due(std::uint64_t live, std::uint64_t dead) {
    return dead > 0 && dead * 8 >= live;
}

std::uint64_t rows_of_cells(std::uint64_t cells) {
    return cells * split_above(cells) / 2;
}

bool is_rescale_due(std::uint64_t long_rows, std::uint64_t rows) {
    return long_rows > 64 + rows / 64;
}

double length_of_scale(std::span<double> long_lengths, std::uint64_t rows) {
    // What the stopping rule has learnt changes with the lengths: rows that are longer than these
    // had better be long rows, which are never missed, than far from their cell.
    constexpr double headroom = 1.25;
    if (long_lengths.empty()) {
        return 1;
    }
    const auto at =
        long_lengths.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                   std::max<std::uint64_t>(rows / 100, long_lengths.size() / 16),
                                   long_lengths.size() - 1));
    std::nth_element(long_lengths.begin(), at, long_lengths.end(), std::greater<>());
    const double longest = *std::max_element(long_lengths.begin(), at + 1);
    return std::min(headroom * longest, 2 * *at);
}

bool is_clustering_due(std::uint64_t cells, std::uint64_t clustered_cells, bool exact) {
    const std::uint64_t part = exact ? 3 : 2;
    return cells >= 16 && (cells * part >= clustered_cells * (part + 1) ||
                           cells * (part + 1) <= clustered_cells * part);
}

bool are_cells_too_many(std::uint64_t cells, std::uint64_t rows, std::uint64_t clustered_rows) {
    // 1.8·√rows, 2.05·√rows: twice as many rows, half of them dead, have 1.5·√2 after a clustering
    const bool were_more = clustered_rows * 4 >= rows * 5;
    return cells >= 16 && cells * cells * 5 >= rows * (were_more ? 16 : 21);
}

bool have_rows_grown(std::uint64_t rows, std::uint64_t clustered_rows) {
    return rows >= clustered_rows + clustered_rows / 2;
}

bool is_tried_again(std::uint64_t cells, std::uint64_t cells_then, std::uint64_t times) {
    if (times == 0) {
        return true;
    }
    const std::uint64_t part = std::uint64_t{8} >> std::min<std::uint64_t>(times - 1, 3);
    const std::uint64_t change = cells > cells_then ? cells - cells_then : cells_then - cells;
    return change * part >= cells_then;
}

bool is_split_tried_again(std::uint64_t rows, std::uint64_t rows_then) {
    return rows * 4 >= rows_then * 5;
}

bool is_calibration_due(std::uint64_t cells, std::uint64_t calibrated_cells) {
    if (calibrated_cells == 0) {
        return cells >= first_calibration;
    }
    return cells * 16 >= calibrated_cells * 17 || cells * 9 <= calibrated_cells * 8;
}

bool is_calibration_near(std::uint64_t cells, std::uint64_t calibrated_cells) {
    return is_calibration_due(cells, calibrated_cells) ||
           (calibrated_cells > 0 && cells * 20 >= calibrated_cells * 21);
}

bool is_rule_void(std::uint64_t cells, std::uint64_t calibrated_cells) {
    const bool is_stale =
        calibrated_cells == 0 ? cells >= first_calibration : cells * 8 > calibrated_cells * 9;
    return is_stale && cells < few_cells;
}

bool is_calibration_overdue(std::uint64_t cells, std::uint64_t calibrated_cells) {
    return calibrated_cells > 0 && cells * 8 > calibrated_cells * 9 && cells >= few_cells;
}

bool is_split_overdue(std::uint64_t live, std::uint64_t cells, std::uint64_t no_split_below) {
    return live > 2 * std::max(split_above(cells), no_split_below);
}

}  // namespace vecdot::engine
