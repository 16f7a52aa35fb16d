// The directory in memory: which cells there are.
#pragma once

#include "engine/calibration.hpp"
#include "engine/space.hpp"
#include "engine/store.hpp"
#include "index/format/page.hpp"
#include "pg/memory.hpp"

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

struct Directory {
    uint64 version;
    Parameters parameters;
    uint64 rows;         // live rows when last counted (build, vacuum)
    float usual_radius;  // three quarters of the cells, of long rows left out, don't exceed it
    engine::Calibration calibration;
    engine::CellDirectory cells;     // cells with codes
    const uint32* slots;             // slot number of each cell
    const uint64* generations;       // of each cell
    ListEntry lists[special_slots];  // loose, NaN, NULLs
    const engine::Space* space;
    const float* origin;     // float4[padded], or null
    KeySummaries summaries;  // where they are
};

// The current directory: the cached one while the meta page still has its version. Like memory
// allocated in CurrentMemoryContext it is there until that is reset or deleted, whatever is
// published, opened or told by relcache messages meanwhile. So a loop opens it in a memory context
// that it resets, or by with_directory(): otherwise it keeps every version.
const Directory* open_directory(Relation index);

// What use makes of the current directory, which is let go afterwards.
template <typename Use>
auto with_directory(Relation index, Use use) {
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot look", ALLOCSET_SMALL_SIZES);
    const Directory* directory = pg::within(context, [&] { return open_directory(index); });
    const auto result = use(*directory);
    MemoryContextDelete(context);
    return result;
}

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
bool is_current(Relation index, const CellRef& cell);

// All cells, the special lists' first, in CurrentMemoryContext: without the directory, so that it
// is not kept while cells are replaced one after another.
struct CellList {
    Parameters parameters;
    uint32 count;
    CellRef* cells;
};
CellList list_cells(Relation index);

}  // namespace vecdot::index
