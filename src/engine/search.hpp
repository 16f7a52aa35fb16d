// The emission loop: rows of an index in the order of their proven lower bounds, one at a time, for
// as long as the caller asks. README.md beside this file says how it works and why it ends.
#pragma once

#include <limits>

#include "core/interrupt.hpp"
#include "engine/calibration.hpp"
#include "engine/store.hpp"

namespace vecdot::engine {

struct SearchOptions {
    bool exact = false;        // proven bounds only
    bool by_estimate = false;  // rows come by the keys they are thought to have (calibration)
    float sigmas = 2.6f;       // cut of the 1-bit estimate, in standard deviations
    // Cells are opened while d² − d₀² ≤ tau·reach(ρ²): for the rank that is to be emitted, between
    // Calibration::ranks by the rank's logarithm.
    double tau[Calibration::rank_count] = {1e30, 1e30, 1e30, 1e30, 1e30, 1e30, 1e30, 1e30};
    std::uint32_t rows_per_rank = 0;  // what rows_due() takes
    // Queries whose remoteness() is above this are unlike the rows: they get more.
    double remote = std::numeric_limits<double>::infinity();
    // Rows found late come at once, not at the end: values then go down now and again.
    bool late_at_once = false;
    // Rows without a distance come before all others: NULLs first, then undefined ones.
    bool nulls_first = false;
    bool undefined_first = false;
    std::size_t budget = std::size_t{4} << 20;  // bytes for the queue, and a quarter more for what
                                                // signs said (not for the cell list, and 2 bits a
                                                // row of the opened cells)
    std::uint32_t window = 24;                  // rows that the first threshold is made for
    std::uint32_t sample_step = 1;  // by estimate: only every step-th row (a power of two)
    bool leaves_used_up = false;    // by estimate: cells that are used up don't count, as otherwise
};

// What a recall setting (in (0, 1]) means for this index; 1 is exact.
SearchOptions options_for(double recall, const Calibration& calibration);

struct SearchWork {
    std::uint64_t cells = 0;      // opened
    std::uint64_t all_cells = 0;  // that there are
    std::uint64_t rows = 0;       // codes scored, re-scans included
    std::uint64_t refined = 0;    // upper half bytes read
    std::uint64_t rescans = 0;    // times opened cells were read again
    std::uint64_t late = 0;       // rows held back to the end
    std::uint64_t emitted = 0;
};

struct SearchResult {
    std::uint16_t tid[3];
    bool recheck;  // value is a lower bound: the executor computes the distance
    bool is_null;  // the distance is NULL
    double value;  // never decreases (NaN counts as largest) but for late rows that come at once;
                   // +∞ for rows held back
    double gap;    // d² − d₀² of its cell (calibration)
    double reach;  // Search::reach() when it was its turn (calibration)
    double estimate;  // key it is thought to have (calibration)
    double key;       // what rows are ordered by; 0 if only that is proven, −∞ if nothing
};

struct RowAddress {
    std::uint16_t tid[3];
};

// One scan. Lives in an arena with all it owns; trivially destructible. See search.cpp.
class Search {
  public:
    // Reads the directory (which may go away afterwards); query and store stay referenced. arena:
    // for as long as the search lasts.
    Search(core::Arena arena, const Query& query, const CellDirectory& directory,
           const CellStore& store, const SearchOptions& options, core::Interrupt interrupt);

    // The next row; false at the end. In the end every row that is not dead has come exactly once.
    // Order: loose rows (value: the lowest possible), rows by growing bound, rows held back (+∞),
    // undefined distances (NaN), NULLs; the last two may come first. When it fails the search can't
    // be used any more.
    bool next(SearchResult& result);

    // Addresses of rows that have been found and are likely to be among the next that next()
    // returns, at most as many as there is room for; how many there are. In no order.
    std::size_t upcoming(std::span<RowAddress> rows) const noexcept;

    // What the stopping rule multiplies its threshold with, given the key that the next row is
    // thought to have.
    double reach(double estimate) const;

    // How far the query is from all cells, by comparison only.
    double remoteness() const;

