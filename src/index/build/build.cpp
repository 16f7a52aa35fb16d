// CREATE INDEX: sample the table, find cells, encode every row, sort the codes by cell, write cell
// after cell, learn the stopping rule.
//
// Sampling, training, encoding and calibration are shared with parallel workers (crew.hpp,
// builder.hpp); everything goes through tuplesort, so that maintenance_work_mem bounds the memory
// whatever the table's size. The result does not depend on the number of workers: chunks of the
// sample have random numbers of their own, training has the same result in any order, rows of a
// cell are ordered by their address. The same table and options give the same index.
#include "index/build/build.hpp"

#include <algorithm>

#include "engine/growth.hpp"
#include "engine/origin.hpp"
#include "index/build/builder.hpp"
#include "index/opclass.hpp"
#include "index/options.hpp"
#include "index/storage/bulk.hpp"
#include "index/storage/keys.hpp"
#include "index/storage/meta.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/sampling.h"
}

namespace vecdot::index {

namespace {

enum Phase : int64 {
    sampling = PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE,
    clustering,
    encoding,
    writing,
    calibrating
};

// Blocks that tell how many rows there are, and where they are; rows a sampled cluster should have
// at least.
constexpr uint32 probed_blocks = 300;
constexpr uint32 origin_blocks = 128;
constexpr uint32 rows_of_cluster = 32;
constexpr uint32 most_chunks = 64;

void enter(Phase phase, int64 total) {
    const int parameters[] = {PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL,
                              PROGRESS_CREATEIDX_TUPLES_DONE};
    const int64 values[] = {phase, total, 0};
    pgstat_progress_update_multi_param(lengthof(parameters), parameters, values);
}

void count_tuple(Relation, ItemPointer, Datum*, bool*, bool, void* count) {
    *static_cast<double*>(count) += 1;
}

// Random blocks in ascending order; returns how many.
uint32 draw_blocks(BlockNumber blocks, double wanted, uint64 seed, BlockNumber* drawn) {
    BlockSamplerData sampler;
    BlockSampler_Init(&sampler, blocks, static_cast<int>(std::fmin(wanted, blocks)),
                      static_cast<uint32>(seed));
    uint32 n = 0;
    while (BlockSampler_HasMore(&sampler)) {
        drawn[n++] = BlockSampler_Next(&sampler);
    }
    return n;
}

// How many rows the index will have, from some blocks: what the catalog says is out of date on
// fresh tables, and knows no predicate.
double expected_rows(Relation heap, Relation index, IndexInfo* info, BlockNumber blocks,
                     uint64 seed) {
    BlockNumber* drawn =
        static_cast<BlockNumber*>(palloc(sizeof(BlockNumber) * Min(blocks + 1, probed_blocks)));
    const uint32 n = draw_blocks(blocks, probed_blocks, seed, drawn);
    double rows = 0;
    // What is indexed has no part in counting.
    IndexInfo* counted = static_cast<IndexInfo*>(palloc(sizeof(IndexInfo)));
    *counted = *info;
    counted->ii_Expressions = NIL;
    for (int i = 0; i < counted->ii_NumIndexAttrs; ++i) {
        counted->ii_IndexAttrNumbers[i] = SelfItemPointerAttributeNumber;
    }
    for (uint32 i = 0; i < n;) {
        CHECK_FOR_INTERRUPTS();
        uint32 run = 1;
        while (i + run < n && drawn[i + run] == drawn[i] + run) {
            run += 1;
        }
        table_index_build_range_scan(heap, index, counted, false, !info->ii_Concurrent, false,
                                     drawn[i], run, count_tuple, &rows, nullptr);
        i += run;
    }
    pfree(counted);
    pfree(drawn);
    return n == 0 ? 0 : rows / n * blocks;
}

// Rows of some blocks, as many of each.
struct Probe {
    const OperatorClass* operator_class;
    int dimensions;
    uint32 most_of_block;
    uint32 room;
    uint32 count;
    BlockNumber block;
    uint32 of_block;
    float* rows;  // × dimensions; those of cosine of length 1
};

void probe_row(Probe* probe, Datum value) {
    const core::VectorView vector =
        elements_of(*probe->operator_class, value, static_cast<Size>(probe->dimensions));
    const Size n = vector.size();
    double factor = 1;
    if (probe->operator_class->metric == engine::Metric::cosine) {
        const double square = kernels::active().floats.norm_squared(vector.data(), n);
        if (!(square > 0)) {
            return;
        }
        factor = 1 / std::sqrt(square);
    }
    float* row = probe->rows + Size{probe->count++} * n;
    for (Size i = 0; i < n; ++i) {
        row[i] = static_cast<float>(factor * static_cast<double>(vector[i]));
    }
}

void probe_tuple(Relation, ItemPointer tid, Datum* values, bool* is_null, bool, void* opaque) {
    pg::guard([&] {
        Probe* probe = static_cast<Probe*>(opaque);
        if (ItemPointerGetBlockNumber(tid) != probe->block) {
            probe->block = ItemPointerGetBlockNumber(tid);
            probe->of_block = 0;
        }
        if (is_null[0] || probe->of_block == probe->most_of_block || probe->count == probe->room) {
            return;
        }
        probe->of_block += 1;
        pg::in_context("vecdot probe", [&] { probe_row(probe, values[0]); });
    });
}

// An origin for the index, float4[padded], or null if it does as well without: before the sample is
// taken, whose 8 bits a dimension would hold nothing but what all rows have in common.
float* find_origin(Relation heap, Relation index, IndexInfo* info, BlockNumber blocks) {
    Probe probe{};
    probe.operator_class = &operator_class_of(index);
    probe.dimensions = dimensions_of(index);
    if (!engine::may_have_origin(probe.operator_class->metric)) {
        return nullptr;
    }
    BlockNumber* drawn =
        static_cast<BlockNumber*>(palloc(sizeof(BlockNumber) * Min(blocks + 1, origin_blocks)));
    const uint32 n = draw_blocks(blocks, origin_blocks, seed_of(index) + 2, drawn);
    if (n == 0) {
        return nullptr;
    }
    const Size row_bytes = sizeof(float) * static_cast<Size>(probe.dimensions);
    const Size fit = Max(static_cast<Size>(maintenance_work_mem) * 1024 / 4 / row_bytes, Size{16});
    probe.room = static_cast<uint32>(Min(fit, engine::rows_for_origin));
    probe.most_of_block = divide_up(probe.room, n);
    probe.block = InvalidBlockNumber;
    probe.rows = static_cast<float*>(palloc(row_bytes * probe.room));
    for (uint32 i = 0; i < n && probe.count < probe.room; ++i) {
        CHECK_FOR_INTERRUPTS();
        table_index_build_range_scan(heap, index, info, false, !info->ii_Concurrent, false,
                                     drawn[i], 1, probe_tuple, &probe, nullptr);
    }
    const Size width = static_cast<Size>(probe.dimensions);
    float* origin = static_cast<float*>(
        palloc0(sizeof(float) * engine::padded_dimension(probe.operator_class->metric, width)));
    engine::find_middle(probe.rows, probe.count, width, origin);
    const bool is_better = engine::is_origin_better(probe.rows, probe.count, width, origin);
    pfree(probe.rows);
    pfree(drawn);
    return is_better ? origin : nullptr;
}

BuildPlan make_plan(Relation heap, Relation index, IndexInfo* info, double rows,
                    BlockNumber blocks) {
    BuildPlan plan{};
    plan.heap = RelationGetRelid(heap);
    plan.index = RelationGetRelid(index);
    plan.concurrent = info->ii_Concurrent;
    plan.seed = seed_of(index);
    plan.refine_bits = refine_bits_of(index);
    plan.keys = key_columns_of(index);
    plan.dimensions = dimensions_of(index);
    const engine::Metric metric = operator_class_of(index).metric;
    plan.metric = static_cast<uint32>(metric);
    plan.padded = engine::padded_dimension(metric, plan.dimensions);
    plan.participants = 1 + workers_for(heap, index, info);
    plan.memory = maintenance_work_mem;

    // Three quarters for the sample and the clusters: centroids twice, their codes in each process,
    // and what the directory will hold.
    const double memory = 0.75 * 1024 * plan.memory;
    const double cluster_bytes = (9.0 + plan.participants) * plan.padded + 64;
    const double row_bytes = static_cast<double>(engine::Sample::bytes_per_row(plan.padded) +
                                                 engine::Training::bytes_per_row());
    const uint32 wanted = static_cast<uint32>(engine::cells_for(static_cast<std::size_t>(rows)));
    const double possible = std::fmax(memory / (cluster_bytes + rows_of_cluster * row_bytes), 1);
    plan.clusters = static_cast<uint32>(std::fmin(wanted, possible));
    if (plan.clusters < 0.75 * wanted) {
        ereport(NOTICE,
                (errmsg("maintenance_work_mem is enough for %u of %u cells", plan.clusters, wanted),
                 errdetail("Recall does not depend on it, the speed of searches does."),
                 errhint("Consider increasing maintenance_work_mem.")));
    }
    const double room = (memory - plan.clusters * cluster_bytes) / row_bytes;
    plan.sample_rows = static_cast<uint32>(std::clamp(
        std::fmin(static_cast<double>(engine::sample_for(plan.clusters)), room), 16.0, rows + 64));
    plan.chunks = std::clamp<uint32>(blocks / 16, 1, most_chunks);
    // Rows of one page are alike in many tables: twice the pages needed.
    const double rows_per_block = std::fmax(rows / std::fmax(blocks, 1), 1);
    const double sampled = 2.0 * plan.sample_rows / rows_per_block + 100;
    plan.blocks = sampled > 0.75 * blocks ? blocks : static_cast<uint32>(sampled);
    return plan;
}

// The sample's rows, one chunk after another, and what they say of the space.
Parameters settle_sample(Crew* crew, Builder* builder, std::size_t* rows) {
    const BuildPlan& plan = crew->shared->plan;
    std::size_t n = 0;
    for (uint32 c = 0; c < plan.chunks; ++c) {
        const uint64 first = uint64{plan.sample_rows} * c / plan.chunks;
        for (uint32 i = 0; i < crew->chunks[c].count; ++i) {
            builder->sample->move(first + i, n++);
        }
    }
    const std::span<double> norms = pg::arena().allocate<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
        norms[i] = builder->sample->norm(i);
    }
    const engine::Metric metric = static_cast<engine::Metric>(plan.metric);
    const Parameters parameters =
        make_parameters(metric, builder->operator_class->arithmetic, plan.dimensions, plan.seed,
                        plan.refine_bits, engine::choose_scale(metric, norms), plan.keys);
    *rows = builder->sample->settle(*make_space(crew, parameters), n);
    return parameters;
}

void find_cells(Crew* crew, Builder* builder, std::size_t rows, std::size_t clusters) {
    engine::KmeansOptions options{};
    options.clusters = Min(clusters, rows);
    options.seed = crew->shared->plan.seed;
    builder->training->start(rows, options);
    engine::Training::Task task;
    while (builder->training->next(&task, pg::interrupt())) {
        CHECK_FOR_INTERRUPTS();
        run_task(crew, builder, BuildTask::train, static_cast<uint32>(task.step), task.pieces);
    }
    crew->shared->cells = static_cast<uint32>(builder->training->count());
    memcpy(crew->centroids, builder->training->centroids(),
           sizeof(float) * crew->shared->plan.padded * Size{crew->shared->cells});
}

uint16 flags_of(const Places& places, int32 place) {
    return place < places.cells          ? static_cast<uint16>(cell_has_codes)
           : place == places.long_rows() ? static_cast<uint16>(cell_has_codes | cell_long_rows)
           : place == places.loose()     ? static_cast<uint16>(cell_loose)
           : place == places.undefined() ? static_cast<uint16>(cell_undefined)
                                         : static_cast<uint16>(cell_nulls);
}

// The rows in order, from the sorts of all.
Tuplesortstate* open_sort(Crew* crew, Builder* builder, TupleDesc* descriptor) {
    Tuplesortstate* sort = builder->sort;
    *descriptor = builder->descriptor;
    if (crew->sort != nullptr) {
        SortCoordinateData* coordinate =
            static_cast<SortCoordinateData*>(palloc0(sizeof(SortCoordinateData)));
        coordinate->isWorker = false;
        coordinate->nParticipants = crew->workers + 1;
        coordinate->sharedsort = crew->sort;
        sort = begin_sort(maintenance_work_mem, coordinate, descriptor);
    }
    tuplesort_performsort(sort);
    return sort;
}

void write_cells(Crew* crew, Builder* builder) {
    const BuildShared& shared = *crew->shared;
    const uint32 padded = shared.plan.padded;
    Places places{Max(static_cast<int32>(shared.cells), 1)};
    float* zero = static_cast<float*>(palloc0(sizeof(float) * Size{padded}));
    TupleDesc descriptor;
    Tuplesortstate* sort = open_sort(crew, builder, &descriptor);
    TupleTableSlot* slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
    uint64 rows = 0;
    for (uint32 i = 0; i < shared.cells; ++i) {
        rows += pg_atomic_read_u32(&crew->counts[i]);
    }
    BulkWriter* writer =
        bulk_begin(builder->index, shared.parameters,
                   shared.plan.has_origin ? crew->origin : nullptr, rows, shared.cells);
    int32 current = -1;
    int64 written = 0;
    while (tuplesort_gettupleslot(sort, true, false, slot, nullptr)) {
        CHECK_FOR_INTERRUPTS();
        int32 place;
        ItemPointerData tid;
        engine::EncodedRow row{};
        engine::RowKeys keys;
        const bool has_codes = read_encoded(slot, padded, &place, &tid, &row, &keys);
        if (place != current) {
            if (current >= 0) {
                bulk_end_cell(writer);
            }
            const uint16 flags = flags_of(places, place);
            const float* centroid = (flags & cell_has_codes) == 0 ? nullptr
                                    : (flags & cell_long_rows) != 0 || shared.cells == 0
                                        ? zero
                                        : crew->centroids + static_cast<Size>(place) * padded;
            const uint32 rows = pg_atomic_read_u32(&crew->counts[place]);
            bulk_begin_cell(
                writer, flags, centroid, rows,
                flags == cell_has_codes ? engine::split_again_above(rows, shared.cells) : 0);
            current = place;
        }
        bulk_add(writer, &tid, has_codes ? &row : nullptr, &keys);
        if (++written % report_rows == 0) {
            pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, written);
        }
    }
    if (current >= 0) {
        bulk_end_cell(writer);
    }
    bulk_finish(writer);
    ExecDropSingleTupleTableSlot(slot);
    tuplesort_end(sort);
}

