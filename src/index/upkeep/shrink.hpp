// Giving blocks back to the file system.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// Cuts free blocks off the file's end, if they are many and nobody else uses the index. The caller
// holds no lock, and holds none afterwards.
void shrink(Relation index);

}  // namespace vecdot::index
