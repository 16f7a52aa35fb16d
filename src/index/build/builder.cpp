#include "index/build/builder.hpp"
#include "index/storage/keys.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/calibrate.hpp"

#include <algorithm>

#include "core/random.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

void delete_training(void* builder) {
    Builder* owner = static_cast<Builder*>(builder);
    delete owner->training;
    owner->training = nullptr;
}

// The elements of a row's value; none for NULL.
core::VectorView vector_of(const Builder* builder, const Datum* values, const bool* is_null) {
    if (is_null[0]) {
        return {};
    }
    return elements_of(*builder->operator_class, values[0], builder->crew->shared->plan.dimensions);
}

// ---------------------------------------------------------------------------------------------
// Sampling

struct Sampling {
    Builder* builder;
    const engine::Space* space;  // without its scale
    core::Random random;
    SampleChunk chunk;
    uint32 first;  // place of the chunk's rows in the sample
    uint32 room;
    float* scratch;
};

// A reservoir: each row of the chunk has the same chance. Only those that get in are looked at.
void sample_row(Sampling* sampling, const Datum* values, const bool* is_null) {
    if (is_null[0]) {
        return;
    }
    SampleChunk& chunk = sampling->chunk;
    uint64 place = chunk.count;
    if (place >= sampling->room) {
        place = sampling->random.below(chunk.seen + 1);
    }
    if (place < sampling->room) {
        const core::VectorView vector = vector_of(sampling->builder, values, is_null);
        const double square = kernels::active().floats.norm_squared(vector.data(), vector.size());
        if (!(square > 0) && sampling->builder->operator_class->metric == engine::Metric::cosine) {
            return;
        }
        sampling->builder->sample->put(sampling->first + place, *sampling->space, vector, square,
                                       sampling->scratch);
        if (place == chunk.count) {
            chunk.count += 1;
        }
    }
    chunk.seen += 1;
}

void sample_tuple(Relation, ItemPointer, Datum* values, bool* is_null, bool, void* opaque) {
    pg::guard([&] {
        Sampling* sampling = static_cast<Sampling*>(opaque);
        pg::within(sampling->builder->row_memory, [&] { sample_row(sampling, values, is_null); });
        MemoryContextReset(sampling->builder->row_memory);
    });
}

// The rows of one chunk of the blocks to sample.
void sample_chunk(Builder* builder, const engine::Space& space, uint32 number) {
    const Crew* crew = builder->crew;
    const BuildPlan& plan = crew->shared->plan;
    Sampling sampling{builder, &space, core::Random(plan.seed + number), {}, 0, 0, nullptr};
    sampling.first = static_cast<uint32>(uint64{plan.sample_rows} * number / plan.chunks);
    sampling.room =
        static_cast<uint32>(uint64{plan.sample_rows} * (number + 1) / plan.chunks) - sampling.first;
    sampling.scratch = static_cast<float*>(palloc(sizeof(float) * Size{plan.padded}));
    const uint32 begin = static_cast<uint32>(uint64{plan.blocks} * number / plan.chunks);
    const uint32 end = static_cast<uint32>(uint64{plan.blocks} * (number + 1) / plan.chunks);
    for (uint32 i = begin; i < end;) {
        CHECK_FOR_INTERRUPTS();
        uint32 run = 1;
        while (i + run < end && crew->blocks[i + run] == crew->blocks[i] + run) {
            run += 1;
        }
        table_index_build_range_scan(builder->heap, builder->index, builder->info, false,
                                     !builder->info->ii_Concurrent, false, crew->blocks[i], run,
                                     sample_tuple, &sampling, nullptr);
        i += run;
    }
    crew->chunks[number] = sampling.chunk;
    pfree(sampling.scratch);
}

