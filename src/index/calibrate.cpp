// Learning the stopping rule from the index itself: stored rows, decoded, play queries.
#include "algo/calibration.hpp"

#include "core/random.hpp"
#include "index/cell.hpp"
#include "index/maintain.hpp"
#include "index/storage.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

namespace vecdot::index {

namespace {

// A stored row, decoded to rotated; false if it is dead.
bool decode_stored(const CellView& view, const float* centroid, uint32 row, uint8* code,
                   float* rotated) {
    AddressEntry entry;
    read_addresses(view, row, 1, &entry);
    if ((entry.flags & address_dead) != 0) {
        return false;
    }
    read_refinement(
        view, &row, 1, [](uint32) { return true; },
        [code](uint32, uint32 offset, const uint8* piece, uint32 bytes) {
            memcpy(code + offset, piece, bytes);
        });
    algo::RefineFactors factors;
    memcpy(&factors, entry.refine, sizeof factors);
    algo::decode_row(view.layout.padded, code, factors, centroid, rotated);
    return true;
}

}  // namespace

void calibrate(Relation index, uint64 seed) {
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot calibration", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    core::Arena arena = pg::arena(context);
    const Directory* directory = open_directory(index);
    const uint32 padded = directory->parameters.padded;
    const Parameters parameters = directory->parameters;
    const algo::Space* space = copy_space(arena, *directory);

    // A copy: the cached directory may go with any relcache message.
    const uint32 cells = directory->cells.count;
    const std::span<algo::CellSummary> summaries = arena.allocate<algo::CellSummary>(cells);
    const std::span<uint8> codes = arena.allocate<uint8>(Size{cells} * padded);
    const std::span<CellRef> refs = arena.allocate<CellRef>(cells);
    memcpy(summaries.data(), directory->cells.summaries, summaries.size_bytes());
    memcpy(codes.data(), directory->cells.codes, codes.size_bytes());
    for (uint32 i = 0; i < cells; ++i) {
        refs[i] = cell_ref(*directory, i);
    }
    const algo::CellDirectory copy{cells, summaries.data(), codes.data()};

    const std::span<CellView> views = arena.allocate<CellView>(cells);
    uint64 rows = 0;  // of cells for rows within the sphere
    uint64 live = 0;
    for (uint32 i = 0; i < cells; ++i) {
        CHECK_FOR_INTERRUPTS();
        open_cell(index, parameters, refs[i].slot, refs[i].head,
                  static_cast<uint32>(refs[i].generation), &views[i], nullptr);
        if ((summaries[i].flags & algo::CellFlags::long_rows) == 0) {
            rows += views[i].rows;
        }
        live += views[i].rows - Min(views[i].dead, views[i].rows);
    }
    const uint64 wanted = Min(rows, uint64{algo::Calibrator::enough});
    if (wanted == 0) {
        write_calibration(index, algo::Calibration{}, parameters.scale);
        MemoryContextSwitchTo(old);
        MemoryContextDelete(context);
        return;
    }
    algo::Calibrator calibrator(arena, wanted);
    core::Random random(seed);
    const std::span<float> centroid = arena.allocate<float>(padded);
    const std::span<float> rotated = arena.allocate<float>(padded);
    const std::span<uint8> code = arena.allocate<uint8>(padded);
    const MemoryContext scratch =
        AllocSetContextCreate(context, "vecdot calibration query", ALLOCSET_DEFAULT_SIZES);
    // One row from each of equally long stretches of all rows.
    uint32 cell = 0;
    uint64 before = 0;  // rows of the cells before this one
    for (uint64 i = 0; i < wanted; ++i) {
        CHECK_FOR_INTERRUPTS();
        const uint64 begin = rows * i / wanted;
        const uint64 end = rows * (i + 1) / wanted;
        const uint64 row = begin + random.below(end - begin);
        while ((summaries[cell].flags & algo::CellFlags::long_rows) != 0 ||
               row - before >= views[cell].rows) {
            if ((summaries[cell].flags & algo::CellFlags::long_rows) == 0) {
                before += views[cell].rows;
            }
            cell += 1;
        }
        CellView view;
        open_cell(index, parameters, refs[cell].slot, refs[cell].head,
                  static_cast<uint32>(refs[cell].generation), &view, centroid.data());
        if (!decode_stored(view, centroid.data(), static_cast<uint32>(row - before), code.data(),
                           rotated.data())) {
            continue;
        }
        MemoryContextSwitchTo(scratch);
        // The store keeps the cells that it opens in memory of its own query.
        const algo::CellStore* store = open_store(index, *open_directory(index));
        calibrator.observe(pg::arena(scratch), *space, rotated.data(), copy, *store,
                           pg::interrupt());
        MemoryContextSwitchTo(context);
        MemoryContextReset(scratch);
    }
    const algo::Calibration calibration = calibrator.finish(live, space->metric());
    write_calibration(index, calibration, parameters.scale);
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
}

}  // namespace vecdot::index
