// How the search sees the index's pages: through a table of functions that storage fills in (pages
// with PostgreSQL, memory in tests). The functions may leave by longjmp: nothing on the way owns
// anything.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "engine/code.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {

// One cell in the directory.
struct CellSummary {
    RefineFactors centroid;  // of encode_centroid()
    float radius;            // ≥ |exact image − c'| of every row
    bool long_rows;          // opened before all others
    std::uint64_t handle;    // storage's own: head block, generation
};

// All cells. Read by Search's constructor only.
struct CellDirectory {
    std::uint32_t count;
    const CellSummary* summaries;
    const std::uint8_t* codes;  // count × padded

    // What the cells are wide, in the mean: as prepare_query() wants it.
    double mean_radius() const {
        double sum = 0;
        std::uint32_t cells = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!summaries[i].long_rows) {
                sum += static_cast<double>(summaries[i].radius);
                ++cells;
            }
        }
        return sum / std::max(cells, std::uint32_t{1});
    }
};

// A cell in the order of one query.
struct CellKey {
    float distance_squared;  // to the coded centroid
    float lower;             // proven lower bound of any row's distance (not squared)
    std::uint32_t cell;      // index in the directory
    bool long_rows;
    std::uint64_t handle;
};

struct OpenCell {
    CellKey key;
    std::uint32_t rows;  // set by CellStore::open; rows beyond it don't exist for this search
    void* state;         // storage's own, null before open
    CellDistance distance;
    std::uint64_t* done;       // Search's: rows that wait or have left the queues, a bit each
    std::uint64_t* late;       // Search's: those of them that are held back
    std::uint32_t passed = 0;  // Search's: rows emitted, held back or found dead
    std::uint32_t taken = 0;   // Search's: those and the rows that wait; how many bits of done
};

// Scores the blocks of one cell as their units go by. Storage calls units() with consecutive units
// of the cell's blocks, cut anywhere between two units; all blocks up to rows, none behind.
class SignScorer {
  public:
    // units: count·64 bytes, any alignment (64 is best). ahead: where as many bytes that come later
    // lie, to be fetched meanwhile; may be null. Never throws, never allocates.
    void units(const std::uint8_t* units, std::size_t count, const std::uint8_t* ahead) noexcept;

    // Takes the 32 bounds of a block and the rows below the cut.
    using Take = void (*)(void* self, std::uint32_t first_row, std::uint32_t mask,
                          const float* bounds) noexcept;

    SignScorer(const Query& query, const kernels::BoundTerms& terms, std::uint32_t rows, float cut,
               Take take, void* self) noexcept;

    std::uint32_t rows() const { return rows_; }

  private:
    // Scored by one call of the kernel.
    static constexpr std::size_t some_blocks = 16;

    void score_blocks(const std::uint8_t* units, std::size_t blocks,
                      const kernels::Stream& stream) noexcept;
    void finish_block(const std::uint8_t* factors) noexcept;
    void give(std::uint32_t below, const float* bounds) noexcept;

    const std::int8_t* table_;
    kernels::BoundTerms terms_;
    std::uint32_t rows_;
    float cut_;
    Take take_;
    void* self_;
    std::size_t sign_units_;
    std::size_t position_ = 0;  // units of the current block that have gone by
    std::uint32_t first_row_ = 0;
    alignas(64) std::int32_t sums_[kernels::block_rows] = {};
    alignas(64) std::uint8_t factors_[factor_units * kernels::unit_bytes];
};

// Calls visit(i), ascending, for the rows of which within_reach() doesn't say that they are too
// far.
template <typename Visit>
void visit_within(const RowEntry* entries, const kernels::PlaneDots* dots, std::size_t count,
                  const kernels::ReachTerms& terms, Visit&& visit) {
    static_assert(sizeof(RowEntry) == kernels::entry_bytes &&
                  offsetof(RowEntry, refine) == kernels::entry_factors);
    for (std::size_t first = 0; first < count; first += kernels::block_rows) {
        std::uint32_t within = kernels::active().codes.within_reach(
            reinterpret_cast<const std::uint8_t*>(entries + first), dots + first,
            std::min(kernels::block_rows, count - first), terms);
        for (; within != 0; within &= within - 1) {
            visit(first + static_cast<std::size_t>(std::countr_zero(within)));
        }
    }
}

// Rows of one cell whose address entries and refinements are wanted, ascending.
struct RefineBatch {
    static constexpr std::size_t capacity = 128;

