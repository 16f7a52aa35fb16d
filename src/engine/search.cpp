// The emission loop.
//
// Cells are opened nearest first. The rows of an opened cell get a 1-bit bound each; those whose
// bound is below threshold() are refined at once and wait in ready_, a heap by their proven bounds,
// and the others are left out. threshold() is the bound of the w-th of the rows found, w being
// small at first: so the first row costs the refinement of a few rows a cell and not of whole
// cells.
//
// The top of ready_ is emitted (or passed over, if it is dead) when it is not beyond the threshold,
// behind which rows have been left out, and when the stopping rule asks for no further cell. When
// the emission arrives at the threshold, w grows eightfold and the opened cells are gone through
// again: by the bounds that scoring has left, and where there was no room for them by reading them.
// From then on rows beyond the threshold wait, with their bounds, as many as a few more w call for,
// and cells are read again only for those behind (search_cells.cpp). A row whose bound turns out to
// lie below what has been emitted is late: it is marked, and found again by a walk over all cells
// at the end.
//
// With refinements of 4 bits two rows of equal bound can be at very different distances, and in far
// cells more so than in near ones. So before the loop passes a bound, it opens as many cells as the
// farthest row with that bound would call for.
//
// With proven bounds only, the 1-bit codes are not looked at: int8 codes are scored whole cells at
// a time, and the rest is the same. That is also how a walk goes on that has taken an eighth of all
// rows: where most rows are wanted, bounds that tell little cost more than they save.
#include "engine/search.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace vecdot::engine {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t least_capacity = 512;
constexpr std::uint32_t exact_window = 128;
// So many times as many rows come before the executor is sure of one, with refinements of 4 bits.
constexpr std::size_t wide_window = 16;
constexpr std::size_t chunk_rows = 256;

bool test(const std::uint64_t* bits, std::uint32_t i) {
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

}  // namespace

Search::Search(core::Arena arena, const Query& query, const CellDirectory& directory,
               const CellStore& store, const SearchOptions& options, core::Interrupt interrupt)
    : arena_(arena),
      query_(&query),
      store_(&store),
      options_(options),
      interrupt_(interrupt),
      by_refinements_(options.exact),
      // Growing arrays of up to twice the capacity, and what they grew out of; the other half is
      // for rows that wait.
      capacity_(std::max(least_capacity, options.budget / 2 / (4 * sizeof(Ready)))),
      cut_(infinity),
      waiting_limit_(-infinity),
      last_key_(-infinity),
      last_value_(-infinity) {
    const std::size_t window = std::max<std::size_t>(
        1, options.exact ? std::max(exact_window, options.window) : options.window);
    nearest_size_ = std::min(has_wide_bounds() ? wide_window * window : window, capacity_ / 2);
    collect_keys(directory);
    if (query.kind == QueryKind::normal) {
        nearest_ = arena_.allocate<double>(nearest_size_);
        ready_ = arena_.allocate<Ready>(1024);
        batch_ = arena_.allocate<RefineBatch>(1).data();
        batch_->query = &query;
        if (has_wide_bounds()) {
            likely_ = arena_.allocate<double>(Calibration::ranks[Calibration::near_ranks - 1]);
        }
        tau_ = tau_of_rank(options_.tau, 1);
    }
}

