// Which indexes are of our access methods, whatever these are called.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "utils/relcache.h"
}

namespace vecdot::index {

bool is_our_index(const IndexOptInfo* index);
bool is_our_index(Relation index);

}  // namespace vecdot::index
