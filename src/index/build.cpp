// CREATE INDEX: sample, find cells, encode every row, sort the codes by cell, write cell after
// cell.
//
// The codes go through tuplesort, so that maintenance_work_mem bounds the memory whatever the
// table's size; rows of a cell are ordered by their address, so that a serial build of the same
// table gives the same index.
#include <algorithm>

#include "algo/kmeans.hpp"
#include "core/random.hpp"
#include "index/access.hpp"
#include "index/storage.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/rel.h"
#include "utils/sampling.h"
#include "utils/tuplesort.h"
}

namespace vecdot::index {

namespace {

enum Phase : int64 { sampling = 1, clustering, encoding, writing, calibrating };

void enter(Phase phase) {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

// Where a row goes in the sort: cells first, then the special lists.
struct Places {
    int32 cells;

    int32 long_rows() const { return cells; }
    int32 loose() const { return cells + 1; }
    int32 undefined() const { return cells + 2; }
    int32 nulls() const { return cells + 3; }
    int32 count() const { return cells + 4; }
};

// The centroids, and the table that finds the nearest: they own C++ memory, which the memory
// context frees.
struct Clusters {
    std::vector<float> centroids;
    algo::CentroidTable table;
};

struct BuildState {
    Relation heap;
    Relation index;
    IndexInfo* info;
    uint64 seed;
    int dimensions;
    algo::Metric metric;
    MemoryContext row_memory;  // reset after each row

    // Sampling: a reservoir of vectors as they are.
    float* sample;
    int64 sample_capacity;
    int64 sample_count;
    int64 sample_seen;
    double sample_largest;     // |x|
    double sample_sum_square;  // of |x|
    core::Random* random;

    // Encoding
    const algo::Space* space;
    Clusters* clusters;
    Places places;
    const float* zero_centroid;
    uint32* counts;  // rows of each place
    Tuplesortstate* sort;
    TupleTableSlot* slot;
    float* rotated;
    algo::EncodedRow encoded;
    char* payload;  // a bytea
    double tuples;
};

// The vector of a row; nullptr for NULL.
const pg::Vector* vector_of(const BuildState* state, const Datum* values, const bool* is_null) {
    if (is_null[0]) {
        return nullptr;
    }
    const pg::Vector* vector = pg::vector_from_datum(values[0]);
    pg::check_expected_dimensions(state->dimensions, vector->dim);
    return vector;
}

void sample_row(Relation, ItemPointer, Datum* values, bool* is_null, bool, void* opaque) {
    BuildState* state = static_cast<BuildState*>(opaque);
    MemoryContext old = MemoryContextSwitchTo(state->row_memory);
    const pg::Vector* vector = vector_of(state, values, is_null);
    if (vector != nullptr) {
        const double square =
            kernels::active().floats.norm_squared(vector->x, static_cast<std::size_t>(vector->dim));
        if (square > 0 || state->metric != algo::Metric::cosine) {
            state->sample_largest = std::max(state->sample_largest, std::sqrt(square));
            state->sample_sum_square += square;
            int64 place = state->sample_count;
            if (place == state->sample_capacity) {
                place = static_cast<int64>(
                    state->random->below(static_cast<uint64>(state->sample_seen) + 1));
            } else {
                ++state->sample_count;
            }
            if (place < state->sample_capacity) {
                std::memcpy(state->sample + place * state->dimensions, vector->x,
                            sizeof(float) * static_cast<Size>(state->dimensions));
            }
            ++state->sample_seen;
        }
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(state->row_memory);
}

// Random blocks of the table, all their rows: a row of the reservoir for each cell's worth of
// sampling.
void take_sample(BuildState* state, double expected_rows) {
    const std::size_t cells = algo::cells_for(static_cast<std::size_t>(expected_rows));
    const Size row_size = sizeof(float) * static_cast<Size>(state->dimensions);
    const Size memory = static_cast<Size>(maintenance_work_mem) * 1024 / 4;
    state->sample_capacity = static_cast<int64>(
        std::clamp<Size>(std::min<Size>(algo::sample_for(cells), memory / row_size), 16,
                         MaxAllocHugeSize / row_size));
    state->sample = static_cast<float*>(MemoryContextAllocHuge(
        CurrentMemoryContext, row_size * static_cast<Size>(state->sample_capacity)));
    const BlockNumber blocks = RelationGetNumberOfBlocks(state->heap);
    BlockSamplerData sampler;
    // Rows of one page are alike in many tables: twice the pages needed.
    const double rows_per_block = std::fmax(expected_rows / std::fmax(blocks, 1), 1);
    const double wanted = 2 * static_cast<double>(state->sample_capacity) / rows_per_block + 100;
    BlockSampler_Init(&sampler, blocks, static_cast<int>(std::fmin(wanted, blocks)),
                      static_cast<uint32>(state->seed));
    while (BlockSampler_HasMore(&sampler)) {
        CHECK_FOR_INTERRUPTS();
        const BlockNumber block = BlockSampler_Next(&sampler);
        table_index_build_range_scan(state->heap, state->index, state->info, false, true, false,
                                     block, 1, sample_row, state, nullptr);
    }
}

// Frame without PostgreSQL: may own C++ memory while it throws.
void train(Clusters* clusters, const float* rotated, std::size_t n, std::size_t padded,
           std::size_t cells, uint64 seed, const core::Interrupt& interrupt) {
    clusters->centroids =
        algo::train_kmeans(rotated, n, padded, {.clusters = cells, .seed = seed}, interrupt);
    clusters->table = algo::CentroidTable(clusters->centroids.data(),
                                          clusters->centroids.size() / padded, padded);
}

void delete_clusters(void* clusters) {
    delete static_cast<Clusters*>(clusters);
}

// The cells, from the sample; the sample is rotated in the process and freed.
void find_cells(BuildState* state, double expected_rows) {
    const std::size_t padded = state->space->padded();
    float* rotated = static_cast<float*>(MemoryContextAllocHuge(
        CurrentMemoryContext, sizeof(float) * padded * static_cast<Size>(state->sample_count + 1)));
    std::size_t n = 0;
    for (int64 i = 0; i < state->sample_count; ++i) {
        const core::VectorView row(state->sample + i * state->dimensions,
                                   static_cast<std::size_t>(state->dimensions));
        if (state->space->route(row, rotated + n * padded).kind == algo::RowKind::normal) {
            ++n;
        }
    }
    pfree(state->sample);
    Clusters* clusters = new Clusters();
    MemoryContextCallback* callback =
        static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = delete_clusters;
    callback->arg = clusters;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
    if (n > 0) {
        train(clusters, rotated, n, padded,
              std::min(algo::cells_for(static_cast<std::size_t>(expected_rows)), n), state->seed,
              pg::interrupt());
    }
    pfree(rotated);
    state->clusters = clusters;
}

void put(BuildState* state, int32 place, ItemPointer tid, bool has_codes) {
    TupleTableSlot* slot = state->slot;
    ExecClearTuple(slot);
    slot->tts_values[0] = Int32GetDatum(place);
    slot->tts_isnull[0] = false;
    slot->tts_values[1] = Int64GetDatum((static_cast<int64>(ItemPointerGetBlockNumber(tid)) << 16) |
                                        ItemPointerGetOffsetNumber(tid));
    slot->tts_isnull[1] = false;
    if (has_codes) {
        // scale, factors and radius, then the codes, which encode_row has written in place
        char* to = VARDATA(state->payload);
        std::memcpy(to, &state->encoded.sign_factors, sizeof(algo::SignFactors));
        to += sizeof(algo::SignFactors);
        std::memcpy(to, &state->encoded.refine, sizeof(algo::RefineFactors));
        to += sizeof(algo::RefineFactors);
        std::memcpy(to, &state->encoded.radius, sizeof(float));
        slot->tts_values[2] = PointerGetDatum(state->payload);
    }
    slot->tts_isnull[2] = !has_codes;
    ExecStoreVirtualTuple(slot);
    tuplesort_puttupleslot(state->sort, slot);
    ++state->counts[place];
    ++state->tuples;
}

void encode_tuple(Relation, ItemPointer tid, Datum* values, bool* is_null, bool, void* opaque) {
    BuildState* state = static_cast<BuildState*>(opaque);
    MemoryContext old = MemoryContextSwitchTo(state->row_memory);
    const pg::Vector* vector = vector_of(state, values, is_null);
    if (vector == nullptr) {
        put(state, state->places.nulls(), tid, false);
    } else {
        const algo::RoutedRow routed = state->space->route(vector->view(), state->rotated);
        switch (routed.kind) {
            case algo::RowKind::normal: {
                uint32 cell = 0;
                const float* centroid = state->zero_centroid;
                if (state->clusters->table.count() > 0) {
                    state->clusters->table.assign(state->rotated, 1, &cell, nullptr);
                    centroid = state->clusters->table.centroid(cell);
                }
                algo::encode_row(*state->space, state->rotated, routed.error, centroid,
                                 state->encoded);
                put(state, static_cast<int32>(cell), tid, true);
                break;
            }
            case algo::RowKind::long_row:
                algo::encode_row(*state->space, state->rotated, routed.error, state->zero_centroid,
                                 state->encoded);
                put(state, state->places.long_rows(), tid, true);
                break;
            case algo::RowKind::loose:
                put(state, state->places.loose(), tid, false);
                break;
            case algo::RowKind::undefined:
                put(state, state->places.undefined(), tid, false);
                break;
        }
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(state->row_memory);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(state->tuples));
}

void prepare_encoding(BuildState* state) {
    const std::size_t padded = state->space->padded();
    const Size header = sizeof(algo::SignFactors) + sizeof(algo::RefineFactors) + sizeof(float);
    state->places.cells = std::max<int32>(static_cast<int32>(state->clusters->table.count()), 1);
    state->counts =
        static_cast<uint32*>(palloc0(sizeof(uint32) * static_cast<Size>(state->places.count())));
    state->zero_centroid = static_cast<float*>(palloc0(sizeof(float) * padded));
    state->rotated = static_cast<float*>(palloc(sizeof(float) * padded));
    const Size size = VARHDRSZ + header + algo::sign_bytes(padded) + padded;
    state->payload = static_cast<char*>(palloc0(size));
    SET_VARSIZE(state->payload, size);
    state->encoded.signs = reinterpret_cast<std::uint8_t*>(VARDATA(state->payload)) + header;
    state->encoded.code = state->encoded.signs + algo::sign_bytes(padded);
    TupleDesc descriptor = CreateTemplateTupleDesc(3);
    TupleDescInitEntry(descriptor, 1, "cell", INT4OID, -1, 0);
    TupleDescInitEntry(descriptor, 2, "tid", INT8OID, -1, 0);
    TupleDescInitEntry(descriptor, 3, "codes", BYTEAOID, -1, 0);
#if PG_VERSION_NUM >= 190000
    TupleDescFinalize(descriptor);
#endif
    AttrNumber attributes[] = {1, 2};
    Oid operators[] = {Int4LessOperator, Int8LessOperator};
    Oid collations[] = {InvalidOid, InvalidOid};
    bool nulls_first[] = {false, false};
    state->sort =
        tuplesort_begin_heap(descriptor, 2, attributes, operators, collations, nulls_first,
                             maintenance_work_mem / 2, nullptr, TUPLESORT_NONE);
    state->slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
}

uint16 flags_of(const Places& places, int32 place) {
    return place < places.cells          ? static_cast<uint16>(cell_has_codes)
           : place == places.long_rows() ? static_cast<uint16>(cell_has_codes | cell_always_first)
           : place == places.loose()     ? static_cast<uint16>(cell_loose)
           : place == places.undefined() ? static_cast<uint16>(cell_nan)
                                         : static_cast<uint16>(cell_nulls);
}

void write_cells(BuildState* state, const Parameters& parameters) {
    const std::size_t padded = state->space->padded();
    tuplesort_performsort(state->sort);
    TupleTableSlot* slot =
        MakeSingleTupleTableSlot(state->slot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
    BulkWriter* writer = bulk_begin(state->index, parameters, nullptr);
    int32 current = -1;
    while (tuplesort_gettupleslot(state->sort, true, false, slot, nullptr)) {
        CHECK_FOR_INTERRUPTS();
        bool is_null;
        const int32 place = DatumGetInt32(slot_getattr(slot, 1, &is_null));
        const int64 packed = DatumGetInt64(slot_getattr(slot, 2, &is_null));
        ItemPointerData tid;
        ItemPointerSet(&tid, static_cast<BlockNumber>(packed >> 16),
                       static_cast<OffsetNumber>(packed & 0xffff));
        if (place != current) {
            if (current >= 0) {
                bulk_end_cell(writer);
            }
            const uint16 flags = flags_of(state->places, place);
            const float* centroid =
                (flags & cell_has_codes) == 0 ? nullptr
                : (flags & cell_always_first) != 0 || state->clusters->table.count() == 0
                    ? state->zero_centroid
                    : state->clusters->table.centroid(static_cast<std::size_t>(place));
            bulk_begin_cell(writer, flags, centroid, state->counts[place]);
            current = place;
        }
        const Datum codes = slot_getattr(slot, 3, &is_null);
        if (is_null) {
            bulk_add(writer, &tid, nullptr);
            continue;
        }
        struct varlena* bytes = PG_DETOAST_DATUM_PACKED(codes);
        const char* from = VARDATA_ANY(bytes);
        algo::EncodedRow row{};
        std::memcpy(&row.sign_factors, from, sizeof row.sign_factors);
        from += sizeof row.sign_factors;
        std::memcpy(&row.refine, from, sizeof row.refine);
        from += sizeof row.refine;
        std::memcpy(&row.radius, from, sizeof row.radius);
        from += sizeof row.radius;
        row.signs = reinterpret_cast<std::uint8_t*>(const_cast<char*>(from));
        row.code = row.signs + algo::sign_bytes(padded);
        bulk_add(writer, &tid, &row);
    }
    if (current >= 0) {
        bulk_end_cell(writer);
    }
    bulk_finish(writer);
    ExecDropSingleTupleTableSlot(slot);
    tuplesort_end(state->sort);
}

}  // namespace

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
    if (RelationGetNumberOfBlocks(index) != 0) {
        elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
    }
    MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot build", ALLOCSET_DEFAULT_SIZES);
    MemoryContext old = MemoryContextSwitchTo(memory);
    const uint64 seed = seed_of(index);
    core::Random random(seed);
    BuildState state{};
    state.heap = heap;
    state.index = index;
    state.info = info;
    state.seed = seed;
    state.dimensions = dimensions_of(index);
    state.metric = metric_of(index);
    state.random = &random;
    state.row_memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot build row", ALLOCSET_DEFAULT_SIZES);

    enter(sampling);
    BlockNumber pages;
    double expected_rows;
    double all_visible;
    table_relation_estimate_size(heap, nullptr, &pages, &expected_rows, &all_visible);
    expected_rows = std::fmax(expected_rows, 1);
    take_sample(&state, expected_rows);

    enter(clustering);
    const double mean_square =
        state.sample_seen > 0 ? state.sample_sum_square / static_cast<double>(state.sample_seen)
                              : 0;
    const Parameters parameters = make_parameters(
        state.metric, state.dimensions, seed,
        state.sample_seen > 0 ? algo::choose_scale(state.metric, state.sample_largest, mean_square)
                              : 1);
    core::Arena arena = pg::arena();
    state.space =
        arena.create<algo::Space>(arena, space_parameters(parameters), core::VectorView());
    find_cells(&state, expected_rows);

    enter(encoding);
    prepare_encoding(&state);
    const double heap_tuples =
        table_index_build_scan(heap, index, info, true, true, encode_tuple, &state, nullptr);

    enter(writing);
    write_cells(&state, parameters);

    enter(calibrating);
    calibrate(index, seed);

    IndexBuildResult* result;
    MemoryContextSwitchTo(old);
    result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
    result->heap_tuples = heap_tuples;
    result->index_tuples = state.tuples;
    MemoryContextDelete(memory);
    return result;
}

void build_empty(Relation index) {
    create_empty(index, INIT_FORKNUM,
                 make_parameters(metric_of(index), dimensions_of(index), seed_of(index), 1));
}

}  // namespace vecdot::index
