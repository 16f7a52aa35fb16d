// What the aggregates with a state of their own share: where the state lives, when it is NULL, and
// the combine function.
#pragma once

#include "linalg/arrays.hpp"

namespace vecdot::linalg {

// The state that argument n holds; null where no row has come yet.
template <typename State>
State* state_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<State*>(PG_GETARG_POINTER(n));
}

// The state as the result of a function; SQL's NULL where no row has come yet.
template <typename State>
Datum state_result(FunctionCallInfo fcinfo, State* state) {
    if (state == nullptr) {
        PG_RETURN_NULL();
    }
    PG_RETURN_POINTER(state);
}

// A combine function: argument 1 is joined to argument 0. make(context, other) gives an empty state
// for what other holds, merge(state, other, context) takes it in; State has dimensions().
template <typename State, typename Make, typename Merge>
Datum combine_states(FunctionCallInfo fcinfo, Make make, Merge merge) {
    MemoryContext context = aggregate_context(fcinfo);
    State* state = state_argument<State>(fcinfo, 0);
    State* other = state_argument<State>(fcinfo, 1);
    if (other == nullptr) {
        return state_result(fcinfo, state);
    }
    if (state == nullptr) {
        state = make(context, *other);
    }
    pg::check_expected_dimensions(static_cast<int32>(state->dimensions()),
                                  static_cast<int>(other->dimensions()));
    merge(*state, *other, context);
    return state_result(fcinfo, state);
}

}  // namespace vecdot::linalg