void make_sample(Builder* builder) {
    const BuildPlan& plan = builder->crew->shared->plan;
    core::Arena arena = pg::arena();
    builder->sample =
        arena.create<engine::Sample>(builder->crew->sample, plan.sample_rows, Size{plan.padded});
    char* state = static_cast<char*>(builder->crew->sample) +
                  TYPEALIGN(64, engine::Sample::bytes(plan.sample_rows, plan.padded));
    builder->training =
        new engine::Training(state, plan.sample_rows, plan.clusters, *builder->sample);
}

void sample(Builder* builder, uint32 pieces) {
    const BuildPlan& plan = builder->crew->shared->plan;
    const engine::Space* space = make_space(
        builder->crew,
        make_parameters(builder->operator_class->metric, builder->operator_class->arithmetic,
                        plan.dimensions, plan.seed, plan.refine_bits, 1, plan.keys));
    uint32 piece;
    while (take_piece(builder->crew, pieces, &piece)) {
        sample_chunk(builder, *space, piece);
    }
}

// ---------------------------------------------------------------------------------------------
// Encoding

// Rows wait until there are enough of them to look for their cells together.
struct Encoding {
    Builder* builder;
    const engine::CentroidTable* table;
    Places places;
    Tuplesortstate* sort;
    TupleTableSlot* slot;
    const float* zero_centroid;
    uint32* counts;  // rows of each place
    double tuples;
    uint32 reported;
    uint32 waiting;
    float* rotated;  // encode_batch × padded
    float errors[encode_batch];
    ItemPointerData tids[encode_batch];
    engine::RowKeys keys[encode_batch];
    engine::EncodedRow encoded;
    char* payload;  // a bytea, whose codes encoded points to
};

// Keys as a bytea: no more of them than there are columns.
struct StoredKeys {
    char header[VARHDRSZ];
    uint32 nulls;
    uint64 values[engine::most_key_columns];
};

void put_stored_keys(TupleTableSlot* slot, const KeyColumns& columns, const engine::RowKeys& keys,
                     StoredKeys* stored) {
    slot->tts_isnull[3] = columns.count == 0;
    if (columns.count > 0) {
        const Size bytes = offsetof(StoredKeys, values) + sizeof(uint64) * columns.count;
        SET_VARSIZE(stored, bytes);
        stored->nulls = keys.nulls;
        memcpy(stored->values, keys.values, sizeof(uint64) * columns.count);
        slot->tts_values[3] = PointerGetDatum(stored);
    }
}

void put(Encoding* encoding, int32 place, const ItemPointerData& tid, bool has_codes,
         const engine::RowKeys& keys) {
    TupleTableSlot* slot = encoding->slot;
    ExecClearTuple(slot);
    slot->tts_values[0] = Int32GetDatum(place);
    slot->tts_isnull[0] = false;
    slot->tts_values[1] =
        Int64GetDatum((static_cast<int64>(ItemPointerGetBlockNumber(&tid)) << 16) |
                      ItemPointerGetOffsetNumber(&tid));
    slot->tts_isnull[1] = false;
    if (has_codes) {
        // Factors and radius, then the codes, which encode_row() has written in place.
        char* to = VARDATA(encoding->payload);
        memcpy(to, &encoding->encoded.sign_factors, sizeof(engine::SignFactors));
        to += sizeof(engine::SignFactors);
        memcpy(to, &encoding->encoded.refine, sizeof(engine::RefineFactors));
        to += sizeof(engine::RefineFactors);
        memcpy(to, &encoding->encoded.radius, sizeof(float));
        slot->tts_values[2] = PointerGetDatum(encoding->payload);
    }
    slot->tts_isnull[2] = !has_codes;
    StoredKeys stored;
    put_stored_keys(slot, encoding->builder->crew->shared->plan.keys, keys, &stored);
    ExecStoreVirtualTuple(slot);
    tuplesort_puttupleslot(encoding->sort, slot);
    encoding->counts[place] += 1;
    encoding->tuples += 1;
    encoding->reported += 1;
    if (encoding->reported == report_rows) {
        Crew* crew = encoding->builder->crew;
        const uint64 done = pg_atomic_add_fetch_u64(&crew->shared->tuples, encoding->reported);
        encoding->reported = 0;
        if (encoding->builder->is_leader) {
            pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(done));
        }
    }
}

