// Room in the file, asked for before it is needed: where the disk is full, upkeep leaves things as
// they are, rather than fail half way.
//
// Everything here may be called with the structure lock only: no page is locked.
#pragma once

#include "index/format/page.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vecdot::index {

// extend_to(), but false, and nothing is raised, where there is no room (ENOSPC and the like).
bool try_extend(Relation index, BlockNumber end);

// Since when try_extend()'s refusals are remembered, and a WARNING of VACUUM's about the last one,
// if there was any.
void forget_refusals();
void warn_of_refusals(Relation index);

// Room for so many more entries of the free list.
bool reserve_free_entries(Relation index, uint32 entries);

// Room in the directory's arrays for so many slots behind the last.
bool reserve_slots(Relation index, uint32 slots);

// Whether so many contiguous blocks are likely to be had, so that the work that is to fill them is
// worth while.
bool is_room_likely(Relation index, uint64 pages);

}  // namespace vecdot::index
