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

// amoptions of the access methods vecdot, hnsw and ivfflat.
bytea* options(Datum reloptions, bool validate);
bytea* hnsw_options(Datum reloptions, bool validate);
bytea* ivfflat_options(Datum reloptions, bool validate);

// Before an index is built: an ERROR if pgvector would refuse what it has of hnsw's options, and
// once in a session a NOTICE that they mean nothing.
void check_pgvector_options(Relation index);

}  // namespace vecdot::index
