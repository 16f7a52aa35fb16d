#include "index/build/crew.hpp"

#include "engine/kmeans.hpp"
#include "index/build/builder.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_proc.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/clauses.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#if PG_VERSION_NUM >= 180000
#include "utils/wait_classes.h"
#endif

PGDLLEXPORT void vecdot_build_worker(dsm_segment* segment, shm_toc* toc);
}

namespace vecdot::index {

namespace {

enum Key : uint64 {
    key_shared = 0x7665630000000001,
    key_origin,
    key_centroids,
    key_counts,
    key_blocks,
    key_chunks,
    key_observations,
    key_sort,
    key_scan,
    key_query,
    key_buffer_usage,
    key_wal_usage,
};

// How often a waiting leader says how far the others are.
constexpr long report_interval = 200;  // ms

// Parts of memory of one process, or of the segment.
Size origin_bytes(const BuildPlan& plan) {
    return sizeof(float) * Size{plan.padded};
}
Size centroid_bytes(const BuildPlan& plan) {
    return sizeof(float) * Size{plan.padded} * engine::most_clusters(plan.clusters);
}
Size count_bytes(const BuildPlan& plan) {
    return sizeof(pg_atomic_uint32) * (Size{engine::most_clusters(plan.clusters)} + 4);
}

template <typename T>
T* zeroed(Size bytes) {
    return static_cast<T*>(
        MemoryContextAllocExtended(CurrentMemoryContext, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
}

template <typename T>
T* insert(ParallelContext* context, uint64 key, Size bytes) {
    void* memory = shm_toc_allocate(context->toc, bytes);
    memset(memory, 0, bytes);
    shm_toc_insert(context->toc, key, memory);
    return static_cast<T*>(memory);
}

void init_shared(BuildShared* shared, const BuildPlan& plan) {
    shared->plan = plan;
    SpinLockInit(&shared->mutex);
    ConditionVariableInit(&shared->changed);
    pg_atomic_init_u32(&shared->next, 0);
    pg_atomic_init_u64(&shared->tuples, 0);
    shared->sample_segment = DSM_HANDLE_INVALID;
}

Size sample_bytes(const BuildPlan& plan) {
    return TYPEALIGN(64, engine::Sample::bytes(plan.sample_rows, plan.padded)) +
           engine::Training::bytes(plan.sample_rows, plan.clusters, plan.padded) + 64;
}

void estimate(ParallelContext* context, Size bytes) {
    shm_toc_estimate_chunk(&context->estimator, bytes);
    shm_toc_estimate_keys(&context->estimator, 1);
}

// Launches workers; false if there can be none.
bool start_workers(Crew* crew, const BuildPlan& plan, Relation heap) {
    EnterParallelMode();
    ParallelContext* context =
        CreateParallelContext("vecdot", "vecdot_build_worker", plan.participants - 1);
    const Snapshot snapshot =
        plan.concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
    const int workers = context->nworkers;
    const Size scan_bytes = table_parallelscan_estimate(heap, snapshot);
    const Size sort_bytes = tuplesort_estimate_shared(plan.participants);
    const Size query_bytes = debug_query_string == nullptr ? 0 : strlen(debug_query_string) + 1;
    estimate(context, sizeof(BuildShared));
    estimate(context, origin_bytes(plan));
    estimate(context, centroid_bytes(plan));
    estimate(context, count_bytes(plan));
    estimate(context, sizeof(BlockNumber) * Size{Max(plan.blocks, 1)});
    estimate(context, sizeof(SampleChunk) * plan.chunks);
    estimate(context, engine::Calibrator::bytes(engine::Calibrator::enough));
    estimate(context, sort_bytes);
    estimate(context, scan_bytes);
    estimate(context, Max(query_bytes, 1));
    estimate(context, mul_size(sizeof(BufferUsage), workers));
    estimate(context, mul_size(sizeof(WalUsage), workers));
    InitializeParallelDSM(context);
    if (context->seg == nullptr) {
        if (IsMVCCSnapshot(snapshot)) {
            UnregisterSnapshot(snapshot);
        }
        DestroyParallelContext(context);
        ExitParallelMode();
        return false;
    }
    crew->context = context;
    crew->snapshot = snapshot;
    crew->segment = context->seg;
    crew->shared = insert<BuildShared>(context, key_shared, sizeof(BuildShared));
    init_shared(crew->shared, plan);
    crew->origin = insert<float>(context, key_origin, origin_bytes(plan));
    crew->centroids = insert<float>(context, key_centroids, centroid_bytes(plan));
    crew->counts = insert<pg_atomic_uint32>(context, key_counts, count_bytes(plan));
    crew->blocks =
        insert<BlockNumber>(context, key_blocks, sizeof(BlockNumber) * Size{Max(plan.blocks, 1)});
    crew->chunks = insert<SampleChunk>(context, key_chunks, sizeof(SampleChunk) * plan.chunks);
    crew->observations = insert<void>(context, key_observations,
                                      engine::Calibrator::bytes(engine::Calibrator::enough));
    crew->sort = insert<Sharedsort>(context, key_sort, sort_bytes);
    tuplesort_initialize_shared(crew->sort, plan.participants, context->seg);
    crew->scan = insert<ParallelTableScanDescData>(context, key_scan, scan_bytes);
    table_parallelscan_initialize(heap, crew->scan, snapshot);
    if (query_bytes > 0) {
        memcpy(insert<char>(context, key_query, query_bytes), debug_query_string, query_bytes);
    }
    crew->buffer_usage =
        insert<BufferUsage>(context, key_buffer_usage, mul_size(sizeof(BufferUsage), workers));
    crew->wal_usage = insert<WalUsage>(context, key_wal_usage, mul_size(sizeof(WalUsage), workers));
    crew->sample_segment = dsm_create(sample_bytes(plan), 0);
    crew->shared->sample_segment = dsm_segment_handle(crew->sample_segment);
    crew->sample = dsm_segment_address(crew->sample_segment);
    LaunchParallelWorkers(context);
    crew->workers = context->nworkers_launched;
    return true;
}

}  // namespace

int workers_for(Relation heap, Relation index, IndexInfo* info) {
    const int most = max_parallel_maintenance_workers;
    if (most == 0 || !IsUnderPostmaster || IsInParallelMode() ||
        heap->rd_rel->relpersistence == RELPERSISTENCE_TEMP) {
        return 0;
    }
    // As plan_create_index_workers() asks; that one knows the size of the main table only, and
    // vectors are often out of line.
    PlannerInfo* root = makeNode(PlannerInfo);
    root->glob = makeNode(PlannerGlobal);
    root->glob->maxParallelHazard = PROPARALLEL_UNSAFE;
    if (!is_parallel_safe(root, reinterpret_cast<Node*>(RelationGetIndexExpressions(index))) ||
        !is_parallel_safe(root, reinterpret_cast<Node*>(RelationGetIndexPredicate(index))) ||
        info->ii_Unique) {
        return 0;
    }
    int workers = RelationGetParallelWorkers(heap, -1);
    if (workers != -1) {
        return Min(workers, most);
    }
    double blocks = RelationGetNumberOfBlocks(heap);
    if (OidIsValid(heap->rd_rel->reltoastrelid)) {
        Relation toast = table_open(heap->rd_rel->reltoastrelid, AccessShareLock);
        blocks += RelationGetNumberOfBlocks(toast);
        table_close(toast, AccessShareLock);
    }
    workers = 0;
    for (double size = Max(min_parallel_table_scan_size, 1); workers < most && blocks >= size;
         size *= 3) {
        workers += 1;
    }
    // 32 MB for each process, as for a btree.
    while (workers > 0 && maintenance_work_mem / (workers + 1) < 32 * 1024) {
        workers -= 1;
    }
    return workers;
}

Crew* start_crew(const BuildPlan& plan, const float* origin, Relation heap) {
    Crew* crew = static_cast<Crew*>(palloc0(sizeof(Crew)));
    if (plan.participants > 1 && start_workers(crew, plan, heap)) {
        // Nobody looks at it before the first task.
        if (plan.has_origin) {
            memcpy(crew->origin, origin, origin_bytes(plan));
        }
        return crew;
    }
    crew->shared = zeroed<BuildShared>(sizeof(BuildShared));
    init_shared(crew->shared, plan);
    crew->origin = zeroed<float>(origin_bytes(plan));
    if (plan.has_origin) {
        memcpy(crew->origin, origin, origin_bytes(plan));
    }
    crew->centroids = zeroed<float>(centroid_bytes(plan));
    crew->counts = zeroed<pg_atomic_uint32>(count_bytes(plan));
    crew->blocks = zeroed<BlockNumber>(sizeof(BlockNumber) * Size{Max(plan.blocks, 1)});
    crew->chunks = zeroed<SampleChunk>(sizeof(SampleChunk) * plan.chunks);
    crew->observations = zeroed<void>(engine::Calibrator::bytes(engine::Calibrator::enough));
    crew->sample = zeroed<void>(sample_bytes(plan));
    return crew;
}

void start_task(Crew* crew, BuildTask task, uint32 argument, uint32 pieces) {
    BuildShared* shared = crew->shared;
    SpinLockAcquire(&shared->mutex);
    shared->task = task;
    shared->argument = argument;
    shared->pieces = pieces;
    shared->done = 0;
    pg_atomic_write_u32(&shared->next, 0);
    shared->number += 1;
    SpinLockRelease(&shared->mutex);
    if (crew->workers > 0) {
        ConditionVariableBroadcast(&shared->changed);
    }
}

bool take_piece(Crew* crew, uint32 pieces, uint32* piece) {
    *piece = pg_atomic_fetch_add_u32(&crew->shared->next, 1);
    return *piece < pieces;
}

void finish_task(Crew* crew) {
    BuildShared* shared = crew->shared;
    if (crew->workers == 0) {
        return;
    }
    // A worker that never came up would be waited for for ever.
    WaitForParallelWorkersToAttach(crew->context);
    ConditionVariablePrepareToSleep(&shared->changed);
    for (;;) {
        SpinLockAcquire(&shared->mutex);
        const bool done = shared->done == crew->workers;
        const bool encoding = shared->task == BuildTask::encode;
        SpinLockRelease(&shared->mutex);
        if (done) {
            break;
        }
        if (encoding) {
            pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
                                         static_cast<int64>(pg_atomic_read_u64(&shared->tuples)));
        }
        ConditionVariableTimedSleep(&shared->changed, report_interval, PG_WAIT_EXTENSION);
    }
    ConditionVariableCancelSleep();
}

void run_task(Crew* crew, Builder* builder, BuildTask task, uint32 argument, uint32 pieces) {
    start_task(crew, task, argument, pieces);
    take_part(builder, task, argument, pieces);
    finish_task(crew);
}

void end_crew(Crew* crew) {
    if (crew->context == nullptr) {
        return;
    }
    start_task(crew, BuildTask::end, 0, 0);
    WaitForParallelWorkersToFinish(crew->context);
    for (int i = 0; i < crew->context->nworkers_launched; ++i) {
        InstrAccumParallelQuery(&crew->buffer_usage[i], &crew->wal_usage[i]);
    }
    if (IsMVCCSnapshot(crew->snapshot)) {
        UnregisterSnapshot(crew->snapshot);
    }
    // What the leader reads after this is its own.
    BuildShared* shared = static_cast<BuildShared*>(palloc(sizeof(BuildShared)));
    memcpy(static_cast<void*>(shared), crew->shared, sizeof(BuildShared));
    crew->shared = shared;
    DestroyParallelContext(crew->context);
    ExitParallelMode();
    crew->context = nullptr;
    crew->workers = 0;
}

void release_sample(Crew* crew) {
    if (crew->sample_segment != nullptr) {
        dsm_detach(crew->sample_segment);
    } else if (crew->sample != nullptr) {
        pfree(crew->sample);
    }
    crew->sample_segment = nullptr;
    crew->sample = nullptr;
}

namespace {

void work(dsm_segment* segment, shm_toc* toc) {
    const char* query = static_cast<const char*>(shm_toc_lookup(toc, key_query, true));
    debug_query_string = query;
    pgstat_report_activity(STATE_RUNNING, query);
    Crew* crew = static_cast<Crew*>(palloc0(sizeof(Crew)));
    crew->segment = segment;
    BuildShared* shared = static_cast<BuildShared*>(shm_toc_lookup(toc, key_shared, false));
    crew->shared = shared;
    crew->origin = static_cast<float*>(shm_toc_lookup(toc, key_origin, false));
    crew->centroids = static_cast<float*>(shm_toc_lookup(toc, key_centroids, false));
    crew->counts = static_cast<pg_atomic_uint32*>(shm_toc_lookup(toc, key_counts, false));
    crew->blocks = static_cast<BlockNumber*>(shm_toc_lookup(toc, key_blocks, false));
    crew->chunks = static_cast<SampleChunk*>(shm_toc_lookup(toc, key_chunks, false));
    crew->observations = shm_toc_lookup(toc, key_observations, false);
    crew->sort = static_cast<Sharedsort*>(shm_toc_lookup(toc, key_sort, false));
    tuplesort_attach_shared(crew->sort, segment);
    crew->scan = static_cast<ParallelTableScanDesc>(shm_toc_lookup(toc, key_scan, false));
    // The locks are those of the leader.
    const bool concurrent = shared->plan.concurrent;
    const LOCKMODE heap_lock = concurrent ? ShareUpdateExclusiveLock : ShareLock;
    const LOCKMODE index_lock = concurrent ? RowExclusiveLock : AccessExclusiveLock;
    Relation heap = table_open(shared->plan.heap, heap_lock);
    Relation index = index_open(shared->plan.index, index_lock);
    InstrStartParallelQuery();
    IndexInfo* info = BuildIndexInfo(index);
    info->ii_Concurrent = concurrent;
    Builder* builder = make_builder(crew, heap, index, info, false);
    for (uint32 seen = 0;;) {
        BuildTask task;
        uint32 argument;
        uint32 pieces;
        ConditionVariablePrepareToSleep(&shared->changed);
        for (;;) {
            SpinLockAcquire(&shared->mutex);
            const uint32 number = shared->number;
            task = shared->task;
            argument = shared->argument;
            pieces = shared->pieces;
            SpinLockRelease(&shared->mutex);
            if (number != seen) {
                seen = number;
                break;
            }
            ConditionVariableSleep(&shared->changed, PG_WAIT_EXTENSION);
        }
        ConditionVariableCancelSleep();
        if (task == BuildTask::end) {
            break;
        }
        if ((task == BuildTask::sample || task == BuildTask::train) && crew->sample == nullptr) {
            crew->sample_segment = dsm_attach(shared->sample_segment);
            if (crew->sample_segment == nullptr) {
                elog(ERROR, "could not attach to the sample's shared memory");
            }
            crew->sample = dsm_segment_address(crew->sample_segment);
        }
        take_part(builder, task, argument, pieces);
        SpinLockAcquire(&shared->mutex);
        shared->done += 1;
        SpinLockRelease(&shared->mutex);
        ConditionVariableBroadcast(&shared->changed);
    }
    InstrEndParallelQuery(
        static_cast<BufferUsage*>(shm_toc_lookup(toc, key_buffer_usage, false)) +
            ParallelWorkerNumber,
        static_cast<WalUsage*>(shm_toc_lookup(toc, key_wal_usage, false)) + ParallelWorkerNumber);
    index_close(index, index_lock);
    table_close(heap, heap_lock);
}

}  // namespace

}  // namespace vecdot::index

void vecdot_build_worker(dsm_segment* segment, shm_toc* toc) {
    vecdot::pg::guard([&] { vecdot::index::work(segment, toc); });
}
