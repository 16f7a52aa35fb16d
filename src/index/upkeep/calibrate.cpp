// Learning the stopping rule from the index itself: stored rows, decoded, play queries.
#include "index/upkeep/calibrate.hpp"

#include <algorithm>

#include "core/random.hpp"
#include "engine/growth.hpp"
#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/store.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/test_point.hpp"

namespace vecdot::index {

namespace {

// An inserter calibrates with half as many queries as a build; the next vacuum with all of them.
constexpr uint64 queries_of_inserter = 200;

constexpr uint64 seed_base = 0x7665636474;

// A stored row, decoded to rotated; false if it is dead.
bool decode_stored(const CellView& view, const float* centroid, uint32 row, uint8* code,
                   float* rotated) {
    RowEntry entry;
    read_addresses(view, row, 1, &entry);
    if (is_dead(entry)) {
        return false;
    }
    read_refinements(
        view, &row, 1, [](uint32) { return true; }, code + view.layout.padded, code);
    engine::decode_row(view.layout.padded, code, entry.refine, centroid, rotated);
    return true;
}

// Hands out the same places of shared memory in every process.
struct Carver {
    char* next;
};

void* carve(void* owner, std::size_t bytes) {
    Carver* carver = static_cast<Carver*>(owner);
    char* at = reinterpret_cast<char*>(TYPEALIGN(64, carver->next));
    carver->next = at + bytes;
    return at;
}

}  // namespace

struct CalibrationRun {
    Relation index;
    MemoryContext scratch;
    uint64 seed;
    const Directory* directory;
    CellRef* refs;
    uint64* ends;  // rows of the cells up to and with this one, those of long rows left out
    uint64 live;
    uint32 queries;
    engine::Calibrator* calibrator;
    float* centroid;
    float* rotated;
    uint8* code;  // and its planes behind it
};

CalibrationRun* begin_calibration(Relation index, uint64 seed, void* observations, uint64 most) {
    core::Arena arena = pg::arena();
    CalibrationRun* run = static_cast<CalibrationRun*>(palloc0(sizeof(CalibrationRun)));
    const Directory* directory = open_directory(index);
    const uint32 padded = directory->parameters.padded;
    run->index = index;
    run->scratch = AllocSetContextCreate(CurrentMemoryContext, "vecdot calibration query",
                                         ALLOCSET_DEFAULT_SIZES);
    run->seed = seed;
    run->directory = directory;
    const engine::CellSummary* summaries = directory->cells.summaries;
    const uint32 cells = directory->cells.count;
    run->refs = arena.allocate<CellRef>(cells).data();
    run->ends = arena.allocate<uint64>(cells).data();
    for (uint32 i = 0; i < cells; ++i) {
        run->refs[i] = cell_ref(*directory, i);
    }
    uint64 rows = 0;
    for (uint32 i = 0; i < cells; ++i) {
        CHECK_FOR_INTERRUPTS();
        CellView view;
        open_cell(index, run->directory->parameters, run->refs[i].slot, run->refs[i].head,
                  static_cast<uint32>(run->refs[i].generation), &view, nullptr);
        if (!summaries[i].long_rows) {
            rows += view.rows;
        }
        run->ends[i] = rows;
        run->live += live_rows(view);
    }
    run->queries = static_cast<uint32>(Min(Min(rows, most), uint64{engine::Calibrator::enough}));
    if (run->queries > 0) {
        Carver carver{static_cast<char*>(observations)};
        core::Arena shared(carve, &carver);
        run->calibrator = arena.create<engine::Calibrator>(shared, run->queries, rows);
    }
    run->centroid = arena.allocate<float>(padded).data();
    run->rotated = arena.allocate<float>(padded).data();
    run->code = arena.allocate<uint8>(2 * Size{padded}).data();
    return run;
}

uint32 calibration_queries(const CalibrationRun* run) {
    return run->queries;
}

void calibrate_query(CalibrationRun* run, uint32 query) {
    CHECK_FOR_INTERRUPTS();
    // One row from each of equally long stretches of all rows.
    const uint32 cells = run->directory->cells.count;
    const uint64 rows = run->ends[cells - 1];
    const uint64 begin = rows * query / run->queries;
    const uint64 end = rows * (query + 1) / run->queries;
    core::Random random(run->seed ^ query);
    const uint64 row = begin + random.below(end - begin);
    const uint32 cell =
        static_cast<uint32>(std::upper_bound(run->ends, run->ends + cells, row) - run->ends);
    const CellRef& ref = run->refs[cell];
    CellView view;
    open_cell(run->index, run->directory->parameters, ref.slot, ref.head,
              static_cast<uint32>(ref.generation), &view, run->centroid);
    const uint32 place = static_cast<uint32>(row - (cell > 0 ? run->ends[cell - 1] : 0));
    if (!decode_stored(view, run->centroid, place, run->code, run->rotated)) {
        return;
    }
    pg::within(run->scratch, [&] {
        // The store keeps the cells that it opens in memory of its own query.
        const engine::CellStore* store = open_store(run->index, *run->directory);
        run->calibrator->observe_number(query, pg::arena(), *run->directory->space, run->rotated,
                                        run->directory->cells, *store, pg::interrupt());
    });
    MemoryContextReset(run->scratch);
}

void end_calibration(CalibrationRun* run) {
    engine::Calibration calibration{};
    if (run->queries > 0) {
        run->calibrator->gather();
        calibration = run->calibrator->finish(run->live, run->directory->space->metric());
    }
    write_calibration(run->index, calibration, run->directory->parameters.scale);
}

void calibrate(Relation index, uint64 seed, uint64 most) {
    pg::in_context("vecdot calibration", [&] {
        CalibrationRun* run = begin_calibration(
            index, seed, palloc0(engine::Calibrator::bytes(engine::Calibrator::enough)), most);
        for (uint32 i = 0; i < run->queries; ++i) {
            calibrate_query(run, i);
        }
        end_calibration(run);
    });
}

void calibrate_if_due(Relation index, CalibratedBy who) {
    const bool by_vacuum = who == CalibratedBy::vacuum;
    // Once more under the lock: somebody may just have done it.
    bool locked = false;
    for (;;) {
        Meta meta;
        read_meta(index, &meta);
        engine::Calibration calibration;
        memcpy(&calibration, meta.calibration, sizeof calibration);
        const bool rough = calibration.queries > 0 && calibration.queries <= queries_of_inserter &&
                           meta.rows > 2 * queries_of_inserter;
        const bool due = who == CalibratedBy::background
                             ? engine::is_calibration_near(meta.cells, meta.calibrated_cells)
                             : engine::is_calibration_due(meta.cells, meta.calibrated_cells);
        if (!due && !(by_vacuum && rough)) {
            break;
        }
        if (locked) {
            if (!by_vacuum && !begin_upkeep(index, Upkeep::calibration)) {
                break;
            }
            pg::test_point("upkeep: calibration");
            calibrate(index, seed_base ^ meta.directory_version,
                      by_vacuum ? engine::Calibrator::enough : queries_of_inserter);
            break;
        }
        const Begun& begun = meta.begun[static_cast<uint32>(Upkeep::calibration)];
        locked = (by_vacuum || engine::is_tried_again(meta.cells, begun.cells, begun.times)) &&
                 try_lock_calibration(index);
        if (!locked) {
            return;
        }
    }
    if (locked) {
        unlock_calibration(index);
    }
}

}  // namespace vecdot::index
