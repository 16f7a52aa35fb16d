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
};

// One scan. Lives in an arena with all it owns; trivially destructible.
class Search {
  public:
    // Reads the directory (which may go away afterwards); query, store, interrupt stay referenced.
    // arena: for as long as the search lasts.
    Search(core::Arena arena, const Query& query, const CellDirectory& directory,
           const CellStore& store, const SearchOptions& options, core::Interrupt interrupt);

    // The next row; false at the end. In the end every row that is not dead has come exactly once.
    // Order: loose rows (value: the lowest possible), rows by growing bound, rows held back (+∞),
    // undefined distances (NaN), NULLs.
    bool next(SearchResult& result);

    const SearchWork& work() const { return work_; }

  private:
    struct Impl;
    core::Arena arena_;
    Impl* impl_;
    SearchWork work_;
};

static_assert(std::is_trivially_destructible_v<Search>);

}  // namespace vecdot::algo
