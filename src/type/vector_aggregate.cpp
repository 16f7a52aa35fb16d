// sum and avg of vector and halfvec. The state is a float8 array: the count, then one sum per
// element. It is pgvector's, it needs no serialisation, and it can be stored.
#include "kernels/kernels.hpp"
#include "pg/vector_ref.hpp"
#include "type/dense.hpp"

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

// Which error rows of different dimensions are: as in pgvector, avg names the first row's
// dimensions as those expected, and sum, which adds there, says that they differ.
enum class Mixed { unexpected, different };

template <typename Element>
void check_mixed(Mixed mixed, int expected, int dim) {
    if (mixed == Mixed::unexpected) {
        pg::check_expected_dimensions(expected, dim);
    } else {
        pg::check_same_dimensions<Element>(expected, dim);
    }
}

template <typename Element>
ArrayType* accumulate(FunctionCallInfo fcinfo, Mixed mixed) {
    State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    const auto v = pg::vector_argument<Element>(fcinfo, 1);
    if (is_empty(state)) {
        state = new_state(v.dim);
    } else {
        check_mixed<Element>(mixed, state.dim(), v.dim);
        state = writable(fcinfo, state);
    }
    state.values[0] += 1;
    kernels::active_vectors<Element>().accumulate(state.values + 1, 1, v.data, v.size());
    return state.array;
}

template <typename Element>
ArrayType* join(FunctionCallInfo fcinfo, Mixed mixed) {
    State a = state_of(PG_GETARG_ARRAYTYPE_P(0));
    const State b = state_of(PG_GETARG_ARRAYTYPE_P(1));
    if (is_empty(b)) {
        return a.array;
    }
    if (is_empty(a)) {
        return b.array;
    }
    check_mixed<Element>(mixed, a.dim(), b.dim());
    a = writable(fcinfo, a);
    for (int i = 0; i < a.length; ++i) {
        a.values[i] += b.values[i];
    }
    return a.array;
}

template <typename Element>
pg::DenseVector<Element>* finish(const State& state, float8 divisor) {
    pg::check_dimensions<Element>(state.dim());
    auto* result = pg::new_vector<Element>(state.dim());
    for (int i = 0; i < state.dim(); ++i) {
        result->x[i] = pg::element_from_result<Element>(state.values[1 + i] / divisor);
    }
    return result;
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_accum, halfvec_accum) {
    PG_RETURN_ARRAYTYPE_P(accumulate<Element>(fcinfo, Mixed::unexpected));
}

VECDOT_DENSE_FUNCTION(vector_sum_accum, halfvec_sum_accum) {
    PG_RETURN_ARRAYTYPE_P(accumulate<Element>(fcinfo, Mixed::different));
}

VECDOT_DENSE_FUNCTION(vector_combine, halfvec_combine) {
    PG_RETURN_ARRAYTYPE_P(join<Element>(fcinfo, Mixed::unexpected));
}

VECDOT_DENSE_FUNCTION(vector_sum_combine, halfvec_sum_combine) {
    PG_RETURN_ARRAYTYPE_P(join<Element>(fcinfo, Mixed::different));
}

VECDOT_DENSE_FUNCTION(vector_avg, halfvec_avg) {
    const State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    if (is_empty(state)) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(finish<Element>(state, state.values[0]));
}

VECDOT_DENSE_FUNCTION(vector_sum, halfvec_sum) {
    const State state = state_of(PG_GETARG_ARRAYTYPE_P(0));
    if (is_empty(state)) {
        PG_RETURN_NULL();
    }
    PG_RETURN_VECTOR(finish<Element>(state, 1));
}
