// The emission loop: rows of an index in the order of their proven lower bounds, one at a time, for
// as long as the caller asks. README.md beside this file says how it works and why it ends.
#pragma once

#include "algo/calibration.hpp"
#include "algo/store.hpp"
#include "core/interrupt.hpp"

namespace vecdot::algo {

struct SearchOptions {
    bool exact = false;   // proven bounds only
    float sigmas = 2.6f;  // cut of the 1-bit estimate, in standard deviations
    double tau = 1e30;    // cells are opened while d² − d₀² ≤ tau·ρ²
    std::size_t budget = std::size_t{4} << 20;  // bytes for the queues (not for the cell list, and
                                                // 1 bit a row of the opened cells)
    std::uint32_t window = 16;  // rows that the first batch of refinements is made for
};

// What a recall setting (in (0, 1]) means for this index; 1 is exact.
SearchOptions options_for(double recall, const Calibration& calibration);

struct SearchWork {
    std::uint64_t cells = 0;    // opened
    std::uint64_t rows = 0;     // 1-bit codes scored, re-scans included
    std::uint64_t refined = 0;  // int8 codes read
    std::uint64_t rescans = 0;  // times the opened cells were read again
    std::uint64_t late = 0;     // rows held back to the end
    std::uint64_t emitted = 0;
};

struct SearchResult {
    std::uint16_t tid[3];
    bool recheck;     // value is a lower bound: the executor computes the distance
    bool is_null;     // the distance is NULL
    double value;     // never decreases (NaN counts as largest); +∞ for rows held back
    double gap;       // d² − d₀² of its cell (calibration)
    double estimate;  // key it is thought to have (calibration)
    double key;       // proven lower bound of its key; −∞ where there is none (calibration)
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
    // undefined distances (NaN), NULLs. When it fails the search can't be used any more.
    bool next(SearchResult& result);

    const SearchWork& work() const { return work_; }

  private:
    enum class Phase : std::uint8_t { loose, main, sweep, undefined, null, end };

    // Not refined yet: waiting for its 1-bit bound to matter.
    struct Deferred {
        float bound;
        std::uint32_t cell;  // index in cells_
        std::uint32_t slot;
    };

    // Refined, waiting to be emitted.
    struct Ready {
        double bound;
        double estimate;
        std::uint32_t cell;
        std::uint32_t slot;
        std::uint16_t tid[3];
    };

    static bool nearer(const Deferred& a, const Deferred& b);
    static bool farther(const Ready& a, const Ready& b);

    bool next_main(SearchResult& result);
    bool next_in_cells(SearchResult& result);
    bool next_special(SpecialList list, SearchResult& result);
    void fill(SearchResult& result, const RowEntry& entry, double value, bool recheck) const;

    bool more_cells() const { return opened_keys_ < keys_.size(); }
    const CellKey& next_key();
    bool wants_cell();
    void open_cells();
    void open_cell();
    void score(std::uint32_t cell);
    void refine_all(std::uint32_t cell);
    void settle();
    void refine(std::span<Deferred> rows);
    void refine_batch(std::uint32_t cell);
    void keep(std::uint32_t cell, std::size_t i, const CellDistance::Refined& refined);
    void trim_ready();
    void widen();
    void rescan();
    bool nearest_full() const { return nearest_count_ == nearest_size_; }
    double threshold() const;
    static float take(void* self, std::uint32_t first_row, std::uint32_t mask,
                      const float* bounds) noexcept;
    void trim_deferred() noexcept;

    core::Arena arena_;
    const Query* query_;
    const CellStore* store_;
    SearchOptions options_;
    core::Interrupt interrupt_;
    SearchWork work_;
    Phase phase_ = Phase::loose;

    std::span<CellKey> keys_;
    std::size_t sorted_keys_ = 0;
    std::size_t opened_keys_ = 0;
    double nearest_cell_ = 0;  // d₀²

    std::span<OpenCell> cells_;
    std::uint32_t cell_count_ = 0;

    // Rows of the opened cells whose 1-bit bound is below cut_; the rest are dropped, for a rescan.
    bool staged_;  // false: every row is refined at once, and cut_ is about ready_
    std::span<Deferred> deferred_;
    std::size_t deferred_count_ = 0;
    std::size_t settled_ = 0;  // the first of deferred_ that threshold() has not been applied to
    std::size_t capacity_;     // rows to keep when there are too many
    std::size_t capacity_limit_;
    double cut_;

    std::span<Ready> ready_;  // a heap, nearest first
    std::size_t ready_count_ = 0;

    // The bounds of the next nearest_size_ rows of ready_, a heap, farthest first: when full its
    // top is the threshold below which 1-bit bounds demand a refinement.
    std::span<double> nearest_;
    std::size_t nearest_count_ = 0;
    std::size_t nearest_size_;

    double last_key_;
    double last_value_;

    // Where a walk through lists of entries is.
    std::uint32_t scan_cell_ = 0;  // the cell that take() works for
    std::uint32_t walk_cell_ = 0;
    std::uint64_t walk_position_ = 0;
    std::size_t chunk_count_ = 0;
    std::size_t chunk_next_ = 0;
    std::span<RowEntry> chunk_;
    RefineBatch* batch_;
};

static_assert(std::is_trivially_destructible_v<Search>);

}  // namespace vecdot::algo
