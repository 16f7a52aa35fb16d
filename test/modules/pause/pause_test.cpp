// Makes a session wait at one of the library's test points (src/pg/test_point.hpp) for as long as
// another holds an advisory lock: for tests of what sessions do to each other, no part of the
// extension.
#include "pg/guard.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "utils/builtins.h"

PG_MODULE_MAGIC;
}

namespace {

char wanted[64];
int64 lock_key;
int64 reached;

void wait_at(const char* point) {
    if (strcmp(point, wanted) != 0) {
        return;
    }
    reached += 1;
    const Datum key = Int64GetDatum(lock_key);
    DirectFunctionCall1(pg_advisory_lock_int8, key);
    DirectFunctionCall1(pg_advisory_unlock_int8, key);
}

}  // namespace

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
