// Inner product: another scale for an index. 1/M is made for rows up to the length M; longer ones
// live in a cell that every search reads; when there are many, all rows get a new scale, for which
// few are long, and all cells are replaced at once (renewal.hpp).
#include "index/upkeep/rescale.hpp"

#include <span>

#include "engine/growth.hpp"
#include "engine/kmeans.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/renewal.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

namespace vecdot::index {

namespace {

constexpr uint64 sample_for_each = 256;

// Rows that are longer than this times M are loose. Damaged ones count as that long.
constexpr double most_length = 1e15;

// Close to the new M a row's image is much less certain than its code: such rows count as longer.
constexpr double sure_part = 0.9;

// The rows of the old cells of long rows, in the order of the walk.
struct LongRows {
    const engine::Space* space;
    double* lengths;  // at most; times the old scale
    bool* stay;       // long
    uint64 count;
    uint64* first;  // of each old cell
};

// The rows of one of these cells, between the new cells and the one of rows that stay long.
struct Division {
    Plan* usual;
    Plan* still_long;
    const bool* stay;
    uint64 next;  // of stay
};

void note_length(void* state, const WalkedRow&, float* rotated, float error) {
    LongRows* rows = static_cast<LongRows*>(state);
    const double length = rows->space->scaled_norm(rotated) * (1 + 0x1p-12) + 2 * error;
    rows->lengths[rows->count++] = length < most_length ? length : most_length;
}

void count_row(void* state, const WalkedRow&, float* rotated, float error) {
    Division* division = static_cast<Division*>(state);
    Plan* plan = division->usual;
    if (division->stay[division->next++]) {
        division->still_long->rows[0] += 1;
    } else {
        to_new_space(*plan->renewal, error, rotated);
        plan->rows[nearest_with_room(*plan, rotated)] += 1;
    }
}

void write_usual(void* state, const WalkedRow& row, float* rotated, float error) {
    Plan* plan = static_cast<Plan*>(state);
    const float new_error = to_new_space(*plan->renewal, error, rotated);
    write_to(plan, nearest_with_room(*plan, rotated), row, rotated, new_error);
}

void write_long(void* state, const WalkedRow& row, float* rotated, float error) {
    Division* division = static_cast<Division*>(state);
    if (!division->stay[division->next++]) {
        write_usual(division->usual, row, rotated, error);
        return;
    }
    const Renewal& renewal = *division->usual->renewal;
    const float new_error = renewal.old_space->rescale_long(renewal.ratio, error, rotated);
    write_to(division->still_long, 0, row, rotated, new_error);
}

// A cell of long rows becomes as many as make cells of the usual size.
void plan_long_rows(uint64 cells, Division* division) {
    Plan* plan = division->usual;
    const Renewal& renewal = *plan->renewal;
    const uint32 padded = renewal.parameters.padded;
    const uint64 live = live_rows(*plan);
    const uint64 wanted = engine::cells_of_split(live, cells, max_new_cells);
    const RowSample sample = sample_rows(*plan, wanted * sample_for_each, division->stay);
    if (sample.count > 0) {
        plan->centroids = static_cast<float*>(MemoryContextAllocHuge(
            CurrentMemoryContext, sizeof(float) * padded * engine::most_clusters(wanted)));
        engine::KmeansOptions options{};
        options.clusters = wanted;
        options.seed = renewal.parameters.seed ^ plan->cells[0].ref.generation;
        plan->count = static_cast<uint32>(engine::train_kmeans(
            sample.rows, sample.count, padded, options, pg::interrupt(), plan->centroids));
        plan->rows = static_cast<uint64*>(palloc0(sizeof(uint64) * plan->count));
    }
    pfree(sample.rows);
    walk(*plan, {count_row, division});
    division->next = 0;
}

// Chooses the new scale, and which of the rows stay long.
void choose_length(Renewal* renewal, const OldRows* olds, uint32 cells, LongRows* rows) {
    uint64 most = 1;
    for (uint32 i = 0; i < cells; ++i) {
        most += (olds[i].view.flags & cell_long_rows) != 0 ? olds[i].view.rows : 0;
    }
    rows->lengths =
        static_cast<double*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * most));
    rows->stay = static_cast<bool*>(MemoryContextAllocHuge(CurrentMemoryContext, most));
    rows->first = static_cast<uint64*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * (cells + 1)));
    for (uint32 i = 0; i < cells; ++i) {
        rows->first[i] = rows->count;
        if ((olds[i].view.flags & cell_long_rows) != 0) {
            walk(olds[i], 0, {note_length, rows});
        }
    }
    double* ordered =
        static_cast<double*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * most));
    memcpy(ordered, rows->lengths, sizeof(double) * rows->count);
    const double length =
        Max(1.0, engine::length_of_scale(std::span<double>(ordered, rows->count), renewal->rows));
    pfree(ordered);
    for (uint64 i = 0; i < rows->count; ++i) {
        rows->stay[i] = rows->lengths[i] > sure_part * length;
    }
    pfree(rows->lengths);
    renewal->ratio = 1 / length;
    renewal->parameters.scale *= renewal->ratio;
}