// The cells' distances, from the int8 codes of their centroids and the query's upper plane.
void Search::collect_keys(const CellDirectory& directory) {
    keys_ = arena_.allocate<CellKey>(directory.count);
    const Query& query = *query_;
    const std::size_t padded = query.space->padded();
    const bool normal = query.kind == QueryKind::normal;
    const double step = 128 * query.step;
    const double coarse_squared = query.high_squared * step * step;
    constexpr std::size_t run = 64;
    std::int32_t dots[run] = {};
    std::size_t used = 0;
    nearest_cell_ = infinity;
    double sum = 0;
    std::size_t summands = 0;
    for (std::size_t first = 0; first < directory.count; first += run) {
        const std::size_t some = std::min<std::size_t>(run, directory.count - first);
        if (normal) {
            kernels::active().codes.dot_rows(directory.codes + first * padded, some, padded,
                                             query.high.data(), dots);
        }
        for (std::size_t i = 0; i < some; ++i) {
            const CellSummary& summary = directory.summaries[first + i];
            CellKey& key = keys_[used++];
            key = {0, 0, static_cast<std::uint32_t>(first + i), summary.long_rows, summary.handle};
            if (!normal) {
                continue;
            }
            const double add = static_cast<double>(summary.centroid.add);
            const double product = 2 * static_cast<double>(summary.centroid.scale) * step *
                                   static_cast<double>(dots[i] - query.high_offset);
            // |128·step·high − centroid's code|²
            const double squared = std::max(0.0, coarse_squared + add - product);
            key.distance_squared = static_cast<float>(squared);
            if (key.long_rows) {
                key.distance_squared = -1;
                key.lower = -1;
                continue;
            }
            nearest_cell_ = std::min(nearest_cell_, static_cast<double>(key.distance_squared));
            sum += static_cast<double>(key.distance_squared);
            ++summands;
            if (options_.exact) {
                const double slack =
                    0x1p-40 * (coarse_squared + std::fabs(add) + std::fabs(product));
                const double away = std::sqrt(std::max(0.0, squared - slack)) - query.high_error -
                                    query.error - static_cast<double>(summary.centroid.error) -
                                    static_cast<double>(summary.radius);
                key.lower = away > 0 ? static_cast<float>(away * (1 - 0x1p-20)) : 0.0f;
            }
        }
    }
    keys_ = keys_.first(used);
    work_.all_cells = used;
    if (summands > 0) {
        spread_ = std::max(0.0, sum / static_cast<double>(summands) - nearest_cell_);
    }
    remote_ = remote_factor(remoteness(), options_.remote);
}

// ρ² alone would open too few cells where rows are dense and too many where they are not; the
// spread of the cells' distances evens that out. Under inner product ρ² hardly differs from query
// to query, and the spread is the measure.
double Search::reach(double estimate) const {
    const double reach = query_->space->metric() == Metric::inner_product
                             ? spread_
                             : std::sqrt(std::max(0.0, estimate) * spread_);
    return reach * remote_;
}

// d₀² over the spread; under inner product one over the nearest cell's product with the query, to
// the power of 2, which was enough for rare words in an index of frequent ones.
double Search::remoteness() const {
    if (query_->space->metric() == Metric::inner_product) {
        const double inverse = 2 / (2 - nearest_cell_);
        return nearest_cell_ < 2 ? inverse * inverse : infinity;
    }
    return spread_ > 0 ? nearest_cell_ / spread_ : 0;
}

bool Search::next(SearchResult& result) {
    for (;;) {
        bool found = false;
        switch (phase_) {
            case Phase::early_null:
                found = options_.nulls_first && next_special(SpecialList::null, result);
                break;
            case Phase::early_undefined:
                found = options_.undefined_first && next_special(SpecialList::undefined, result);
                break;
            case Phase::loose:
                found = next_special(SpecialList::loose, result);
                break;
            case Phase::main:
                found = query_->kind == QueryKind::normal && next_main(result);
                break;
            case Phase::sweep:
                found = next_in_cells(result);
                break;
            case Phase::undefined:
                found = !options_.undefined_first && next_special(SpecialList::undefined, result);
                break;
            case Phase::null:
                found = !options_.nulls_first && next_special(SpecialList::null, result);
                break;
            case Phase::end:
                return false;
        }
        if (found) {
            ++work_.emitted;
            return true;
        }
        phase_ = static_cast<Phase>(static_cast<int>(phase_) + 1);
        walk_position_ = 0;
        chunk_count_ = chunk_next_ = 0;
    }
}

