// Finding better cells. Splits see one cell at a time and merges two: clusters stay cut where they
// were first cut. So when the number of cells has changed enough, all rows are clustered anew, as a
// build does it, and all cells are replaced at once (renewal.hpp).
//
// Under L2 and cosine that is also when the index gets an origin, or a better one: all images are
// moved by it, which is all that changes. An index that grew from nothing, far from 0, is clustered
// for that after its first split, and another one when all its rows have gone elsewhere.
//
// Inserts go on while that is done: the rows that they have added meanwhile are written when all
// others are, and only the last of them, and the new directory, with the index frozen.
#include "index/upkeep/recluster.hpp"

#include "engine/growth.hpp"
#include "engine/kmeans.hpp"
#include "engine/origin.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/renewal.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

// Rounds of writing what was added meanwhile before the index is frozen for the last of it, which
// takes as long as the last of them. Fewer where that was little.
constexpr int unfrozen_rounds = 6;
constexpr uint64 little = 64;

// Owns C++ memory, which its memory context frees.
struct Clusters {
    std::vector<float> centroids;
    engine::CentroidTable table;
};

// The new cells of all usual rows.
struct Assignment {
    Plan plan;
    const Clusters* clusters;
    uint32* chosen;  // of each row, in the order of the walk
    uint64 next;     // of chosen
    bool full;       // rows that came meanwhile have found no room
};

void delete_clusters(void* clusters) {
    delete static_cast<Clusters*>(clusters);
}

// May own C++ memory: calls no PostgreSQL.
void train(Clusters* clusters, const RowSample& sample, std::size_t padded, uint64 k, uint64 seed,
           const core::Interrupt& interrupt) {
    engine::KmeansOptions options{};
    options.clusters = k;
    options.seed = seed;
    clusters->centroids =
        engine::train_kmeans(sample.rows, sample.count, padded, options, interrupt);
    clusters->table = engine::CentroidTable(clusters->centroids.data(),
                                            clusters->centroids.size() / padded, padded);
}

void choose(void* state, const WalkedRow&, float* rotated, float error) {
    Assignment* all = static_cast<Assignment*>(state);
    to_new_space(*all->plan.renewal, error, rotated);
    uint32* cell = &all->chosen[all->next++];
    all->clusters->table.assign(rotated, 1, cell, nullptr);
    all->plan.rows[*cell] += 1;
}

void write_chosen(void* state, const WalkedRow& row, float* rotated, float error) {
    Assignment* all = static_cast<Assignment*>(state);
    error = to_new_space(*all->plan.renewal, error, rotated);
    write_to(&all->plan, all->chosen[all->next++], row, rotated, error);
}

// A row that came meanwhile: to the nearest cell that has room.
void write_late(void* state, const WalkedRow& row, float* rotated, float error) {
    Assignment* all = static_cast<Assignment*>(state);
    Plan& plan = all->plan;
    error = to_new_space(*plan.renewal, error, rotated);
    uint32 best;
    all->clusters->table.assign(rotated, 1, &best, nullptr);
    if (plan.writers[best].rows == plan.writers[best].capacity) {
        best = nearest_with_room(plan, rotated);
    }
    if (best == no_cell) {
        all->full = true;
    } else {
        write_to(&plan, best, row, rotated, error);
    }
}

// Moves the origin into the middle of the cells, if the rows gain by that or there is need, and the
// sample with it. Not into that of the rows: so the mean of the cells, by which need is known, ends
// up near it, and there is none again before other rows come.
void choose_origin(Renewal* renewal, const Plan& plan, const RowSample& sample, bool needed) {
    const Size padded = renewal->parameters.padded;
    const Size bytes = sizeof(float) * padded;
    float* cells =
        static_cast<float*>(MemoryContextAllocHuge(CurrentMemoryContext, bytes * plan.cell_count));
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        memcpy(cells + i * padded, plan.cells[i].centroid, bytes);
    }
    float* middle = static_cast<float*>(palloc(bytes));
    engine::find_middle(cells, plan.cell_count, padded, middle);
    pfree(cells);
    float* origin = static_cast<float*>(palloc(bytes));
    if ((needed || engine::is_origin_better(sample.rows, sample.count, padded, middle)) &&
        engine::move_origin(*renewal->old_space, {middle, padded}, origin)) {
        set_origin(renewal, origin);
        for (uint64 i = 0; i < sample.count; ++i) {
            to_new_space(*renewal, 0, sample.rows + i * padded);
        }
    }
}

