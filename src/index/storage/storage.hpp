// The on-disk side of the index, as the access method's other parts see it.
//
// Everything here calls PostgreSQL and may ereport; call it inside the guard, from frames without
// C++ objects that have destructors. Damaged pages give ERRCODE_INDEX_CORRUPTED with the block.
#pragma once

#include "engine/calibration.hpp"
#include "engine/store.hpp"
#include "index/format/layout.hpp"
#include "index/format/page.hpp"

extern "C" {
#include "access/genam.h"
#include "common/relpath.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

// ---------------------------------------------------------------------------------------------
// Creation and build (create.cpp, bulk.cpp)

// Parameters of a new index over vectors of dimensions.
Parameters make_parameters(engine::Metric metric, int dimensions, uint64 seed, uint32 refine_bits,
                           double scale);

engine::SpaceParameters space_parameters(const Parameters& parameters);

// Writes a complete empty index into fork (which has no blocks): the three special lists, one empty
// cell whose centroid is zero, and under inner product an empty one for long rows. Logged with full
// pages when the relation is logged or the fork is the init fork. No origin.
void create_empty(Relation index, ForkNumber fork, const Parameters& parameters);

// A build writes cells one after another into an empty relation; nothing is logged before
// log_index(), which logs all pages (log_newpage_range). All memory is CurrentMemoryContext's at
// bulk_begin(). Special lists are cells like the others, with the flags cell_loose, cell_nan or
// cell_nulls alone; those not written are created empty, and so is a first cell with codes, and one
// for long rows under inner product, where there is none.
struct BulkWriter;
// origin: float4[padded] or null.
BulkWriter* bulk_begin(Relation index, const Parameters& parameters, const float* origin);
// rows: how many bulk_add() calls follow. centroid: float4[padded], exactly the floats the rows
// are encoded against; null for a special list. flags: cell_has_codes, or cell_has_codes |
// cell_always_first, or one of the special lists.
// no_split_below: of its header.
void bulk_begin_cell(BulkWriter* writer, uint16 flags, const float* centroid, uint32 rows,
                     uint32 no_split_below);
// row: null for a special list, else what encode_row() made of it.
void bulk_add(BulkWriter* writer, const ItemPointerData* tid, const engine::EncodedRow* row);
void bulk_end_cell(BulkWriter* writer);
// Writes what is left: directory, meta page. rows that were added are counted into the meta page.
void bulk_finish(BulkWriter* writer);
void log_index(Relation index, ForkNumber fork);

// ---------------------------------------------------------------------------------------------
// The meta page (meta.cpp)

// A copy of the meta page; ERRCODE_INDEX_CORRUPTED or, for a version this library can't read,
// ERRCODE_FEATURE_NOT_SUPPORTED with a REINDEX hint.
void read_meta(Relation index, Meta* meta);

// Stores what the stopping rule learnt under this scale, as one WAL record. Cached directories are
// reloaded.
void write_calibration(Relation index, const engine::Calibration& calibration, double scale);

// ---------------------------------------------------------------------------------------------
// The directory in memory (directory.cpp)

// A cell without codes.
struct ListEntry {
    uint32 slot;
    BlockNumber head;
    uint64 generation;
};

// One chunk in the relation's rd_amcache: any relcache message may free it, so nobody keeps a
// pointer into it across a call that may open relations or run SQL. A search copies what it needs.
struct Directory {
    uint64 version;
    Parameters parameters;
    uint64 rows;         // live rows when last counted (build, vacuum)
    float usual_radius;  // three quarters of the cells, of long rows left out, don't exceed it
    engine::Calibration calibration;
    engine::CellDirectory cells;     // cells with codes; flags are engine::CellFlags
    const uint32* slots;             // slot number of each cell
    const uint64* generations;       // of each cell
    ListEntry lists[special_slots];  // loose, NaN, NULLs
    const engine::Space* space;
    const float* origin;  // float4[padded], or null
};

// The current directory: the cached one while the meta page still has its version.
const Directory* open_directory(Relation index);

// A Space that outlives the cached directory, in arena.
engine::Space* copy_space(core::Arena& arena, const Directory& directory);

// ---------------------------------------------------------------------------------------------
// Searching (store.cpp)

// The pages behind engine::Search. Memory is CurrentMemoryContext's; the index must stay open. Take
// it from the same directory as the search's keys.
engine::CellStore* open_store(Relation index, const Directory& directory);

// ---------------------------------------------------------------------------------------------
// DML and maintenance (insert.cpp, split.cpp, vacuum.cpp)

// aminsert. value: a vector datum of the index's dimensions (detoasted here).
void insert(Relation index, Relation table, ItemPointer tid, bool is_null, Datum value);

// ambulkdelete and amvacuumcleanup; neither reads the heap.
IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state);
IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);

// Learns the stopping rule anew from stored rows (calibrate.cpp); the build calls it after
// bulk_finish(), vacuum and inserters when the number of cells has changed. most: queries.
void calibrate(Relation index, uint64 seed, uint64 most = engine::Calibrator::enough);

}  // namespace vecdot::index
