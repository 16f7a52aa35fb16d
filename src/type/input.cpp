#include "type/input.hpp"

#include "pg/quote.hpp"
#include "pg/sparse_datum.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "utils/array.h"
}

namespace vecdot::type {

namespace {

const char* quote(std::string_view text) {
    return pg::quote(text.data(), text.size());
}

void report_syntax(Node* context, const pg::TypeLimits& type, std::string_view text,
                   const char* detail) {
    REPORT_INPUT_ERROR(context,
                       (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                        errmsg("invalid input syntax for type %s: \"%s\"", type.name, quote(text)),
                        detail == nullptr ? 0 : errdetail_internal("%s", detail)));
}

}  // namespace

void report_text_problem(Node* context, const pg::TypeLimits& type, std::string_view text,
                         core::TextProblem problem, std::string_view where) {
    switch (problem) {
        case core::TextProblem::none:
            return;
        case core::TextProblem::no_opening_bracket:
            return report_syntax(context, type, text, "Vector contents must start with \"[\".");
        case core::TextProblem::empty:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("%s must have at least 1 dimension", type.name)));
            return;
        case core::TextProblem::syntax:
            return report_syntax(context, type, text, nullptr);
        case core::TextProblem::junk:
            return report_syntax(context, type, text, "Junk after closing right brace.");
        case core::TextProblem::too_many:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                                         errmsg("%s cannot have more than %d dimensions", type.name,
                                                type.max_dimensions)));
            return;
        case core::TextProblem::out_of_range:
            REPORT_INPUT_ERROR(
                context, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                          errmsg("\"%s\" is out of range for type %s", quote(where), type.name)));
            return;
        case core::TextProblem::not_a_number:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("NaN not allowed in %s", type.name)));
            return;
        case core::TextProblem::infinite:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("infinite value not allowed in %s", type.name)));
            return;
        case core::TextProblem::no_opening_brace:
            return report_syntax(context, type, text, "Vector contents must start with \"{\".");
        case core::TextProblem::no_dimensions:
            return report_syntax(context, type, text, "Unexpected end of input.");
        case core::TextProblem::junk_after_dimensions:
            return report_syntax(context, type, text, "Junk after closing.");
        case core::TextProblem::too_many_elements:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                                         errmsg("%s cannot have more than %d non-zero elements",
                                                type.name, pg::max_nonzeros)));
            return;
        case core::TextProblem::index_out_of_bounds:
            REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                         errmsg("%s index out of bounds", type.name)));
            return;
        case core::TextProblem::duplicate_index:
            REPORT_INPUT_ERROR(context,
                               (errcode(ERRCODE_DATA_EXCEPTION),
                                errmsg("%s indices must not contain duplicates", type.name)));
            return;
    }
}

void report_other_dimensions(Node* context, int32 typmod, int dim) {
    if (typmod != -1 && typmod != dim) {
        REPORT_INPUT_ERROR(context, (errcode(ERRCODE_DATA_EXCEPTION),
                                     errmsg("expected %d dimensions, not %d", typmod, dim)));
    }
}

int32 dimensions_modifier(FunctionCallInfo fcinfo, const pg::TypeLimits& type) {
    int count = 0;
    const int32* modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
    if (count != 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
    }
    if (modifiers[0] < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type %s must be at least 1", type.name)));
    }
    if (modifiers[0] > type.max_dimensions) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type %s cannot exceed %d", type.name,
                               type.max_dimensions)));
    }
    return modifiers[0];
}

const unsigned char* rest_of_message(StringInfo message, const char* what, int elements, int size) {
    if (message->len - message->cursor != size) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("invalid binary %s of %d dimensions: %d bytes of elements, not %d",
                               what, elements, message->len - message->cursor, size)));
    }
    return reinterpret_cast<const unsigned char*>(pq_getmsgbytes(message, size));
}

}  // namespace vecdot::type
