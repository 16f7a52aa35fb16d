// Replacing all cells at once: to find better ones, or, under inner product, to give the index
// another scale.
//
// Splits see one cell at a time and merges two: clusters stay cut where they were first cut. So
// when the number of cells has changed by half, all rows are clustered anew, as a build does,
// from their codes. And the scale 1/M of inner product is made for rows up to the length M; longer
// ones live in a cell that every search reads; when there are many, all rows get a new scale.
//
// Under the structure lock, with the index frozen (whoever wants to add a row waits for the
// structure lock; searches go on), the cells are written anew, and a new directory beside the old
// one. One record on the meta page publishes them and thaws. The old cells and the old directory
// are freed by finish_unfinished(), as are the new ones after a crash before.
#include "algo/growth.hpp"
#include "algo/kmeans.hpp"
#include "index/meta.hpp"
#include "index/rewrite.hpp"
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

constexpr double room_to_grow = 0.25;
constexpr double room_of_vacuum = 1.0 / 32;

// The new M over the longest row. What the stopping rule has learnt changes with the lengths, so
// rows that are longer still had better be long rows, which are never missed, than far from their
// cell.
constexpr double headroom = 1.25;
constexpr uint64 sample_for_each = 256;

struct Rescale {
    Relation index;
    Parameters old_parameters;
    Parameters parameters;
    const algo::Space* old_space;
    const algo::Space* space;
    TableRows* table;  // rows are read again from it, unless null
    double ratio;
    double slack;    // room for growth, as a part of the rows
    bool clustered;  // all rows are clustered anew, under the same scale
    uint64 rows;     // live
    CellList list;
    // The new directory. All its cells lie in one run of blocks.
    uint32 count;  // slots
    uint32 capacity;
    Slot* slots;
    uint8* codes;  // slot after slot
};

// A row's image in the new space; returns its error.
float to_new_space(const Rescale& rescale, float error, float* rotated) {
    return rescale.ratio == 1 ? error : rescale.old_space->rescale(rescale.ratio, error, rotated);
}

// What a walk over a cell's live rows calls: rotated is the row's old image, within error.
struct Visitor {
    void (*visit)(void* state, const AddressEntry& entry, float* rotated, float error);
    void* state;
};

// An old cell.
struct Old {
    CellRef ref;
    CellView view;
    float* centroid;
};

void walk(const Old& cell, const Visitor& visitor) {
    const CellView& view = cell.view;
    RowBlock* block = new_block(view.layout);
    float* rotated = static_cast<float*>(palloc(view.layout.centroid_bytes));
    for (uint32 first = 0; first < view.rows; first += rows_per_block) {
        CHECK_FOR_INTERRUPTS();
        read_block(view, first, Min(rows_per_block, view.rows - first), false, block);
        for (uint32 i = 0; i < block->count; ++i) {
            if (!is_dead(block->entries[i])) {
                const float error = algo::decode_row(
                    view.layout.padded, block->codes + Size{i} * view.layout.padded,
                    refine_factors(block->entries[i]), cell.centroid, rotated);
                visitor.visit(visitor.state, block->entries[i], rotated, error);
            }
        }
    }
}

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

struct Sample {
    const Rescale* rescale;
    float* rows;
    uint64 count;
    uint64 wanted;
    uint64 seen;
    uint64 live;
};

void take(void* state, const AddressEntry&, float* rotated, float error) {
    Sample* sample = static_cast<Sample*>(state);
    if (sample->count < sample->wanted &&
        sample->seen * sample->wanted / sample->live >= sample->count) {
        const uint32 padded = sample->rescale->parameters.padded;
        to_new_space(*sample->rescale, error, rotated);
        memcpy(sample->rows + sample->count * padded, rotated, padded * sizeof(float));
        sample->count += 1;
    }
    sample->seen += 1;
}

// Owns C++ memory, which its memory context frees.
struct Clusters {
    std::vector<float> centroids;
    algo::CentroidTable table;
};

// New cells, for the rows of one old one or of many.
struct Parts {
    const Rescale* rescale;
    const Clusters* clusters;  // where there are many: finds the nearest
    uint32* chosen;            // then also: of each row, in the order of the walk
    uint64 next;               // of chosen
    uint32 count;
    float* centroids;
    uint64* rows;
    CellWriter* writers;
    algo::EncodedRow row;
};

