// Rows of cells that an inserter writes anew, read again from the table: their new codes then know
// nothing of the old ones' errors, which would else add up from one rewriting to the next.
#pragma once

#include "engine/space.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

struct TableRows;

// Not without a table (vacuum reads none), nor in an index of an expression (whose evaluation might
// run anything), nor without a snapshot that holds back a vacuum of the table's TOAST relation.
bool can_read(Relation index, Relation table);

// From now on this process also reads rows that others have not committed: for the background
// worker, which rewrites cells while transactions fill them.
void read_uncommitted_rows();
// Whether an error came of reading one whose transaction has ended meanwhile, and whose values may
// be gone with it.
bool is_reading_uncommitted();

// Null where rows can't be read. Memory is CurrentMemoryContext's.
TableRows* begin_reading(Relation index, Relation table);
void end_reading(TableRows* rows);

// rotated: a row's image within error. Where the row at this address can be read and agrees with
// that it becomes the image of what was read, and the result is that one's error; else all stays as
// it is. Call it with no page locked. rows: may be null.
float read_exactly(TableRows* rows, const engine::Space& space, const ItemPointerData& address,
                   float error, float* rotated);

}  // namespace vecdot::index
