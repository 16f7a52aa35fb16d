// Subscripts of vector: v[i] is a real, v[i:j] a vector, both also as targets of an assignment.
//
// Reading does as arrays do: what does not exist is NULL, a slice is clipped to what is there.
// Writing cannot: a vector neither grows nor has gaps, so an element outside it is an error, as is
// NULL, and a slice takes exactly as many elements as it has.
//
// The functions that PostgreSQL calls below throw nothing and hold nothing, so they need no guard.
#include "pg/guard.hpp"
#include "pg/vector_slice.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
}

using namespace vecdot;

namespace {

// The subscripts of one evaluation; an open end of a slice reaches the vector's.
struct Range {
    int lower;
    int upper;
};

Node* transform_subscript(ParseState* parser, Node* raw) {
    if (raw == nullptr) {
        return nullptr;
    }
    Node* subscript = transformExpr(parser, raw, parser->p_expr_kind);
    const int location = exprLocation(raw);
    subscript = coerce_to_target_type(parser, subscript, exprType(subscript), INT4OID, -1,
                                      COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
    if (subscript == nullptr) {
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("vector subscript must have type integer"),
                        parser_errposition(parser, location)));
    }
    return subscript;
}

void transform(SubscriptingRef* reference, List* indirection, ParseState* parser, bool is_slice,
               bool) {
    if (list_length(indirection) != 1) {
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("vector allows only one subscript, not %d", list_length(indirection)),
                 parser_errposition(parser, exprLocation(reinterpret_cast<Node*>(indirection)))));
    }
    A_Indices* subscript = linitial_node(A_Indices, indirection);
    reference->refupperindexpr = list_make1(transform_subscript(parser, subscript->uidx));
    reference->reflowerindexpr =
        is_slice ? list_make1(transform_subscript(parser, subscript->lidx)) : NIL;
    reference->refrestype = is_slice ? reference->refcontainertype : FLOAT4OID;
    // Neither an element nor a slice has the column's dimensions.
    reference->reftypmod = -1;
}

// False, and so NULL, for a NULL subscript of a fetch.
bool check_subscripts(ExprState*, ExprEvalStep* step, ExprContext*) {
    const SubscriptingRefState* state = step->d.sbsref_subscript.state;
    const bool has_upper = state->upperprovided[0];
    const bool has_lower = state->numlower != 0 && state->lowerprovided[0];
    if ((has_upper && state->upperindexnull[0]) || (has_lower && state->lowerindexnull[0])) {
        if (state->isassignment) {
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                            errmsg("vector subscript in assignment must not be null")));
        }
        *step->resnull = true;
        return false;
    }
    Range* range = static_cast<Range*>(state->workspace);
    range->upper = has_upper ? DatumGetInt32(state->upperindex[0]) : pg::max_dimensions;
    range->lower = state->numlower == 0 ? range->upper
                   : has_lower          ? DatumGetInt32(state->lowerindex[0])
                                        : 1;
    return true;
}

Datum element_of(Datum vector, int i, bool* is_null) {
    const pg::StoredElements element = pg::stored_elements(vector, i, i);
    *is_null = element.count != 1;
    if (*is_null) {
        return 0;
    }
    float value;
    std::memcpy(&value, element.data, sizeof value);
    return Float4GetDatum(value);
}

Datum slice_of(Datum vector, Range range, bool* is_null) {
    const pg::StoredElements elements = pg::stored_elements(vector, range.lower, range.upper);
    *is_null = elements.count < 1;
    if (*is_null) {
        return 0;
    }
    pg::Vector* result = pg::new_vector(elements.count);
    std::memcpy(result->x, elements.data, sizeof(float) * elements.count);
    return PointerGetDatum(result);
}

// For the step that reads, whose vector is not NULL since reading is strict.
void fetch_element(ExprState*, ExprEvalStep* step, ExprContext*) {
    const Range* range = static_cast<const Range*>(step->d.sbsref.state->workspace);
    *step->resvalue = element_of(*step->resvalue, range->upper, step->resnull);
}