uint32 nearest_part(const Parts& parts, const float* rotated) {
    const uint32 padded = parts.rescale->parameters.padded;
    uint32 best = 0;
    double least = 0;
    for (uint32 i = 0; i < parts.count; ++i) {
        const double d = kernels::active().floats.l2_squared(
            rotated, parts.centroids + Size{i} * padded, padded);
        if (i == 0 || d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

void count_row(void* state, const AddressEntry&, float* rotated, float error) {
    Parts* parts = static_cast<Parts*>(state);
    to_new_space(*parts->rescale, error, rotated);
    if (parts->clusters != nullptr) {
        parts->clusters->table.assign(rotated, 1, &parts->chosen[parts->next], nullptr);
        parts->rows[parts->chosen[parts->next++]] += 1;
    } else {
        parts->rows[nearest_part(*parts, rotated)] += 1;
    }
}

void write_one(void* state, const AddressEntry& entry, float* rotated, float error) {
    Parts* parts = static_cast<Parts*>(state);
    const Rescale& rescale = *parts->rescale;
    float new_error = to_new_space(rescale, error, rotated);
    const uint32 part =
        parts->clusters != nullptr ? parts->chosen[parts->next++] : nearest_part(*parts, rotated);
    new_error = read_exactly(rescale.table, *rescale.space, entry.tid, new_error, rotated);
    algo::encode_row(*rescale.space, rotated, new_error,
                     parts->centroids + Size{part} * rescale.parameters.padded, parts->row);
    write_row(&parts->writers[part], entry.tid, &parts->row);
}

// May own C++ memory: calls no PostgreSQL.
uint64 find_centroids(const float* rows, uint64 count, std::size_t padded, uint64 k, uint64 seed,
                      float* centroids, const core::Interrupt& interrupt) {
    algo::KmeansOptions options{};
    options.clusters = k;
    options.seed = seed;
    const std::vector<float> found = algo::train_kmeans(rows, count, padded, options, interrupt);
    std::copy(found.begin(), found.end(), centroids);
    return found.size() / padded;
}

// Where the rows of some old cells go.
struct Plan {
    Old* cells;
    uint32 cell_count;
    uint16 flags;  // of the new cells
    Parts parts;
    BlockNumber pages;
};

void walk(const Plan& plan, const Visitor& visitor) {
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        walk(plan.cells[i], visitor);
    }
}

// The centroid's place under the new scale, as if it were that of a row.
void move_centroid(const Rescale& rescale, float* centroid) {
    rescale.old_space->rescale(rescale.ratio, 0, centroid);
}

Extent room_for(const Rescale& rescale, const CellLayout& layout, uint64 rows) {
    const double room = static_cast<double>(rows) * (1 + rescale.slack) + 1;
    return {0, layout.round_up(true, divide_up(static_cast<uint32>(room), rows_per_block))};
}

void open_old(const Rescale& rescale, const CellRef& ref, Old* cell) {
    cell->ref = ref;
    cell->centroid = static_cast<float*>(palloc(sizeof(float) * rescale.parameters.padded));
    open_cell(rescale.index, rescale.old_parameters, ref.slot, ref.head,
              static_cast<uint32>(ref.generation), &cell->view, cell->centroid);
}

uint64 live_rows(const CellView& view) {
    return view.rows - Min(view.dead, view.rows);
}

uint64 live_rows(const Plan& plan) {
    uint64 live = 0;
    for (uint32 i = 0; i < plan.cell_count; ++i) {
        live += live_rows(plan.cells[i].view);
    }
    return live;
}

Sample sample_rows(const Rescale& rescale, const Plan& plan, uint64 wanted) {
    const Size row_bytes = sizeof(float) * rescale.parameters.padded;
    const uint64 fit = Max(static_cast<uint64>(maintenance_work_mem) * 256 / row_bytes, uint64{64});
    const uint64 live = live_rows(plan);
    Sample sample{&rescale, nullptr, 0, Min(Min(fit, wanted), live), 0, live};
    sample.rows = static_cast<float*>(
        MemoryContextAllocHuge(CurrentMemoryContext, row_bytes * (sample.wanted + 1)));
    walk(plan, {take, &sample});
    return sample;
}

// The one old cell stays one.
void plan_same(const Rescale& rescale, Plan* plan) {
    const Size bytes = sizeof(float) * rescale.parameters.padded;
    Parts& parts = plan->parts;
    parts.count = 1;
    parts.centroids = static_cast<float*>(palloc(bytes));
    memcpy(parts.centroids, plan->cells[0].centroid, bytes);
    if (rescale.ratio != 1) {
        move_centroid(rescale, parts.centroids);
    }
    parts.rows = static_cast<uint64*>(palloc0(sizeof(uint64)));
    parts.rows[0] = live_rows(*plan);
}

// The cell of long rows becomes as many as make cells of the usual size.
void plan_long_rows(const Rescale& rescale, uint64 cells, Plan* plan) {
    const uint32 padded = rescale.parameters.padded;
    const uint64 live = live_rows(*plan);
    if (live == 0) {
        return;
    }
    Parts& parts = plan->parts;
    const uint64 wanted = algo::cells_of_split(live, cells, max_new_cells);
    const Sample sample = sample_rows(rescale, *plan, wanted * sample_for_each);
    parts.centroids = static_cast<float*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * padded * wanted));
    parts.count = static_cast<uint32>(find_centroids(
        sample.rows, sample.count, padded, wanted,
        rescale.parameters.seed ^ plan->cells[0].ref.generation, parts.centroids, pg::interrupt()));
    pfree(sample.rows);
    parts.rows = static_cast<uint64*>(palloc0(sizeof(uint64) * parts.count));
    walk(*plan, {count_row, &parts});
}