void flush(Encoding* encoding) {
    const engine::Space& space = *encoding->builder->space;
    uint32 cells[encode_batch] = {};
    const bool has_cells = encoding->table->count() > 0;
    if (has_cells) {
        encoding->table->assign(encoding->rotated, encoding->waiting, cells, nullptr);
    }
    for (uint32 i = 0; i < encoding->waiting; ++i) {
        engine::encode_row(
            space, encoding->rotated + i * space.padded(), encoding->errors[i],
            has_cells ? encoding->table->centroid(cells[i]) : encoding->zero_centroid,
            encoding->encoded);
        put(encoding, static_cast<int32>(cells[i]), encoding->tids[i], true, encoding->keys[i]);
    }
    encoding->waiting = 0;
}

void encode(Encoding* encoding, const ItemPointerData& tid, core::VectorView vector,
            const engine::RowKeys& keys) {
    const engine::Space& space = *encoding->builder->space;
    if (vector.empty()) {
        put(encoding, encoding->places.nulls(), tid, false, keys);
        return;
    }
    float* rotated = encoding->rotated + encoding->waiting * space.padded();
    const engine::RoutedRow routed = space.route(vector, rotated);
    switch (routed.kind) {
        case engine::RowKind::normal:
            encoding->errors[encoding->waiting] = routed.error;
            encoding->tids[encoding->waiting] = tid;
            encoding->keys[encoding->waiting] = keys;
            encoding->waiting += 1;
            if (encoding->waiting == encode_batch) {
                flush(encoding);
            }
            break;
        case engine::RowKind::long_row:
            engine::encode_row(space, rotated, routed.error, encoding->zero_centroid,
                               encoding->encoded);
            put(encoding, encoding->places.long_rows(), tid, true, keys);
            break;
        case engine::RowKind::loose:
            put(encoding, encoding->places.loose(), tid, false, keys);
            break;
        case engine::RowKind::undefined:
            put(encoding, encoding->places.undefined(), tid, false, keys);
            break;
    }
}

void encode_tuple(Relation, ItemPointer tid, Datum* values, bool* is_null, bool, void* opaque) {
    pg::guard([&] {
        Encoding* encoding = static_cast<Encoding*>(opaque);
        const Builder* builder = encoding->builder;
        pg::within(builder->row_memory, [&] {
            encode(encoding, *tid, vector_of(builder, values, is_null),
                   make_keys(builder->index, builder->crew->shared->plan.keys, values, is_null));
        });
        MemoryContextReset(builder->row_memory);
    });
}

Size header_size() {
    return sizeof(engine::SignFactors) + sizeof(engine::RefineFactors) + sizeof(float);
}

void delete_table(void* table) {
    delete static_cast<engine::CentroidTable*>(table);
}

// Owned by the memory context.
const engine::CentroidTable* make_table(const Crew* crew) {
    engine::CentroidTable* table = new engine::CentroidTable(crew->centroids, crew->shared->cells,
                                                             Size{crew->shared->plan.padded});
    MemoryContextCallback* callback =
        static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = delete_table;
    callback->arg = table;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
    return table;
}

