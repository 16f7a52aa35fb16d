// The aggregate pca and the use of what it finds.
#include "math/pca.hpp"

#include "linalg/aggregate.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

using namespace vecdot;

namespace {

struct State {
    int32 k;
    math::Scatter scatter;

    std::size_t dimensions() const { return scatter.dimensions(); }
};

State* new_state(MemoryContext context, std::size_t dimensions, int32 k) {
    core::Arena arena = pg::arena(context);
    State* state = arena.create<State>(State{k, math::Scatter(dimensions, arena)});
    return state;
}

Datum float8_array(std::span<const double> values) {
    Datum* elements = static_cast<Datum*>(palloc(sizeof(Datum) * values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        elements[i] = Float8GetDatum(values[i]);
    }
    return PointerGetDatum(construct_array(elements, static_cast<int>(values.size()), FLOAT8OID, 8,
                                           FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

struct Model {
    math::Rows components;
    const float* mean;
};

Model model_argument(FunctionCallInfo fcinfo, int n) {
    HeapTupleHeader tuple = reinterpret_cast<HeapTupleHeader>(pg::plain_argument(fcinfo, n));
    bool mean_is_null;
    bool components_is_null;
    const Datum mean = GetAttributeByNum(tuple, 1, &mean_is_null);
    const Datum components = GetAttributeByNum(tuple, 2, &components_is_null);
    if (mean_is_null || components_is_null) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("mean and components of a pca_model must not be null")));
    }
    const Model model{linalg::matrix_from_datum(components, "components"),
                      pg::fetch_vector(mean).ref.data};
    pg::check_same_dimensions(pg::fetch_vector(mean).ref.dim,
                              static_cast<int>(model.components.columns));
    return model;
}

}  // namespace

VECDOT_FUNCTION(vector_pca_accum) {
    MemoryContext context = linalg::aggregate_context(fcinfo);
    State* state = linalg::state_argument<State>(fcinfo, 0);
    if (PG_ARGISNULL(1)) {
        return linalg::state_result(fcinfo, state);
    }
    if (PG_ARGISNULL(2)) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("number of components must not be null")));
    }
    const int32 k = PG_GETARG_INT32(2);
    const pg::VectorRef x = pg::fetch_vector(PG_GETARG_DATUM(1)).ref;
    if (state == nullptr) {
        if (k < 1 || k > x.dim) {
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("number of components must be from 1 to %d, not %d", x.dim, k),
                            errhint("A vector of d dimensions has at most d components.")));
        }
        linalg::check_memory(
            math::Scatter::bytes(x.size()) + math::pca_bytes(x.size(), static_cast<std::size_t>(k)),
            x.dim, "pca");
        state = new_state(context, x.size(), k);
    }
    pg::check_expected_dimensions(static_cast<int32>(state->dimensions()), x.dim);
    if (k != state->k) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("number of components must be the same for all rows, not %d and %d",
                               state->k, k)));
    }
    state->scatter.add(x.data, pg::interrupt());
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_pca_combine) {
    return linalg::combine_states<State>(
        fcinfo,
        [](MemoryContext context, const State& other) {
            return new_state(context, other.dimensions(), other.k);
        },
        [](State& state, State& other, MemoryContext) {
            state.scatter.flush(pg::interrupt());
            other.scatter.flush(pg::interrupt());
            state.scatter.merge(other.scatter);
        });
}

VECDOT_FUNCTION(vector_pca_serialize) {
    linalg::aggregate_context(fcinfo);
    State* state = reinterpret_cast<State*>(PG_GETARG_POINTER(0));
    state->scatter.flush(pg::interrupt());
    const std::size_t d = state->scatter.dimensions();
    const std::uint64_t rows = state->scatter.rows();
    const std::span<double> mean = state->scatter.stored_mean();
    const std::span<double> tiles = state->scatter.stored_tiles();
    linalg::StateWriter writer(sizeof state->k + sizeof d + sizeof rows + mean.size_bytes() +
                               tiles.size_bytes());
    writer.put(&state->k, sizeof state->k);
    writer.put(&d, sizeof d);
    writer.put(&rows, sizeof rows);
    writer.put(mean.data(), mean.size_bytes());
    writer.put(tiles.data(), tiles.size_bytes());
    PG_RETURN_BYTEA_P(writer.finish());
}

VECDOT_FUNCTION(vector_pca_deserialize) {
    linalg::aggregate_context(fcinfo);
    linalg::StateReader reader(PG_GETARG_BYTEA_PP(0));
    int32 k = 0;
    std::size_t d = 0;
    std::uint64_t rows = 0;
    reader.get(&k, sizeof k);
    reader.get(&d, sizeof d);
    reader.get(&rows, sizeof rows);
    State* state = new_state(CurrentMemoryContext, d, k);
    state->scatter.set_rows(rows);
    reader.get(state->scatter.stored_mean().data(), state->scatter.stored_mean().size_bytes());
    reader.get(state->scatter.stored_tiles().data(), state->scatter.stored_tiles().size_bytes());
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_pca_final) {
    if (PG_ARGISNULL(0)) {
        PG_RETURN_NULL();
    }
    State* state = reinterpret_cast<State*>(PG_GETARG_POINTER(0));
    state->scatter.flush(pg::interrupt());
    const std::uint64_t n = state->scatter.rows();
    if (n < 2) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("pca needs at least 2 rows, not %d", static_cast<int>(n)),
                        errhint("One row has no variance.")));
    }
    if (static_cast<std::uint64_t>(state->k) > n) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("number of components must be from 1 to %d, not %d",
                               static_cast<int>(n), state->k),
                        errhint("n rows have at most n components.")));
    }
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
        elog(ERROR, "pca must return a composite");
    }
    description = BlessTupleDesc(description);
    // What the solver used is given back at once: the result alone goes on.
    MemoryContext work =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot pca", ALLOCSET_DEFAULT_SIZES);
    const math::Pca result = math::pca(state->scatter, static_cast<std::size_t>(state->k),
                                       pg::arena(work), pg::interrupt());
    Datum values[5] = {
        PointerGetDatum(linalg::vector_of(state->scatter.mean())),
        linalg::matrix_datum(
            {result.components.data, result.components.rows, result.components.columns},
            TupleDescAttr(description, 0)->atttypid),
        float8_array(result.variance),
        float8_array(result.ratio),
        Int64GetDatum(static_cast<int64>(n)),
    };
    bool nulls[5] = {};
    MemoryContextDelete(work);
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(description, values, nulls)));
}

VECDOT_FUNCTION(vector_pca_transform) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    const Model model = model_argument(fcinfo, 1);
    pg::check_same_dimensions(x.dim, static_cast<int>(model.components.columns));
    const std::span<double> out = pg::arena().allocate<double>(model.components.rows);
    math::pca_transform(model.components, model.mean, x.data, out);
    PG_RETURN_VECTOR(linalg::vector_of(out));
}

VECDOT_FUNCTION(vector_pca_inverse_transform) {
    const pg::VectorRef z = pg::vector_argument(fcinfo, 0);
    const Model model = model_argument(fcinfo, 1);
    pg::check_same_dimensions(z.dim, static_cast<int>(model.components.rows));
    const std::span<double> out = pg::arena().allocate<double>(model.components.columns);
    math::pca_inverse_transform(model.components, model.mean, z.data, out);
    PG_RETURN_VECTOR(linalg::vector_of(out));
}
