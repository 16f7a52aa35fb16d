// The meta page and what hangs on it: the paged arrays and the allocation of blocks.
//
// Lock order: structure lock (heavyweight) -> one head page -> meta page -> pages of the directory
// and the free list. Nobody waits for a head while holding the meta page.
#pragma once

#include "index/format/layout.hpp"
#include "index/storage/pages.hpp"
#include "index/storage/storage.hpp"

namespace vecdot::index {

// Reads, locks and checks block 0.
Buffer lock_meta(Relation index, int lock);
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
                       int lock);
// Gives the array page number page, if it has none: a new segment, noted in the image of the meta
// page. Segments always come from the end, so that their pages are new until they are written.
void grow_array(Meta* meta, Segments* segments, uint32 page);
// Locks a page of an array exclusively and adds it to the record, formatted if it was never
// written.
Page add_array_page(Relation index, const Segments& segments, PageKind kind, uint32 page,
                    Record* record, Buffer* buffer);

// Takes length contiguous blocks, noted as an intent by the same record.
BlockRun allocate_intent(Relation index, uint32 length);

// Takes length contiguous blocks for a cell, changing the meta page's image and perhaps a page of
// the free list, which is added to the record: *locked is it, or invalid; release it after
// finish().
BlockRun allocate_run(Relation index, Meta* meta, uint32 length, Record* record, Buffer* locked);

// Gives blocks back, to be reused once nobody can read them: changes the meta page's image, and one
// or two pages of the free list, added to the record. locked: two buffers, invalid if not used.
void free_runs(Relation index, Meta* meta, const BlockRun* runs, uint32 count, uint64 retired_at,
               Record* record, Buffer* locked);

// A generation for a new cell.
uint64 next_generation(Relation index);

// Whether rows may be added. Needs the structure lock.
void freeze(Relation index, bool frozen);

// The next cell of a directory that was replaced as a whole, of those not freed yet; the special
// lists have been taken over. *next is the slot to begin with, at first 0, then the one to go on
// with. False if there is none.
bool next_retired_cell(Relation index, const Meta& meta, uint32* next, Retiring* cell);

// Ends what an interrupted operation has left on the meta page. Needs the structure lock.
void finish_unfinished(Relation index);

// Blocks on the free list, whether they can be used yet or not.
uint64 free_blocks(Relation index);

// Where allocate_run() would find room for so many blocks: InvalidBlockNumber if only at the end.
BlockNumber lowest_free(Relation index, uint32 length);

// Gives the free blocks at the end back to the file system. The list has been coalesced. Needs the
// structure lock, and an AccessExclusiveLock on the index, held by a vacuum.
void cut_off_end(Relation index);

// Sorts the free list, joins neighbours. Needs the structure lock.
void coalesce_free_list(Relation index);

}  // namespace vecdot::index
