// Writing a new cell, row after row, into one extent that nobody reads yet: for the build, and for
// splits, merges and compaction.
#pragma once

#include "engine/code.hpp"
#include "index/storage/cell.hpp"

namespace vecdot::index {

// Plain data; its memory is CurrentMemoryContext's at begin_writing().
struct CellWriter {
    Relation index;
    ForkNumber fork;
    bool logged;  // by generic WAL, page by page; a build logs all pages at its end
    PageIdentity head;
    CellLayout layout;
    Extent extent;
    uint32 flags;
    uint32 capacity;  // rows
    uint32 rows;
    uint32 no_split_below;
    float radius;
    // One page image a section, the page's number, and how far it is filled.
    struct Section {
        PageKind kind;
        BlockNumber start;
        char* image;
        uint32 page;
        uint32 filled;       // bytes of payload
        uint32 shared_page;  // the one whose image is shared_image
    };
    Section addresses, signs, planes[2], keys;
    char* head_image;
    char* shared_image;  // of the page where the planes of the refinements meet
    uint8* row_planes;   // of the row being written
    uint8* block;        // the units of the block of 32 rows being filled
    uint8* key_block;    // the same of the rows' keys
    float* centroid;
};

// extent has room for layout.pages(true, extent.blocks) pages. centroid: float4[padded], or null
// for a special list.
void begin_writing(CellWriter* writer, Relation index, ForkNumber fork, bool logged,
                   const Parameters& parameters, uint32 cell, uint64 generation, uint32 flags,
                   Extent extent, const float* centroid);

// row: null for a special list. keys: may be null where the index has no key columns.
void write_row(CellWriter* writer, const ItemPointerData& tid, const engine::EncodedRow* row,
               const engine::RowKeys* keys);

// Writes all there is so far, as end_writing() would; more rows may follow.
void write_so_far(const CellWriter& writer);

// Writes what is left; the head page comes last.
void end_writing(CellWriter* writer);

}  // namespace vecdot::index
