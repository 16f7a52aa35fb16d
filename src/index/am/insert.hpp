// Adding one row.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

// aminsert. value: a vector datum of the index's dimensions (detoasted here).
void insert(Relation index, Relation table, ItemPointer tid, bool is_null, Datum value);

}  // namespace vecdot::index