    const Query* query;
    std::uint32_t count;
    std::uint32_t rows[capacity];
    RowEntry entries[capacity];         // storage copies them here
    kernels::PlaneDots dots[capacity];  // zeroed by Search
    std::int32_t rest[capacity];        // the third plane's, zeroed too

    // Storage hands over a plane of rows[i]'s refinement, in pieces of multiples of 32 bytes if it
    // is cut; offset: bytes of the plane before this piece.
    void upper(std::size_t i, std::size_t offset, const std::uint8_t* nibbles,
               std::size_t bytes) noexcept {
        add(i, 16, offset, nibbles, bytes);
    }
    void lower(std::size_t i, std::size_t offset, const std::uint8_t* nibbles,
               std::size_t bytes) noexcept {
        add(i, 1, offset, nibbles, bytes);
    }

  private:
    void add(std::size_t i, int weight, std::size_t offset, const std::uint8_t* nibbles,
             std::size_t bytes) noexcept {
        kernels::PlaneDots d;
        kernels::active().codes.dot_nibbles(nibbles, 1, 2 * bytes, query->high.data() + 2 * offset,
                                            query->low.data() + 2 * offset, &d);
        dots[i].high += weight * d.high;
        dots[i].low += weight * d.low;
        if (!query->rest.empty()) {
            const std::int8_t* plane = query->rest.data() + 2 * offset;
            kernels::active().codes.dot_nibbles(nibbles, 1, 2 * bytes, plane, plane, &d);
            rest[i] += weight * d.high;
        }
    }
};

// Computes the dots of all upper planes of one cell, and says which rows can lie below a threshold.
// Storage calls upper() with the rows' planes as one stream, cut anywhere at multiples of 32 bytes,
// then entries() with the address entries of all rows, in order and cut anywhere between two.
class RefinementScorer {
  public:
    struct Survivor {
        std::uint32_t number;
        RowEntry entry;
    };

    // dots and survivors: room for rows + 32 each. threshold: key beyond which rows are of no
    // interest; skip: bits of rows that are of none either.
    RefinementScorer(const Query& query, const CellDistance& distance, std::uint32_t rows,
                     bool long_rows, double threshold, const std::uint64_t* skip,
                     kernels::PlaneDots* dots, Survivor* survivors) noexcept;

    // Neither throws or allocates. ahead: as for SignScorer::units.
    void upper(const std::uint8_t* nibbles, std::size_t bytes, const std::uint8_t* ahead) noexcept;
    void entries(const RowEntry* entries, std::size_t count) noexcept;

    std::uint32_t rows() const { return rows_; }
    std::size_t survivors() const { return survivor_count_; }

  private:
    const Query* query_;
    kernels::ReachTerms terms_;
    std::uint32_t rows_;
    const std::uint64_t* skip_;
    kernels::PlaneDots* dots_;
    Survivor* survivors_;
    std::size_t survivor_count_ = 0;
    std::uint32_t scored_ = 0;  // rows whose dots are complete
    std::size_t offset_ = 0;    // bytes of the next one that have gone by
    std::uint32_t entries_done_ = 0;
};

enum class SpecialList : std::uint8_t { loose, undefined, null };

struct CellStore {
    void* self;
    // Sets cell.rows and cell.state, gives the float centroid to cell.distance.add() in order.
    void (*open)(void* self, OpenCell& cell);
    // This cell is likely to be opened next: a hint to have its memory fetched.
    void (*expect)(void* self, const CellKey& key);
    // Hands all blocks to the scorer. May be called again later for the same cell.
    void (*signs)(void* self, OpenCell& cell, SignScorer& scorer);
    // Fills batch.entries and calls batch.upper(); rows are below cell.rows.
    void (*refine)(void* self, OpenCell& cell, RefineBatch& batch);
    // Calls batch.lower(). Not needed for refinements of 4 bits.
    void (*complete)(void* self, OpenCell& cell, RefineBatch& batch);
    // Hands all upper planes, then all entries to the scorer.
    void (*refinements)(void* self, OpenCell& cell, RefinementScorer& scorer);
    // Copies address entries first … of a cell; returns how many (≥ 1 while first < cell.rows).
    std::size_t (*entries)(void* self, OpenCell& cell, std::uint32_t first,
                           std::span<RowEntry> entries);
    // The same of a special list from a position that starts at 0 and counts entries; 0 at its end.
    std::size_t (*special)(void* self, SpecialList list, std::uint64_t position,
                           std::span<RowEntry> entries);
};

}  // namespace vecdot::engine
