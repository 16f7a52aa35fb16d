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

// amoptions.
bytea* options(Datum reloptions, bool validate);

}  // namespace vecdot::index