void Search::fill(SearchResult& result, const RowEntry& entry, double value, bool recheck) const {
    std::copy_n(entry.tid, 3, result.tid);
    result.value = value;
    result.recheck = recheck;
    result.is_null = false;
    result.gap = 0;
    result.reach = 0;
    result.estimate = 0;
    result.key = -infinity;
}

bool Search::next_special(SpecialList list, SearchResult& result) {
    if (chunk_.empty()) {
        chunk_ = arena_.allocate<RowEntry>(chunk_rows);
    }
    for (;;) {
        if (chunk_next_ == chunk_count_) {
            interrupt_.poll();
            chunk_count_ = store_->special(store_->self, list, walk_position_, chunk_);
            chunk_next_ = 0;
            walk_position_ += chunk_count_;
            if (chunk_count_ == 0) {
                return false;
            }
        }
        const RowEntry& entry = chunk_[chunk_next_++];
        if ((entry.flags & RowFlags::dead) != 0) {
            continue;
        }
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        const bool undefined =
            list == SpecialList::undefined || query_->kind == QueryKind::undefined;
        fill(result, entry, undefined ? nan : -infinity, !undefined);
        if (list == SpecialList::null || query_->kind == QueryKind::null) {
            result.is_null = true;
            result.recheck = false;
            result.value = 0;
        } else if (!undefined) {
            result.value = operator_value(*query_, -infinity);
        }
        return true;
    }
}

namespace {

// The first row from this one on that a walk through the cell is to return, or the cell's rows.
std::uint32_t next_left(const OpenCell& cell, std::uint64_t from) {
    for (std::uint64_t word = from / 64; word * 64 < cell.rows; ++word) {
        std::uint64_t left = ~cell.done[word] | cell.late[word];
        if (word == from / 64) {
            left &= ~std::uint64_t{0} << (from % 64);
        }
        if (left != 0) {
            const std::uint64_t row =
                word * 64 + static_cast<std::uint64_t>(std::countr_zero(left));
            return static_cast<std::uint32_t>(std::min<std::uint64_t>(row, cell.rows));
        }
    }
    return cell.rows;
}

}  // namespace

// All rows of all cells that the main phase has not emitted.
bool Search::next_in_cells(SearchResult& result) {
    for (;;) {
        while (walk_cell_ >= cell_count_) {
            if (!more_cells()) {
                return false;
            }
            open_cell();
        }
        OpenCell& cell = cells_[walk_cell_];
        if (chunk_next_ == chunk_count_) {
            // Nothing is read of a cell that has nothing more to give.
            walk_position_ = next_left(cell, walk_position_);
            if (walk_position_ >= cell.rows) {
                ++walk_cell_;
                walk_position_ = 0;
                chunk_next_ = chunk_count_ = 0;
                continue;
            }
            interrupt_.poll();
            chunk_count_ = store_->entries(store_->self, cell,
                                           static_cast<std::uint32_t>(walk_position_), chunk_);
            chunk_count_ = std::min<std::size_t>(chunk_count_, cell.rows - walk_position_);
            chunk_next_ = 0;
            if (chunk_count_ == 0) {
                core::fail(core::ErrorCode::index_corrupted,
                           "cell %u has no address entry %llu of %u", cell.key.cell,
                           static_cast<unsigned long long>(walk_position_), cell.rows);
            }
        }
        const std::uint32_t number = static_cast<std::uint32_t>(walk_position_++);
        const RowEntry& entry = chunk_[chunk_next_++];
        if ((entry.flags & RowFlags::dead) != 0 ||
            (test(cell.done, number) && !test(cell.late, number))) {
            continue;
        }
        switch (query_->kind) {
            case QueryKind::normal:
                fill(result, entry, infinity, false);
                ++work_.late;
                break;
            case QueryKind::loose:
                fill(result, entry, operator_value(*query_, -infinity), true);
                break;
            case QueryKind::undefined:
                fill(result, entry, std::numeric_limits<double>::quiet_NaN(), false);
                break;
            case QueryKind::null:
                fill(result, entry, 0, false);
                result.is_null = true;
                break;
        }
        return true;
    }
}