// Scans the table, or this process's part of it.
void encode_table(Builder* builder) {
    Crew* crew = builder->crew;
    BuildShared* shared = crew->shared;
    const Size padded = shared->plan.padded;
    builder->space = make_space(crew, shared->parameters);
    Encoding encoding{};
    encoding.builder = builder;
    encoding.table = make_table(crew);
    encoding.places.cells = Max(static_cast<int32>(shared->cells), 1);
    encoding.zero_centroid = static_cast<float*>(palloc0(sizeof(float) * padded));
    encoding.counts =
        static_cast<uint32*>(palloc0(sizeof(uint32) * static_cast<Size>(encoding.places.count())));
    // The row being looked at has a place behind those that wait.
    encoding.rotated = static_cast<float*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * padded * (encode_batch + 1)));
    const Size size = VARHDRSZ + header_size() + engine::sign_bytes(padded) + padded;
    encoding.payload = static_cast<char*>(palloc0(size));
    SET_VARSIZE(encoding.payload, size);
    encoding.encoded.signs =
        reinterpret_cast<std::uint8_t*>(VARDATA(encoding.payload)) + header_size();
    encoding.encoded.refinement = encoding.encoded.signs + engine::sign_bytes(padded);

    // What is left of the memory beside the centroids and their codes.
    const Size tables = (sizeof(float) + 1) * padded * Size{shared->cells} / 1024;
    const int left = Max(shared->plan.memory - static_cast<int>(Min(tables, Size{INT_MAX / 2})),
                         shared->plan.memory / 4);
    SortCoordinateData coordinate{};
    coordinate.isWorker = true;
    coordinate.nParticipants = -1;
    coordinate.sharedsort = crew->sort;
    const bool alone = crew->sort == nullptr;
    TupleDesc descriptor;
    // Sort states outlive the task where the leader reads its own.
    pg::within(builder->context, [&] {
        encoding.sort = begin_sort(Max(left / shared->plan.participants, 64),
                                   alone ? nullptr : &coordinate, &descriptor);
        encoding.slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
    });
    TableScanDesc scan = alone ? nullptr : pg::begin_parallel_scan(builder->heap, crew->scan);
    const double heap_tuples =
        table_index_build_scan(builder->heap, builder->index, builder->info, true,
                               builder->is_leader, encode_tuple, &encoding, scan);
    flush(&encoding);
    if (alone) {
        builder->sort = encoding.sort;
        builder->descriptor = descriptor;
    } else {
        tuplesort_performsort(encoding.sort);
        tuplesort_end(encoding.sort);
    }
    ExecDropSingleTupleTableSlot(encoding.slot);
    pg_atomic_fetch_add_u64(&shared->tuples, encoding.reported);

    SpinLockAcquire(&shared->mutex);
    shared->heap_tuples += heap_tuples;
    shared->index_tuples += encoding.tuples;
    shared->broken_hot_chain = shared->broken_hot_chain || builder->info->ii_BrokenHotChain;
    SpinLockRelease(&shared->mutex);
    for (int32 i = 0; i < encoding.places.count(); ++i) {
        pg_atomic_fetch_add_u32(&crew->counts[i], encoding.counts[i]);
    }
}

}  // namespace

Builder* make_builder(Crew* crew, Relation heap, Relation index, IndexInfo* info, bool is_leader) {
    Builder* builder = static_cast<Builder*>(palloc0(sizeof(Builder)));
    builder->crew = crew;
    builder->heap = heap;
    builder->index = index;
    builder->operator_class = &operator_class_of(index);
    builder->info = info;
    builder->is_leader = is_leader;
    builder->context = CurrentMemoryContext;
    builder->row_memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot build row", ALLOCSET_DEFAULT_SIZES);
    MemoryContextCallback* callback =
        static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = delete_training;
    callback->arg = builder;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
    return builder;
}

void take_part(Builder* builder, BuildTask task, uint32 argument, uint32 pieces) {
    Crew* crew = builder->crew;
    if ((task == BuildTask::sample || task == BuildTask::train) && builder->training == nullptr) {
        make_sample(builder);
    }
    pg::in_context("vecdot build task", [&] {
        uint32 piece;
        switch (task) {
            case BuildTask::sample:
                sample(builder, pieces);
                break;
            case BuildTask::train:
                while (take_piece(crew, pieces, &piece)) {
                    CHECK_FOR_INTERRUPTS();
                    builder->training->work(static_cast<engine::Training::Step>(argument), piece,
                                            pg::interrupt());
                }
                break;
            case BuildTask::encode:
                delete_training(builder);
                release_sample(crew);
                encode_table(builder);
                break;
            case BuildTask::calibrate:
                if (take_piece(crew, pieces, &piece)) {
                    CalibrationRun* run = begin_calibration(builder->index, crew->shared->plan.seed,
                                                            crew->observations);
                    do {
                        if (piece < calibration_queries(run)) {
                            calibrate_query(run, piece);
                        }
                    } while (take_piece(crew, pieces, &piece));
                }
                break;
            case BuildTask::none:
            case BuildTask::end:
                break;
        }
    });
}

