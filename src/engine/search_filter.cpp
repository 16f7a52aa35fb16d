// The rank among all rows of one that a filter lets pass, which the stopping rule goes by.
#include <algorithm>
#include <bit>

#include "engine/room.hpp"
#include "engine/search.hpp"

namespace vecdot::engine {

namespace {

// Rows of the sample of those left out, and how many times as many as usual, that are hardly
// chance.
constexpr std::uint32_t enough_seen = 4;
constexpr std::uint64_t unusual = 3;

}  // namespace

// Of the rows that the filter leaves out, the ones whose distance stands for all: fewer of those
// that many are before, for these are seldom near, and fewer where few pass, for each of which
// there are many.
void Search::choose_left_out(std::uint32_t index) {
    const OpenCell& cell = cells_[index];
    const std::uint64_t for_each_passing =
        opened_rows_ / std::max<std::uint64_t>(rows_at_hand(), 1);
    std::uint64_t before = left_out_rows_ - cell.left_out;
    const std::uint64_t step = std::max(
        {std::uint64_t{1}, std::uint64_t{cell.left_out / 32}, before / 16, for_each_passing / 4});
    next_left_out_ = std::max(next_left_out_, before);
    for (std::uint32_t word = 0; next_left_out_ < left_out_rows_; ++word) {
        std::uint64_t bits = cell.done[word];
        const std::uint64_t end = before + static_cast<std::uint64_t>(std::popcount(bits));
        while (next_left_out_ < end) {
            for (; before < next_left_out_; ++before) {
                bits &= bits - 1;
            }
            grow(arena_, left_out_, left_out_count_);
            left_out_[left_out_count_++] = {
                0, static_cast<std::uint32_t>(step), index,
                64 * word + static_cast<std::uint32_t>(std::countr_zero(bits))};
            next_left_out_ += step;
        }
        before = end;
    }
}

// Their distances.
void Search::refine_left_out() {
    while (left_out_refined_ < left_out_count_) {
        LeftOut* first = left_out_.data() + left_out_refined_;
        const std::size_t left =
            std::min(left_out_count_ - left_out_refined_, RefineBatch::capacity);
        OpenCell& cell = cells_[first->cell];
        RefineBatch& batch = *batch_;
        for (batch.count = 0; batch.count < left && first[batch.count].cell == first->cell;
             ++batch.count) {
            batch.rows[batch.count] = first[batch.count].number;
        }
        read_batch(cell);
        complete_dots(cell);
        for (std::size_t i = 0; i < batch.count; ++i) {
            first[i].estimate =
                static_cast<float>(cell.distance
                                       .refine(batch.entries[i].refine, batch.dots[i],
                                               batch.rest[i], cell.key.long_rows)
                                       .estimate);
            beyond_centroids_ += cell.key.long_rows
                                     ? 0
                                     : static_cast<double>(first[i].estimate) -
                                           static_cast<double>(cell.key.distance_squared);
        }
        work_.refined += batch.count;
        left_out_refined_ += batch.count;
    }
}

// Of the rows of opened cells that the filter leaves out, those thought to be nearer.
Search::LeftOutWithin Search::left_out_within(double estimate) const {
    const float limit = static_cast<float>(estimate);
    LeftOutWithin within{};
    for (const LeftOut& row : left_out_.first(left_out_refined_)) {
        const bool is_nearer = row.estimate <= limit;
        within.rows += is_nearer ? row.rows : 0;
        within.seen += is_nearer ? 1 : 0;
    }
    // Of cells that were not opened, whose rows are not in the sample: if they are as far behind
    // their centroids as those of the sample. Where that is not known yet it is asked first.
    if (unread_count_ == 0 || (left_out_refined_ == 0 && left_out_count_ > 0)) {
        return within;
    }
    const double behind =
        left_out_refined_ == 0 ? 0 : beyond_centroids_ / static_cast<double>(left_out_refined_);
    const auto first = unread_.begin();
    const auto end = std::partition_point(
        first, first + static_cast<std::ptrdiff_t>(unread_count_), [&](const Unread& cell) {
            return static_cast<double>(cell.distance_squared) + behind <= estimate;
        });
    if (end != first) {
        within.rows += (end - 1)->rows;
        within.seen += enough_seen;
    }
    return within;
}

// The rank among all rows of one that has this rank among those that a filter lets pass. If the
// filter knows nothing of the query, as many are left out on the way to it as of the opened cells;
// else as many as the sample says, and all rows of cells that are used up are nearer, or about as
// near. Where that is more, the rows wanted are the farthest of those near: the threshold of a near
// rank is met by the ones before them, that of a deep one by themselves. Thresholds of deeper ranks
// are no less, so that too much does no harm.
std::uint64_t Search::rank_of_all(std::uint64_t rank, double estimate) const {
    if (left_out_rows_ == 0) {
        return rank;
    }
    const double share = static_cast<double>(std::max<std::uint64_t>(rows_at_hand(), 1)) /
                         static_cast<double>(opened_rows_);
    const std::uint64_t usual =
        std::max(rank, static_cast<std::uint64_t>(static_cast<double>(rank) / share));
    const LeftOutWithin within = left_out_within(estimate);
    const std::uint64_t found = std::max(rank + within.rows, used_up_rows_);
    if (found <= unusual * usual ||
        (within.seen < enough_seen && used_up_rows_ <= unusual * usual)) {
        return std::max(usual, found);
    }
    return std::max<std::uint64_t>(found, Calibration::ranks[Calibration::near_ranks]);
}

}  // namespace vecdot::engine
