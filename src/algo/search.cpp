// The emission loop.
//
// Cells are opened nearest first. The rows of an opened cell get a 1-bit bound each and wait in
// deferred_; those whose bound is below threshold() are refined and wait in ready_, a heap by their
// proven bounds. threshold() is the bound of the w-th of the rows found, w growing as rows are
// emitted: so the first row costs the refinement of about w rows and not of a whole cell, and a
// long drain refines in large batches, cell by cell.
//
// The top of ready_ is emitted when no deferred or dropped row can come before it and when the
// stopping rule asks for no further cell. A row whose bound turns out to lie below what has been
// emitted is late: it is marked, and found again by a walk over all cells at the end.
//
// The queues hold capacity_ rows; of more the nearest half stays and cut_ remembers the least bound
// that was dropped. When the emission arrives there, the opened cells are read again with eight
// times the capacity. At the budget's end the 1-bit bounds are given up: every row is refined,
// which makes each such pass emit at least half of the capacity, and so the loop ends.
#include "algo/search.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace vecdot::algo {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t first_capacity = 2048;
constexpr std::size_t capacity_growth = 8;
constexpr std::size_t widest_window = 8192;
constexpr std::size_t chunk_rows = 256;

bool test(const std::uint64_t* bits, std::uint32_t i) {
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

void set(std::uint64_t* bits, std::uint32_t i) {
    bits[i / 64] |= std::uint64_t{1} << (i % 64);
}

// Room for one more than count.
template <typename T>
void grow(core::Arena& arena, std::span<T>& room, std::size_t count) {
    if (count < room.size()) {
        return;
    }
    const std::span<T> larger = arena.allocate<T>(std::max<std::size_t>(64, 2 * room.size()));
    std::copy(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count), larger.begin());
    room = larger;
}

}  // namespace

bool Search::nearer(const Deferred& a, const Deferred& b) {
    if (a.bound != b.bound) {
        return a.bound < b.bound;
    }
    return a.cell != b.cell ? a.cell < b.cell : a.slot < b.slot;
}

bool Search::farther(const Ready& a, const Ready& b) {
    if (a.bound != b.bound) {
        return a.bound > b.bound;
    }
    return a.cell != b.cell ? a.cell > b.cell : a.slot > b.slot;
}

Search::Search(core::Arena arena, const Query& query, const CellDirectory& directory,
               const CellStore& store, const SearchOptions& options, core::Interrupt interrupt)
    : arena_(arena),
      query_(&query),
      store_(&store),
      options_(options),
      interrupt_(interrupt),
      staged_(!options.exact),
      capacity_(std::max<std::size_t>(first_capacity, std::size_t{64} * options.window)),
      capacity_limit_(
          std::max(capacity_, options.budget / (2 * sizeof(Ready) + 2 * sizeof(Deferred)))),
      cut_(infinity),
      nearest_size_(std::clamp<std::size_t>(options.window, 1, widest_window)),
      last_key_(-infinity),
      last_value_(-infinity) {
    batch_ = arena_.allocate<RefineBatch>(1).data();
    batch_->query = &query;
    keys_ = arena_.allocate<CellKey>(directory.count);
    const std::size_t padded = query.space->padded();
    const bool normal = query.kind == QueryKind::normal;
    const double step = 128 * query.step;
    const double coarse_squared = query.high_squared * step * step;
    constexpr std::size_t run = 64;
    std::int32_t dots[run] = {};
    std::size_t used = 0;
    nearest_cell_ = infinity;
    for (std::size_t first = 0; first < directory.count; first += run) {
        const std::size_t some = std::min<std::size_t>(run, directory.count - first);
        if (normal) {
            kernels::active().codes.dot_rows(directory.codes + first * padded, some, padded,
                                             query.high.data(), dots);
        }
        for (std::size_t i = 0; i < some; ++i) {
            const CellSummary& summary = directory.summaries[first + i];
            if ((summary.flags & CellFlags::unused) != 0) {
                continue;
            }
            CellKey& key = keys_[used++];
            key = {0, 0, static_cast<std::uint32_t>(first + i), summary.flags, summary.handle};
            if (!normal) {
                continue;
            }
            const double add = static_cast<double>(summary.centroid.add);
            const double product = 2 * static_cast<double>(summary.centroid.scale) * step *
                                   static_cast<double>(dots[i] - query.high_offset);
            // |128·step·high − centroid's code|²
            const double squared = std::max(0.0, coarse_squared + add - product);
            key.distance_squared = static_cast<float>(squared);
            if ((key.flags & CellFlags::long_rows) != 0) {
                key.distance_squared = -1;
                key.lower = -1;
                continue;
            }
            nearest_cell_ = std::min(nearest_cell_, static_cast<double>(key.distance_squared));
            if (options.exact) {
                const double slack = 0x1p-40 * (coarse_squared + add + std::fabs(product));
                const double away = std::sqrt(std::max(0.0, squared - slack)) - query.high_error -
                                    query.error - static_cast<double>(summary.centroid.error) -
                                    static_cast<double>(summary.radius);
                key.lower = away > 0 ? static_cast<float>(away * (1 - 0x1p-20)) : 0.0f;
            }
        }
    }
    keys_ = keys_.first(used);
    chunk_ = arena_.allocate<RowEntry>(chunk_rows);
    if (normal) {
        nearest_ = arena_.allocate<double>(nearest_size_);
    }
}

