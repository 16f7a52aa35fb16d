// sum(vector) and avg(vector). The state is a float8 array: the count, then one sum per element. It
// is pgvector's, it needs no serialisation, and it can be stored.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

using namespace vecdot;

namespace {

struct State {
    ArrayType* array;
    int length;  // elements of the array: 0 in the beginning, 1 + dimensions afterwards
    float8* values;

    int dim() const { return length - 1; }
};

State state_of(ArrayType* array) {
    if (ARR_ELEMTYPE(array) != FLOAT8OID || ARR_HASNULL(array) || ARR_NDIM(array) > 1) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("state of a vector aggregate must be a 1-D float8 array without nulls")));
    }
    const int length = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
    State state{array, length, reinterpret_cast<float8*>(ARR_DATA_PTR(array))};
    if (length > 1 + pg::max_dimensions || (length == 1 && state.values[0] != 0)) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid state of a vector aggregate with %d elements", length)));
    }
    return state;
}

bool is_empty(const State& state) {
    return state.length <= 1 || state.values[0] == 0;
}

// In the memory of the current row: the executor copies a state that is new to where states live.
State new_state(int dim) {
    const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (static_cast<Size>(dim) + 1);
    ArrayType* array = static_cast<ArrayType*>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = FLOAT8OID;
    ARR_DIMS(array)[0] = dim + 1;
    ARR_LBOUND(array)[0] = 1;
    return state_of(array);
}

// Called as an aggregate the state is ours to change; called from SQL it is somebody's value.
State writable(FunctionCallInfo fcinfo, const State& state) {
    if (AggCheckCallContext(fcinfo, nullptr) != 0) {
        return state;
    }
    State copy = new_state(state.dim());
    std::memcpy(copy.values, state.values, sizeof(float8) * static_cast<Size>(state.length));
    return copy;
}

pg::Vector* finish(const State& state, float8 divisor) {
    pg::check_dimensions(state.dim());
    pg::Vector* result = pg::new_vector(state.dim());
    for (int i = 0; i < state.dim(); ++i) {
        result->x[i] = pg::element_from_result(state.values[1 + i] / divisor);
    }
    return result;
}

}  // namespace

VECDOT_FUNCTION(vector_accum) {
    State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    const pg::VectorRef v = pg::vector_argument(fcinfo, 1);
    if (is_empty(state)) {
        state = new_state(v.dim);
    } else {
        pg::check_expected_dimensions(state.dim(), v.dim);
        state = writable(fcinfo, state);
    }
    state.values[0] += 1;
    kernels::active().floats.accumulate(state.values + 1, 1, v.data, v.size());
    PG_RETURN_ARRAYTYPE_P(state.array);
}

VECDOT_FUNCTION(vector_combine) {
    State a = state_of(PG_GETARG_ARRAYTYPE_P(0));
    State b = state_of(PG_GETARG_ARRAYTYPE_P(1));
    if (is_empty(b)) {
        PG_RETURN_ARRAYTYPE_P(a.array);
    }
    if (is_empty(a)) {
        PG_RETURN_ARRAYTYPE_P(b.array);
    }
    pg::check_expected_dimensions(a.dim(), b.dim());
    a = writable(fcinfo, a);
    for (int i = 0; i < a.length; ++i) {
        a.values[i] += b.values[i];
    }
    PG_RETURN_ARRAYTYPE_P(a.array);
}

VECDOT_FUNCTION(vector_avg) {
    const State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    if (is_empty(state)) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(finish(state, state.values[0]));
}

VECDOT_FUNCTION(vector_sum) {
    const State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    if (is_empty(state)) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(finish(state, 1));
}
