// Matrices times vectors, linear layers, Lambert's law.
#include "math/projection.hpp"

#include "core/arena.hpp"
#include "linalg/arrays.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

using namespace vecdot;

namespace {

std::span<double> product(math::Rows matrix, const char* name, pg::VectorRef x) {
    if (matrix.columns != x.size()) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different vector dimensions %zu and %d", matrix.columns, x.dim),
                        errdetail("Matrix \"%s\" is %zu by %zu, the vector has %d dimensions.",
                                  name, matrix.rows, matrix.columns, x.dim)));
    }
    const std::span<double> result = pg::arena().allocate<double>(matrix.rows);
    math::multiply(matrix, x.data, result);
    return result;
}

}  // namespace

VECDOT_FUNCTION(vector_matvec) {
    const math::Rows matrix = linalg::matrix_argument(fcinfo, 0, "matrix");
    PG_RETURN_VECTOR(linalg::vector_of(product(matrix, "matrix", pg::vector_argument(fcinfo, 1))));
}

VECDOT_FUNCTION(vector_project) {
    const math::Rows axes = linalg::matrix_argument(fcinfo, 1, "axes");
    PG_RETURN_VECTOR(linalg::vector_of(product(axes, "axes", pg::vector_argument(fcinfo, 0))));
}

VECDOT_FUNCTION(vector_linear) {
    const math::Rows weights = linalg::matrix_argument(fcinfo, 1, "weights");
    const pg::VectorRef bias = pg::fetch_vector(PG_GETARG_DATUM(2)).ref;
    const std::span<double> result = product(weights, "weights", pg::vector_argument(fcinfo, 0));
    if (bias.size() != weights.rows) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected %zu dimensions, not %d", weights.rows, bias.dim),
                        errdetail("Matrix \"weights\" has %zu rows, \"bias\" has %d dimensions.",
                                  weights.rows, bias.dim)));
    }
    for (int i = 0; i < bias.dim; ++i) {
        result[i] += static_cast<double>(bias[i]);
    }
    PG_RETURN_VECTOR(linalg::vector_of(result));
}

VECDOT_FUNCTION(vector_lambert) {
    const pg::VectorPair v = pg::vector_pair(fcinfo);
    PG_RETURN_FLOAT8(math::lambert(v.a.data, v.b.data, v.a.size()));
}
