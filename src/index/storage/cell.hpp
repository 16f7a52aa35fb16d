// Reading one cell: what a search, vacuum, a split and the verifier share.
//
// One page is locked (share) at a time. The number of rows is read first, on the head page: all
// that stands below it was complete before it was published, in memory as in the WAL, so a reader
// sees whole rows without any other lock.
#pragma once

#include "engine/code.hpp"
#include "index/format/layout.hpp"
#include "index/storage/pages.hpp"

namespace vecdot::index {

constexpr uint32 any_cell = UINT32_MAX;

// An opened cell. Plain data.
struct CellView {
    Relation index;
    uint32 cell;  // slot number
    BlockNumber head;
    uint64 generation;
    CellLayout layout;
    uint32 flags;
    uint32 rows;  // published when the cell was opened
    uint32 dead;
    float radius;
    uint32 no_split_below;
    uint32 split_begun;
    bool retired;
    uint32 extent_count;
    uint32 capacity;  // rows
    Extent extents[max_extents];
};

// rows: as many as there are by now.
inline uint64 live_rows(const CellView& view, uint32 rows) {
    return rows - Min(view.dead, rows);
}
inline uint64 live_rows(const CellView& view) {
    return live_rows(view, view.rows);
}

// Checks a head page and reads its header. known_blocks: see check_blocks(), may be null.
void view_head(Relation index, const Parameters& parameters, BlockNumber head, Page page,
               CellView* view, BlockNumber* known_blocks = nullptr);

// Reads a cell's head page. generation: its lower 32 bits are compared; cell may be any_cell.
// Calls centroid(const float*, count) for the pieces of the centroid if visit is not null; the
// page is locked meanwhile.
using CentroidVisitor = void (*)(void* state, const float* piece, uint32 count);
void open_cell(Relation index, const Parameters& parameters, uint32 cell, BlockNumber head,
               uint32 generation, CellView* view, BlockNumber* known_blocks, CentroidVisitor visit,
               void* state);

// The same with the whole centroid copied to centroid (padded floats), which may be null.
void open_cell(Relation index, const Parameters& parameters, uint32 cell, BlockNumber head,
               uint32 generation, CellView* view, float* centroid);

// Where an extent's rows stand within the cell.
struct ExtentRows {
    uint32 first_row;
    uint32 rows;  // published
};
ExtentRows extent_rows(const CellView& view, uint32 extent);
// Of a section of one extent what published rows take up of it (of refinements, the upper half
// bytes): where it starts, and its length; 0 for an extent without rows.
struct SectionPart {
    BlockNumber start;
    uint64 bytes;
};
SectionPart section_part(const CellView& view, PageKind kind, uint32 extent);
// The extent that holds a row below the capacity, and the row's number within it.
uint32 find_extent(const CellView& view, uint32 row, uint32* local);

// Where a row's address entry stands: entry number offset of its page's entries.
struct AddressPlace {
    BlockNumber block;
    bool on_head;
    uint32 position;  // of the page within its section
    uint32 entry;     // within the page
    uint32 run;       // rows from this one on that follow on the same page, within the capacity
};
AddressPlace address_place(const CellView& view, uint32 row);

// Address entries on a page that is locked.
RowEntry* address_entries(const CellView& view, Page page, bool on_head);

// Identity of a cell's pages. Sections count their pages within an extent; the extent's number
// stands in the upper half.
PageIdentity cell_page(const CellView& view, PageKind kind, uint32 extent, uint32 page);

// Copies the address entries of rows first, first + 1, ... that stand on one page; returns how
// many, at most count, at least 1 (first is below view.rows, count > 0).
uint32 read_addresses(const CellView& view, uint32 first, uint32 count, RowEntry* entries);

// Calls visit(const uint8* bytes, uint32 count, const uint8* ahead) for the first `length` bytes of
// a section of one extent, page by page. The bytes are aligned to 64 and valid during the call
// only; the page is share-locked, so visit neither ereports nor reads pages. ahead: where the next
// page's bytes lie, to be fetched meanwhile and not to be looked at, null on the last page.
template <typename Visit>
void scan_section(const CellView& view, PageKind kind, uint32 extent, BlockNumber start,
                  uint64 length, Visit&& visit) {
    const uint32 pages = static_cast<uint32>((length + payload_size - 1) / payload_size);
    Buffer next = pages > 0 ? read_buffer(view.index, start) : InvalidBuffer;
    for (uint32 page = 0; page < pages; ++page) {
        const Buffer buffer = next;
        const uint8* ahead = nullptr;
        if (page + 1 < pages) {
            next = read_buffer(view.index, start + page + 1);
            const char* after = reinterpret_cast<const char*>(BufferGetPage(next));
            __builtin_prefetch(after);
            ahead = reinterpret_cast<const uint8*>(after) + payload_offset;
        }
        lock_buffer(view.index, buffer, BUFFER_LOCK_SHARE);
        const Page image = BufferGetPage(buffer);
        check_page(view.index, start + page, image, cell_page(view, kind, extent, page));
        visit(reinterpret_cast<const uint8*>(payload(image)),
              static_cast<uint32>(
                  Min(length - static_cast<uint64>(page) * payload_size, payload_size)),
              ahead);
        UnlockReleaseBuffer(buffer);
    }
}

// Calls visit(const uint8* bytes, uint32 count, const uint8* ahead) for what published rows take up
// of a section of all extents, in order (refinements: cut at multiples of 32 bytes). As above for
// visit.
template <typename Visit>
void scan_sections(const CellView& view, PageKind kind, Visit&& visit) {
    for (uint32 e = 0; e < view.extent_count; ++e) {
        const SectionPart part = section_part(view, kind, e);
        if (part.bytes == 0) {
            break;
        }
        scan_section(view, kind, e, part.start, part.bytes, visit);
    }
}

// Calls visit(const uint8* units, uint32 count, const uint8* ahead) for the units of signs or of
// keys (kind) of all blocks up to view.rows, in order. As above for visit.
template <typename Visit>
void scan_units(const CellView& view, PageKind kind, Visit&& visit) {
    scan_sections(view, kind, [&visit](const uint8* bytes, uint32 count, const uint8* ahead) {
        visit(bytes, count / unit_size, ahead);
    });
}

// Copies the units of the keys of the block that row `first` is in.
void read_keys(const CellView& view, uint32 first, uint8* units);

// Calls visit(const RowEntry* entries, uint32 count) for all rows, in order. As above for
// visit.
template <typename Visit>
void scan_addresses(const CellView& view, Visit&& visit) {
    for (uint32 row = 0; row < view.rows;) {
        const AddressPlace place = address_place(view, row);
        const Buffer buffer = read_page(view.index, place.block,
                                        {place.on_head ? PageKind::head : PageKind::address,
                                         view.cell, place.position, view.generation},
                                        BUFFER_LOCK_SHARE);
        const uint32 count = Min(place.run, view.rows - row);
        visit(address_entries(view, BufferGetPage(buffer), place.on_head) + place.entry, count);
        UnlockReleaseBuffer(buffer);
        row += count;
    }
}

// Calls visit(i, offset, const uint8* nibbles, bytes) with one plane of the refinements of
// rows[i], ascending, in pieces cut at page borders (multiples of 32 bytes). wanted(i) says whether
// to read row i at all. As above for visit.
template <typename Wanted, typename Visit>
void read_plane(const CellView& view, Plane plane, const uint32* rows, uint32 count,
                Wanted&& wanted, Visit&& visit) {
    const uint32 bytes = view.layout.plane_bytes;
    Buffer buffer = InvalidBuffer;
    BlockNumber current = InvalidBlockNumber;
    for (uint32 i = 0; i < count; ++i) {
        if (!wanted(i)) {
            continue;
        }
        uint32 local;
        const uint32 e = find_extent(view, rows[i], &local);
        const BlockNumber start = view.layout.refine_start(e == 0, view.extents[e]);
        const uint64 first = view.layout.plane_start(plane, view.extents[e].blocks, local);
        uint32 done = 0;
        while (done < bytes) {
            const StreamPosition at = stream_position(first + done);
            if (start + at.page != current) {
                if (BufferIsValid(buffer)) {
                    UnlockReleaseBuffer(buffer);
                }
                current = start + at.page;
                buffer =
                    read_page(view.index, current, cell_page(view, PageKind::refine, e, at.page),
                              BUFFER_LOCK_SHARE);
            }
            const uint32 piece = Min(bytes - done, static_cast<uint32>(payload_size) - at.offset);
            visit(i, done,
                  reinterpret_cast<const uint8*>(payload(BufferGetPage(buffer))) + at.offset,
                  piece);
            done += piece;
        }
    }
    if (BufferIsValid(buffer)) {
        UnlockReleaseBuffer(buffer);
    }
}

// The refinements of rows[i], ascending, to refinements + i * padded; those of rows that are not
// wanted(i) are left alone. planes: padded bytes for each row.
template <typename Wanted>
void read_refinements(const CellView& view, const uint32* rows, uint32 count, Wanted&& wanted,
                      uint8* planes, uint8* refinements) {
    const Size bytes = view.layout.plane_bytes;
    for (uint32 p = 0; p < view.layout.planes; ++p) {
        uint8* first = planes + p * bytes;
        read_plane(view, static_cast<Plane>(p), rows, count, wanted,
                   [first, bytes](uint32 i, uint32 offset, const uint8* piece, uint32 length) {
                       memcpy(first + 2 * bytes * i + offset, piece, length);
                   });
    }
    for (uint32 i = 0; i < count; ++i) {
        if (wanted(i)) {
            uint8* upper = planes + 2 * bytes * i;
            if (view.layout.planes == 1) {
                memset(upper + bytes, 17 * engine::implied_lower, bytes);
            }
            engine::join_refinement(view.layout.padded, upper, upper + bytes,
                                    refinements + Size{i} * view.layout.padded);
        }
    }
}

}  // namespace vecdot::index
