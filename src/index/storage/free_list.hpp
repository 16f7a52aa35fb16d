// Blocks: taken at the end or from the free list, given back, cut off.
#pragma once

#include "index/storage/meta.hpp"

namespace vecdot::index {

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

// Blocks on the free list, whether they can be used yet or not.
uint64 free_blocks(Relation index);

// Where allocate_run() would find room for so many blocks: InvalidBlockNumber if only behind the
// file's end.
BlockNumber lowest_free(Relation index, uint32 length);

// Gives the free blocks at the end, and what the file has beyond them, back to the file system. The
// list has been coalesced. Needs the structure lock, and an AccessExclusiveLock on the index, held
// by a vacuum.
void cut_off_end(Relation index);

// Sorts the free list, joins neighbours. Needs the structure lock. Leaves a long list as it is
// where there is no room for another.
void coalesce_free_list(Relation index);

}  // namespace vecdot::index
