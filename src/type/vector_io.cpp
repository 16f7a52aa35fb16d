// Text and binary input and output of vector, and its type modifier.
#include "core/vector_text.hpp"
#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
}

using namespace vecdot;

namespace {

void report_text_problem(const char* text, const core::ParsedText& parsed) {
    switch (parsed.problem) {
        case core::TextProblem::none:
            return;
        case core::TextProblem::no_opening_bracket:
            ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                            errmsg("invalid input syntax for type vector: \"%s\"", text),
                            errdetail("Vector contents must start with \"[\".")));
            return;
        case core::TextProblem::empty:
            pg::check_dimensions(0);
            return;
        case core::TextProblem::syntax:
            ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                            errmsg("invalid input syntax for type vector: \"%s\"", text)));
            return;
        case core::TextProblem::junk:
            ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                            errmsg("invalid input syntax for type vector: \"%s\"", text),
                            errdetail("Junk after closing right brace.")));
            return;
        case core::TextProblem::too_many:
            pg::check_dimensions(pg::max_dimensions + 1);
            return;
        case core::TextProblem::out_of_range:
            ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                            errmsg("\"%s\" is out of range for type vector",
                                   pnstrdup(parsed.where.data(), parsed.where.size()))));
            return;
        case core::TextProblem::not_a_number:
            pg::check_finite(NAN);
            return;
        case core::TextProblem::infinite:
            pg::check_finite(INFINITY);
            return;
    }
}

}  // namespace

VECDOT_FUNCTION(vector_in) {
    const char* text = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);
    float values[pg::max_dimensions];
    const core::ParsedText parsed =
        core::parse_vector({text, std::strlen(text)}, {values, pg::max_dimensions});
    report_text_problem(text, parsed);
    const int dim = static_cast<int>(parsed.dim);
    pg::check_expected_dimensions(typmod, dim);
    pg::Vector* result = pg::new_vector(dim);
    std::memcpy(result->x, values, sizeof(float) * parsed.dim);
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_out) {
    const pg::Vector* vector = PG_GETARG_VECTOR(0);
    char* text = static_cast<char*>(palloc(core::max_vector_text(vector->view().size()) + 1));
    text[core::format_vector(vector->view(), text)] = '\0';
    PG_RETURN_CSTRING(text);
}

VECDOT_FUNCTION(vector_typmod_in) {
    int count = 0;
    const int32* modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
    if (count != 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
    }
    if (modifiers[0] < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type vector must be at least 1")));
    }
    if (modifiers[0] > pg::max_dimensions) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type vector cannot exceed %d", pg::max_dimensions)));
    }
    PG_RETURN_INT32(modifiers[0]);
}

VECDOT_FUNCTION(vector_recv) {
    StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const int dim = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    pg::check_dimensions(dim);
    pg::check_expected_dimensions(typmod, dim);
    if (unused != 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected unused to be 0, not %d", unused)));
    }
    pg::Vector* result = pg::new_vector(dim);
    for (int i = 0; i < dim; ++i) {
        result->x[i] = pq_getmsgfloat4(message);
        pg::check_finite(result->x[i]);
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_send) {
    const pg::Vector* vector = PG_GETARG_VECTOR(0);
    StringInfoData message;
    pq_begintypsend(&message);
    pq_sendint16(&message, static_cast<uint16>(vector->dim));
    pq_sendint16(&message, static_cast<uint16>(vector->unused));
    for (const float value : vector->view()) {
        pq_sendfloat4(&message, value);
    }
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

// The cast that applies a column's type modifier.
VECDOT_FUNCTION(vector) {
    pg::Vector* vector = PG_GETARG_VECTOR(0);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), vector->dim);
    PG_RETURN_VECTOR(vector);
}
