// Makes a session wait at one of the library's test points (src/pg/test_point.hpp) for as long as
// another holds an advisory lock: for tests of what sessions do to each other, no part of the
// extension. Preloaded, it makes background workers wait at the point that the setting
// pause_test.point names, for lock 1.
#include "pg/guard.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

namespace {

char wanted[64];
int64 lock_key;
int64 reached;

void wait_for(int64 lock) {
    const Datum key = Int64GetDatum(lock);
    DirectFunctionCall1(pg_advisory_lock_int8, key);
    DirectFunctionCall1(pg_advisory_unlock_int8, key);
}

void wait_at(const char* point) {
    if (strcmp(point, wanted) == 0) {
        reached += 1;
        wait_for(lock_key);
    }
}

void wait_in_worker(const char* point) {
    const char* where = GetConfigOption("pause_test.point", true, false);
    if (MyBackendType == B_BG_WORKER && where != nullptr && strcmp(point, where) == 0) {
        wait_for(1);
    }
}

}  // namespace

void _PG_init() {
    if (process_shared_preload_libraries_in_progress) {
        *find_rendezvous_variable(vecdot::pg::test_point_variable) =
            reinterpret_cast<void*>(wait_in_worker);
    }
}

// pause_at(point text, key bigint) RETURNS void: from now on this session waits at the point while
// another has the advisory lock.
VECDOT_FUNCTION(pause_at) {
    text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), wanted, sizeof wanted);
    lock_key = PG_GETARG_INT64(1);
    reached = 0;
    *find_rendezvous_variable(vecdot::pg::test_point_variable) = reinterpret_cast<void*>(wait_at);
    PG_RETURN_VOID();
}

// pause_reached() RETURNS bigint: how often this session has come to the point since.
VECDOT_FUNCTION(pause_reached) {
    PG_RETURN_INT64(reached);
}