void build_within(Relation heap, Relation index, IndexInfo* info, IndexBuildResult* result) {
    check_pgvector_options(index);
    key_columns_of(index);
    dimensions_of(index);
    enter(sampling, 0);
    const BlockNumber blocks = RelationGetNumberOfBlocks(heap);
    const double rows = expected_rows(heap, index, info, blocks, seed_of(index));
    const float* origin = find_origin(heap, index, info, blocks);
    BuildPlan plan = make_plan(heap, index, info, rows, blocks);
    plan.has_origin = origin != nullptr;
    Crew* crew = start_crew(plan, origin, heap);
    Builder* builder = make_builder(crew, heap, index, info, true);
    if (plan.blocks == blocks) {
        for (BlockNumber i = 0; i < blocks; ++i) {
            crew->blocks[i] = i;
        }
    } else {
        draw_blocks(blocks, plan.blocks, plan.seed + 1, crew->blocks);
    }
    run_task(crew, builder, BuildTask::sample, 0, plan.chunks);

    enter(clustering, 0);
    std::size_t sampled;
    crew->shared->parameters = settle_sample(crew, builder, &sampled);
    find_cells(crew, builder, sampled, plan.clusters);

    enter(encoding, static_cast<int64>(rows));
    run_task(crew, builder, BuildTask::encode, 0, 0);

    enter(writing, static_cast<int64>(crew->shared->index_tuples));
    write_cells(crew, builder);

    // The workers follow queries while the leader logs the pages that they read.
    enter(calibrating, 0);
    start_task(crew, BuildTask::calibrate, 0, engine::Calibrator::enough);
    log_index(index, MAIN_FORKNUM);
    take_part(builder, BuildTask::calibrate, 0, engine::Calibrator::enough);
    finish_task(crew);
    end_calibration(begin_calibration(index, plan.seed, crew->observations));
    end_crew(crew);

    result->heap_tuples = crew->shared->heap_tuples;
    result->index_tuples = crew->shared->index_tuples;
    if (crew->shared->broken_hot_chain) {
        info->ii_BrokenHotChain = true;
    }
}

}  // namespace

char* build_phase_name(int64 phase) {
    switch (phase) {
        case sampling:
            return const_cast<char*>("sampling the table");
        case clustering:
            return const_cast<char*>("finding cells");
        case encoding:
            return const_cast<char*>("encoding rows");
        case writing:
            return const_cast<char*>("writing cells");
        case calibrating:
            return const_cast<char*>("calibrating recall");
        default:
            return nullptr;
    }
}

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
    if (RelationGetNumberOfBlocks(index) != 0) {
        elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
    }
    IndexBuildResult* result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
    pg::in_context("vecdot build", [&] { build_within(heap, index, info, result); });
    return result;
}

void build_empty(Relation index) {
    const KeyColumns keys = key_columns_of(index);
    create_empty(
        index, INIT_FORKNUM,
        make_parameters(operator_class_of(index).metric, operator_class_of(index).arithmetic,
                        dimensions_of(index), seed_of(index), refine_bits_of(index), 1, keys));
}

}  // namespace vecdot::index
