// How the search sees the index's pages: through a table of functions that storage fills in (pages
// with PostgreSQL, memory in tests). The functions may leave by longjmp: nothing on the way owns
// anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "engine/scorer.hpp"

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
    std::uint64_t* done;         // Search's: rows that wait or have left the queues, a bit each
    std::uint64_t* late;         // Search's: those of them that are held back
    std::uint32_t passed = 0;    // Search's: rows emitted, held back or found dead
    std::uint32_t taken = 0;     // Search's: those and the rows that wait; how many bits of done
    float* bounds = nullptr;     // Search's: room for what the signs say of each row; null: it goes
    bool is_scored = false;      // Search's: by the signs
    std::uint32_t left_out = 0;  // Search's: by the filter, of passed and taken
    std::uint32_t unread = 0;  // Search's: rows of one that is not opened, for it has none to give
};

enum class SpecialList : std::uint8_t { loose, undefined, null };

struct CellStore {
    void* self;
    // Sets cell.rows and cell.state, gives the float centroid to cell.distance.add() in order.
    void (*open)(void* self, OpenCell& cell);
    // These cells are likely to be opened next, in this order, at least one: a hint to have their
    // memory fetched, or their pages read.
    void (*expect)(void* self, std::span<const CellKey> keys);
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
    // Sets the bits of the rows of a cell, just opened, that a filter leaves out; returns how many
    // these are. Null: there is no filter. Entries of special lists that it leaves out come as dead
    // ones.
    std::uint32_t (*filter)(void* self, OpenCell& cell, std::uint64_t* left_out) = nullptr;
    // About how many rows a cell has, if the filter is known to leave out all of them, so that it
    // need not be opened; else 0. Null: nothing is known.
    std::uint32_t (*unread)(void* self, const CellKey& key) = nullptr;
};

}  // namespace vecdot::engine
