// The aggregate that trains a linear classifier, and its use.
#include "math/discriminant.hpp"

#include "linalg/aggregate.hpp"
#include "math/elements.hpp"
#include "math/projection.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/array.h"
}

using namespace vecdot;

namespace {

constexpr double default_shrinkage = 0.01;

struct State {
    double shrinkage;
    math::Discriminant statistics;

    std::size_t dimensions() const { return statistics.dimensions(); }
};

State* new_state(MemoryContext context, std::size_t dimensions, double shrinkage) {
    core::Arena arena = pg::arena(context);
    return arena.create<State>(State{shrinkage, math::Discriminant(dimensions, arena)});
}

void check_room(std::size_t dimensions, std::size_t classes) {
    linalg::check_memory(math::Scatter::bytes(dimensions) +
                             math::discriminant_bytes(dimensions, classes) +
                             sizeof(double) * dimensions * classes,
                         static_cast<int>(dimensions), "linear_discriminant");
}

}  // namespace

VECDOT_FUNCTION(vector_discriminant_accum) {
    MemoryContext context = linalg::aggregate_context(fcinfo);
    State* state = linalg::state_argument<State>(fcinfo, 0);
    if (PG_ARGISNULL(1)) {
        return linalg::state_result(fcinfo, state);
    }
    if (PG_ARGISNULL(2) || (PG_NARGS() > 3 && PG_ARGISNULL(3))) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("class and shrinkage must not be null"),
                        errhint("Leave unlabelled rows out with WHERE or FILTER.")));
    }
    const pg::VectorRef x = pg::fetch_vector(PG_GETARG_DATUM(1)).ref;
    const double shrinkage = PG_NARGS() > 3 ? PG_GETARG_FLOAT8(3) : default_shrinkage;
    if (!(shrinkage >= 0 && shrinkage <= 1)) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("shrinkage must be from 0 to 1, not %g", shrinkage)));
    }
    if (state == nullptr) {
        check_room(x.size(), 1);
        state = new_state(context, x.size(), shrinkage);
    }
    pg::check_expected_dimensions(static_cast<int32>(state->dimensions()), x.dim);
    const std::size_t before = state->statistics.classes().size();
    state->statistics.add(x.data, PG_GETARG_INT32(2), pg::arena(context), pg::interrupt());
    if (state->statistics.classes().size() != before) {
        check_room(x.size(), before + 1);
    }
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_discriminant_combine) {
    return linalg::combine_states<State>(
        fcinfo,
        [](MemoryContext context, const State& other) {
            return new_state(context, other.dimensions(), other.shrinkage);
        },
        [](State& state, State& other, MemoryContext context) {
            state.statistics.flush(pg::interrupt());
            other.statistics.flush(pg::interrupt());
            state.statistics.merge(other.statistics, pg::arena(context));
        });
}

VECDOT_FUNCTION(vector_discriminant_serialize) {
    linalg::aggregate_context(fcinfo);
    State* state = reinterpret_cast<State*>(PG_GETARG_POINTER(0));
    state->statistics.flush(pg::interrupt());
    math::Scatter& scatter = state->statistics.scatter();
    const std::size_t d = scatter.dimensions();
    const std::uint64_t rows = scatter.rows();
    const std::size_t count = state->statistics.classes().size();
    const std::span<double> mean = scatter.stored_mean();
    const std::span<double> tiles = scatter.stored_tiles();
    linalg::StateWriter writer(
        sizeof state->shrinkage + sizeof d + sizeof rows + sizeof count + mean.size_bytes() +
        tiles.size_bytes() +
        count * (sizeof(std::int32_t) + sizeof(std::uint64_t) + d * sizeof(double)));
    writer.put(&state->shrinkage, sizeof state->shrinkage);
    writer.put(&d, sizeof d);
    writer.put(&rows, sizeof rows);
    writer.put(&count, sizeof count);
    writer.put(mean.data(), mean.size_bytes());
    writer.put(tiles.data(), tiles.size_bytes());
    for (const math::Discriminant::Class& entry : state->statistics.classes()) {
        writer.put(&entry.label, sizeof entry.label);
        writer.put(&entry.rows, sizeof entry.rows);
        writer.put(entry.sum, d * sizeof(double));
    }
    PG_RETURN_BYTEA_P(writer.finish());
}

VECDOT_FUNCTION(vector_discriminant_deserialize) {
    linalg::aggregate_context(fcinfo);
    linalg::StateReader reader(PG_GETARG_BYTEA_PP(0));
    double shrinkage = 0;
    std::size_t d = 0;
    std::uint64_t rows = 0;
    std::size_t count = 0;
    reader.get(&shrinkage, sizeof shrinkage);
    reader.get(&d, sizeof d);
    reader.get(&rows, sizeof rows);
    reader.get(&count, sizeof count);
    State* state = new_state(CurrentMemoryContext, d, shrinkage);
    math::Scatter& scatter = state->statistics.scatter();
    scatter.set_rows(rows);
    reader.get(scatter.stored_mean().data(), scatter.stored_mean().size_bytes());
    reader.get(scatter.stored_tiles().data(), scatter.stored_tiles().size_bytes());
    for (std::size_t i = 0; i < count; ++i) {
        std::int32_t label = 0;
        reader.get(&label, sizeof label);
        math::Discriminant::Class& entry = state->statistics.class_of(label, pg::arena());
        reader.get(&entry.rows, sizeof entry.rows);
        reader.get(entry.sum, d * sizeof(double));
    }
    PG_RETURN_POINTER(state);
}

VECDOT_FUNCTION(vector_discriminant_final) {
    if (PG_ARGISNULL(0)) {
        PG_RETURN_NULL();
    }
    State* state = reinterpret_cast<State*>(PG_GETARG_POINTER(0));
    state->statistics.flush(pg::interrupt());
    const std::span<const math::Discriminant::Class> classes = state->statistics.classes();
    pg::check_dimensions(static_cast<int>(classes.size()));
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
        elog(ERROR, "linear_discriminant must return a composite");
    }
    description = BlessTupleDesc(description);
    MemoryContext work =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot classifier", ALLOCSET_DEFAULT_SIZES);
    const math::LinearModel model =
        math::fit(state->statistics, state->shrinkage, pg::arena(work), pg::interrupt());
    Datum* labels = static_cast<Datum*>(palloc(sizeof(Datum) * classes.size()));
    for (std::size_t i = 0; i < classes.size(); ++i) {
        labels[i] = Int32GetDatum(classes[i].label);
    }
    Datum values[4] = {
        linalg::matrix_datum({model.weights.data, model.weights.rows, model.weights.columns},
                             TupleDescAttr(description, 1)->atttypid),
        PointerGetDatum(linalg::vector_of(model.bias)),
        PointerGetDatum(construct_array(labels, static_cast<int>(classes.size()), INT4OID, 4, true,
                                        TYPALIGN_INT)),
        Int64GetDatum(static_cast<int64>(state->statistics.scatter().rows())),
    };
    bool nulls[4] = {};
    MemoryContextDelete(work);
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(description, values, nulls)));
}
