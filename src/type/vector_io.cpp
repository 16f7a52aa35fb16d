// Text and binary input and output of vector, and its type modifier.
#include "core/vector_binary.hpp"
#include "core/vector_text.hpp"
#include "pg/guard.hpp"
#include "pg/quote.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "utils/array.h"
}

using namespace vecdot;

namespace {

// Errors of input functions are soft, for pg_input_is_valid() and friends, where PostgreSQL knows
// such. A soft error returns here.
#if PG_VERSION_NUM >= 160000
#define REPORT_INPUT_ERROR(context, ...) errsave(context, __VA_ARGS__)
#define INPUT_FAILED(context) SOFT_ERROR_OCCURRED(context)
#else
#define REPORT_INPUT_ERROR(context, ...) \
    do {                                 \
        (void)(context);                 \
        ereport(ERROR, __VA_ARGS__);     \
    } while (false)
#define INPUT_FAILED(context) false
#endif

void report_text_problem(Node* context, const char* text, std::size_t length,
                         const core::ParsedText& parsed) {
    switch (parsed.problem) {
        case core::TextProblem::none:
            return;
        case core::TextProblem::no_opening_bracket:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                         errmsg("invalid input syntax for type vector: \"%s\"",
                                                pg::quote(text, length)),
                                         errdetail("Vector contents must start with \"[\".")));
            return;
        case core::TextProblem::empty:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("vector must have at least 1 dimension")));
            return;
        case core::TextProblem::syntax:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                         errmsg("invalid input syntax for type vector: \"%s\"",
                                                pg::quote(text, length))));
            return;
        case core::TextProblem::junk:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                         errmsg("invalid input syntax for type vector: \"%s\"",
                                                pg::quote(text, length)),
                                         errdetail("Junk after closing right brace.")));
            return;
        case core::TextProblem::too_many:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                                         errmsg("vector cannot have more than %d dimensions",
                                                pg::max_dimensions)));
            return;
        case core::TextProblem::out_of_range:
            REPORT_INPUT_ERROR(context,
                               (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                                errmsg("\"%s\" is out of range for type vector",
                                       pg::quote(parsed.where.data(), parsed.where.size()))));
            return;
        case core::TextProblem::not_a_number:
            REPORT_INPUT_ERROR(
                context, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in vector")));
            return;
        case core::TextProblem::infinite:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("infinite value not allowed in vector")));
            return;
    }
}

}  // namespace

VECDOT_FUNCTION(vector_in) {
    const char* text = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);
    const std::size_t length = std::strlen(text);
    float values[pg::max_dimensions];
    const core::ParsedText parsed =
        core::parse_vector({text, length}, {values, pg::max_dimensions});
    const int dim = static_cast<int>(parsed.dim);
    report_text_problem(fcinfo->context, text, length, parsed);
    if (parsed.problem == core::TextProblem::none && typmod != -1 && typmod != dim) {
        REPORT_INPUT_ERROR(fcinfo->context,
                           (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("expected %d dimensions, not %d", typmod, dim)));
    }
    if (INPUT_FAILED(fcinfo->context)) {
        PG_RETURN_NULL();
    }
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
    const auto* start = reinterpret_cast<const unsigned char*>(
        pq_getmsgbytes(message, static_cast<int>(core::binary_header_size)));
    const core::BinaryHeader header = core::read_binary_header({start, core::binary_header_size});
    pg::check_dimensions(header.dim);
    pg::check_expected_dimensions(typmod, header.dim);
    if (header.unused != 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected unused to be 0, not %d", header.unused)));
    }
    pg::Vector* result = pg::new_vector(header.dim);
    const int size = static_cast<int>(sizeof(float)) * header.dim;
    if (message->len - message->cursor != size) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                 errmsg("invalid binary vector of %d dimensions: %d bytes of elements, not %d",
                        header.dim, message->len - message->cursor, size)));
    }
    const auto* elements = reinterpret_cast<const unsigned char*>(pq_getmsgbytes(message, size));
    const std::size_t bad =
        core::read_binary_elements({elements, static_cast<std::size_t>(size)}, result->view());
    if (bad != result->view().size()) {
        pg::check_finite(result->x[bad]);
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_send) {
    const pg::Vector* vector = PG_GETARG_VECTOR(0);
    const std::size_t size = core::binary_size(vector->view().size());
    bytea* result = static_cast<bytea*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(result, VARHDRSZ + size);
    auto* bytes = reinterpret_cast<unsigned char*>(VARDATA(result));
    core::write_binary_header({vector->dim, vector->unused}, {bytes, size});
    core::write_binary_elements(
        vector->view(), {bytes + core::binary_header_size, size - core::binary_header_size});
    PG_RETURN_BYTEA_P(result);
}

// The cast that applies a column's type modifier.
VECDOT_FUNCTION(vector) {
    pg::Vector* vector = PG_GETARG_VECTOR(0);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), vector->dim);
    PG_RETURN_VECTOR(vector);
}
