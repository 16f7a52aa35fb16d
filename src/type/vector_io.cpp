// Text and binary input and output of vector, and its type modifier.
#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

using namespace vecdot;

VECDOT_FUNCTION(vector_in) {
    (void)fcinfo;
    elog(ERROR, "not yet");
    PG_RETURN_NULL();
}