void delete_clusters(void* clusters) {
    delete static_cast<Clusters*>(clusters);
}

// May own C++ memory: calls no PostgreSQL.
void train(Clusters* clusters, const Sample& sample, std::size_t padded, uint64 k, uint64 seed,
           const core::Interrupt& interrupt) {
    algo::KmeansOptions options{};
    options.clusters = k;
    options.seed = seed;
    clusters->centroids = algo::train_kmeans(sample.rows, sample.count, padded, options, interrupt);
    clusters->table = algo::CentroidTable(clusters->centroids.data(),
                                          clusters->centroids.size() / padded, padded);
}

// All rows into k new cells.
void plan_clusters(const Rescale& rescale, uint64 k, Plan* plan) {
    const uint32 padded = rescale.parameters.padded;
    Parts& parts = plan->parts;
    const Sample sample = sample_rows(rescale, *plan, algo::sample_for(k));
    Clusters* clusters = new Clusters();
    MemoryContextCallback* callback =
        static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = delete_clusters;
    callback->arg = clusters;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
    train(clusters, sample, padded, k, rescale.parameters.seed ^ plan->cells[0].ref.generation,
          pg::interrupt());
    pfree(sample.rows);
    parts.clusters = clusters;
    parts.count = static_cast<uint32>(clusters->table.count());
    parts.centroids = clusters->centroids.data();
    parts.rows = static_cast<uint64*>(palloc0(sizeof(uint64) * parts.count));
    uint64 rows = 1;
    for (uint32 i = 0; i < plan->cell_count; ++i) {
        rows += plan->cells[i].view.rows;
    }
    parts.chosen =
        static_cast<uint32*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * rows));
    walk(*plan, {count_row, &parts});
    parts.next = 0;
}

void count_pages(const Rescale& rescale, Plan* plan) {
    const CellLayout layout = CellLayout::of(rescale.parameters, cell_has_codes);
    plan->parts.rescale = &rescale;
    plan->pages = 0;
    for (uint32 i = 0; i < plan->parts.count; ++i) {
        plan->pages += layout.pages(true, room_for(rescale, layout, plan->parts.rows[i]).blocks);
    }
}

