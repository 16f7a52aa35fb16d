// Attention: the streaming aggregate and its matrix forms.
#include "math/attention.hpp"

#include "kernels/kernels.hpp"
#include "linalg/aggregate.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

using namespace vecdot;

namespace {

using State = math::OnlineAttention;

State* new_state(MemoryContext context, std::size_t dimensions) {
    core::Arena arena = pg::arena(context);
    return arena.create<State>(arena.allocate<double>(dimensions));
}

void check_scale(double scale) {
    if (!std::isfinite(scale)) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("scale must be finite, not %g", scale)));
    }
}

// The same value out of line, as in attention(q, v, v): fetched once.
bool is_same_toast(Datum a, Datum b) {
    const auto* x = reinterpret_cast<const varattrib_1b_e*>(DatumGetPointer(a));
    const auto* y = reinterpret_cast<const varattrib_1b_e*>(DatumGetPointer(b));
    return VARATT_IS_EXTERNAL_ONDISK(x) && VARATT_IS_EXTERNAL_ONDISK(y) &&
           std::memcmp(x, y, VARSIZE_EXTERNAL(x)) == 0;
}

void check_same_columns(math::Rows a, const char* a_name, math::Rows b, const char* b_name) {
    if (a.columns != b.columns) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different vector dimensions %zu and %zu", a.columns, b.columns),
                        errdetail("Matrix \"%s\" is %zu by %zu, \"%s\" is %zu by %zu.", a_name,
                                  a.rows, a.columns, b_name, b.rows, b.columns)));
    }
}

Datum weights(FunctionCallInfo fcinfo, bool has_scale) {
    const pg::VectorRef query = pg::vector_argument(fcinfo, 0);
    const math::Rows keys = linalg::matrix_argument(fcinfo, 1, "keys");
    pg::check_same_dimensions(query.dim, static_cast<int>(keys.columns));
    pg::check_dimensions(static_cast<int>(keys.rows));
    const double scale = has_scale ? PG_GETARG_FLOAT8(2) : math::default_scale(query.size());
    check_scale(scale);
    pg::Vector* result = pg::new_vector(static_cast<int>(keys.rows));
    math::attention_weights(query.data, keys, scale, result->view());
    PG_RETURN_VECTOR(result);
}

}  // namespace

VECDOT_FUNCTION(vector_attention_accum) {
    MemoryContext context = linalg::aggregate_context(fcinfo);
    State* state = linalg::state_argument<State>(fcinfo, 0);
    for (int i = 1; i < PG_NARGS(); ++i) {
        if (PG_ARGISNULL(i)) {
            return linalg::state_result(fcinfo, state);
        }
    }
    const pg::VectorRef query = pg::vector_argument(fcinfo, 1);
    const pg::VectorRef key = pg::fetch_vector(PG_GETARG_DATUM(2)).ref;
    const pg::VectorRef value = is_same_toast(PG_GETARG_DATUM(2), PG_GETARG_DATUM(3))
                                    ? key
                                    : pg::fetch_vector(PG_GETARG_DATUM(3)).ref;
    pg::check_same_dimensions(query.dim, key.dim);
    const double scale = PG_NARGS() > 4 ? PG_GETARG_FLOAT8(4) : math::default_scale(query.size());
    check_scale(scale);
    if (state == nullptr) {
        state = new_state(context, value.size());
    }
    pg::check_expected_dimensions(static_cast<int32>(state->dimensions()), value.dim);
    state->add(kernels::active().floats.dot(query.data, key.data, query.size()) * scale,
               value.data);
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_attention_combine) {
    return linalg::combine_states<State>(
        fcinfo,
        [](MemoryContext context, const State& other) {
            return new_state(context, other.dimensions());
        },
        [](State& state, const State& other, MemoryContext) { state.merge(other); });
}

