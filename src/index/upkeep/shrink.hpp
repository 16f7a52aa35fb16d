// Giving blocks back to the file system.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Cuts free blocks off the file's end, if they are many and nobody else uses the index. Needs no
// lock, holds none in the end.
void shrink(Relation index);

}  // namespace vecdot::index