void find_clusters(Renewal* changed, bool origin_needed, Assignment* all, uint64 k) {
    Plan& plan = all->plan;
    const Renewal& renewal = *plan.renewal;
    const uint32 padded = renewal.parameters.padded;
    const RowSample sample = sample_rows(plan, engine::sample_for(k));
    choose_origin(changed, plan, sample, origin_needed);
    Clusters* clusters = new Clusters();
    MemoryContextCallback* callback =
        static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = delete_clusters;
    callback->arg = clusters;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
    train(clusters, sample, padded, k, renewal.parameters.seed ^ plan.cells[0].ref.generation,
          pg::interrupt());
    pfree(sample.rows);
    all->clusters = clusters;
    plan.count = static_cast<uint32>(clusters->table.count());
    plan.centroids = clusters->centroids.data();
    plan.rows = static_cast<uint64*>(palloc0(sizeof(uint64) * plan.count));
    uint64 rows = 1;
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        rows += plan.cells[i].view.rows;
    }
    all->chosen =
        static_cast<uint32*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * rows));
    walk(plan, {choose, all});
}

// The rows that were added since the cells were last looked at; returns how many.
uint64 write_added(Assignment* all) {
    Plan& plan = all->plan;
    uint64 added = 0;
    for (uint32 i = 0; i < plan.cell_count && !all->full; ++i) {
        CHECK_FOR_INTERRUPTS();
        OldRows& cell = plan.cells[i];
        const uint32 before = cell.view.rows;
        open_cell(plan.renewal->index, plan.renewal->old_parameters, cell.ref.slot, cell.ref.head,
                  static_cast<uint32>(cell.ref.generation), &cell.view, nullptr);
        walk(cell, before, {write_late, all});
        added += cell.view.rows - before;
    }
    return added;
}

// Cells of long rows stay what they are, in new places. False if there is no room.
bool write_long_rows(Renewal* renewal, const CellRef* refs, uint32 count) {
    for (uint32 i = 0; i < count; ++i) {
        OldRows old;
        open_old(*renewal, refs[i], &old);
        Plan plan{};
        plan.renewal = renewal;
        plan.cells = &old;
        plan.cell_count = 1;
        plan.flags = cell_has_codes | cell_long_rows;
        plan_same(&plan);
        const BlockNumber start = allocate_cells(*renewal, count_pages(plan));
        if (start == InvalidBlockNumber) {
            return false;
        }
        begin_cells(renewal, &plan, start);
        walk(plan, {[](void* state, const WalkedRow& row, float* rotated, float error) {
                        write_to(static_cast<Plan*>(state), 0, row, rotated, error);
                    },
                    &plan});
        end_cells(renewal, &plan);
    }
    return true;
}

// All usual rows into k new cells. Leaves what it has begun unfinished where it gives up: more rows
// have come than there is room for, or there is no room on the disk.
void write_clusters(Renewal* renewal, bool origin_needed, uint64 k) {
    const uint32 cells = renewal->list.count - special_slots;
    OldRows* olds = static_cast<OldRows*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(OldRows) * (cells + 1)));
    CellRef* long_cells = static_cast<CellRef*>(palloc(sizeof(CellRef) * (cells + 1)));
    Assignment all{};
    all.plan.renewal = renewal;
    all.plan.cells = olds;
    all.plan.flags = cell_has_codes;
    uint32 long_count = 0;
    for (uint32 i = 0; i < cells; ++i) {
        const CellRef& ref = renewal->list.cells[special_slots + i];
        OldRows& old = olds[all.plan.cell_count];
        open_old(*renewal, ref, &old);
        if ((old.view.flags & cell_long_rows) != 0) {
            long_cells[long_count++] = ref;
        } else {
            all.plan.cell_count += 1;
        }
    }
    find_clusters(renewal, origin_needed, &all, k);
    begin_directory(renewal, special_slots + all.plan.count + long_count);
    const BlockNumber start = allocate_cells(*renewal, count_pages(all.plan));
    if (start == InvalidBlockNumber) {
        return;
    }
    begin_cells(renewal, &all.plan, start);
    all.next = 0;
    walk(all.plan, {write_chosen, &all});
    for (int round = 0; round < unfrozen_rounds; ++round) {
        const uint64 added = write_added(&all);
        if (all.full || (round > 0 && added < little)) {
            break;
        }
        write_cells_so_far(&all.plan);
    }
    if (!all.full) {
        stop_inserters(*renewal);
        write_added(&all);
    }
    if (!all.full) {
        end_cells(renewal, &all.plan);
        if (write_long_rows(renewal, long_cells, long_count)) {
            end_renewal(renewal);
        }
    }
}

