// Inner product: another scale for an index. 1/M is made for rows up to the length M; longer ones
// live in a cell that every search reads; when there are many, all rows get a new scale, and all
// cells are replaced at once (renewal.hpp).
#include "algo/growth.hpp"
#include "algo/kmeans.hpp"
#include "index/renewal.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

namespace vecdot::index {

namespace {

// The new M over the longest row. What the stopping rule has learnt changes with the lengths, so
// rows that are longer still had better be long rows, which are never missed, than far from their
// cell.
constexpr double headroom = 1.25;
constexpr uint64 sample_for_each = 256;

struct Longest {
    const algo::Space* space;
    double norm;
    uint64 rows;
};

void note_norm(void* state, const AddressEntry&, float* rotated, float error) {
    Longest* longest = static_cast<Longest*>(state);
    const double norm = longest->space->scaled_norm(rotated) * (1 + 0x1p-12) + 2 * error;
    longest->norm = Max(longest->norm, norm);
    longest->rows += 1;
}

void count_row(void* state, const AddressEntry&, float* rotated, float error) {
    Plan* plan = static_cast<Plan*>(state);
    to_new_space(*plan->renewal, error, rotated);
    plan->rows[nearest_with_room(*plan, rotated)] += 1;
}

void write_one(void* state, const AddressEntry& entry, float* rotated, float error) {
    Plan* plan = static_cast<Plan*>(state);
    const float new_error = to_new_space(*plan->renewal, error, rotated);
    write_to(plan, nearest_with_room(*plan, rotated), entry, rotated, new_error);
}

// The cell of long rows becomes as many as make cells of the usual size.
void plan_long_rows(uint64 cells, Plan* plan) {
    const Renewal& renewal = *plan->renewal;
    const uint32 padded = renewal.parameters.padded;
    const uint64 live = live_rows(*plan);
    if (live == 0) {
        return;
    }
    const uint64 wanted = algo::cells_of_split(live, cells, max_new_cells);
    const RowSample sample = sample_rows(*plan, wanted * sample_for_each);
    plan->centroids = static_cast<float*>(MemoryContextAllocHuge(
        CurrentMemoryContext, sizeof(float) * padded * algo::most_clusters(wanted)));
    algo::KmeansOptions options{};
    options.clusters = wanted;
    options.seed = renewal.parameters.seed ^ plan->cells[0].ref.generation;
    plan->count = static_cast<uint32>(algo::train_kmeans(sample.rows, sample.count, padded, options,
                                                         pg::interrupt(), plan->centroids));
    pfree(sample.rows);
    plan->rows = static_cast<uint64*>(palloc0(sizeof(uint64) * plan->count));
    walk(*plan, {count_row, plan});
}

void write_all(Renewal* renewal) {
    stop_inserters(*renewal);
    const uint32 cells = renewal->list.count - special_slots;
    OldRows* olds = static_cast<OldRows*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(OldRows) * (cells + 1)));
    Longest longest{renewal->old_space, 1, 0};
    for (uint32 i = 0; i < cells; ++i) {
        open_old(*renewal, renewal->list.cells[special_slots + i], &olds[i]);
        if ((olds[i].view.flags & cell_always_first) != 0) {
            walk(olds[i], 0, {note_norm, &longest});
        }
    }
    renewal->ratio = 1 / (headroom * longest.norm);
    renewal->parameters.scale *= renewal->ratio;
    core::Arena arena = pg::arena();
    renewal->space =
        arena.create<algo::Space>(arena, space_parameters(renewal->parameters), core::VectorView());
    // One plan for each old cell, and one for rows that are longer still.
    Plan* plans = static_cast<Plan*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Plan) * (cells + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    uint64 pages = 0;
    uint32 capacity = special_slots;
    for (uint32 i = 0; i <= cells; ++i) {
        Plan& plan = plans[i];
        plan.renewal = renewal;
        plan.flags = cell_has_codes;
        if (i == cells) {
            plan.flags |= cell_always_first;
            plan.count = 1;
            plan.centroids =
                static_cast<float*>(palloc0(sizeof(float) * renewal->parameters.padded));
            plan.rows = static_cast<uint64*>(palloc0(sizeof(uint64)));
        } else {
            plan.cells = &olds[i];
            plan.cell_count = 1;
            (olds[i].view.flags & cell_always_first) == 0 ? plan_same(&plan)
                                                          : plan_long_rows(cells, &plan);
        }
        pages += count_pages(plan);
        capacity += plan.count;
    }
    begin_directory(renewal, capacity);
    BlockNumber at = allocate_cells(*renewal, pages);
    const MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescaled cell", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = CurrentMemoryContext;
    for (uint32 i = 0; i <= cells; ++i) {
        MemoryContextSwitchTo(memory);
        at = begin_cells(renewal, &plans[i], at);
        walk(plans[i], {write_one, &plans[i]});
        end_cells(renewal, &plans[i]);
        MemoryContextSwitchTo(old);
        MemoryContextReset(memory);
    }
    end_renewal(renewal);
}

}  // namespace

void rescale(Relation index) {
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescale", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    Renewal renewal = begin_renewal(index);
    if (algo::is_rescale_due(renewal.long_rows, renewal.rows)) {
        write_all(&renewal);
        finish_unfinished(index);
    }
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
}

}  // namespace vecdot::index
