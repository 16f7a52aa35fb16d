// What vacuum does to cells once dead rows are marked: those with many dead entries, or scattered
// over many extents, are written anew, those that have grown too large are split, thin ones are
// merged with their nearest neighbour. All from stored codes; rewrite.cpp has the protocol.
#include "index/upkeep/tidy.hpp"

#include <algorithm>

#include "engine/growth.hpp"
#include "engine/routing.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/rescale.hpp"
#include "index/upkeep/rewrite.hpp"
#include "index/upkeep/split.hpp"
#include "pg/delay_point.hpp"
#include "pg/memory.hpp"

namespace vecdot::index {

namespace {

// Room in a new cell for what comes while it is written, and a little growth; more if that was not
// enough.
constexpr double slacks[] = {1.0 / 32, 0.25, 1.0};

// A search reads a cell's extents one after another: more than these are worth a contiguous copy.
constexpr uint32 scattered = 5;

constexpr int merge_rounds = 12;
constexpr int tidy_rounds = 4;

uint32 only_one(const Rewrite&, const float*) {
    return 0;
}

CellView look_at(Relation index, const Parameters& parameters, const CellRef& cell) {
    CellView view;
    open_cell(index, parameters, cell.slot, cell.head, static_cast<uint32>(cell.generation), &view,
              nullptr);
    return view;
}

// Writes the live rows of the cells to one, which takes over slot and centroid of the first, or
// gets a new slot and this centroid. False if there is no room for it.
bool join(Relation index, const CellRef* cells, uint32 count, const float* centroid) {
    return with_directory(index, [&](const Directory& directory) {
        Replaced result = Replaced::overtaken;
        for (const double slack : slacks) {
            result = pg::in_context("vecdot rewrite", [&] {
                Rewrite rewrite{};
                rewrite.index = index;
                rewrite.parameters = directory.parameters;
                rewrite.space = directory.space;
                rewrite.choose = only_one;
                NewCell cell{};
                for (uint32 i = 0; i < count; ++i) {
                    cell.rows += live_rows(add_old_cell(&rewrite, cells[i])->view);
                }
                cell.flags = static_cast<uint16>(rewrite.old[0].view.flags);
                cell.same_as = centroid == nullptr ? 0 : no_cell;
                if (centroid != nullptr) {
                    cell.centroid = const_cast<float*>(centroid);
                } else if (rewrite.old[0].view.layout.has_codes) {
                    cell.centroid = rewrite.old[0].centroid;
                }
                rewrite.new_count = 1;
                rewrite.cells = &cell;
                return replace_cells(&rewrite, slack);
            });
            if (result != Replaced::overtaken) {
                break;
            }
        }
        return result != Replaced::no_room;
    });
}

// Takes a cell without live rows out of the directory, unless rows come.
void drop_empty_cell(Relation index, const Parameters& parameters, const CellRef& cell) {
    pg::in_context("vecdot empty cell", [&] {
        Rewrite rewrite{};
        rewrite.index = index;
        rewrite.parameters = parameters;
        add_old_cell(&rewrite, cell);
        replace_cells(&rewrite, 0);
    });
}

// Takes no room, and makes some for the cells that are written anew. One cell stays.
void drop_empty_cells(Relation index) {
    const CellList list = list_cells(index);
    uint32* empty = static_cast<uint32*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * list.count));
    uint32 count = 0;
    bool others = false;
    for (uint32 i = special_slots; i < list.count; ++i) {
        pg::delay_point();
        const CellView view = look_at(index, list.parameters, list.cells[i]);
        if ((view.flags & cell_long_rows) == 0) {
            if (live_rows(view) == 0) {
                empty[count++] = i;
            } else {
                others = true;
            }
        }
    }
    for (uint32 i = others ? 0 : 1; i < count; ++i) {
        drop_empty_cell(index, list.parameters, list.cells[empty[i]]);
    }
    if (count > 0) {
        coalesce_free_list(index);
    }
    pfree(empty);
    pfree(list.cells);
}

bool is_rewrite_due(const CellView& view) {
    const uint64 live = live_rows(view);
    // Room for a quarter more is what a cell that grows has; a block of rows is the least.
    const bool roomy = view.capacity > live + live / 3 + 2 * rows_per_block;
    return engine::is_compaction_due(live, view.dead) || view.extent_count >= scattered || roomy;
}

struct Pass {
    uint32 written;  // cells
    uint32 refused;  // for lack of room
};

