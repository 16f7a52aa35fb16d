// The processes of one build, and how they share its work.
//
// The leader starts a task, which has a number of pieces; every process (the leader too) takes
// pieces until there are none, and the leader waits until all workers have come to the end. In a
// serial build there are no workers, and the same code runs in the leader alone.
#pragma once

#include "engine/calibration.hpp"
#include "engine/training.hpp"
#include "index/format/page.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/spin.h"
#include "utils/tuplesort.h"
}

namespace vecdot::index {

// Sizes of what the processes share, known before they start.
struct BuildPlan {
    Oid heap;
    Oid index;
    bool concurrent;
    uint64 seed;
    uint32 refine_bits;
    KeyColumns keys;
    int dimensions;
    uint32 metric;
    uint32 padded;
    int participants;    // processes, at most
    int memory;          // kB, of all together
    uint32 sample_rows;  // room for
    uint32 clusters;     // wanted at most
    uint32 chunks;       // of the sampled blocks
    uint32 blocks;       // sampled
    bool has_origin;
};

// Rows of the sample from one chunk.
struct SampleChunk {
    uint32 count;
    uint64 seen;  // of which these were drawn
};

enum class BuildTask : uint32 { none, sample, train, encode, calibrate, end };

// In shared memory, or in the leader's when it is alone.
struct BuildShared {
    BuildPlan plan;

    slock_t mutex;
    ConditionVariable changed;
    // The task of the moment, under the mutex.
    uint32 number;
    BuildTask task;
    uint32 argument;
    uint32 pieces;
    int done;  // workers that have come to its end
    pg_atomic_uint32 next;
    pg_atomic_uint64 tuples;  // encoded so far

    // After sampling.
    Parameters parameters;
    dsm_handle sample_segment;
    // After training.
    uint32 cells;
    // Sums over the processes that have encoded.
    double heap_tuples;
    double index_tuples;
    bool broken_hot_chain;
};

// Where everything lies, in this process.
struct Crew {
    BuildShared* shared;
    float* origin;             // padded, if the plan has one
    float* centroids;          // shared->cells × padded
    pg_atomic_uint32* counts;  // rows of each place
    BlockNumber* blocks;       // to sample
    SampleChunk* chunks;
    void* observations;  // of the calibration
    Sharedsort* sort;    // null when alone
    ParallelTableScanDesc scan;
    dsm_segment* segment;  // null when alone
    // The leader's.
    ParallelContext* context;
    Snapshot snapshot;
    int workers;
    struct BufferUsage* buffer_usage;
    struct WalUsage* wal_usage;
    // The sample and the state of training; null when nobody needs them any more.
    dsm_segment* sample_segment;
    void* sample;
};

// Workers for an index on heap; 0 where the table or memory are small, or the index's expressions
// don't bear it.
int workers_for(Relation heap, Relation index, IndexInfo* info);

// The leader: memory, and workers if participants > 1. origin: null for none.
Crew* start_crew(const BuildPlan& plan, const float* origin, Relation heap);
// Starts a task without having a part in it.
void start_task(Crew* crew, BuildTask task, uint32 argument, uint32 pieces);
// Waits until all workers have come to the end of the task.
void finish_task(Crew* crew);
// Both, with a part in it.
struct Builder;
void run_task(Crew* crew, Builder* builder, BuildTask task, uint32 argument, uint32 pieces);
// Ends the workers.
void end_crew(Crew* crew);

// Frees the sample, in any process.
void release_sample(Crew* crew);

// Takes a piece of the task of the moment; false if there are none.
bool take_piece(Crew* crew, uint32 pieces, uint32* piece);

}  // namespace vecdot::index
