// Replacing all cells at once, by new ones in one run of blocks beside a new directory: what
// finding better cells (recluster.cpp), which may come with another origin, and giving the index
// another scale (rescale.cpp) share.
//
// All under the structure lock. The new cells and the arrays of the new directory are intents until
// one record on the meta page publishes them, thaws the index and notes the old directory, whose
// cells finish_unfinished() frees. From freeze() to there nobody adds a row; whoever wants to waits
// for the structure lock. Searches go on.
#pragma once

#include "index/storage/meta.hpp"
#include "index/storage/summaries.hpp"
#include "index/upkeep/rewrite.hpp"

namespace vecdot::index {

// Room for growth in new cells, as a part of the rows.
constexpr double room_of_inserter = 0.25;
constexpr double room_of_vacuum = 1.0 / 32;

// Frames that call PostgreSQL hold it, so no C++ objects with destructors here and below.
struct Renewal {
    Relation index;
    Parameters old_parameters;
    Parameters parameters;
    const engine::Space* old_space;
    const engine::Space* space;
    TableRows* table;  // rows are read again from it, unless null
    double ratio;      // of the new scale to the old one
    // What images are less in the new space, within shift_error; null: the origin stays.
    float* shift;
    float shift_error;
    double slack;      // room for growth
    bool clustered;    // all rows are clustered anew, under the same scale
    uint64 rows;       // live
    uint64 long_rows;  // of them in cells of long rows
    uint64 extents;    // of the old cells
    uint64 pages;      // about as many as the new cells take
    CellList list;
    // The new directory.
    uint32 count;  // slots
    uint32 capacity;
    Slot* slots;
    uint8* centroid_codes;  // slot after slot
    NewSummaries* summaries;
};

// Opens all cells and counts their rows. Memory is CurrentMemoryContext's, now and later.
Renewal begin_renewal(Relation index);

// An old cell.
struct OldRows {
    CellRef ref;
    CellView view;
    float* centroid;
};
void open_old(const Renewal& renewal, const CellRef& ref, OldRows* cell);

struct WalkedRow {
    RowEntry entry;
    engine::RowKeys keys;
};

// What a walk over a cell's live rows calls: rotated is the row's old image, within error.
struct Visitor {
    void (*visit)(void* state, const WalkedRow& row, float* rotated, float error);
    void* state;
};
// The rows from `first` on that the cell had when it was opened.
void walk(const OldRows& cell, uint32 first, const Visitor& visitor);

// Gives the new space this origin, float4[padded].
void set_origin(Renewal* renewal, const float* origin);

// A row's image in the new space; returns its error.
float to_new_space(const Renewal& renewal, float error, float* rotated);

// New cells, for the rows of one old one or of many.
struct Plan {
    const Renewal* renewal;
    OldRows* cells;
    uint32 cell_count;
    uint16 flags;  // of the new cells
    uint32 count;  // of them
    float* centroids;
    uint64* rows;         // that each gets
    CellWriter* writers;  // null before they are begun
    uint32* written;      // rows of each that are; null: none
    uint32 first_slot;
    engine::EncodedRow row;
};
uint64 live_rows(const Plan& plan);
void walk(const Plan& plan, const Visitor& visitor);

// At most so many of the live rows, evenly from all, in the new space. skipped: which rows don't
// count, in the order of the walk, or null.
struct RowSample {
    const Renewal* renewal;
    float* rows;
    uint64 count;
    uint64 wanted;
    uint64 seen;
    uint64 live;
    const bool* skipped;
};
RowSample sample_rows(const Plan& plan, uint64 wanted, const bool* skipped = nullptr);

// The one old cell stays one, with the same centroid.
void plan_same(Plan* plan);

// Pages of the new cells.
uint64 count_pages(const Plan& plan);
// Whether there seems to be room for new cells, and for what becomes free: before the work.
bool is_room_likely(const Renewal& renewal);
// So many contiguous blocks for new cells; more than a relation can have are an error.
// InvalidBlockNumber if the file can't grow: finish_unfinished() then gives all up.
BlockNumber allocate_cells(const Renewal& renewal, uint64 pages);

// Room for so many slots, the special lists taken over.
void begin_directory(Renewal* renewal, uint32 capacity);

// Begins the new cells in slots of their own, in a run of blocks from `at` on; returns the block
// behind it.
BlockNumber begin_cells(Renewal* renewal, Plan* plan, BlockNumber at);
// Of the new cells, by number, the one with the nearest centroid; of those that have room, once
// they are begun. no_cell if none has.
uint32 nearest_with_room(const Plan& plan, const float* rotated);
// A row for one of them: it must have room. rotated: the image in the new space, replaced.
void write_to(Plan* plan, uint32 cell, const WalkedRow& row, float* rotated, float error);
// Writes all of them to the end as they are by now, but those that are as they were the last time;
// end_cells() then has only those to write that get more rows.
void write_cells_so_far(Plan* plan);
void end_cells(Renewal* renewal, Plan* plan);

// From when it returns nobody is adding a row, until what was begun is published or finished.
void stop_inserters(const Renewal& renewal);

// Publishes the new directory. False if there is no room for its arrays, as above.
bool end_renewal(Renewal* renewal);

}  // namespace vecdot::index
