// What a query makes of the signs and refinements of a cell as storage hands them over, in pieces.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/query.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {

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

    // kept: room for the bounds of all rows, to a multiple of 32, that are to stay; may be null.
    SignScorer(const Query& query, const kernels::BoundTerms& terms, std::uint32_t rows, float cut,
               Take take, void* self, float* kept) noexcept;

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
    float* kept_;
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

}  // namespace vecdot::engine