const engine::Space* make_space(const Crew* crew, const Parameters& parameters) {
    core::Arena arena = pg::arena();
    const core::VectorView origin = crew->shared->plan.has_origin
                                        ? core::VectorView(crew->origin, parameters.padded)
                                        : core::VectorView();
    return arena.create<engine::Space>(arena, space_parameters(parameters), origin);
}

Tuplesortstate* begin_sort(int memory, SortCoordinate coordinate, TupleDesc* descriptor) {
    *descriptor = CreateTemplateTupleDesc(4);
    TupleDescInitEntry(*descriptor, 1, "place", INT4OID, -1, 0);
    TupleDescInitEntry(*descriptor, 2, "tid", INT8OID, -1, 0);
    TupleDescInitEntry(*descriptor, 3, "codes", BYTEAOID, -1, 0);
    TupleDescInitEntry(*descriptor, 4, "keys", BYTEAOID, -1, 0);
#if PG_VERSION_NUM >= 190000
    TupleDescFinalize(*descriptor);
#endif
    AttrNumber attributes[] = {1, 2};
    Oid operators[] = {Int4LessOperator, Int8LessOperator};
    Oid collations[] = {InvalidOid, InvalidOid};
    bool nulls_first[] = {false, false};
    return tuplesort_begin_heap(*descriptor, 2, attributes, operators, collations, nulls_first,
                                memory, coordinate, TUPLESORT_NONE);
}

bool read_encoded(TupleTableSlot* slot, uint32 padded, int32* place, ItemPointer tid,
                  engine::EncodedRow* row, engine::RowKeys* keys) {
    bool is_null;
    *keys = {};
    const Datum stored = slot_getattr(slot, 4, &is_null);
    if (!is_null) {
        const struct varlena* bytes = reinterpret_cast<struct varlena*>(DatumGetPointer(stored));
        const char* from = VARDATA_ANY(bytes);
        const Size nulls = offsetof(StoredKeys, values) - offsetof(StoredKeys, nulls);
        memcpy(&keys->nulls, from, sizeof keys->nulls);
        memcpy(keys->values, from + nulls, VARSIZE_ANY_EXHDR(bytes) - nulls);
    }
    *place = DatumGetInt32(slot_getattr(slot, 1, &is_null));
    const int64 packed = DatumGetInt64(slot_getattr(slot, 2, &is_null));
    ItemPointerSet(tid, static_cast<BlockNumber>(packed >> 16),
                   static_cast<OffsetNumber>(packed & 0xffff));
    const Datum codes = slot_getattr(slot, 3, &is_null);
    if (is_null) {
        return false;
    }
    const struct varlena* bytes = reinterpret_cast<struct varlena*>(DatumGetPointer(codes));
    const char* from = VARDATA_ANY(bytes);
    memcpy(&row->sign_factors, from, sizeof row->sign_factors);
    from += sizeof row->sign_factors;
    memcpy(&row->refine, from, sizeof row->refine);
    from += sizeof row->refine;
    memcpy(&row->radius, from, sizeof row->radius);
    from += sizeof row->radius;
    row->signs = reinterpret_cast<std::uint8_t*>(const_cast<char*>(from));
    row->refinement = row->signs + engine::sign_bytes(padded);
    return true;
}

}  // namespace vecdot::index
