// Vectors from parts and parts from vectors.
#include "pg/vector_ref.hpp"
#include "pg/vector_slice.hpp"
#include "type/dense.hpp"

extern "C" {
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/varbit.h"
}

using namespace vecdot;

namespace {

// What vector_agg has collected; it lives in the aggregate's memory context.
struct Collected {
    int count;
    int capacity;
    float* values;
};

constexpr int first_capacity = 16;

// What unnest still has to return.
struct Unnesting {
    const float* values;
    int dim;
};

// The number of elements that unnest(argument) returns, as far as the planner can know, or 0.
double estimate_elements(PlannerInfo* root, Node* argument) {
    Node* value = estimate_expression_value(root, argument);
    if (IsA(value, Const)) {
        const Const* constant = reinterpret_cast<const Const*>(value);
        return constant->constisnull ? 0 : pg::stored_dimensions(constant->constvalue);
    }
    const int32 typmod = exprTypmod(argument);
    return typmod > 0 ? typmod : 0;
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_dims, halfvec_vector_dims) {
    PG_RETURN_INT32(pg::stored_dimensions(PG_GETARG_DATUM(0)));
}

VECDOT_DENSE_FUNCTION(vector_concat, halfvec_concat) {
    const auto a = pg::vector_argument<Element>(fcinfo, 0);
    const auto b = pg::vector_argument<Element>(fcinfo, 1);
    const int dim = a.dim + b.dim;
    pg::check_dimensions<Element>(dim);
    auto* result = pg::new_vector<Element>(dim);
    std::memcpy(result->x, a.data, sizeof(Element) * a.size());
    std::memcpy(result->x + a.dim, b.data, sizeof(Element) * b.size());
    PG_RETURN_VECTOR(result);
}

VECDOT_DENSE_FUNCTION(subvector, halfvec_subvector) {
    const int64 start = PG_GETARG_INT32(1);
    const int64 count = PG_GETARG_INT32(2);
    const int64 first = Max(start, 1);
    const int64 last = Min(start + count - 1, static_cast<int64>(pg::max_dimensions));
    pg::StoredElements elements{nullptr, 0};
    if (first <= last) {
        elements = pg::stored_elements<Element>(PG_GETARG_DATUM(0), static_cast<int>(first),
                                                static_cast<int>(last));
    }
    pg::check_dimensions<Element>(elements.count);
    auto* result = pg::new_vector<Element>(elements.count);
    std::memcpy(result->x, elements.data, sizeof(Element) * elements.count);
    PG_RETURN_VECTOR(result);
}

VECDOT_DENSE_FUNCTION(binary_quantize, halfvec_binary_quantize) {
    const auto vector = pg::vector_argument<Element>(fcinfo, 0);
    const Size size = VARBITTOTALLEN(vector.dim);
    VarBit* result = static_cast<VarBit*>(palloc0(size));
    SET_VARSIZE(result, size);
    VARBITLEN(result) = vector.dim;
    uint8* bytes = VARBITS(result);
    for (int i = 0; i < vector.dim; ++i) {
        bytes[i / 8] |= static_cast<uint8>((vector[i] > 0) << (7 - i % 8));
    }
    PG_RETURN_VARBIT_P(result);
}

VECDOT_FUNCTION(vector_unnest) {
    if (SRF_IS_FIRSTCALL()) {
        FuncCallContext* first = SRF_FIRSTCALL_INIT();
        MemoryContext old = MemoryContextSwitchTo(first->multi_call_memory_ctx);
        pg::Vector* vector =
            reinterpret_cast<pg::Vector*>(PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)));
        vector = pg::vector_from_datum(PointerGetDatum(vector));
        Unnesting* state = static_cast<Unnesting*>(palloc(sizeof(Unnesting)));
        *state = {vector->x, vector->dim};
        first->user_fctx = state;
        MemoryContextSwitchTo(old);
    }
    FuncCallContext* call = SRF_PERCALL_SETUP();
    const Unnesting* state = static_cast<const Unnesting*>(call->user_fctx);
    if (call->call_cntr < static_cast<uint64>(state->dim)) {
        // The macro counts before it evaluates what to return.
        const Datum element = Float4GetDatum(state->values[call->call_cntr]);
        SRF_RETURN_NEXT(call, element);
    }
    SRF_RETURN_DONE(call);
}

VECDOT_FUNCTION(vector_unnest_support) {
    Node* request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
    if (IsA(request, SupportRequestRows)) {
        SupportRequestRows* rows = reinterpret_cast<SupportRequestRows*>(request);
        if (is_funcclause(rows->node)) {
            const FuncExpr* call = reinterpret_cast<const FuncExpr*>(rows->node);
            const double elements =
                estimate_elements(rows->root, static_cast<Node*>(linitial(call->args)));
            if (elements > 0) {
                rows->rows = elements;
                PG_RETURN_POINTER(request);
            }
        }
    }
    PG_RETURN_POINTER(static_cast<void*>(nullptr));
}

VECDOT_FUNCTION(vector_agg_accum) {
    MemoryContext context;
    if (AggCheckCallContext(fcinfo, &context) == 0) {
        elog(ERROR, "vector_agg_accum called in non-aggregate context");
    }
    Collected* state =
        PG_ARGISNULL(0) ? nullptr : reinterpret_cast<Collected*>(PG_GETARG_POINTER(0));
    if (PG_ARGISNULL(1)) {
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("vector must not contain nulls")));
    }
    const float value = pg::element_from_double(PG_GETARG_FLOAT8(1));
    if (state == nullptr) {
        state = static_cast<Collected*>(MemoryContextAlloc(context, sizeof(Collected)));
        *state = {0, first_capacity,
                  static_cast<float*>(MemoryContextAlloc(context, sizeof(float) * first_capacity))};
    }
    pg::check_dimensions(state->count + 1);
    if (state->count == state->capacity) {
        const int capacity = Min(2 * state->capacity, pg::max_dimensions);
        state->values = static_cast<float*>(repalloc(state->values, sizeof(float) * capacity));
        state->capacity = capacity;
    }
    state->values[state->count++] = value;
    PG_RETURN_POINTER(state);
}

// Leaves the state as it is: a moving window goes on with it.
VECDOT_FUNCTION(vector_agg_final) {
    if (PG_ARGISNULL(0)) {
        PG_RETURN_NULL();
    }
    const Collected* state = reinterpret_cast<const Collected*>(PG_GETARG_POINTER(0));
    pg::Vector* result = pg::new_vector(state->count);
    std::memcpy(result->x, state->values, sizeof(float) * state->count);
    PG_RETURN_VECTOR(result);
}
