// The meta page, the paged arrays that hang on it, and the locks of the whole index.
//
// Lock order: structure lock (heavyweight) -> one head page -> meta page -> pages of the directory
// and the free list. Nobody waits for a head while holding the meta page.
#pragma once

#include "engine/calibration.hpp"
#include "engine/space.hpp"
#include "index/format/layout.hpp"
#include "index/storage/pages.hpp"

namespace vecdot::index {

// Parameters of a new index over vectors of dimensions.
Parameters make_parameters(engine::Metric metric, engine::Arithmetic arithmetic, int dimensions,
                           uint64 seed, uint32 refine_bits, double scale, const KeyColumns& keys);

engine::SpaceParameters space_parameters(const Parameters& parameters);

// A copy of the meta page; ERRCODE_INDEX_CORRUPTED or, for a version this library can't read,
// ERRCODE_FEATURE_NOT_SUPPORTED with a REINDEX hint.
void read_meta(Relation index, Meta* meta);

// Stores what the stopping rule learnt under this scale, as one WAL record. Cached directories are
// reloaded.
void write_calibration(Relation index, const engine::Calibration& calibration, double scale);

// Reads, locks and checks block 0.
Buffer lock_meta(Relation index, BufferLockMode lock);
Meta* meta_of(Page page);

// The structure lock: vacuum, splits and merges exclude each other with it. An inserter only tries.
void lock_structure(Relation index);
bool try_lock_structure(Relation index);
void unlock_structure(Relation index);
// The verifier's: keeps these out, and they it.
void lock_structure_shared(Relation index);
void unlock_structure_shared(Relation index);

// So that no two backends calibrate at once. Nothing else is locked with it.
bool try_lock_calibration(Relation index);
void unlock_calibration(Relation index);

// Block of a page of an array; ERRCODE_INDEX_CORRUPTED if it has none.
BlockNumber array_block(Relation index, const Segments& segments, uint32 page);
// Reads and locks a page of an array.
Buffer read_array_page(Relation index, const Segments& segments, PageKind kind, uint32 page,
                       BufferLockMode lock);
// Gives the array page number page, if it has none: a new segment, noted in the image of the meta
// page. Segments always come from the end, so that their pages are new until they are written.
void grow_array(Meta* meta, Segments* segments, uint32 page);
// Locks a page of an array exclusively and adds it to the record, formatted if it was never
// written.
Page add_array_page(Relation index, const Segments& segments, PageKind kind, uint32 page,
                    Record* record, Buffer* buffer);

// A generation for a new cell.
uint64 next_generation(Relation index);

// An inserter is about to begin upkeep: noted first, and taken back by the record that ends it.
// False if it is to be left to vacuum, or until there are more cells, as others had begun it and
// not come to its end. Needs the lock that keeps others from it.
bool begin_upkeep(Relation index, Upkeep upkeep);
void end_upkeep(Meta* meta, Upkeep upkeep);

// Whether rows may be added. Needs the structure lock.
void freeze(Relation index, bool frozen);

}  // namespace vecdot::index