// Begins a cell in a new slot at block `at`; returns the block behind it.
BlockNumber begin_cell(Rescale* rescale, CellWriter* writer, uint16 flags, const float* centroid,
                       uint64 rows, BlockNumber at) {
    const CellLayout layout = CellLayout::of(rescale->parameters, flags);
    Extent extent = room_for(*rescale, layout, rows);
    extent.start = at;
    const uint32 number = rescale->count++;
    Assert(number < rescale->capacity);
    Slot* slot = &rescale->slots[number];
    slot->state = SlotState::live;
    slot->flags = flags;
    slot->head = at;
    slot->generation = next_generation(rescale->index);
    const algo::RefineFactors factors = algo::encode_centroid(
        layout.padded, centroid, rescale->codes + Size{number} * layout.padded);
    memcpy(slot->centroid, &factors, sizeof slot->centroid);
    begin_writing(writer, rescale->index, MAIN_FORKNUM, true, rescale->parameters, number,
                  slot->generation, flags, extent, centroid);
    return at + layout.pages(true, extent.blocks);
}

// Writes the new cells of an old one.
BlockNumber write_cells(Rescale* rescale, Plan* plan, BlockNumber at) {
    const uint32 padded = rescale->parameters.padded;
    Parts& parts = plan->parts;
    const uint32 first = rescale->count;
    parts.writers = static_cast<CellWriter*>(palloc0(sizeof(CellWriter) * parts.count));
    parts.row.signs = static_cast<uint8*>(palloc(algo::sign_bytes(padded)));
    parts.row.code = static_cast<uint8*>(palloc(padded));
    for (uint32 i = 0; i < parts.count; ++i) {
        at = begin_cell(rescale, &parts.writers[i], plan->flags, parts.centroids + Size{i} * padded,
                        parts.rows[i], at);
    }
    walk(*plan, {write_one, &parts});
    for (uint32 i = 0; i < parts.count; ++i) {
        end_writing(&parts.writers[i]);
        rescale->slots[first + i].radius = parts.writers[i].radius;
    }
    return at;
}

// An array in new pages, all of them formatted, whatever they held before.
Segments write_array(const Rescale& rescale, PageKind kind, const char* bytes, uint64 length,
                     Size page_bytes) {
    Segments segments{};
    uint32 page = 0;
    for (uint64 done = 0; done < length;) {
        if (segments.count == max_segments) {
            elog(ERROR, "no room for another segment");
        }
        const uint32 pages = segment_pages(segments.count);
        const BlockRun run = allocate_intent(rescale.index, pages);
        segments.start[segments.count++] = run.start;
        for (uint32 i = 0; i < pages; ++i, ++page) {
            CHECK_FOR_INTERRUPTS();
            const Buffer buffer = lock_fresh_page(rescale.index, run.start + i);
            Record record(rescale.index);
            const Page image = record.add_fresh(buffer, {kind, 0, page, 0});
            const Size piece = Min(length - done, static_cast<uint64>(page_bytes));
            memcpy(payload(image), bytes + done, piece);
            done += piece;
            record.finish();
            UnlockReleaseBuffer(buffer);
        }
    }
    return segments;
}

void publish(const Rescale& rescale, const Segments& slots, const Segments& centroids) {
    const Buffer buffer = lock_meta(rescale.index, BUFFER_LOCK_EXCLUSIVE);
    Record record(rescale.index);
    Meta* meta = meta_of(record.add(buffer));
    meta->parameters = rescale.parameters;
    meta->directory_version += 1;
    meta->retired_slots = meta->slots;
    meta->retired_next = special_slots;
    meta->retired_slot_pages = meta->slot_pages;
    meta->retired_centroid_pages = meta->centroid_pages;
    meta->slot_pages = slots;
    meta->centroid_pages = centroids;
    meta->slots = rescale.count;
    meta->cells = rescale.count - special_slots;
    meta->unfinished.intent_count = 0;
    meta->frozen = 0;
    if (rescale.clustered) {
        meta->clustered_cells = meta->cells;
        meta->clustered_rows = rescale.rows;
    }
    meta->calibrated_cells = 0;
    if (rescale.ratio != 1) {
        // What was learnt is of another space.
        memset(meta->calibration, 0, sizeof meta->calibration);
    }
    record.finish();
    UnlockReleaseBuffer(buffer);
}

