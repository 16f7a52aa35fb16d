// Upkeep in a background worker, so that no insert waits for it.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// An inserter counts his rows: those of one statement that are many don't wait one by one, and the
// statement does its own upkeep, exactly, as it can read all of its rows.
void note_row();

// For an inserter whose row has made upkeep due: whether a background worker sees to it, one that
// is there or one that this call asks for. Otherwise he has to.
bool leave_to_background(Relation index, Relation table);

}  // namespace vecdot::index
