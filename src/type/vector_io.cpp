// Text and binary input and output of vector and halfvec, and their type modifier.
#include "core/vector_binary.hpp"
#include "core/vector_text.hpp"
#include "type/dense.hpp"
#include "type/input.hpp"

extern "C" {
#include "libpq/pqformat.h"
}

using namespace vecdot;

VECDOT_DENSE_FUNCTION(vector_in, halfvec_in) {
    const std::string_view text = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);
    Element values[pg::max_dimensions];
    const core::ParsedText parsed = core::parse_vector(text, std::span<Element>(values));
    const int dim = static_cast<int>(parsed.dim);
    type::report_text_problem(fcinfo->context, pg::limits_of<Element>, text, parsed.problem,
                              parsed.where);
    if (parsed.problem == core::TextProblem::none) {
        type::report_other_dimensions(fcinfo->context, typmod, dim);
    }
    if (INPUT_FAILED(fcinfo->context)) {
        PG_RETURN_NULL();
    }
    auto* result = pg::new_vector<Element>(dim);
    std::memcpy(result->x, values, sizeof(Element) * parsed.dim);
    PG_RETURN_VECTOR(result);
}

VECDOT_DENSE_FUNCTION(vector_out, halfvec_out) {
    const auto* vector = pg::vector_from_datum<Element>(PG_GETARG_DATUM(0));
    char* text = static_cast<char*>(palloc(core::max_vector_text(vector->view().size()) + 1));
    text[core::format_vector(vector->view(), text)] = '\0';
    PG_RETURN_CSTRING(text);
}

VECDOT_DENSE_FUNCTION(vector_typmod_in, halfvec_typmod_in) {
    PG_RETURN_INT32(type::dimensions_modifier(fcinfo, pg::limits_of<Element>));
}

VECDOT_DENSE_FUNCTION(vector_recv, halfvec_recv) {
    StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const auto* start = reinterpret_cast<const unsigned char*>(
        pq_getmsgbytes(message, static_cast<int>(core::binary_header_size)));
    const core::BinaryHeader header = core::read_binary_header({start, core::binary_header_size});
    pg::check_dimensions<Element>(header.dim);
    pg::check_expected_dimensions(typmod, header.dim);
    if (header.unused != 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected unused to be 0, not %d", header.unused)));
    }
    auto* result = pg::new_vector<Element>(header.dim);
    const int size = static_cast<int>(sizeof(Element)) * header.dim;
    const unsigned char* elements =
        type::rest_of_message(message, pg::limits_of<Element>.name, header.dim, size);
    const std::size_t bad =
        core::read_binary_elements({elements, static_cast<std::size_t>(size)}, result->view());
    if (bad != result->view().size()) {
        pg::check_finite<Element>(core::to_float(result->x[bad]));
    }
    PG_RETURN_VECTOR(result);
}

VECDOT_DENSE_FUNCTION(vector_send, halfvec_send) {
    const auto* vector = pg::vector_from_datum<Element>(PG_GETARG_DATUM(0));
    const std::size_t size = core::binary_size<Element>(vector->view().size());
    bytea* result = static_cast<bytea*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(result, VARHDRSZ + size);
    auto* bytes = reinterpret_cast<unsigned char*>(VARDATA(result));
    core::write_binary_header({vector->dim, vector->unused}, {bytes, size});
    core::write_binary_elements(
        vector->view(), {bytes + core::binary_header_size, size - core::binary_header_size});
    PG_RETURN_BYTEA_P(result);
}

// The cast that applies a column's type modifier.
VECDOT_DENSE_FUNCTION(vector, halfvec) {
    auto* vector = pg::vector_from_datum<Element>(PG_GETARG_DATUM(0));
    pg::check_expected_dimensions(PG_GETARG_INT32(1), vector->dim);
    PG_RETURN_VECTOR(vector);
}