// Leaves what it has begun unfinished where there is no room on the disk.
void write_all(Renewal* renewal) {
    stop_inserters(*renewal);
    const uint32 cells = renewal->list.count - special_slots;
    OldRows* olds = static_cast<OldRows*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(OldRows) * (cells + 1)));
    for (uint32 i = 0; i < cells; ++i) {
        open_old(*renewal, renewal->list.cells[special_slots + i], &olds[i]);
    }
    LongRows long_rows{renewal->old_space, nullptr, nullptr, 0, nullptr};
    choose_length(renewal, olds, cells, &long_rows);
    core::Arena arena = pg::arena();
    renewal->space = arena.create<engine::Space>(arena, space_parameters(renewal->parameters),
                                                 core::VectorView());
    Plan still_long{};
    still_long.renewal = renewal;
    still_long.flags = cell_has_codes | cell_long_rows;
    still_long.count = 1;
    still_long.centroids = static_cast<float*>(palloc0(sizeof(float) * renewal->parameters.padded));
    still_long.rows = static_cast<uint64*>(palloc0(sizeof(uint64)));
    // One plan for each old cell.
    Plan* plans = static_cast<Plan*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Plan) * (cells + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    Division* divisions = static_cast<Division*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Division) * (cells + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    uint64 pages = 0;
    uint32 capacity = special_slots + 1;
    for (uint32 i = 0; i < cells; ++i) {
        Plan& plan = plans[i];
        plan.renewal = renewal;
        plan.flags = cell_has_codes;
        plan.cells = &olds[i];
        plan.cell_count = 1;
        if ((olds[i].view.flags & cell_long_rows) == 0) {
            plan_same(&plan);
        } else {
            divisions[i] = {&plan, &still_long, long_rows.stay + long_rows.first[i], 0};
            plan_long_rows(cells, &divisions[i]);
        }
        pages += count_pages(plan);
        capacity += plan.count;
    }
    begin_directory(renewal, capacity);
    BlockNumber at = allocate_cells(*renewal, pages + count_pages(still_long));
    if (at == InvalidBlockNumber) {
        return;
    }
    at = begin_cells(renewal, &still_long, at);
    for (uint32 i = 0; i < cells; ++i) {
        pg::in_context("vecdot rescaled cell", [&] {
            at = begin_cells(renewal, &plans[i], at);
            if (divisions[i].usual == nullptr) {
                walk(plans[i], {write_usual, &plans[i]});
            } else {
                walk(plans[i], {write_long, &divisions[i]});
            }
            end_cells(renewal, &plans[i]);
        });
    }
    end_cells(renewal, &still_long);
    end_renewal(renewal);
}

}  // namespace

void rescale(Relation index) {
    pg::in_context("vecdot rescale", [&] {
        Renewal renewal = begin_renewal(index);
        if (engine::is_rescale_due(renewal.long_rows, renewal.rows) && is_room_likely(renewal)) {
            write_all(&renewal);
            finish_unfinished(index);
        }
    });
}

}  // namespace vecdot::index
