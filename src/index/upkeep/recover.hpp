// Ending what was interrupted.
#pragma once

#include "index/storage/meta.hpp"

namespace vecdot::index {

// The next cell of a directory that was replaced as a whole, of those not freed yet; the special
// lists have been taken over. *next is the slot to begin with, at first 0, then the one to go on
// with. False if there is none.
bool next_retired_cell(Relation index, const Meta& meta, uint32* next, Retiring* cell);

// Ends what an interrupted operation has left on the meta page. Needs the structure lock. False if
// there is no room to note what becomes free: then nothing but rows may be changed.
bool finish_unfinished(Relation index);

// Tries to get the structure lock, with nothing unfinished. False: somebody else has it, or there
// is no room; it is not held.
bool lock_finished_structure(Relation index);

}  // namespace vecdot::index
