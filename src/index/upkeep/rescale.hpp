// Another scale for inner product.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Inner product: gives the index a scale that all rows fit in, if too many don't and there is room
// on the disk. Needs the structure lock, and nothing unfinished.
void rescale(Relation index);

}  // namespace vecdot::index
