// Rows of a new kind: cells started for them, strays gathered after a split.
#pragma once

#include "index/format/page.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Starts a cell with this centroid, float4[padded], for a row that is unlike all and at this
// distance from the nearest; rows not nearly as far from it are then no longer unlike. False, and
// nothing has changed, if the directory has another version than this, if there are too many such
// cells or if somebody else has the structure lock. For inserters, as grow().
bool start_cell(Relation index, uint64 version, const Parameters& parameters, const float* centroid,
                float distance);

// Moves rows to the cell in this slot that went to those around it before, and the other way, where
// enough of them are nearer to the other's centroid. Needs the structure lock, and nothing
// unfinished. The cells that it replaces keep their slots.
void gather_strays(Relation index, Relation table, uint32 slot);

}  // namespace vecdot::index
