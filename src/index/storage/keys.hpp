// Key columns: those behind the vector's, whose keys are kept beside each row, and the conditions
// on them that a scan is given.
#pragma once

#include "engine/key_filter.hpp"
#include "index/format/page.hpp"

extern "C" {
#include "access/skey.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

// Of a new index, from its operator classes. An ERROR unless the first column is a vector and the
// others are few enough, and none of them a vector.
KeyColumns key_columns_of(Relation index);

// The keys of a row. values: of all the index's columns.
engine::RowKeys make_keys(Relation index, const KeyColumns& columns, const Datum* values,
                          const bool* is_null);

// Whether the operator classes make the keys that the index has.
bool are_keys_of_classes(Relation index, const KeyColumns& columns);

// What scan keys ask for, in CurrentMemoryContext; null if there are none. recheck: rows may pass
// that don't meet them, as their keys don't tell all of the values.
const engine::KeyFilter* make_key_filter(Relation index, const KeyColumns& columns,
                                         const ScanKeyData* scan_keys, int count, bool* recheck);

}  // namespace vecdot::index
