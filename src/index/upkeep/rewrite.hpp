// Replacing cells by new ones: what splits, merges and compaction share. rewrite.cpp says how.
#pragma once

#include "index/storage/cell_writer.hpp"
#include "index/storage/directory.hpp"
#include "index/upkeep/table_rows.hpp"
#include "pg/delay_point.hpp"

namespace vecdot::index {

constexpr uint32 max_replaced = 2;
// Each new cell takes a slot at the end of the slots' array and an intent; the slots must lie on at
// most two pages. Clustering into 64 can give an eighth more (engine::most_clusters()).
constexpr uint32 max_new_cells = 64;
static_assert(max_new_cells * 9 / 8 <= max_intents && max_new_cells * 9 / 8 < slots_per_page);
static_assert(max_replaced <= max_retiring);

// What a new cell has room for beyond its rows: some of what it will grow by before it is split.
constexpr double room_to_grow = 0.25;

constexpr uint32 no_cell = UINT32_MAX;

struct OldCell {
    CellRef ref;
    CellView view;    // as far as it is known: rows are added until the end
    float* centroid;  // float4[padded], null in a list
    uint32 copied;    // rows
};

struct NewCell {
    uint16 flags;
    float* centroid;  // float4[padded], null in a list
    uint32 same_as;   // the old cell whose slot and centroid it takes over, or no_cell: a new slot
    uint64 rows;      // live rows expected
    float radius;     // the directory's is at least this
    // From here on replace_cells() fills it in.
    Extent extent;
    uint32 slot;
    uint64 generation;
    CellWriter writer;
};

struct Rewrite {
    Relation index;
    Parameters parameters;
    const engine::Space* space;
    TableRows* table;  // rows are read again from it, unless null
    uint32 old_count;  // 0: a cell is started
    OldCell old[max_replaced];
    uint32 new_count;  // 0: an empty cell goes
    NewCell* cells;
    // Which of the new cells gets a row with this image (null in a list).
    uint32 (*choose)(const Rewrite& rewrite, const float* rotated);
};

// One for Rewrite::choose: that with the nearest centroid.
uint32 nearest_new_cell(const Rewrite& rewrite, const float* rotated);

// Opens old cell number rewrite->old_count, its centroid in CurrentMemoryContext.
OldCell* add_old_cell(Rewrite* rewrite, const CellRef& ref);

// Nothing has changed unless it is done: overtaken if more rows came meanwhile than there is room
// for, so that it may be tried again with more; no_room if the file can't grow.
enum class Replaced { done, overtaken, no_room };

// Writes the new cells with the live rows of the old ones and publishes them by one record. Needs
// the structure lock. slack: room for so many parts of the rows expected. All memory is
// CurrentMemoryContext's. The old cells' blocks are free when it returns.
Replaced replace_cells(Rewrite* rewrite, double slack);

// 32 rows of a cell or less, copied out of its pages.
struct RowBlock {
    uint32 count;
    RowEntry entries[rows_per_block];
    uint8* refinements;  // padded bytes a row; those of dead rows are not read
    uint8* planes;       // the same, as they are stored
    uint8* units;        // the block's sign bits and factors, if wanted
    uint8* keys;         // those of the whole block of 32; null: there are none
    uint32 first;        // row of these
};
RowBlock* new_block(const CellLayout& layout);
void free_block(RowBlock* block);
// first + count may not pass the end of the block of 32 rows that first is in, nor view.rows.
void read_block(const CellView& view, uint32 first, uint32 count, bool with_units, RowBlock* block);

// Of row number i of the block.
engine::RowKeys keys_of(const CellView& view, const RowBlock& block, uint32 i);

// Visits the live rows of an old cell with codes, decoded: float4[padded].
template <typename Visit>
void visit_rows(const OldCell& old, Visit visit) {
    const CellLayout& layout = old.view.layout;
    RowBlock* block = new_block(layout);
    float* rotated = static_cast<float*>(palloc(layout.centroid_bytes));
    for (uint32 first = 0; first < old.view.rows; first += rows_per_block) {
        pg::delay_point();
        read_block(old.view, first, Min(rows_per_block, old.view.rows - first), false, block);
        for (uint32 i = 0; i < block->count; ++i) {
            if (!is_dead(block->entries[i])) {
                engine::decode_row(layout.padded, block->refinements + Size{i} * layout.padded,
                                   block->entries[i].refine, old.centroid, rotated);
                visit(rotated);
            }
        }
    }
    pfree(rotated);
    free_block(block);
}

}  // namespace vecdot::index
