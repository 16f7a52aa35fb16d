#include "index/storage/cell.hpp"

namespace vecdot::index {

namespace {

constexpr uint32 page_bits = 24;

// Only for what the file can't contradict cheaply: ends of extents against the length of the file
// where rows are published.
void check_extents(Relation index, BlockNumber head, const CellView& view, BlockNumber* known) {
    uint64 capacity = 0;
    BlockNumber end = 0;
    for (uint32 e = 0; e < view.extent_count; ++e) {
        const Extent& extent = view.extents[e];
        if (extent.blocks == 0 || extent.blocks > MaxBlockNumber / rows_per_block ||
            uint64{extent.blocks} * view.layout.units_per_block > UINT32_MAX ||
            uint64{extent.blocks} * view.layout.key_units > UINT32_MAX ||
            extent.start == meta_block || (e == 0 && extent.start != head)) {
            corrupted(index, head, "extent %u is %u blocks of rows at block %u", e, extent.blocks,
                      extent.start);
        }
        if (view.rows > capacity) {
            const uint64 last =
                static_cast<uint64>(extent.start) + view.layout.pages(e == 0, extent.blocks);
            if (last > MaxBlockNumber) {
                corrupted(index, head, "extent %u ends behind the last possible block", e);
            }
            // The last pages may not be written yet.
            const bool full = view.rows >= capacity + uint64{extent.blocks} * rows_per_block;
            const BlockNumber needed =
                full ? static_cast<BlockNumber>(last)
                : view.layout.key_units > 0
                    ? view.layout.key_start(e == 0, extent) +
                          view.layout.key_pages(
                              divide_up(view.rows - static_cast<uint32>(capacity), rows_per_block))
                : view.layout.has_codes ? view.layout.refine_start(e == 0, extent)
                                        : extent.start + 1;
            end = Max(end, needed);
        }
        capacity += uint64{extent.blocks} * rows_per_block;
    }
    if (view.rows > capacity || capacity > UINT32_MAX) {
        corrupted(index, head, "%u rows in extents for " UINT64_FORMAT, view.rows, capacity);
    }
    BlockNumber length = 0;
    if (end > 0) {
        check_blocks(index, head, end, known == nullptr ? &length : known);
    }
}

struct Copy {
    float* to;
};

void copy_piece(void* state, const float* piece, uint32 count) {
    Copy* copy = static_cast<Copy*>(state);
    memcpy(copy->to, piece, count * sizeof(float));
    copy->to += count;
}

}  // namespace

void view_head(Relation index, const Parameters& parameters, BlockNumber head, Page page,
               CellView* view, BlockNumber* known_blocks) {
    const CellHeader* header = reinterpret_cast<const CellHeader*>(payload(page));
    const PageLabel* label = page_label(page);
    view->index = index;
    view->cell = label->cell;
    view->head = head;
    view->generation = label->generation;
    view->flags = header->flags;
    view->rows = header->rows;
    view->dead = header->dead;
    view->radius = header->radius;
    view->no_split_below = header->no_split_below;
    view->split_begun = header->split_begun;
    view->retired = header->retired != 0;
    view->extent_count = header->extent_count;
    if (header->extent_count == 0 || header->extent_count > max_extents) {
        corrupted(index, head, "%u extents instead of 1 to %u", header->extent_count, max_extents);
    }
    if (((header->flags & cell_has_codes) != 0) ==
        ((header->flags & (cell_loose | cell_undefined | cell_nulls)) != 0)) {
        corrupted(index, head, "cell has flags %x", header->flags);
    }
    view->layout = CellLayout::of(parameters, header->flags);
    memcpy(view->extents, header->extents, header->extent_count * sizeof(Extent));
    check_extents(index, head, *view, known_blocks);
    view->capacity = 0;
    for (uint32 e = 0; e < view->extent_count; ++e) {
        view->capacity += view->extents[e].blocks * rows_per_block;
    }
}

void open_cell(Relation index, const Parameters& parameters, uint32 cell, BlockNumber head,
               uint32 generation, CellView* view, BlockNumber* known_blocks, CentroidVisitor visit,
               void* state) {
    Buffer buffer = read_buffer(index, head);
    lock_buffer(index, buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    // The directory knows the lower half of the generation; the page has all of it.
    PageIdentity identity{PageKind::head, cell, 0, generation};
    if (!PageIsNew(page)) {
        const PageLabel* label = page_label(page);
        if (static_cast<uint32>(label->generation) == generation) {
            identity.generation = label->generation;
        }
        if (cell == any_cell) {
            identity.cell = label->cell;
        }
    }
    check_page(index, head, page, identity);
    view_head(index, parameters, head, page, view, known_blocks);
    if (visit != nullptr && view->layout.centroid_bytes > 0) {
        uint32 left = view->layout.centroid_bytes;
        uint32 offset = sizeof(CellHeader);
        for (uint32 i = 0;; ++i) {
            const uint32 piece = Min(left, static_cast<uint32>(payload_size) - offset);
            visit(state, reinterpret_cast<const float*>(payload(page) + offset),
                  piece / sizeof(float));
            left -= piece;
            UnlockReleaseBuffer(buffer);
            if (left == 0) {
                return;
            }
            offset = 0;
            buffer = read_page(index, head + i + 1, cell_page(*view, PageKind::head, 0, i + 1),
                               BUFFER_LOCK_SHARE);
            page = BufferGetPage(buffer);
        }
    }
    UnlockReleaseBuffer(buffer);
}

void open_cell(Relation index, const Parameters& parameters, uint32 cell, BlockNumber head,
               uint32 generation, CellView* view, float* centroid) {
    Copy copy{centroid};
    open_cell(index, parameters, cell, head, generation, view, nullptr,
              centroid == nullptr ? nullptr : copy_piece, &copy);
}

ExtentRows extent_rows(const CellView& view, uint32 extent) {
    uint32 first = 0;
    for (uint32 e = 0; e < extent; ++e) {
        first += view.extents[e].blocks * rows_per_block;
    }
    const uint32 capacity = view.extents[extent].blocks * rows_per_block;
    return {first, view.rows <= first ? 0 : Min(view.rows - first, capacity)};
}

SectionPart section_part(const CellView& view, PageKind kind, uint32 extent) {
    const CellLayout& layout = view.layout;
    const Extent& of = view.extents[extent];
    const uint64 rows = extent_rows(view, extent).rows;
    const uint64 blocks = (rows + rows_per_block - 1) / rows_per_block;
    switch (kind) {
        case PageKind::signs:
            return {layout.signs_start(extent == 0, of),
                    blocks * layout.units_per_block * unit_size};
        case PageKind::refine:
            return {layout.refine_start(extent == 0, of), rows * layout.plane_bytes};
        case PageKind::keys:
            return {layout.key_start(extent == 0, of), blocks * layout.key_units * unit_size};
        default:
            elog(ERROR, "pages of kind %d have no section of rows", static_cast<int>(kind));
    }
}

uint32 find_extent(const CellView& view, uint32 row, uint32* local) {
    uint32 e = 0;
    while (row >= view.extents[e].blocks * rows_per_block) {
        row -= view.extents[e].blocks * rows_per_block;
        e += 1;
        Assert(e < view.extent_count);
    }
    *local = row;
    return e;
}

AddressPlace address_place(const CellView& view, uint32 row) {
    uint32 local;
    const uint32 e = find_extent(view, row, &local);
    const uint32 capacity = view.extents[e].blocks * rows_per_block;
    uint32 on_head = 0;
    if (e == 0) {
        on_head = view.layout.head_addresses;
        if (local < on_head) {
            return {view.head, true, 0, local, Min(on_head, capacity) - local};
        }
    }
    const uint32 page = (local - on_head) / addresses_per_page;
    const uint32 entry = (local - on_head) % addresses_per_page;
    return {view.layout.address_start(e == 0, view.extents[e]) + page, false,
            cell_page(view, PageKind::address, e, page).position, entry,
            Min(addresses_per_page - entry, capacity - local)};
}

RowEntry* address_entries(const CellView& view, Page page, bool on_head) {
    char* start = payload(page);
    if (on_head) {
        start += sizeof(CellHeader) + view.layout.centroid_bytes;
    }
    return reinterpret_cast<RowEntry*>(start);
}

PageIdentity cell_page(const CellView& view, PageKind kind, uint32 extent, uint32 page) {
    return {kind, view.cell, (extent << page_bits) | page, view.generation};
}

void read_keys(const CellView& view, uint32 first, uint8* units) {
    uint32 local;
    const uint32 e = find_extent(view, first, &local);
    const BlockNumber start = view.layout.key_start(e == 0, view.extents[e]);
    const uint32 first_unit = local / rows_per_block * view.layout.key_units;
    for (uint32 done = 0; done < view.layout.key_units;) {
        const uint32 page = (first_unit + done) / units_per_page;
        const uint32 offset = (first_unit + done) % units_per_page;
        const uint32 piece = Min(view.layout.key_units - done, units_per_page - offset);
        const Buffer buffer = read_page(
            view.index, start + page, cell_page(view, PageKind::keys, e, page), BUFFER_LOCK_SHARE);
        memcpy(units + done * unit_size, payload(BufferGetPage(buffer)) + offset * unit_size,
               piece * unit_size);
        UnlockReleaseBuffer(buffer);
        done += piece;
    }
}

uint32 read_addresses(const CellView& view, uint32 first, uint32 count, RowEntry* entries) {
    const AddressPlace place = address_place(view, first);
    const PageIdentity identity{place.on_head ? PageKind::head : PageKind::address, view.cell,
                                place.position, view.generation};
    const Buffer buffer = read_page(view.index, place.block, identity, BUFFER_LOCK_SHARE);
    const uint32 n = Min(Min(place.run, count), view.rows - first);
    memcpy(entries, address_entries(view, BufferGetPage(buffer), place.on_head) + place.entry,
           n * sizeof(RowEntry));
    UnlockReleaseBuffer(buffer);
    for (uint32 i = 0; i < n; ++i) {
        if (!has_address(entries[i])) {
            corrupted(view.index, place.block, "row %u of the cell has no address", first + i);
        }
    }
    return n;
}

}  // namespace vecdot::index