    const SearchWork& work() const { return work_; }

  private:
    enum class Phase : std::uint8_t {
        early_null,
        early_undefined,
        loose,
        main,
        sweep,
        undefined,
        null,
        end
    };

    // A row of the cell that is being scored, by its 1-bit bound.
    struct Found {
        float bound;
        std::uint32_t number;
    };

    // Refined, waiting to be emitted.
    struct Ready {
        double bound;
        double estimate;
        std::uint32_t cell;  // index in cells_
        std::uint32_t number;
        std::uint16_t tid[3];
        bool dead;  // takes its rank and is not emitted
    };

    // Scored, and not near enough to be refined for now. Or refined in part.
    struct Waiting {
        float bound;
        std::uint32_t cell;  // index in cells_
        std::uint32_t number;
    };

    // One of the rows that the filter leaves out.
    struct LeftOut {
        float estimate;
        std::uint32_t rows;  // that it stands for
        std::uint32_t cell;  // index in cells_
        std::uint32_t number;
    };

    // A cell that is not opened, as the filter leaves out all of it.
    struct Unread {
        float distance_squared;  // to its centroid
        std::uint64_t rows;      // of it and those before it
    };

    static bool farther(const Ready& a, const Ready& b);

    bool next_main(SearchResult& result);
    void emit(SearchResult& result);
    void take_off_nearest();
    bool is_used_up(const OpenCell& cell) const;
    std::uint32_t rows_before(std::uint32_t cell) const;
    std::uint32_t sampled_rows(const OpenCell& cell) const;
    std::uint32_t sample_mask(std::uint32_t cell, std::uint32_t first_row) const;
    void leave_used_up();
    bool next_in_cells(SearchResult& result);
    bool next_special(SpecialList list, SearchResult& result);
    void fill(SearchResult& result, const RowEntry& entry, double value, bool recheck) const;

    void collect_keys(const CellDirectory& directory);
    bool more_cells() const { return opened_keys_ < keys_.size(); }
    const CellKey& next_key();
    bool wants_cell();
    bool is_cell_due();
    bool has_wide_bounds() const { return query_->refine_sigmas > 0 && !options_.by_estimate; }
    double farthest_at(double bound) const;
    std::uint64_t likely_within(double estimate) const;
    void open_cell();

    void score(std::uint32_t cell);
    void refine_all(std::uint32_t cell);
    void score_signs(std::uint32_t cell);
    void keep_bounds(OpenCell& cell);
    void take_kept(const OpenCell& cell, float limit);
    void score_refinements(std::uint32_t cell);
    static void take(void* self, std::uint32_t first_row, std::uint32_t mask,
                     const float* bounds) noexcept;
    void refine_found(std::uint32_t cell);
    void choose_left_out(std::uint32_t cell);
    void refine_left_out();
    void read_batch(OpenCell& cell);
    void refine_batch(std::uint32_t cell);
    void complete_dots(OpenCell& cell);
    void complete_batch(std::uint32_t cell);
    void keep(std::uint32_t cell, std::uint32_t number, const RowEntry& entry,
              CellDistance::Refined refined);
    void trim_ready();
    void count_nearest(double bound);
    void wait(std::uint32_t cell, std::uint32_t number, float bound);
    void trim_waiting();
    void make_room_for_waiting();
    void refine_waiting();
    void widen();
    void look_again();
    void rescan();

    // Of the opened cells those that the filter lets pass.
    std::uint64_t rows_at_hand() const { return opened_rows_ - left_out_rows_; }
    struct LeftOutWithin {
        std::uint64_t rows;
        std::uint32_t seen;  // of the sample
    };
    LeftOutWithin left_out_within(double estimate) const;
    std::uint64_t rank_of_all(std::uint64_t rank, double estimate) const;