bool Search::next_main(SearchResult& result) {
    for (;;) {
        interrupt_.poll();
        // What has been left out may be nearer than the top.
        if (has_more() && (heap_count_ == 0 || ready_[0].bound > threshold())) {
            if (cell_count_ == 0) {
                return false;
            }
            widen();
            look_again();
            continue;
        }
        // A cell of dead rows only, for one.
        if (first_left_ < cell_count_ && is_used_up(cells_[first_left_])) {
            leave_used_up();
        }
        if (more_cells() && wants_cell()) {
            open_cell();
            continue;
        }
        if (heap_count_ == 0) {
            return false;
        }
        const bool dead = ready_[0].dead;
        if (!dead) {
            emit(result);
        }
        take_off_nearest();
        if (!dead) {
            return true;
        }
    }
}

std::size_t Search::upcoming(std::span<RowAddress> rows) const noexcept {
    constexpr std::size_t most = 64;
    const std::size_t wanted = std::min({rows.size(), most, heap_count_});
    if (phase_ != Phase::main || wanted == 0) {
        return 0;
    }
    // The nearest of the heap: a heap of them, farthest first.
    std::array<const Ready*, most> nearest;
    const auto nearer = [](const Ready* a, const Ready* b) { return a->bound < b->bound; };
    const auto end = nearest.begin() + static_cast<std::ptrdiff_t>(wanted);
    for (std::size_t i = 0; i < wanted; ++i) {
        nearest[i] = &ready_[i];
    }
    std::make_heap(nearest.begin(), end, nearer);
    for (std::size_t i = wanted; i < heap_count_; ++i) {
        if (ready_[i].bound < nearest[0]->bound) {
            std::pop_heap(nearest.begin(), end, nearer);
            *(end - 1) = &ready_[i];
            std::push_heap(nearest.begin(), end, nearer);
        }
    }
    std::size_t count = 0;
    for (auto row = nearest.begin(); row != end; ++row) {
        if (!(*row)->dead) {
            std::copy_n((*row)->tid, 3, rows[count++].tid);
        }
    }
    return count;
}

// The nearest row that is ready.
void Search::emit(SearchResult& result) {
    const Ready& top = ready_[0];
    const double value = operator_value(*query_, top.bound);
    last_key_ = std::max(last_key_, top.bound);
    last_value_ = options_.late_at_once ? value : std::max(last_value_, value);
    std::copy_n(top.tid, 3, result.tid);
    result.value = last_value_;
    result.recheck = true;
    result.is_null = false;
    result.gap =
        std::max(0.0, static_cast<double>(cells_[top.cell].key.distance_squared) - nearest_cell_);
    result.reach = options_.by_estimate ? reach(top.estimate) : 0;
    result.estimate = top.estimate;
    result.key = top.bound;
}

void Search::take_off_nearest() {
    ++cells_[ready_[0].cell].passed;
    std::pop_heap(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(heap_count_),
                  farther);
    ready_[--heap_count_] = ready_[--ready_count_];
    ++rank_;
    tau_ = tau_of_rank(options_.tau, rank_ + 1);
}

bool Search::is_used_up(const OpenCell& cell) const {
    return cell.key.long_rows || std::uint64_t{cell.passed - cell.left_out} * 16 >=
                                     std::uint64_t{sampled_rows(cell) - cell.left_out} * 15;
}

// A row of a cell is in the sample when its number, this one added, is a multiple of the step.
std::uint32_t Search::rows_before(std::uint32_t cell) const {
    return (cell * 0x9e3779b1u >> 8) & (options_.sample_step - 1);
}

// How many of a cell's rows are in the sample.
std::uint32_t Search::sampled_rows(const OpenCell& cell) const {
    const std::uint32_t step = options_.sample_step;
    if (step == 1) {
        return cell.rows;
    }
    const std::uint32_t before = rows_before(cell.key.cell);
    return (before + cell.rows + step - 1) / step - (before + step - 1) / step;
}