// Nobody is adding a row to any of the cells any more: whoever had found the index not frozen has
// let go of its head.
void wait_for_inserters(const Rescale& rescale) {
    for (uint32 i = 0; i < rescale.list.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        const CellRef& ref = rescale.list.cells[i];
        UnlockReleaseBuffer(read_page(rescale.index, ref.head,
                                      {PageKind::head, ref.slot, 0, ref.generation},
                                      BUFFER_LOCK_EXCLUSIVE));
    }
}

// clusters: how many, if all rows are to be clustered anew.
void replace_all(Rescale* rescale, uint64 clusters) {
    const Relation index = rescale->index;
    const CellList& list = rescale->list;
    const uint32 padded = rescale->parameters.padded;
    freeze(index, true);
    wait_for_inserters(*rescale);
    // The cells for usual rows first.
    const uint32 cells = list.count - special_slots;
    Old* olds =
        static_cast<Old*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Old) * (cells + 1)));
    uint32 usual = 0;
    for (const bool long_rows : {false, true}) {
        uint32 n = usual;
        for (uint32 i = special_slots; i < list.count; ++i) {
            Old& old = olds[n];
            open_old(*rescale, list.cells[i], &old);
            if (((old.view.flags & cell_always_first) != 0) == long_rows) {
                n += 1;
            } else {
                pfree(old.centroid);
            }
        }
        usual = long_rows ? usual : n;
    }
    rescale->space = rescale->old_space;
    rescale->ratio = 1;
    if (!rescale->clustered) {
        Longest longest{rescale->old_space, 1, 0};
        for (uint32 i = usual; i < cells; ++i) {
            walk(olds[i], {note_norm, &longest});
        }
        rescale->ratio = 1 / (headroom * longest.norm);
        rescale->parameters.scale *= rescale->ratio;
        core::Arena arena = pg::arena();
        rescale->space = arena.create<algo::Space>(arena, space_parameters(rescale->parameters),
                                                   core::VectorView());
    }

    // One plan for all usual cells or for each; one for each of long rows.
    const uint32 plan_count = rescale->clustered ? 1 + (cells - usual) : cells;
    Plan* plans = static_cast<Plan*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Plan) * (plan_count + 1)));
    uint64 pages = 0;
    rescale->capacity = special_slots + 1;
    for (uint32 i = 0; i < plan_count; ++i) {
        Plan& plan = plans[i];
        plan = Plan{};
        plan.parts.rescale = rescale;
        plan.flags = cell_has_codes;
        plan.cell_count = 1;
        if (rescale->clustered) {
            plan.cells = i == 0 ? olds : olds + usual + (i - 1);
            if (i == 0) {
                plan.cell_count = usual;
                plan_clusters(*rescale, clusters, &plan);
            } else {
                plan.flags |= cell_always_first;
                plan_same(*rescale, &plan);
            }
        } else {
            plan.cells = olds + i;
            i < usual ? plan_same(*rescale, &plan) : plan_long_rows(*rescale, cells, &plan);
        }
        count_pages(*rescale, &plan);
        pages += plan.pages;
        rescale->capacity += plan.parts.count;
    }
    if (!rescale->clustered) {
        pages += CellLayout::of(rescale->parameters, cell_has_codes)
                     .pages(true, room_for(*rescale,
                                           CellLayout::of(rescale->parameters, cell_has_codes), 0)
                                      .blocks);
    }
    if (pages > MaxBlockNumber) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("index \"%s\" cannot have more than %u blocks",
                               RelationGetRelationName(index), MaxBlockNumber)));
    }
    rescale->slots = static_cast<Slot*>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(Slot) * rescale->capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    rescale->codes = static_cast<uint8*>(MemoryContextAllocExtended(
        CurrentMemoryContext, Size{padded} * rescale->capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    // The special lists stay what they are.
    Meta meta;
    read_meta(index, &meta);
    const Buffer buffer =
        read_array_page(index, meta.slot_pages, PageKind::slots, 0, BUFFER_LOCK_SHARE);
    memcpy(rescale->slots, payload(BufferGetPage(buffer)), sizeof(Slot) * special_slots);
    UnlockReleaseBuffer(buffer);
    rescale->count = special_slots;

    BlockNumber at = allocate_intent(index, static_cast<uint32>(pages)).start;
    const MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescaled cell", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = CurrentMemoryContext;
    for (uint32 i = 0; i < plan_count; ++i) {
        MemoryContextSwitchTo(memory);
        at = write_cells(rescale, &plans[i], at);
        MemoryContextSwitchTo(old);
        MemoryContextReset(memory);
    }
    if (!rescale->clustered) {
        // For rows that are longer still.
        CellWriter writer;
        float* zero = static_cast<float*>(palloc0(sizeof(float) * padded));
        begin_cell(rescale, &writer, cell_has_codes | cell_always_first, zero, 0, at);
        end_writing(&writer);
    }
    const Segments slots =
        write_array(*rescale, PageKind::slots, reinterpret_cast<const char*>(rescale->slots),
                    uint64{sizeof(Slot)} * rescale->count, slots_per_page * sizeof(Slot));
    const Segments centroids =
        write_array(*rescale, PageKind::centroids, reinterpret_cast<const char*>(rescale->codes),
                    uint64{padded} * rescale->count, payload_size);
    publish(*rescale, slots, centroids);
}

// Memory for writing so many cells at once.
uint64 memory_of(const Parameters& parameters, uint64 cells) {
    const CellLayout layout = CellLayout::of(parameters, cell_has_codes);
    return cells * (7 * BLCKSZ + layout.units_per_block * unit_size + 3 * layout.centroid_bytes);
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

struct Totals {
    uint64 rows;
    uint64 long_rows;
};

// Begins a replacement of all cells, in CurrentMemoryContext.
Rescale begin(Relation index, Totals* totals) {
    core::Arena arena = pg::arena();
    const Directory* directory = open_directory(index);
    Rescale rescale{};
    rescale.index = index;
    rescale.old_parameters = directory->parameters;
    rescale.parameters = directory->parameters;
    rescale.old_space = copy_space(arena, *directory);
    rescale.list = list_cells(index);
    rescale.slack = room_to_grow;
    *totals = {};
    for (uint32 i = special_slots; i < rescale.list.count; ++i) {
        const CellRef& ref = rescale.list.cells[i];
        CellView view;
        open_cell(index, rescale.parameters, ref.slot, ref.head,
                  static_cast<uint32>(ref.generation), &view, nullptr);
        const bool is_long = (view.flags & cell_always_first) != 0;
        totals->rows += live_rows(view);
        totals->long_rows += is_long ? live_rows(view) : 0;
    }
    rescale.rows = totals->rows;
    return rescale;
}

}  // namespace

void rescale(Relation index) {
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot rescale", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    Totals totals;
    Rescale rescale = begin(index, &totals);
    if (algo::is_rescale_due(totals.long_rows, totals.rows)) {
        replace_all(&rescale, 0);
        finish_unfinished(index);
    }
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
}

void recluster_if_due(Relation index, Relation table) {
    const bool by_vacuum = table == nullptr;
    Meta meta;
    read_meta(index, &meta);
    const uint64 memory = static_cast<uint64>(maintenance_work_mem) * 1024;
    if (!by_vacuum) {
        // Cheap questions first: this is asked after each split.
        if (!algo::is_clustering_due(meta.cells, meta.clustered_cells, can_read(index, table))) {
            return;
        }
        const uint64 rows = estimate_rows(index);
        if (!algo::have_rows_grown(rows, meta.clustered_rows) ||
            memory_of(meta.parameters, algo::cells_for(rows)) > memory) {
            return;
        }
    }
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot clustering", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    Totals totals;
    Rescale rescale = begin(index, &totals);
    rescale.clustered = true;
    rescale.slack = by_vacuum ? room_of_vacuum : room_to_grow;
    const uint64 rows = totals.rows - totals.long_rows;
    const uint64 clusters = algo::cells_for(rows);
    const bool due = by_vacuum ? algo::is_clustering_due(meta.cells, meta.clustered_cells, false) ||
                                     algo::are_cells_too_many(meta.cells, totals.rows)
                               : algo::have_rows_grown(totals.rows, meta.clustered_rows);
    // All new cells are written at once.
    if (rows > 0 && due && memory_of(rescale.parameters, clusters) <= memory) {
        rescale.table = begin_reading(index, table);
        replace_all(&rescale, clusters);
        end_reading(rescale.table);
        finish_unfinished(index);
    }
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
}

}  // namespace vecdot::index
