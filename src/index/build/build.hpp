// CREATE INDEX.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
}

namespace vecdot::index {

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);

}  // namespace vecdot::index
