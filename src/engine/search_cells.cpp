// The emission loop's cells: opening, scoring and refining their rows, and the queue of those
// found.
//
// The queue holds capacity_ rows; of more the nearest half stays, and cut_ remembers the least
// bound that was taken off. Rows behind cut_ are looked for again, as those behind a threshold are:
// each time at least nearest_size_ rows are made ready, or all that are left, and so the loop ends.
//
// Whatever is scored and not refined waits, if it is among the waiting_size_ nearest such rows;
// beyond waiting_limit_ rows are in no list, and found by going through the opened cells again, by
// the bounds that were kept of them or by reading them. The first time that the emission arrives at
// the threshold nothing has waited: who wants ten rows doesn't pay for it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/room.hpp"
#include "engine/search.hpp"

namespace vecdot::engine {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// How much the window grows when the emission has arrived at its end.
constexpr std::size_t window_growth = 8;
// Rows refined between two looks at the threshold.
constexpr std::size_t refine_rows = 64;
// Of the cells that come next storage is told so many.
constexpr std::size_t expected_cells = 16;
// Of so many rows of a cell one: scoring them by signs takes about as long as refining that one.
constexpr std::uint32_t few_rows = 16;

bool test(const std::uint64_t* bits, std::uint32_t i) {
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

void set(std::uint64_t* bits, std::uint32_t i) {
    bits[i / 64] |= std::uint64_t{1} << (i % 64);
}

// That scoring has no more to do with a row, or has again.
void set_done(OpenCell& cell, std::uint32_t number) {
    cell.taken += test(cell.done, number) ? 0 : 1;
    set(cell.done, number);
}

void clear_done(OpenCell& cell, std::uint32_t number) {
    cell.taken -= test(cell.done, number) ? 1 : 0;
    cell.done[number / 64] &= ~(std::uint64_t{1} << (number % 64));
}

// Of which a filter leaves few.
bool has_few_rows(const OpenCell& cell) {
    return cell.left_out > 0 &&
           std::uint64_t{cell.rows - cell.left_out} * few_rows <= std::uint64_t{cell.rows};
}

// Rounded so that the row is not taken to be below a bound that it is not below, or that none is
// missed.
float float_above(double bound) {
    const float rounded = static_cast<float>(bound);
    return static_cast<double>(rounded) < bound ? std::nextafter(rounded, HUGE_VALF) : rounded;
}

float float_below(double bound) {
    const float rounded = static_cast<float>(bound);
    return static_cast<double>(rounded) > bound ? std::nextafter(rounded, -HUGE_VALF) : rounded;
}

// heap: the least `room` values so far, farthest first. Takes value, if it is one of them now.
void keep_least(std::span<double> heap, std::size_t room, std::size_t& count, double value) {
    const auto end = heap.begin() + static_cast<std::ptrdiff_t>(count);
    if (count < room) {
        *end = value;
        ++count;
        std::push_heap(heap.begin(), end + 1);
    } else if (value < heap[0]) {
        std::pop_heap(heap.begin(), end);
        *(end - 1) = value;
        std::push_heap(heap.begin(), end);
    }
}

}  // namespace

bool Search::farther(const Ready& a, const Ready& b) {
    if (a.bound != b.bound) {
        return a.bound > b.bound;
    }
    return a.cell != b.cell ? a.cell > b.cell : a.number > b.number;
}

void Search::open_cell() {
    grow(arena_, cells_, cell_count_);
    next_key();
    OpenCell& cell = cells_[cell_count_];
    std::construct_at(
        &cell, OpenCell{keys_[opened_keys_], 0, nullptr, CellDistance(*query_), nullptr, nullptr});
    if (store_->unread != nullptr && (cell.unread = store_->unread(store_->self, cell.key)) > 0) {
        // As if it had been opened, and all of its rows left out.
        ++opened_keys_;
        ++cell_count_;
        opened_rows_ += cell.unread;
        left_out_rows_ += cell.unread;
        if (!options_.exact) {
            const std::uint64_t before = unread_count_ > 0 ? unread_[unread_count_ - 1].rows : 0;
            grow(arena_, unread_, unread_count_);
            unread_[unread_count_++] = {cell.key.distance_squared, before + cell.unread};
        }
        return;
    }
    store_->open(store_->self, cell);
    const std::size_t words = (std::size_t{cell.rows} + 63) / 64;
    cell.done = arena_.allocate_zeroed<std::uint64_t>(2 * words).data();
    cell.late = cell.done + words;
    if (store_->filter != nullptr) {
        cell.left_out = store_->filter(store_->self, cell, cell.done);
        cell.passed = cell.taken = cell.left_out;
        left_out_rows_ += cell.left_out;
    }
    ++opened_keys_;
    ++cell_count_;
    ++work_.cells;
    opened_rows_ += cell.rows;
    if (cell.left_out > 0 && !options_.exact) {
        choose_left_out(cell_count_ - 1);
    }
    keep_bounds(cell);
    if (query_->kind == QueryKind::normal && phase_ == Phase::main) {
        if (more_cells()) {
            next_key();
            store_->expect(
                store_->self,
                keys_.subspan(opened_keys_, std::min(sorted_keys_ - opened_keys_, expected_cells)));
        }
        score(cell_count_ - 1);
    }
}

void Search::score(std::uint32_t index) {
    const OpenCell& cell = cells_[index];
    if (cell.rows == cell.taken) {
        return;
    }
    if (has_few_rows(cell)) {
        refine_all(index);
        return;
    }
    by_refinements_ ? score_refinements(index) : score_signs(index);
}

// Where a row's bound is the same each time, those of all rows stay, as far as there is room for
// them. Whoever asks for more rows than the first window has then finds them without a cell's being
// read again.
void Search::keep_bounds(OpenCell& cell) {
    const std::size_t room = (std::size_t{cell.rows} + kernels::block_rows - 1) /
                             kernels::block_rows * kernels::block_rows;
    if (query_->kind == QueryKind::normal && phase_ == Phase::main && keeps_waiting() &&
        !by_refinements_ && !has_few_rows(cell) &&
        (kept_bounds_ + room) * sizeof(float) <= options_.budget / 4) {
        kept_bounds_ += room;
        cell.bounds = arena_.allocate<float>(room).data();
    }
}

// The rows of a scored cell that the signs put below the limit.
void Search::take_kept(const OpenCell& cell, float limit) {
    for (std::uint32_t first = 0; first < cell.rows; first += kernels::block_rows) {
        const std::uint32_t rows = std::min<std::uint32_t>(kernels::block_rows, cell.rows - first);
        std::uint32_t below = 0;
        for (std::uint32_t i = 0; i < rows; ++i) {
            below |= static_cast<std::uint32_t>(cell.bounds[first + i] < limit) << i;
        }
        if (below != 0) {
            take(this, first, below, cell.bounds + first);
        }
    }
}

// Where a filter leaves few rows of a cell, all of them are refined: that costs less than
// scoring all rows.
void Search::refine_all(std::uint32_t index) {
    const OpenCell& cell = cells_[index];
    make_room(arena_, found_, cell.rows - cell.taken);
    found_count_ = 0;
    for (std::uint32_t first = 0; first < cell.rows; first += 64) {
        std::uint64_t left = ~cell.done[first / 64];
        if (cell.rows - first < 64) {
            left &= (std::uint64_t{1} << (cell.rows - first)) - 1;
        }
        for (; left != 0; left &= left - 1) {
            found_[found_count_++] = {-std::numeric_limits<float>::infinity(),
                                      first + static_cast<std::uint32_t>(std::countr_zero(left))};
        }
    }
    refine_found(index);
}

// By the signs.
void Search::score_signs(std::uint32_t index) {
    OpenCell& cell = cells_[index];
    make_room(arena_, found_, cell.rows + kernels::block_rows);
    found_count_ = 0;
    scan_cell_ = index;
    const double limit = scoring_limit();
    if (cell.bounds != nullptr && cell.is_scored) {
        take_kept(cell, static_cast<float>(limit));
    } else {
        work_.rows += cell.rows;
        SignScorer scorer(
            *query_, cell.distance.terms(options_.sigmas, has_wide_bounds() ? limit : infinity),
            cell.rows, static_cast<float>(limit), take, this, cell.bounds);
        store_->signs(store_->self, cell, scorer);
        cell.is_scored = true;
    }
    dropped_ = dropped_ || limit < infinity;
    refine_found(index);
    if (has_wide_bounds() && limit == infinity && threshold() < infinity) {
        // How much the bounds miss is only known now.
        score_signs(index);
    }
}

void Search::take(void* self, std::uint32_t first_row, std::uint32_t mask,
                  const float* bounds) noexcept {
    Search& search = *static_cast<Search*>(self);
    const OpenCell& cell = search.cells_[search.scan_cell_];
    mask &= ~static_cast<std::uint32_t>(cell.done[first_row / 64] >> (first_row % 64));
    if (search.options_.sample_step > 1) {
        mask &= search.sample_mask(cell.key.cell, first_row);
    }
    Found* to = search.found_.data() + search.found_count_;
    for (; mask != 0; mask &= mask - 1) {
        const std::uint32_t row = static_cast<std::uint32_t>(std::countr_zero(mask));
        *to++ = {bounds[row], first_row + row};
    }
    search.found_count_ = static_cast<std::size_t>(to - search.found_.data());
}

// The rows of a block that are in the sample.
std::uint32_t Search::sample_mask(std::uint32_t cell, std::uint32_t first_row) const {
    const std::uint32_t step = options_.sample_step;
    std::uint32_t mask = 0;
    for (std::uint32_t i = (0 - rows_before(cell) - first_row) & (step - 1);
         i < kernels::block_rows; i += step) {
        mask |= 1u << i;
    }
    return mask;
}

// Refines the rows found in a cell that stay below the threshold, which falls on the way.
void Search::refine_found(std::uint32_t cell) {
    auto by_number = [](const Found& a, const Found& b) { return a.number < b.number; };
    Found* first = found_.data();
    Found* last = first + found_count_;
    bool ordered = true;
    while (first != last) {
        Found* middle = last;
        if (!nearest_full()) {
            // As many as are missing, those that promise most.
            const std::size_t missing = std::max<std::size_t>(8, nearest_size_ - nearest_count_);
            if (missing < static_cast<std::size_t>(last - first)) {
                middle = first + missing;
                std::nth_element(first, middle, last, [](const Found& a, const Found& b) {
                    return a.bound != b.bound ? a.bound < b.bound : a.number < b.number;
                });
                std::sort(first, middle, by_number);
                ordered = false;
            } else if (!ordered) {
                std::sort(first, last, by_number);
                ordered = true;
            }
        } else {
            const double limit = threshold();
            Found* below = first;
            for (Found* row = first; row != last; ++row) {
                if (static_cast<double>(row->bound) < limit) {
                    *below++ = *row;
                } else {
                    wait(cell, row->number, row->bound);
                }
            }
            last = below;
            if (!ordered) {
                std::sort(first, last, by_number);
                ordered = true;
            }
            middle = std::min(last, first + refine_rows);
        }
        while (first != middle) {
            batch_->count = 0;
            for (; first != middle && batch_->count < RefineBatch::capacity; ++first) {
                batch_->rows[batch_->count++] = first->number;
            }
            refine_batch(cell);
        }
    }
}

// Entries and upper planes of the rows of the batch.
void Search::read_batch(OpenCell& cell) {
    std::fill_n(batch_->dots, batch_->count, kernels::PlaneDots{0, 0});
    std::fill_n(batch_->rest, batch_->count, 0);
    store_->refine(store_->self, cell, *batch_);
}

void Search::refine_batch(std::uint32_t index) {
    OpenCell& cell = cells_[index];
    RefineBatch& batch = *batch_;
    read_batch(cell);
    work_.refined += batch.count;
    const double limit = threshold();
    const bool long_rows = cell.key.long_rows;
    if (limit < infinity && !long_rows) {
        const kernels::ReachTerms terms = cell.distance.reach(limit, long_rows, by_refinements_);
        const std::uint32_t count = batch.count;
        batch.count = 0;
        std::size_t next = 0;
        auto wait_before = [&](std::size_t end) {
            for (; next < end; ++next) {
                wait(index, batch.rows[next], float_above(limit));
            }
            ++next;
        };
        visit_within(batch.entries, batch.dots, count, terms, [&](std::size_t i) {
            wait_before(i);
            batch.rows[batch.count] = batch.rows[i];
            batch.entries[batch.count] = batch.entries[i];
            batch.dots[batch.count] = batch.dots[i];
            batch.rest[batch.count] = batch.rest[i];
            ++batch.count;
        });
        wait_before(count);
    }
    complete_batch(index);
}

// What the lower planes add to the batch.
void Search::complete_dots(OpenCell& cell) {
    RefineBatch& batch = *batch_;
    if (query_->space->parameters().refine_bits == 4) {
        for (std::size_t i = 0; i < batch.count; ++i) {
            batch.dots[i].high += query_->implied.high;
            batch.dots[i].low += query_->implied.low;
            batch.rest[i] += query_->implied_rest;
        }
    } else {
        store_->complete(store_->self, cell, batch);
    }
}

// Takes the rows of the batch into the queue.
void Search::complete_batch(std::uint32_t index) {
    OpenCell& cell = cells_[index];
    RefineBatch& batch = *batch_;
    if (batch.count == 0) {
        return;
    }
    complete_dots(cell);
    const bool long_row = cell.key.long_rows;
    for (std::size_t i = 0; i < batch.count; ++i) {
        const RowEntry& entry = batch.entries[i];
        CellDistance::Refined refined =
            cell.distance.refine(entry.refine, batch.dots[i], batch.rest[i], long_row);
        if (by_refinements_ && refined.bound > threshold() && (entry.flags & RowFlags::dead) == 0) {
            wait(index, batch.rows[i], float_below(refined.bound));
            continue;
        }
        if (options_.by_estimate && refined.bound > 0) {
            refined.bound = refined.estimate;
        }
        keep(index, batch.rows[i], entry, refined);
    }
}

// By the upper planes of all rows, which tell so much more that few are completed in vain.
void Search::score_refinements(std::uint32_t index) {
    OpenCell& cell = cells_[index];
    make_room(arena_, dots_, cell.rows + kernels::block_rows);
    make_room(arena_, survivors_, cell.rows + kernels::block_rows);
    const bool long_rows = cell.key.long_rows;
    const double limit = scoring_limit();
    RefinementScorer scorer(*query_, cell.distance, cell.rows, long_rows, limit, cell.done,
                            dots_.data(), survivors_.data());
    store_->refinements(store_->self, cell, scorer);
    dropped_ = dropped_ || limit < infinity;
    work_.rows += cell.rows;
    work_.refined += cell.rows;
    RefineBatch& batch = *batch_;
    for (std::size_t i = 0; i < scorer.survivors();) {
        batch.count = 0;
        for (; i < scorer.survivors() && batch.count < RefineBatch::capacity; ++i) {
            const RefinementScorer::Survivor& row = survivors_[i];
            batch.rows[batch.count] = row.number;
            batch.entries[batch.count] = row.entry;
            batch.dots[batch.count] = dots_[row.number];
            batch.rest[batch.count] = 0;
            ++batch.count;
        }
        if (!query_->rest.empty()) {
            // The scorer has left the third plane out.
            read_batch(cell);
        }
        complete_batch(index);
    }
}

// Takes a refined row into the queue, for good or until it is trimmed.
void Search::keep(std::uint32_t index, std::uint32_t number, const RowEntry& entry,
                  CellDistance::Refined refined) {
    OpenCell& cell = cells_[index];
    // What is proven of the whole cell, and made it wait, may be more than what the row's code
    // proves: without it the row would be late.
    if (cell.key.lower > 0) {
        const double lower = static_cast<double>(cell.key.lower);
        refined.bound = std::max(refined.bound, lower * lower * (1 - 0x1p-40));
    }
    const bool dead = (entry.flags & RowFlags::dead) != 0;
    if (dead && (options_.exact || !(refined.bound >= last_key_ && refined.bound < infinity))) {
        set_done(cell, number);
        ++cell.passed;
        return;
    }
    // One that is NaN or infinite comes from a damaged number, and would be left out again and
    // again.
    const double least = options_.late_at_once ? -infinity : last_key_;
    if (!(refined.bound >= least && refined.bound < infinity)) {
        set_done(cell, number);
        set(cell.late, number);
        ++cell.passed;
        return;
    }
    if (refined.bound >= cut_) {
        wait(index, number, float_below(refined.bound));
        return;
    }
    if (ready_count_ >= 2 * capacity_) {
        trim_ready();
    }
    grow(arena_, ready_, ready_count_);
    set_done(cell, number);
    // A row beyond the threshold waits behind the heap until the window is widened.
    const bool near = refined.bound <= threshold();
    if (near) {
        ready_[ready_count_] = ready_[heap_count_];
    }
    Ready& row = ready_[near ? heap_count_ : ready_count_];
    ++ready_count_;
    row.bound = refined.bound;
    row.estimate = refined.estimate;
    row.cell = index;
    row.number = number;
    row.dead = dead;
    std::copy_n(entry.tid, 3, row.tid);
    if (near) {
        ++heap_count_;
        std::push_heap(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(heap_count_),
                       farther);
        if (!dead) {
            count_nearest(refined.bound);
        }
    }
    if (has_wide_bounds() && !dead) {
        widest_error_ = std::max(widest_error_, static_cast<double>(entry.refine.error));
        keep_least(likely_, likely_.size(), likely_count_, refined.estimate);
    }
}

void Search::trim_ready() {
    const auto first = ready_.begin();
    const auto middle = first + static_cast<std::ptrdiff_t>(capacity_);
    const auto last = first + static_cast<std::ptrdiff_t>(ready_count_);
    std::nth_element(first, middle, last,
                     [](const Ready& a, const Ready& b) { return farther(b, a); });
    cut_ = std::min(cut_, middle->bound);
    for (auto row = middle; row != last; ++row) {
        wait(row->cell, row->number, float_below(row->bound));
    }
    ready_count_ = heap_count_ = capacity_;
    std::make_heap(first, middle, farther);
}

void Search::count_nearest(double bound) {
    keep_least(nearest_, nearest_size_, nearest_count_, bound);
}

// A scored row that is not to be refined, or not yet.
void Search::wait(std::uint32_t index, std::uint32_t number, float bound) {
    if (waiting_size_ > 0 && waiting_count_ == waiting_.size()) {
        trim_waiting();
    }
    if (waiting_size_ == 0 || !(static_cast<double>(bound) < waiting_limit_)) {
        clear_done(cells_[index], number);
        dropped_ = true;
        return;
    }
    set_done(cells_[index], number);
    waiting_[waiting_count_++] = {bound, index, number};
}

void Search::trim_waiting() {
    const auto first = waiting_.begin();
    const auto middle = first + static_cast<std::ptrdiff_t>(waiting_size_);
    const auto last = first + static_cast<std::ptrdiff_t>(waiting_count_);
    std::nth_element(first, middle, last,
                     [](const Waiting& a, const Waiting& b) { return a.bound < b.bound; });
    for (auto row = middle; row != last; ++row) {
        clear_done(cells_[row->cell], row->number);
    }
    waiting_limit_ = static_cast<double>(middle->bound);
    dropped_ = true;
    waiting_count_ = waiting_size_;
}

// Room for the rows that may wait, and a quarter more: as many as are called for, within half of
// the budget, which includes the room before this one; or as many as have been emitted, up to an
// eighth of the rows at hand (or 8 MB), so that whoever walks through all reads the cells a few
// dozen times, however small the budget is.
void Search::make_room_for_waiting() {
    const std::uint64_t in_budget = options_.budget / 2 / (5 * sizeof(Waiting) / 2);
    const std::uint64_t walked = std::min({rank_, rows_at_hand() / 8, std::uint64_t{1} << 19});
    // Of so many times as many rows the bounds don't say that they are beyond a threshold.
    const std::uint64_t ratio = work_.refined / nearest_size_ + 1;
    const std::uint64_t wanted =
        std::max<std::uint64_t>(1024, window_growth * window_growth * nearest_size_ * ratio);
    const std::uint64_t size = std::min(wanted, std::max(in_budget, walked));
    if (size < 2 * waiting_size_ && !(waiting_size_ < in_budget && in_budget <= size)) {
        return;
    }
    waiting_size_ = std::max<std::size_t>(size, 64);
    const std::span<Waiting> room = arena_.allocate<Waiting>(waiting_size_ + waiting_size_ / 4);
    std::copy_n(waiting_.begin(), waiting_count_, room.begin());
    waiting_ = room;
}

// Refines the rows that wait and are below the threshold, which falls on the way.
void Search::refine_waiting() {
    while (waiting_count_ > 0) {
        interrupt_.poll();
        const auto first = waiting_.begin();
        const auto last = first + static_cast<std::ptrdiff_t>(waiting_count_);
        auto middle = last;
        const bool full = nearest_full();
        if (full) {
            const double limit = threshold();
            middle = std::partition(first, last, [limit](const Waiting& row) {
                return !(static_cast<double>(row.bound) < limit);
            });
        } else {
            // As many as are missing, those that promise most.
            const std::size_t missing =
                std::min(waiting_count_, std::max<std::size_t>(8, nearest_size_ - nearest_count_));
            middle = last - static_cast<std::ptrdiff_t>(missing);
            std::nth_element(first, middle, last,
                             [](const Waiting& a, const Waiting& b) { return a.bound > b.bound; });
        }
        const std::size_t count = static_cast<std::size_t>(last - middle);
        make_room(arena_, chosen_, count);
        std::copy(middle, last, chosen_.begin());
        waiting_count_ -= count;
        std::sort(chosen_.begin(), chosen_.begin() + static_cast<std::ptrdiff_t>(count),
                  [](const Waiting& a, const Waiting& b) {
                      return a.cell != b.cell ? a.cell < b.cell : a.number < b.number;
                  });
        for (std::size_t i = 0; i < count;) {
            const std::uint32_t cell = chosen_[i].cell;
            const double limit = full ? threshold() : infinity;
            batch_->count = 0;
            for (; i < count && chosen_[i].cell == cell && batch_->count < refine_rows; ++i) {
                if (static_cast<double>(chosen_[i].bound) < limit) {
                    batch_->rows[batch_->count++] = chosen_[i].number;
                } else {
                    wait(cell, chosen_[i].number, chosen_[i].bound);
                }
            }
            if (batch_->count > 0) {
                refine_batch(cell);
            }
        }
        if (full) {
            return;
        }
    }
}

// A row deep in the index has many more behind it that are about as near: the deeper, the more
// rows are made ready, and wait, at a time.
void Search::widen() {
    // So much is left, and wanted, that 1-bit bounds would have most of it refined again and again.
    by_refinements_ =
        by_refinements_ || (!more_cells() && rank_ >= rows_at_hand() / 8 && !options_.by_estimate);
    if (keeps_waiting()) {
        make_room_for_waiting();
    }
    capacity_ = std::max<std::size_t>(
        capacity_, std::min({rank_ / 4, rows_at_hand() / 64, std::uint64_t{1} << 16}));
    nearest_size_ = std::min(nearest_size_ * window_growth, capacity_ / 2);
    if (nearest_.size() < nearest_size_) {
        nearest_ = arena_.allocate<double>(nearest_size_);
    }
    nearest_count_ = 0;
    for (std::size_t i = 0; i < ready_count_; ++i) {
        if (!ready_[i].dead) {
            count_nearest(ready_[i].bound);
        }
    }
    heap_count_ = ready_count_;
    std::make_heap(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(heap_count_),
                   farther);
}

// For the rows beyond what was the threshold: among those that wait, if these tell.
void Search::look_again() {
    cut_ = infinity;
    refine_waiting();
    if (dropped_ && !(nearest_full() && threshold() <= waiting_limit_)) {
        rescan();
    }
}

// Finds again what was left out: among the bounds that were kept, else by reading the cells.
void Search::rescan() {
    const std::uint64_t rows = work_.rows;
    dropped_ = false;
    waiting_limit_ = keeps_waiting() ? infinity : -infinity;
    for (std::uint32_t cell = 0; cell < cell_count_; ++cell) {
        interrupt_.poll();
        score(cell);
    }
    work_.rescans += work_.rows > rows ? 1 : 0;
}

}  // namespace vecdot::engine
