// The index's storage parameters: WITH (...).
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// What the index's random numbers start from: its option, mixed.
uint64 seed_of(Relation index);
uint32 refine_bits_of(Relation index);
// What a search promises: the setting where a session, role, database or file gives it, else the
// index's own WITH (recall = ...), else the setting's default.
double recall_of(Relation index);
// While a plan is made, which holds a lock on the index.
double recall_of(Oid index);

// amoptions.
bytea* options(Datum reloptions, bool validate);

}  // namespace vecdot::index
