// The directory in memory: which cells there are, and which is nearest.
#pragma once

#include "engine/calibration.hpp"
#include "engine/space.hpp"
#include "engine/store.hpp"
#include "index/format/page.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// A cell without codes.
struct ListEntry {
    uint32 slot;
    BlockNumber head;
    uint64 generation;
};

// One chunk in the relation's rd_amcache: any relcache message may free it, so nobody keeps a
// pointer into it across a call that may open relations or run SQL. A search copies what it needs.
struct Directory {
    uint64 version;
    Parameters parameters;
    uint64 rows;         // live rows when last counted (build, vacuum)
    float usual_radius;  // three quarters of the cells, of long rows left out, don't exceed it
    engine::Calibration calibration;
    engine::CellDirectory cells;     // cells with codes; flags are engine::CellFlags
    const uint32* slots;             // slot number of each cell
    const uint64* generations;       // of each cell
    ListEntry lists[special_slots];  // loose, NaN, NULLs
    const engine::Space* space;
    const float* origin;  // float4[padded], or null
};

// The current directory: the cached one while the meta page still has its version.
const Directory* open_directory(Relation index);

// A Space that outlives the cached directory, in arena.
engine::Space* copy_space(core::Arena& arena, const Directory& directory);

// A cell as a caller found it in the directory.
struct CellRef {
    uint32 slot;
    BlockNumber head;
    uint64 generation;
    float radius;  // the directory's
};

CellRef cell_ref(const Directory& directory, uint32 i);  // of the cells with codes
CellRef list_ref(const Directory& directory, uint32 list);

// Number of the cell with codes that is in this slot; the directory's count if there is none.
uint32 find_slot(const Directory& directory, uint32 slot);
// Whether the directory still has the cell.
bool is_current(const Directory& directory, const CellRef& cell);

// The cell with codes, of those with flags (engine::CellFlags) long_rows or without, whose coded
// centroid is nearest; except is left out. UINT32_MAX if there is none.
uint32 nearest_cell(core::Arena arena, const Directory& directory, const float* rotated,
                    bool long_rows, uint32 except = UINT32_MAX);

// All cells, the special lists' first, in memory of their own: the cached directory may go at any
// time.
struct CellList {
    Parameters parameters;
    uint32 count;
    CellRef* cells;
};
CellList list_cells(Relation index);

}  // namespace vecdot::index
