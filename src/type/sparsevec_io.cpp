// Text and binary input and output of sparsevec, and its type modifier.
#include "core/sparse_binary.hpp"
#include "core/sparse_text.hpp"
#include "pg/guard.hpp"
#include "pg/sparse_datum.hpp"
#include "type/input.hpp"

extern "C" {
#include "libpq/pqformat.h"
}

using namespace vecdot;

namespace {

constexpr const pg::TypeLimits& limits = pg::limits_of<pg::SparseVector>;

// The error of a number of dimensions that no sparsevec has.
void report_impossible_dimensions(Node* context, int32 dim) {
    if (dim < 1) {
        type::report_text_problem(context, limits, {}, core::TextProblem::empty, {});
    } else if (dim > limits.max_dimensions) {
        type::report_text_problem(context, limits, {}, core::TextProblem::too_many, {});
    }
}

// The error of an element of a binary message.
void report_binary_problem(core::SparseProblem problem, float value) {
    switch (problem) {
        case core::SparseProblem::none:
            return;
        case core::SparseProblem::index_out_of_bounds:
            ereport(ERROR,
                    (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec index out of bounds")));
        case core::SparseProblem::not_ascending:
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("sparsevec indices must be in ascending order")));
        case core::SparseProblem::duplicate:
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("sparsevec indices must not contain duplicates")));
        case core::SparseProblem::not_finite:
            pg::check_finite<pg::SparseVector>(value);
            return;
        case core::SparseProblem::zero:
            ereport(ERROR,
                    (errcode(ERRCODE_DATA_EXCEPTION),
                     errmsg("binary representation of sparsevec cannot contain zero values")));
    }
}

}  // namespace

VECDOT_FUNCTION(sparsevec_in) {
    const std::string_view text = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);
    Node* context = fcinfo->context;
    core::SparseElement buffer[pg::max_nonzeros];
    const core::ParsedSparse parsed = core::parse_sparse(text, buffer);
    const std::span<core::SparseElement> elements{buffer, parsed.count};
    type::report_text_problem(context, limits, text, parsed.problem, parsed.where);
    if (parsed.problem == core::TextProblem::none) {
        report_impossible_dimensions(context, parsed.dim);
        if (!INPUT_FAILED(context)) {
            type::report_other_dimensions(context, typmod, parsed.dim);
        }
        if (!INPUT_FAILED(context)) {
            type::report_text_problem(context, limits, text,
                                      core::sort_sparse(elements, parsed.dim), {});
        }
    }
    if (INPUT_FAILED(context)) {
        PG_RETURN_NULL();
    }
    pg::SparseVector* result = pg::new_sparse(parsed.dim, static_cast<int>(parsed.count));
    for (std::size_t i = 0; i < elements.size(); ++i) {
        result->indices[i] = elements[i].index;
        result->values()[i] = elements[i].value;
    }
    PG_RETURN_POINTER(result);
}

VECDOT_FUNCTION(sparsevec_out) {
    const pg::SparseRef v = pg::sparse_argument(fcinfo, 0);
    char* text = static_cast<char*>(palloc(core::max_sparse_text(v.elements.count) + 1));
    text[core::format_sparse(v.elements.indices, v.elements.values, v.elements.count, v.dim,
                             text)] = '\0';
    PG_RETURN_CSTRING(text);
}

VECDOT_FUNCTION(sparsevec_typmod_in) {
    PG_RETURN_INT32(type::dimensions_modifier(fcinfo, limits));
}

VECDOT_FUNCTION(sparsevec_recv) {
    StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const auto* start = reinterpret_cast<const unsigned char*>(
        pq_getmsgbytes(message, static_cast<int>(core::sparse_header_size)));
    const core::SparseHeader header = core::read_sparse_header({start, core::sparse_header_size});
    pg::check_dimensions<pg::SparseVector>(header.dim);
    pg::check_nonzeros(header.count, header.dim);
    pg::check_expected_dimensions(PG_GETARG_INT32(2), header.dim);
    if (header.unused != 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected unused to be 0, not %d", header.unused)));
    }
    const auto count = static_cast<std::size_t>(header.count);
    const unsigned char* elements =
        type::rest_of_message(message, limits.name, header.dim, static_cast<int>(8 * count));
    pg::SparseVector* result = pg::new_sparse(header.dim, header.count);
    const core::ReadSparse read = core::read_sparse_elements(
        {elements, 8 * count}, header.dim, {result->indices, count}, {result->values(), count});
    if (read.problem != core::SparseProblem::none) {
        report_binary_problem(read.problem, result->values()[read.at]);
    }
    PG_RETURN_POINTER(result);
}

VECDOT_FUNCTION(sparsevec_send) {
    const pg::SparseRef v = pg::sparse_argument(fcinfo, 0);
    const Size size = core::sparse_binary_size(v.elements.count);
    bytea* result = static_cast<bytea*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(result, VARHDRSZ + size);
    core::write_sparse({v.dim, v.count(), 0}, v.elements.indices, v.elements.values,
                       {reinterpret_cast<unsigned char*>(VARDATA(result)), size});
    PG_RETURN_BYTEA_P(result);
}

// The cast that applies a column's type modifier.
VECDOT_FUNCTION(sparsevec) {
    struct varlena* stored = pg::plain_argument(fcinfo, 0);
    pg::check_expected_dimensions(PG_GETARG_INT32(1), pg::sparse_argument(fcinfo, 0).dim);
    PG_RETURN_POINTER(stored);
}
