// What inserts and maintenance share.
#pragma once

#include "index/storage/cell.hpp"
#include "index/storage/storage.hpp"

namespace vecdot::index {

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

// Between pages, with none locked: interrupts, and vacuum's cost delay where there is one.
void delay_point();

// Splits the cell if it is still that large, and calibrates the index where the number of cells
// asks for it; nothing if somebody else has the structure lock. For inserters: needs no lock, holds
// none in the end.
void grow(Relation index, Relation table, const CellRef& cell);

// Starts a cell with this centroid, float4[padded], for a row that is unlike all and at this
// distance from the nearest; rows not nearly as far from it are then no longer unlike. False, and
// nothing has changed, if the directory has another version than this, if there are too many such
// cells or if somebody else has the structure lock. For inserters, as grow().
bool start_cell(Relation index, uint64 version, const Parameters& parameters, const float* centroid,
                float distance);

// Moves rows to the cell in this slot that went to those around it before, and the other way, where
// enough of them are nearer to the other's centroid. Needs the structure lock, and nothing
// unfinished. The cells that it replaces keep their slots.
void gather_strays(Relation index, Relation table, uint32 slot);

// Learns the stopping rule again if the number of cells has changed enough since it was learnt, and
// nobody else is at it.
void calibrate_if_due(Relation index, bool by_vacuum);

// Vacuum's part: rewrites cells that have many dead entries, splits, merges. Needs the structure
// lock, and nothing unfinished.
void tidy(Relation index);

// Inner product: gives the index a scale that all rows fit in, if too many don't. The same.
void rescale(Relation index);

// Cuts free blocks off the file's end, if they are many and nobody else uses the index. Needs no
// lock, holds none in the end.
void shrink(Relation index);

// Blocks of rows that rewrite_cell() makes room for at first.
uint32 blocks_to_rewrite(uint64 live);

// Clusters all rows anew, if the number of cells has changed enough since that was done, and
// maintenance_work_mem allows. The same. table: an inserter's, or null for vacuum.
void recluster_if_due(Relation index, Relation table);

// Writes a cell anew without its dead entries. The same.
void rewrite_cell(Relation index, const CellRef& cell);

// The same for a cell of a directory just loaded, with the structure lock. True if it was split.
// table: see table_rows.hpp, or null.
bool split_cell(Relation index, Relation table, const CellRef& cell);

}  // namespace vecdot::index