VECDOT_FUNCTION(vector_attention_serialize) {
    linalg::aggregate_context(fcinfo);
    const State* state = reinterpret_cast<const State*>(PG_GETARG_POINTER(0));
    const State::Scale scale = state->scale();
    const std::size_t n = state->dimensions();
    linalg::StateWriter writer(sizeof n + sizeof scale + n * sizeof(double));
    writer.put(&n, sizeof n);
    writer.put(&scale, sizeof scale);
    writer.put(state->sums().data(), n * sizeof(double));
    PG_RETURN_BYTEA_P(writer.finish());
}

VECDOT_FUNCTION(vector_attention_deserialize) {
    linalg::aggregate_context(fcinfo);
    linalg::StateReader reader(PG_GETARG_BYTEA_PP(0));
    std::size_t n = 0;
    State::Scale scale;
    reader.get(&n, sizeof n);
    reader.get(&scale, sizeof scale);
    State* state = new_state(CurrentMemoryContext, n);
    reader.get(state->sums().data(), n * sizeof(double));
    state->set_scale(scale);
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_attention_final) {
    if (PG_ARGISNULL(0)) {
        PG_RETURN_NULL();
    }
    const State* state = reinterpret_cast<const State*>(PG_GETARG_POINTER(0));
    pg::Vector* result = pg::new_vector(static_cast<int>(state->dimensions()));
    state->finish(result->view());
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_attention_weights) {
    return weights(fcinfo, false);
}

VECDOT_FUNCTION(vector_attention_weights_scaled) {
    return weights(fcinfo, true);
}

VECDOT_FUNCTION(vector_attention_scores) {
    const math::Rows queries = linalg::matrix_argument(fcinfo, 0, "queries");
    const math::Rows keys = linalg::matrix_argument(fcinfo, 1, "keys");
    check_same_columns(queries, "queries", keys, "keys");
    const linalg::NewMatrix result =
        linalg::new_matrix(queries.rows, keys.rows, linalg::returned_element_type(fcinfo));
    const std::span<double> scores = pg::arena().allocate<double>(keys.rows);
    for (std::size_t i = 0; i < queries.rows; ++i) {
        math::attention_scores({queries.row + i, 1, queries.columns}, keys,
                               math::default_scale(keys.columns), scores, pg::interrupt());
        linalg::write_row(scores, result.row(i));
    }
    return result.datum();
}

VECDOT_FUNCTION(vector_attention_matrix) {
    const math::Rows queries = linalg::matrix_argument(fcinfo, 0, "queries");
    const math::Rows keys = linalg::matrix_argument(fcinfo, 1, "keys");
    const math::Rows values = linalg::matrix_argument(fcinfo, 2, "values");
    const bool causal = PG_GETARG_BOOL(3);
    const int32 heads = PG_GETARG_INT32(4);
    check_same_columns(queries, "queries", keys, "keys");
    if (keys.rows != values.rows) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different numbers of keys and values: %zu and %zu", keys.rows,
                               values.rows),
                        errdetail("Matrix \"keys\" is %zu by %zu, \"values\" is %zu by %zu.",
                                  keys.rows, keys.columns, values.rows, values.columns)));
    }
    if (heads < 1 || keys.columns % static_cast<std::size_t>(heads) != 0 ||
        values.columns % static_cast<std::size_t>(heads) != 0) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("heads must be at least 1 and divide %zu and %zu, not %d",
                               keys.columns, values.columns, heads)));
    }
    if (causal && queries.rows > keys.rows) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("causal attention of %zu queries needs as many keys, not %zu",
                               queries.rows, keys.rows)));
    }
    const linalg::NewMatrix result =
        linalg::new_matrix(queries.rows, values.columns, linalg::returned_element_type(fcinfo));
    core::Arena arena = pg::arena();
    const core::MatrixView<float> out{arena.allocate<float>(queries.rows * values.columns).data(),
                                      queries.rows, values.columns};
    math::attention(queries, keys, values, {causal, static_cast<std::size_t>(heads)}, out, arena,
                    pg::interrupt());
    for (std::size_t i = 0; i < out.rows; ++i) {
        CHECK_FOR_INTERRUPTS();
        for (const float x : out.row(i)) {
            pg::check_finite(x);
        }
        std::memcpy(result.row(i).data(), out.row(i).data(), out.columns * sizeof(float));
    }
    return result.datum();
}