    bool nearest_full() const { return nearest_count_ == nearest_size_; }
    // Whether a row's bound is the same each time that it is scored.
    bool keeps_waiting() const { return by_refinements_ || !has_wide_bounds(); }
    // Whether there are more rows in the opened cells than those of the heap.
    bool has_more() const { return dropped_ || waiting_count_ > 0 || ready_count_ > heap_count_; }
    // The bound of rows that scoring is to find.
    double scoring_limit() const {
        return waiting_size_ > 0 && threshold() < waiting_limit_ ? waiting_limit_ : threshold();
    }
    // The bound beyond which nothing is looked at for now.
    double threshold() const {
        return nearest_full() ? (nearest_[0] < cut_ ? nearest_[0] : cut_) : cut_;
    }

    core::Arena arena_;
    const Query* query_;
    const CellStore* store_;
    SearchOptions options_;
    core::Interrupt interrupt_;
    SearchWork work_;
    Phase phase_ = Phase::early_null;

    std::span<CellKey> keys_;
    std::size_t sorted_keys_ = 0;
    std::size_t opened_keys_ = 0;
    double nearest_cell_ = 0;  // d₀², of the cells that are not used up
    double spread_ = 0;        // mean of the cells' d², less d₀²
    double remote_ = 1;        // factor for a query unlike the rows
    double tau_ = 0;           // of the rank that is to be emitted
    bool by_refinements_;      // rows are scored by refinements, not by signs

    std::span<OpenCell> cells_;
    std::uint32_t cell_count_ = 0;
    std::uint32_t first_left_ = 0;  // the first that is not used up

    std::span<LeftOut> left_out_;  // a sample, in the order of left_out_rows_
    std::size_t left_out_count_ = 0;
    std::size_t left_out_refined_ = 0;  // the ones whose estimate is known, so far
    std::uint64_t next_left_out_ = 0;   // the next one's place

    std::span<Unread> unread_;  // nearest first
    std::size_t unread_count_ = 0;
    double beyond_centroids_ = 0;  // estimates of the sample, less the distances of their cells

    // Of the cell that is being scored.
    std::uint32_t scan_cell_ = 0;
    std::span<Found> found_;
    std::size_t found_count_ = 0;
    std::span<kernels::PlaneDots> dots_;
    std::span<RefinementScorer::Survivor> survivors_;
    RefineBatch* batch_;

    // First a heap, nearest first, of rows that were below the threshold when they came; then the
    // others, in no order.
    std::span<Ready> ready_;
    std::size_t heap_count_ = 0;
    std::size_t ready_count_ = 0;
    std::size_t capacity_;  // rows that stay in ready_ when there are twice as many
    double cut_;            // the least bound that such a trimming dropped
    bool dropped_ = false;  // rows of opened cells are in no list, at or beyond threshold()

    // Rows beyond threshold(), in no order, when the opened cells have once been read again.
    std::span<Waiting> waiting_;
    std::size_t waiting_count_ = 0;
    std::size_t waiting_size_ = 0;  // rows that stay when waiting_ is full; 0: none are kept
    double waiting_limit_;          // the least bound of one that was not; −∞: any may be
    std::span<Waiting> chosen_;     // the ones that are being refined

    // The bounds of the next nearest_size_ rows of ready_, a heap, farthest first.
    std::span<double> nearest_;
    std::size_t nearest_count_ = 0;
    std::size_t nearest_size_;

    // With refinements of 4 bits: the least estimates of the rows found, a heap, farthest first,
    // and the widest error of such a row.
    std::span<double> likely_;
    std::size_t likely_count_ = 0;
    double widest_error_ = 0;

    std::uint64_t rank_ = 0;  // rows that the main phase has emitted, or passed over as dead
    std::uint64_t opened_rows_ = 0;
    std::size_t kept_bounds_ = 0;      // the room of OpenCell::bounds
    std::uint64_t left_out_rows_ = 0;  // of these, by the filter
    std::uint64_t used_up_rows_ = 0;   // of the cells before first_left_
    double last_key_;
    double last_value_;

    // Where a walk through lists of entries is.
    std::uint32_t walk_cell_ = 0;
    std::uint64_t walk_position_ = 0;
    std::size_t chunk_count_ = 0;
    std::size_t chunk_next_ = 0;
    std::span<RowEntry> chunk_;
};

static_assert(std::is_trivially_destructible_v<Search>);

}  // namespace vecdot::engine