bool Search::next(SearchResult& result) {
    for (;;) {
        bool found = false;
        switch (phase_) {
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
                found = next_special(SpecialList::undefined, result);
                break;
            case Phase::null:
                found = next_special(SpecialList::null, result);
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
    result.estimate = 0;
    result.key = -infinity;
}

bool Search::next_special(SpecialList list, SearchResult& result) {
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
        const std::uint32_t slot = static_cast<std::uint32_t>(walk_position_++);
        const RowEntry& entry = chunk_[chunk_next_++];
        if ((entry.flags & RowFlags::dead) != 0 ||
            (test(cell.done, slot) && !test(cell.late, slot))) {
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

double Search::threshold() const {
    return nearest_full() && nearest_count_ > 0 ? nearest_[0] : infinity;
}

bool Search::next_main(SearchResult& result) {
    for (;;) {
        interrupt_.poll();
        settle();
        if (more_cells() && wants_cell()) {
            open_cells();
            continue;
        }
        if (ready_count_ > 0) {
            const Ready& top = ready_[0];
            const double limit = staged_ ? std::min(threshold(), cut_) : cut_;
            if (top.bound <= limit) {
                OpenCell& cell = cells_[top.cell];
                set(cell.done, top.slot);
                last_key_ = top.bound;
                last_value_ = std::max(last_value_, operator_value(*query_, top.bound));
                std::copy_n(top.tid, 3, result.tid);
                result.value = last_value_;
                result.recheck = true;
                result.is_null = false;
                result.gap =
                    std::max(0.0, static_cast<double>(cell.key.distance_squared) - nearest_cell_);
                result.estimate = top.estimate;
                result.key = top.bound;
                std::pop_heap(ready_.begin(),
                              ready_.begin() + static_cast<std::ptrdiff_t>(ready_count_), farther);
                --ready_count_;
                return true;
            }
            if (staged_ && threshold() < cut_) {
                widen();
                continue;
            }
        }
        // Nothing to emit, no cell to open: what is left has been dropped.
        if (cut_ == infinity) {
            return false;
        }
        rescan();
    }
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
    const CellKey& key = next_key();
    if (ready_count_ == 0) {
        // Rows that were dropped come before further cells.
        return cut_ == infinity || cell_count_ == 0;
    }
    if ((key.flags & CellFlags::long_rows) != 0) {
        return true;
    }
    const Ready& top = ready_[0];
    if (options_.exact) {
        const double lower = static_cast<double>(key.lower);
        return lower * lower * (1 - 0x1p-40) <= top.bound;
    }
    return static_cast<double>(key.distance_squared) - nearest_cell_ <=
           options_.tau * std::max(0.0, top.estimate);
}

// Several at once where many are open already: settling after each would refine rows that the next
// cells show to be far.
void Search::open_cells() {
    open_cell();
    for (std::uint32_t more = cell_count_ / 4; more > 0 && more_cells() && ready_count_ > 0;
         --more) {
        if (!wants_cell()) {
            return;
        }
        open_cell();
    }
}

void Search::open_cell() {
    grow(arena_, cells_, cell_count_);
    next_key();
    OpenCell& cell = cells_[cell_count_];
    std::construct_at(
        &cell, OpenCell{keys_[opened_keys_], 0, nullptr, CellDistance(*query_), nullptr, nullptr});
    store_->open(store_->self, cell);
    const std::size_t words = (std::size_t{cell.rows} + 63) / 64;
    cell.done = arena_.allocate_zeroed<std::uint64_t>(2 * words).data();
    cell.late = cell.done + words;
    ++opened_keys_;
    ++cell_count_;
    ++work_.cells;
    if (query_->kind == QueryKind::normal && phase_ == Phase::main) {
        staged_ ? score(cell_count_ - 1) : refine_all(cell_count_ - 1);
    }
}

void Search::score(std::uint32_t index) {
    if (deferred_.empty()) {
        deferred_ = arena_.allocate<Deferred>(2 * capacity_ + kernels::block_rows);
    }
    OpenCell& cell = cells_[index];
    if (cell.rows == 0) {
        return;
    }
    scan_cell_ = index;
    BlockScorer scorer(*query_, cell.distance.terms(options_.sigmas), cell.rows,
                       static_cast<float>(cut_), take, this);
    store_->scan(store_->self, cell, scorer);
    work_.rows += cell.rows;
}

float Search::take(void* self, std::uint32_t first_row, std::uint32_t mask,
                   const float* bounds) noexcept {
    Search& search = *static_cast<Search*>(self);
    const OpenCell& cell = search.cells_[search.scan_cell_];
    mask &= ~static_cast<std::uint32_t>(cell.done[first_row / 64] >> (first_row % 64));
    Deferred* to = search.deferred_.data() + search.deferred_count_;
    for (; mask != 0; mask &= mask - 1) {
        const std::uint32_t row = static_cast<std::uint32_t>(std::countr_zero(mask));
        *to++ = {bounds[row], search.scan_cell_, first_row + row};
    }
    search.deferred_count_ = static_cast<std::size_t>(to - search.deferred_.data());
    if (search.deferred_count_ > 2 * search.capacity_) {
        search.trim_deferred();
    }
    return static_cast<float>(search.cut_);
}

void Search::trim_deferred() noexcept {
    Deferred* first = deferred_.data();
    Deferred* middle = first + capacity_;
    std::nth_element(first, middle, first + deferred_count_, nearer);
    cut_ = std::min(cut_, static_cast<double>(middle->bound));
    deferred_count_ = capacity_;
    settled_ = 0;
}

// Refines deferred rows until none is left that lies below the threshold.
void Search::settle() {
    while (settled_ < deferred_count_) {
        Deferred* first = deferred_.data() + settled_;
        Deferred* last = deferred_.data() + deferred_count_;
        Deferred* middle = last;
        if (!nearest_full()) {
            // Start with as many as are missing, those that promise most.
            const std::size_t missing = std::max<std::size_t>(8, nearest_size_ - nearest_count_);
            if (missing < static_cast<std::size_t>(last - first)) {
                middle = first + missing;
                std::nth_element(first, middle, last, nearer);
            }
        } else {
            const double limit = threshold();
            middle = std::partition(first, last, [limit](const Deferred& row) {
                return static_cast<double>(row.bound) < limit;
            });
            if (middle == first) {
                settled_ = deferred_count_;
                return;
            }
        }
        const std::size_t count = static_cast<std::size_t>(middle - first);
        std::sort(first, middle, [](const Deferred& a, const Deferred& b) {
            return a.cell != b.cell ? a.cell < b.cell : a.slot < b.slot;
        });
        refine({first, count});
        // The last ones take the places of those that have gone.
        const std::size_t left = static_cast<std::size_t>(last - middle);
        const std::size_t moved = std::min(left, count);
        std::copy(last - moved, last, first);
        deferred_count_ -= count;
    }
}

void Search::refine(std::span<Deferred> rows) {
    std::size_t i = 0;
    while (i < rows.size()) {
        const std::uint32_t cell = rows[i].cell;
        batch_->count = 0;
        for (; i < rows.size() && rows[i].cell == cell && batch_->count < RefineBatch::capacity;
             ++i) {
            batch_->slots[batch_->count++] = rows[i].slot;
        }
        refine_batch(cell);
    }
}

void Search::refine_all(std::uint32_t index) {
    const std::uint32_t rows = cells_[index].rows;
    for (std::uint32_t row = 0; row < rows;) {
        interrupt_.poll();
        batch_->count = 0;
        for (; row < rows && batch_->count < RefineBatch::capacity; ++row) {
            if (!test(cells_[index].done, row)) {
                batch_->slots[batch_->count++] = row;
            }
        }
        if (batch_->count > 0) {
            refine_batch(index);
        }
    }
}

void Search::refine_batch(std::uint32_t index) {
    OpenCell& cell = cells_[index];
    std::memset(batch_->dots, 0, batch_->count * sizeof batch_->dots[0]);
    store_->refine(store_->self, cell, *batch_);
    work_.refined += batch_->count;
    const bool long_row = (cell.key.flags & CellFlags::long_rows) != 0;
    for (std::size_t i = 0; i < batch_->count; ++i) {
        const RowEntry& entry = batch_->entries[i];
        if ((entry.flags & RowFlags::dead) != 0) {
            set(cell.done, batch_->slots[i]);
            continue;
        }
        keep(index, i, cell.distance.refine(entry.refine, batch_->dots[i], long_row));
    }
}

void Search::keep(std::uint32_t index, std::size_t i, const CellDistance::Refined& refined) {
    const std::uint32_t slot = batch_->slots[i];
    if (!(refined.bound >= last_key_)) {
        set(cells_[index].done, slot);
        set(cells_[index].late, slot);
        return;
    }
    if (!staged_ && refined.bound >= cut_) {
        return;
    }
    if (ready_count_ >= 2 * capacity_) {
        trim_ready();
    }
    grow(arena_, ready_, ready_count_);
    Ready& row = ready_[ready_count_++];
    row.bound = refined.bound;
    row.estimate = refined.estimate;
    row.cell = index;
    row.slot = slot;
    std::copy_n(batch_->entries[i].tid, 3, row.tid);
    std::push_heap(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(ready_count_),
                   farther);
    if (!staged_) {
        return;
    }
    if (!nearest_full()) {
        nearest_[nearest_count_++] = refined.bound;
        std::push_heap(nearest_.begin(),
                       nearest_.begin() + static_cast<std::ptrdiff_t>(nearest_count_));
    } else if (refined.bound < nearest_[0]) {
        const auto end = nearest_.begin() + static_cast<std::ptrdiff_t>(nearest_count_);
        std::pop_heap(nearest_.begin(), end);
        *(end - 1) = refined.bound;
        std::push_heap(nearest_.begin(), end);
    }
}

void Search::trim_ready() {
    const auto first = ready_.begin();
    const auto middle = first + static_cast<std::ptrdiff_t>(capacity_);
    std::nth_element(first, middle, first + static_cast<std::ptrdiff_t>(ready_count_),
                     [](const Ready& a, const Ready& b) { return farther(b, a); });
    cut_ = std::min(cut_, middle->bound);
    ready_count_ = capacity_;
    std::make_heap(first, middle, farther);
}

// As many rows as have been emitted are to be found next.
void Search::widen() {
    const std::size_t size =
        std::clamp<std::size_t>(static_cast<std::size_t>(work_.emitted),
                                std::max<std::size_t>(1, options_.window), widest_window);
    if (size > nearest_.size()) {
        nearest_ = arena_.allocate<double>(size);
    }
    nearest_size_ = size;
    nearest_count_ = 0;
    for (std::size_t i = 0; i < ready_count_; ++i) {
        const double bound = ready_[i].bound;
        const auto end = nearest_.begin() + static_cast<std::ptrdiff_t>(nearest_count_);
        if (!nearest_full()) {
            *end = bound;
            ++nearest_count_;
            std::push_heap(nearest_.begin(), end + 1);
        } else if (bound < nearest_[0]) {
            std::pop_heap(nearest_.begin(), end);
            *(end - 1) = bound;
            std::push_heap(nearest_.begin(), end);
        }
    }
    settled_ = 0;
}

// Finds again what was dropped, with larger queues or without the 1-bit bounds.
void Search::rescan() {
    ++work_.rescans;
    if (capacity_ < capacity_limit_) {
        capacity_ = std::min(capacity_limit_, capacity_ * capacity_growth);
        deferred_ = {};
    } else {
        staged_ = false;
    }
    cut_ = infinity;
    deferred_count_ = settled_ = 0;
    ready_count_ = 0;
    nearest_count_ = 0;
    for (std::uint32_t cell = 0; cell < cell_count_; ++cell) {
        interrupt_.poll();
        staged_ ? score(cell) : refine_all(cell);
    }
}

}  // namespace vecdot::algo
