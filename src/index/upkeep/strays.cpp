// Rows of a new kind. Each would go to the cell that is nearest by chance, and a search for them,
// which finds a cell of their own as soon as a split has made one, would not look there any more.
//
// - A row that is farther from all cells than rows are from theirs starts a cell.
// - A split may have come upon a kind: rows of it that went to cells around the new ones before
//   are moved, by writing both cells anew.
//
// Both need what replace_cells() needs; see rewrite.cpp.
#include "index/upkeep/strays.hpp"

#include "engine/growth.hpp"
#include "engine/routing.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/rewrite.hpp"
#include "kernels/kernels.hpp"
#include "pg/memory.hpp"
#include "pg/test_point.hpp"

namespace vecdot::index {

namespace {

// Cells around a new one that are looked into.
constexpr uint32 most_neighbours = 24;

double l2_squared(const Rewrite& rewrite, const float* rotated, uint32 cell) {
    return kernels::active().floats.l2_squared(rotated, rewrite.cells[cell].centroid,
                                               rewrite.parameters.padded);
}

// Writes both cells anew, each row to the nearer one, if enough of them are not there.
void move_strays(Relation index, Relation table, const Parameters& parameters,
                 const engine::Space* space, uint64 cell_count, const CellRef& cell,
                 const CellRef& neighbour) {
    Rewrite rewrite{};
    rewrite.index = index;
    rewrite.parameters = parameters;
    rewrite.space = space;
    rewrite.choose = nearest_new_cell;
    NewCell cells[2] = {};
    rewrite.new_count = 2;
    rewrite.cells = cells;
    const CellRef refs[2] = {cell, neighbour};
    for (uint32 i = 0; i < 2; ++i) {
        const OldCell* old = add_old_cell(&rewrite, refs[i]);
        if (!old->view.layout.has_codes) {
            corrupted(index, refs[i].head, "a cell of the directory has no codes");
        }
        cells[i].flags = static_cast<uint16>(old->view.flags);
        cells[i].centroid = old->centroid;
        cells[i].same_as = i;
    }
    bool due = false;
    for (uint32 i = 0; i < 2; ++i) {
        uint64 rows = 0;
        uint64 strays = 0;
        uint64 far_strays = 0;
        visit_rows(rewrite.old[i], [&](const float* rotated) {
            const double d[2] = {l2_squared(rewrite, rotated, 0), l2_squared(rewrite, rotated, 1)};
            rows += 1;
            strays += engine::is_stray(d[1 - i], d[i]);
            far_strays += engine::is_far_stray(d[1 - i], d[i]);
            // As nearest_new_cell() has it.
            cells[d[1] < d[0] ? 1 : 0].rows += 1;
        });
        due |= engine::are_strays_due(strays, far_strays, rows);
    }
    const uint64 most = engine::split_above(cell_count);
    if (!due || cells[0].rows > most || cells[1].rows > most) {
        return;
    }
    rewrite.table = begin_reading(index, table);
    replace_cells(&rewrite, room_to_grow);
    end_reading(rewrite.table);
}

}  // namespace

void gather_strays(Relation index, Relation table, uint32 slot) {
    pg::in_context("vecdot strays", [&] {
        const Directory* directory = open_directory(index);
        const Parameters parameters = directory->parameters;
        const uint32 self = find_slot(*directory, slot);
        if (self == directory->cells.count) {
            return;
        }
        float* centroid = pg::arena().allocate<float>(parameters.padded).data();
        CellView view;
        const CellRef ref = cell_ref(*directory, self);
        open_cell(index, parameters, ref.slot, ref.head, static_cast<uint32>(ref.generation), &view,
                  centroid);
        engine::NearCell near[most_neighbours];
        const Size count =
            engine::nearest_cells(directory->cells, parameters.padded, centroid, self, near);
        bool is_there = true;
        for (Size i = 0; i < count && is_there; ++i) {
            is_there = pg::in_context("vecdot strays of a cell", [&] {
                // The cell is another one after each move.
                const Directory* current = open_directory(index);
                const uint32 now = find_slot(*current, slot);
                if (now == current->cells.count) {
                    return false;
                }
                move_strays(index, table, parameters, directory->space, current->cells.count,
                            cell_ref(*current, now), cell_ref(*directory, near[i].cell));
                return true;
            });
        }
    });
}

bool start_cell(Relation index, uint64 version, const Parameters& found, const float* centroid,
                float distance) {
    const Parameters parameters = found;
    if (!lock_finished_structure(index)) {
        return false;
    }
    Meta meta;
    read_meta(index, &meta);
    const Directory* directory = open_directory(index);
    bool started = false;
    // The parameters are not those that the row's image was made for where the meta page is
    // damaged.
    if (directory->version == version &&
        memcmp(&directory->parameters, &parameters, sizeof parameters) == 0 &&
        engine::may_start_cell(meta.cells, meta.started_cells) &&
        begin_upkeep(index, Upkeep::starting)) {
        pg::test_point("upkeep: starting");
        pg::in_context("vecdot new cell", [&] {
            Rewrite rewrite{};
            rewrite.index = index;
            rewrite.parameters = parameters;
            rewrite.space = directory->space;
            NewCell cell{};
            cell.flags = cell_has_codes;
            cell.centroid = const_cast<float*>(centroid);
            cell.same_as = no_cell;
            cell.rows = 1;
            // How far apart the rows of this kind are shows only later; not as far as from others.
            cell.radius = 0.7f * distance;
            rewrite.new_count = 1;
            rewrite.cells = &cell;
            started = replace_cells(&rewrite, room_to_grow) == Replaced::done;
        });
    }
    unlock_structure(index);
    return started;
}

}  // namespace vecdot::index
