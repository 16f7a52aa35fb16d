// Where each byte of a cell stands, computed from the row's number alone.
//
// A cell is one extent or more, each contiguous:
//     first extent:  [head pages][address pages][sign pages][refinement pages][key pages]
//     later extents:             [address pages][sign pages][refinement pages][key pages]
// Each section is a stream over the payloads of its pages: blocks of signs and of keys and
// refinements may cross from one page to the next, address entries do not. The first addresses
// stand on the head page behind the centroid. The refinements are two planes of half bytes:
// the upper ones of all rows that the extent has room for, then the lower ones, which refinements
// of 4 bits don't have.
#pragma once

#include "index/format/page.hpp"
#include "index/format/versions.hpp"

namespace vecdot::index {

constexpr uint32 divide_up(uint32 a, uint32 b) {
    return a / b + (a % b != 0 ? 1 : 0);
}

enum class Plane : uint8 { upper, lower };

struct CellLayout {
    bool has_codes;
    uint32 padded;           // P
    uint32 planes;           // of refinements: 2, with 4 bits 1
    uint32 plane_bytes;      // of one row's refinement, upper or lower half bytes: P / 2
    uint32 units_per_block;  // P / 16 + 6
    uint32 centroid_bytes;   // 4 P, or 0
    uint32 head_pages;
    uint32 head_addresses;  // address entries on the head page
    uint32 key_columns;
    uint32 key_units;  // of a block: 1 + 4 a column, or 0

    // Of parameters.version; there is but one so far.
    static constexpr CellLayout of(const Parameters& parameters, uint32 flags) {
        Assert(parameters.version == written_version);
        CellLayout layout{};
        layout.has_codes = (flags & cell_has_codes) != 0;
        layout.padded = parameters.padded;
        layout.head_pages = 1;
        layout.key_columns = parameters.keys.count;
        layout.key_units = static_cast<uint32>(engine::key_units(layout.key_columns));
        const uint32 room = payload_size - sizeof(CellHeader);
        if (layout.has_codes) {
            layout.planes = parameters.refine_bits / 4;
            layout.plane_bytes = parameters.padded / 2;
            layout.units_per_block = parameters.padded / dims_per_unit + factor_units;
            layout.centroid_bytes = parameters.padded * sizeof(float);
            if (layout.centroid_bytes > room) {
                layout.head_pages += divide_up(layout.centroid_bytes - room, payload_size);
            }
        }
        layout.head_addresses =
            layout.centroid_bytes > room ? 0 : (room - layout.centroid_bytes) / sizeof(RowEntry);
        return layout;
    }

    constexpr uint32 address_pages(bool first, uint32 blocks) const {
        const uint32 rows = blocks * rows_per_block;
        const uint32 on_head = first ? head_addresses : 0;
        return rows <= on_head ? 0 : divide_up(rows - on_head, addresses_per_page);
    }
    constexpr uint32 sign_pages(uint32 blocks) const {
        return has_codes ? divide_up(blocks * units_per_block, units_per_page) : 0;
    }
    constexpr uint32 refine_pages(uint32 blocks) const {
        return static_cast<uint32>(
            (plane_start(Plane::upper, blocks, blocks * rows_per_block) * planes + payload_size -
             1) /
            payload_size);
    }
    constexpr uint32 key_pages(uint32 blocks) const {
        return divide_up(blocks * key_units, units_per_page);
    }
    // Where in the stream of an extent's refinements a row's upper or lower half bytes begin.
    constexpr uint64 plane_start(Plane plane, uint32 blocks, uint32 row) const {
        const uint64 rows = (plane == Plane::upper ? 0 : uint64{blocks} * rows_per_block) + row;
        return rows * plane_bytes;
    }
    // The page of that stream that both planes are on, UINT32_MAX where there is one plane.
    constexpr uint32 shared_page(uint32 blocks) const {
        return planes == 1
                   ? UINT32_MAX
                   : static_cast<uint32>(plane_start(Plane::lower, blocks, 0) / payload_size);
    }
    constexpr uint32 pages(bool first, uint32 blocks) const {
        return (first ? head_pages : 0) + address_pages(first, blocks) + sign_pages(blocks) +
               refine_pages(blocks) + key_pages(blocks);
    }
    // The largest capacity that takes no more pages than this one, which is then filled for free.
    constexpr uint32 round_up(bool first, uint32 blocks) const {
        while (pages(first, blocks + 1) == pages(first, blocks)) {
            blocks += 1;
        }
        return blocks;
    }

    // First blocks of an extent's sections.
    constexpr BlockNumber address_start(bool first, const Extent& extent) const {
        return extent.start + (first ? head_pages : 0);
    }
    constexpr BlockNumber signs_start(bool first, const Extent& extent) const {
        return address_start(first, extent) + address_pages(first, extent.blocks);
    }
    constexpr BlockNumber refine_start(bool first, const Extent& extent) const {
        return signs_start(first, extent) + sign_pages(extent.blocks);
    }
    constexpr BlockNumber key_start(bool first, const Extent& extent) const {
        return refine_start(first, extent) + refine_pages(extent.blocks);
    }
};

// Where a stream's byte stands.
struct StreamPosition {
    uint32 page;
    uint32 offset;  // within the payload
};
constexpr StreamPosition stream_position(uint64 byte) {
    return {static_cast<uint32>(byte / payload_size), static_cast<uint32>(byte % payload_size)};
}

}  // namespace vecdot::index