// Cells that have nothing more to give say nothing about where the next rows are: once the query's
// own kind is through, it is as far from the rest as one from outside.
void Search::leave_used_up() {
    const std::uint32_t first = first_left_;
    while (first_left_ < cell_count_ && is_used_up(cells_[first_left_])) {
        used_up_rows_ += cells_[first_left_].rows + cells_[first_left_].unread;
        ++first_left_;
    }
    if (first == first_left_ || (first_left_ == cell_count_ && !more_cells()) || options_.exact ||
        (options_.by_estimate && !options_.leaves_used_up)) {
        return;
    }
    const CellKey& key = first_left_ < cell_count_ ? cells_[first_left_].key : next_key();
    const double nearest = static_cast<double>(key.distance_squared);
    spread_ = std::max(0.0, spread_ + nearest_cell_ - nearest);
    nearest_cell_ = nearest;
    remote_ = remote_factor(remoteness(), options_.remote);
}

// Cells of long rows come first, then by distance, or by proven bound where only that counts.
const CellKey& Search::next_key() {
    if (opened_keys_ == sorted_keys_) {
        const bool exact = options_.exact;
        auto before = [exact](const CellKey& a, const CellKey& b) {
            if (exact && a.lower != b.lower) {
                return a.lower < b.lower;
            }
            return a.distance_squared != b.distance_squared
                       ? a.distance_squared < b.distance_squared
                       : a.cell < b.cell;
        };
        const std::size_t end =
            std::min(keys_.size(), sorted_keys_ + std::max<std::size_t>(64, sorted_keys_));
        const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(sorted_keys_);
        const auto last = keys_.begin() + static_cast<std::ptrdiff_t>(end);
        if (end < keys_.size()) {
            std::nth_element(first, last, keys_.end(), before);
        }
        std::sort(first, last, before);
        sorted_keys_ = end;
    }
    return keys_[opened_keys_];
}

bool Search::wants_cell() {
    if (is_cell_due()) {
        return true;
    }
    if (left_out_refined_ == left_out_count_) {
        return false;
    }
    refine_left_out();
    return is_cell_due();
}

bool Search::is_cell_due() {
    const CellKey& key = next_key();
    if (heap_count_ == 0 || key.long_rows) {
        return true;
    }
    const Ready& top = ready_[0];
    if (options_.exact) {
        const double lower = static_cast<double>(key.lower);
        return lower * lower * (1 - 0x1p-40) <= top.bound;
    }
    const std::uint64_t rank =
        rank_of_all((has_wide_bounds() ? rank_ / wide_window : rank_) + 1, top.estimate) - 1;
    if (opened_rows_ < rows_due(rank, options_.rows_per_rank)) {
        return true;
    }
    double estimate = top.estimate;
    double tau = store_->filter == nullptr ? tau_ : tau_of_rank(options_.tau, rank + 1);
    if (has_wide_bounds()) {
        estimate = farthest_at(top.bound);
        tau = tau_of_rank(
            options_.tau,
            std::max({std::uint64_t{1}, rank_of_all(likely_within(estimate), estimate), rank}));
    }
    // Also where infinity meets a reach of 0.
    return !(static_cast<double>(key.distance_squared) - nearest_cell_ > tau * reach(estimate));
}

// The key up to which rows are thought to have bounds like this one.
double Search::farthest_at(double bound) const {
    const double distance = std::sqrt(std::max(0.0, bound)) + widest_error_;
    double farthest = distance * distance;
    if (query_->space->metric() == Metric::inner_product) {
        farthest = std::min(farthest, bound + 2 * widest_error_);
    }
    return farthest;
}

// Rows found whose key is thought to be no more than this, of the first hundred.
std::uint64_t Search::likely_within(double estimate) const {
    return static_cast<std::uint64_t>(
        std::count_if(likely_.begin(), likely_.begin() + static_cast<std::ptrdiff_t>(likely_count_),
                      [estimate](double other) { return other <= estimate; }));
}

}  // namespace vecdot::engine
