// Adding one row.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

// aminsert. values: of the index's columns; the first a vector datum of its dimensions (detoasted
// here).
void insert(Relation index, Relation table, ItemPointer tid, const Datum* values,
            const bool* is_null);

}  // namespace vecdot::index