// One round over all cells: splits and rewrites those that need it.
Pass tidy_cells(Relation index) {
    Pass pass{};
    const CellList list = list_cells(index);
    const uint64 cells = list.count - special_slots;
    for (uint32 i = 0; i < list.count; ++i) {
        pg::delay_point();
        // A split may have written cells around it anew.
        if (i >= special_slots && !is_current(index, list.cells[i])) {
            continue;
        }
        const CellView view = look_at(index, list.parameters, list.cells[i]);
        if (view.layout.has_codes && (view.flags & cell_long_rows) == 0 &&
            live_rows(view) > engine::split_above(cells) && view.rows >= view.no_split_below &&
            split_cell(index, nullptr, list.cells[i])) {
            pass.written += 1;
        } else if (is_rewrite_due(view)) {
            const bool done = rewrite_cell(index, list.cells[i]);
            pass.written += done ? 1 : 0;
            pass.refused += done ? 0 : 1;
        }
    }
    pfree(list.cells);
    return pass;
}

// Merges the cell with its nearest neighbour, if both together are no large cell. True if so.
bool merge(Relation index, const CellRef& thin) {
    return pg::in_context("vecdot merge", [&] {
        core::Arena arena = pg::arena();
        const Directory* directory = open_directory(index);
        const Parameters parameters = directory->parameters;
        const uint64 cells = directory->cells.count;
        float* centroid = arena.allocate<float>(parameters.padded).data();
        CellView view;
        open_cell(index, parameters, thin.slot, thin.head, static_cast<uint32>(thin.generation),
                  &view, centroid);
        const uint32 self = find_slot(*directory, thin.slot);
        bool merged = false;
        const bool long_rows = (view.flags & cell_long_rows) != 0;
        const uint32 nearest = engine::nearest_cell(arena, directory->cells, parameters.padded,
                                                    centroid, long_rows, self);
        if (nearest != UINT32_MAX && live_rows(view) < engine::merge_below(cells)) {
            const CellRef other = cell_ref(*directory, nearest);
            float* other_centroid = arena.allocate<float>(parameters.padded).data();
            CellView other_view;
            open_cell(index, parameters, other.slot, other.head,
                      static_cast<uint32>(other.generation), &other_view, other_centroid);
            const double mine = static_cast<double>(live_rows(view));
            const double theirs = static_cast<double>(live_rows(other_view));
            if (mine + theirs <= 0.75 * static_cast<double>(engine::split_above(cells))) {
                // Few rows join many, or the centroids meet.
                const CellRef both[] = {other, thin};
                const bool meet = mine * 3 > theirs && mine > 0;
                for (uint32 i = 0; meet && i < parameters.padded; ++i) {
                    centroid[i] =
                        static_cast<float>((mine * static_cast<double>(centroid[i]) +
                                            theirs * static_cast<double>(other_centroid[i])) /
                                           (mine + theirs));
                }
                merged = join(index, both, 2, meet ? centroid : nullptr);
            }
        }
        return merged;
    });
}

// One round over the thin cells, the thinnest first; true if one was merged.
bool merge_thin_cells(Relation index) {
    const CellList list = list_cells(index);
    uint32 count = 0;
    uint64 rows = 0;
    struct Thin {
        CellRef cell;
        uint64 live;
    };
    Thin* thin =
        static_cast<Thin*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Thin) * list.count));
    for (uint32 i = special_slots; i < list.count; ++i) {
        pg::delay_point();
        const CellView view = look_at(index, list.parameters, list.cells[i]);
        rows += live_rows(view);
        if (live_rows(view) < engine::merge_below(list.count - special_slots)) {
            thin[count++] = {list.cells[i], live_rows(view)};
        }
    }
    pfree(list.cells);
    std::sort(thin, thin + count, [](const Thin& a, const Thin& b) {
        return a.live != b.live ? a.live < b.live : a.cell.slot < b.cell.slot;
    });
    bool merged = false;
    for (uint32 i = 0; i < count; ++i) {
        const uint64 cells =
            with_directory(index, [](const Directory& directory) { return directory.cells.count; });
        if (thin[i].live > 0 && engine::is_thin_cell_kept(cells, rows)) {
            break;
        }
        // Another one may have been merged with it before.
        if (is_current(index, thin[i].cell)) {
            merged |= merge(index, thin[i].cell);
        }
    }
    pfree(thin);
    return merged;
}

}  // namespace

uint32 blocks_to_rewrite(uint64 live) {
    const double room = static_cast<double>(live) * (1 + slacks[0]) + 1;
    return divide_up(static_cast<uint32>(room), rows_per_block);
}

bool rewrite_cell(Relation index, const CellRef& cell) {
    return join(index, &cell, 1, nullptr);
}

void tidy(Relation index) {
    drop_empty_cells(index);
    rescale(index);
    // What others have left may be room for a cell that had none.
    for (int round = 0; round < tidy_rounds; ++round) {
        const Pass pass = tidy_cells(index);
        if (pass.written == 0 || pass.refused == 0) {
            break;
        }
        coalesce_free_list(index);
    }

    // What has been merged may be thin still.
    for (int round = 0; round < merge_rounds && merge_thin_cells(index); ++round) {
    }
}

}  // namespace vecdot::index