void cluster(Renewal* renewal, bool origin_needed, uint64 k) {
    if (is_room_likely(*renewal)) {
        write_clusters(renewal, origin_needed, k);
        // Where it gave up, a later split asks again.
        finish_unfinished(renewal->index);
        coalesce_free_list(renewal->index);
    }
}

// Memory for writing so many cells at once.
uint64 memory_of(const Parameters& parameters, uint64 cells) {
    const CellLayout layout = CellLayout::of(parameters, cell_has_codes);
    const uint64 keys = layout.key_units == 0 ? 0 : BLCKSZ + layout.key_units * unit_size;
    return cells *
           (7 * BLCKSZ + layout.units_per_block * unit_size + 3 * layout.centroid_bytes + keys);
}

// About how many live rows there are, from a few cells.
uint64 estimate_rows(Relation index) {
    constexpr uint32 most = 32;
    const Directory* directory = open_directory(index);
    const Parameters parameters = directory->parameters;
    const uint32 cells = directory->cells.count;
    const uint32 some = Min(cells, most);
    CellRef refs[most];
    for (uint32 i = 0; i < some; ++i) {
        refs[i] = cell_ref(*directory, static_cast<uint32>(uint64{i} * cells / some));
    }
    uint64 rows = 0;
    for (uint32 i = 0; i < some; ++i) {
        CellView view;
        open_cell(index, parameters, refs[i].slot, refs[i].head,
                  static_cast<uint32>(refs[i].generation), &view, nullptr);
        rows += live_rows(view);
    }
    return some > 0 ? rows * cells / some : 0;
}

// Whether all cells are so far from the origin, or from 0, that it can't stay where it is.
bool is_origin_needed(Relation index, const Meta& meta) {
    if (!engine::may_have_origin(static_cast<engine::Metric>(meta.parameters.metric))) {
        return false;
    }
    const Directory* directory = open_directory(index);
    return engine::are_cells_far_off(directory->cells, meta.parameters.padded,
                                     static_cast<double>(directory->usual_radius));
}

}  // namespace

void recluster_if_due(Relation index, Relation table) {
    const bool by_vacuum = table == nullptr;
    Meta meta;
    read_meta(index, &meta);
    // All new cells are written at once.
    const uint64 memory = static_cast<uint64>(maintenance_work_mem) * 1024;
    // Cheap questions first: this is asked after each split.
    const Begun& begun = meta.begun[static_cast<uint32>(Upkeep::clustering)];
    if (!by_vacuum && !engine::is_tried_again(meta.cells, begun.cells, begun.times)) {
        return;
    }
    const bool origin_needed = is_origin_needed(index, meta);
    if (!by_vacuum) {
        if (!origin_needed &&
            !engine::is_clustering_due(meta.cells, meta.clustered_cells, can_read(index, table))) {
            return;
        }
        const uint64 rows = estimate_rows(index);
        if ((!origin_needed && !engine::have_rows_grown(rows, meta.clustered_rows)) ||
            memory_of(meta.parameters, engine::cells_for(rows)) > memory) {
            return;
        }
    }
    pg::in_context("vecdot clustering", [&] {
        Renewal renewal = begin_renewal(index);
        renewal.clustered = true;
        renewal.slack = by_vacuum ? room_of_vacuum : room_of_inserter;
        const uint64 rows = renewal.rows - renewal.long_rows;
        const uint64 clusters = engine::cells_for(rows);
        const bool due =
            origin_needed ||
            (by_vacuum
                 ? engine::is_clustering_due(meta.cells, meta.clustered_cells, false) ||
                       engine::are_cells_too_many(meta.cells, renewal.rows, meta.clustered_rows)
                 : engine::have_rows_grown(renewal.rows, meta.clustered_rows));
        if (rows > 0 && due && memory_of(renewal.parameters, clusters) <= memory &&
            (by_vacuum || begin_upkeep(index, Upkeep::clustering))) {
            pg::test_point("upkeep: clustering");
            renewal.table = begin_reading(index, table);
            cluster(&renewal, origin_needed, clusters);
            end_reading(renewal.table);
        }
    });
}

}  // namespace vecdot::index