void fetch_slice(ExprState*, ExprEvalStep* step, ExprContext*) {
    const Range* range = static_cast<const Range*>(step->d.sbsref.state->workspace);
    *step->resvalue = slice_of(*step->resvalue, *range, step->resnull);
}

// For an assignment within what is assigned to.
void fetch_old_element(ExprState*, ExprEvalStep* step, ExprContext*) {
    SubscriptingRefState* state = step->d.sbsref.state;
    const Range* range = static_cast<const Range*>(state->workspace);
    state->prevnull = true;
    if (!*step->resnull) {
        state->prevvalue = element_of(*step->resvalue, range->upper, &state->prevnull);
    }
}

void fetch_old_slice(ExprState*, ExprEvalStep* step, ExprContext*) {
    SubscriptingRefState* state = step->d.sbsref.state;
    const Range* range = static_cast<const Range*>(state->workspace);
    state->prevnull = true;
    if (!*step->resnull) {
        state->prevvalue = slice_of(*step->resvalue, *range, &state->prevnull);
    }
}

// A copy of the vector that is assigned to.
pg::Vector* copy_target(const ExprEvalStep* step) {
    if (*step->resnull) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("cannot assign to a part of a null vector"),
                        errdetail("A vector does not grow by assignments to its elements.")));
    }
    if (step->d.sbsref.state->replacenull) {
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("vector must not contain nulls")));
    }
    const pg::Vector* old = pg::vector_from_datum(*step->resvalue);
    pg::Vector* result = pg::new_vector(old->dim);
    std::memcpy(result->x, old->x, sizeof(float) * old->view().size());
    return result;
}

void assign_element(ExprState*, ExprEvalStep* step, ExprContext*) {
    SubscriptingRefState* state = step->d.sbsref.state;
    const int i = static_cast<const Range*>(state->workspace)->upper;
    pg::Vector* result = copy_target(step);
    if (i < 1 || i > result->dim) {
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("vector subscript %d out of range 1 to %d", i, result->dim)));
    }
    const float value = DatumGetFloat4(state->replacevalue);
    pg::check_finite(value);
    result->x[i - 1] = value;
    *step->resvalue = PointerGetDatum(result);
}

void assign_slice(ExprState*, ExprEvalStep* step, ExprContext*) {
    SubscriptingRefState* state = step->d.sbsref.state;
    Range range = *static_cast<const Range*>(state->workspace);
    pg::Vector* result = copy_target(step);
    if (!state->upperprovided[0]) {
        range.upper = result->dim;
    }
    if (range.lower < 1 || range.upper > result->dim || range.lower > range.upper) {
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("vector slice %d:%d out of range 1:%d", range.lower, range.upper,
                               result->dim)));
    }
    const pg::Vector* values = pg::vector_from_datum(state->replacevalue);
    pg::check_expected_dimensions(range.upper - range.lower + 1, values->dim);
    std::memcpy(result->x + range.lower - 1, values->x, sizeof(float) * values->view().size());
    *step->resvalue = PointerGetDatum(result);
}

void set_up(const SubscriptingRef*, SubscriptingRefState* state, SubscriptExecSteps* steps) {
    const bool is_slice = state->numlower != 0;
    state->workspace = palloc(sizeof(Range));
    steps->sbs_check_subscripts = check_subscripts;
    steps->sbs_fetch = is_slice ? fetch_slice : fetch_element;
    steps->sbs_assign = is_slice ? assign_slice : assign_element;
    steps->sbs_fetch_old = is_slice ? fetch_old_slice : fetch_old_element;
}

const SubscriptRoutines routines = {
    .transform = transform,
    .exec_setup = set_up,
    .fetch_strict = true,
    .fetch_leakproof = true,
    .store_leakproof = false,
};

}  // namespace

VECDOT_FUNCTION(vector_subscript_handler) {
    PG_RETURN_POINTER(&routines);
}
