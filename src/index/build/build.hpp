// CREATE INDEX.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
}

namespace vecdot::index {

// What pg_stat_progress_create_index calls a phase of it; null for a number that is none.
char* build_phase_name(int64 phase);

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);

}  // namespace vecdot::index
