// The pages as engine::Search asks for them.
#include "index/storage/store.hpp"

#include "engine/growth.hpp"
#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/summaries.hpp"

namespace vecdot::index {

namespace {

// About so many pages are read of a cell: effective_io_concurrency counts pages.
constexpr uint32 pages_of_cell = 4;

struct Store {
    engine::CellStore functions;
    Relation index;
    MemoryContext context;
    Parameters parameters;
    const engine::KeyFilter* filter;
    const bool* left_out_cells;  // of the directory: no row passes the filter; or null
    uint32 usual_rows;           // of a cell
    ListEntry lists[special_slots];
    CellView* opened_lists[special_slots];
    uint64* left_out[special_slots];  // of their rows
    BlockNumber known_blocks;
    // Reading ahead of the search from disk. Scoring reads `scored` pages of a cell, from the one
    // that comes first_scored pages after its head on: so it was with the last cell.
    ReadAhead ahead;
    uint32 opened;  // cells
    uint32 asked;   // cells whose first pages have been asked for
    uint32 first_scored;
    uint32 scored;
};

Store* store_of(void* self) {
    return static_cast<Store*>(self);
}

void give_centroid(void* state, const float* piece, uint32 count) {
    static_cast<engine::CellDistance*>(state)->add(piece, count);
}

void open(void* self, engine::OpenCell& cell) {
    Store* store = store_of(self);
    CHECK_FOR_INTERRUPTS();
    CellView opened;
    open_cell(store->index, store->parameters, any_cell, static_cast<BlockNumber>(cell.key.handle),
              static_cast<uint32>(cell.key.handle >> 32), &opened, &store->known_blocks,
              give_centroid, &cell.distance);
    if (!opened.layout.has_codes) {
        corrupted(store->index, opened.head, "a cell of the directory has no codes");
    }
    // Most have one extent of the many there may be.
    const Size size = offsetof(CellView, extents) + opened.extent_count * sizeof(Extent);
    CellView* view = static_cast<CellView*>(MemoryContextAlloc(store->context, size));
    memcpy(static_cast<void*>(view), &opened, size);
    cell.rows = view->rows;
    cell.state = view;
    store->opened += 1;
}

bool is_left_out(const Store& store, const engine::CellKey& key) {
    return store.left_out_cells != nullptr && store.left_out_cells[key.cell];
}

std::uint32_t unread(void* self, const engine::CellKey& key) {
    const Store* store = store_of(self);
    return is_left_out(*store, key) ? store->usual_rows : 0;
}

// The first one's head page, while another cell is scored. Of more of them the head page, and what
// scoring is going to read if they are like the cell before, where these have to come from disk.
void expect(void* self, std::span<const engine::CellKey> keys) {
    Store* store = store_of(self);
    const uint32 bytes = payload_offset + sizeof(CellHeader) +
                         store->parameters.padded * static_cast<uint32>(sizeof(float));
    const engine::CellKey* next_cell = keys.data();
    const engine::CellKey* end = next_cell + keys.size();
    while (next_cell != end && is_left_out(*store, *next_cell)) {
        ++next_cell;
    }
    if (next_cell != end) {
        prefetch_page(store->index, static_cast<BlockNumber>(next_cell->handle),
                      Min(bytes, 4096) / unit_size);
    }
    if (store->ahead.pages == 0) {
        return;
    }
    const uint32 cells = Max(1u, static_cast<uint32>(store->ahead.pages) / pages_of_cell);
    const uint32 first = store->asked > store->opened ? store->asked - store->opened : 0;
    uint32 next = 0;
    for (const engine::CellKey& key : keys) {
        if (next == cells || is_left_out(*store, key)) {
            continue;
        }
        if (next++ >= first) {
            const BlockNumber head = static_cast<BlockNumber>(key.handle);
            store->ahead.ask(head, 1, store->known_blocks);
            store->ahead.ask(head + store->first_scored, store->scored, store->known_blocks);
        }
    }
    store->asked = Max(store->asked, store->opened + next);
}

// All that scoring a cell is about to read of a section, at once.
void read_cell_ahead(Store* store, const CellView& view, PageKind kind) {
    for (uint32 e = 0; store->ahead.pages > 0 && e < view.extent_count; ++e) {
        const SectionPart part = section_part(view, kind, e);
        if (part.bytes == 0) {
            break;
        }
        const uint32 pages = static_cast<uint32>((part.bytes + payload_size - 1) / payload_size);
        store->ahead.ask(part.start, pages, store->known_blocks);
        if (e == 0) {
            store->first_scored = part.start - view.head;
            store->scored = Min(pages, 4 * pages_of_cell);
        }
    }
}

void signs(void* self, engine::OpenCell& cell, engine::SignScorer& scorer) {
    const CellView& view = *static_cast<CellView*>(cell.state);
    read_cell_ahead(store_of(self), view, PageKind::signs);
    scan_units(view, PageKind::signs,
               [&scorer](const uint8* units, uint32 count, const uint8* ahead) {
                   scorer.units(units, count, ahead);
               });
}

std::size_t copy_entries(const CellView& view, uint64 first, std::span<RowEntry> entries) {
    uint32 done = 0;
    const uint32 wanted = Min(entries.size(), view.rows - first);
    while (done < wanted) {
        done += read_addresses(view, first + done, wanted - done, entries.data() + done);
    }
    return done;
}

// Asks for what is read of rows spread over a cell before the first of them is waited for.
class RowPrefetch {
  public:
    RowPrefetch(Store& store, const CellView& view) : store_(store), view_(view) {}

    void entry(uint32 row) {
        const AddressPlace place = address_place(view_, row);
        const uint32 first =
            payload_offset + (place.on_head ? sizeof(CellHeader) + view_.layout.centroid_bytes : 0);
        fetch(&addresses_, place.block, first + place.entry * sizeof(RowEntry), sizeof(RowEntry));
    }

    void plane(Plane plane, uint32 row) {
        uint32 local;
        const uint32 e = find_extent(view_, row, &local);
        const StreamPosition at =
            stream_position(view_.layout.plane_start(plane, view_.extents[e].blocks, local));
        fetch(&refinements_, view_.layout.refine_start(e == 0, view_.extents[e]) + at.page,
              payload_offset + at.offset, Min(view_.layout.plane_bytes, payload_size - at.offset));
    }

  private:
    struct Page {
        BlockNumber block = InvalidBlockNumber;
        const char* start = nullptr;
    };

    void fetch(Page* page, BlockNumber block, uint32 offset, uint32 bytes) {
        if (page->block != block) {
            *page = {block, remembered_page(view_.index, block)};
            store_.ahead.ask(block, 1, store_.known_blocks);
        }
        if (page->start != nullptr) {
            for (uint32 line = offset / unit_size; line <= (offset + bytes - 1) / unit_size;
                 ++line) {
                __builtin_prefetch(page->start + line * unit_size);
            }
        }
    }

    Store& store_;
    const CellView& view_;
    Page addresses_;
    Page refinements_;
};

void refine(void* self, engine::OpenCell& cell, engine::RefineBatch& batch) {
    const CellView& view = *static_cast<CellView*>(cell.state);
    RowPrefetch ahead(*store_of(self), view);
    for (uint32 i = 0; i < batch.count; ++i) {
        ahead.entry(batch.rows[i]);
        ahead.plane(Plane::upper, batch.rows[i]);
    }
    Buffer buffer = InvalidBuffer;
    BlockNumber current = InvalidBlockNumber;
    for (uint32 i = 0; i < batch.count; ++i) {
        const AddressPlace place = address_place(view, batch.rows[i]);
        if (place.block != current) {
            if (BufferIsValid(buffer)) {
                UnlockReleaseBuffer(buffer);
            }
            current = place.block;
            buffer = read_page(view.index, current,
                               {place.on_head ? PageKind::head : PageKind::address, view.cell,
                                place.position, view.generation},
                               BUFFER_LOCK_SHARE);
        }
        const RowEntry& entry =
            address_entries(view, BufferGetPage(buffer), place.on_head)[place.entry];
        if (!has_address(entry)) {
            corrupted(view.index, current, "row %u of the cell has no address", batch.rows[i]);
        }
        batch.entries[i] = entry;
    }
    if (BufferIsValid(buffer)) {
        UnlockReleaseBuffer(buffer);
    }
    read_plane(
        view, Plane::upper, batch.rows, batch.count, [](uint32) { return true; },
        [&batch](uint32 i, uint32 offset, const uint8* nibbles, uint32 bytes) {
            batch.upper(i, offset, nibbles, bytes);
        });
}

void complete(void* self, engine::OpenCell& cell, engine::RefineBatch& batch) {
    const CellView& view = *static_cast<CellView*>(cell.state);
    RowPrefetch ahead(*store_of(self), view);
    for (uint32 i = 0; i < batch.count; ++i) {
        ahead.plane(Plane::lower, batch.rows[i]);
    }
    read_plane(
        view, Plane::lower, batch.rows, batch.count, [](uint32) { return true; },
        [&batch](uint32 i, uint32 offset, const uint8* nibbles, uint32 bytes) {
            batch.lower(i, offset, nibbles, bytes);
        });
}

void refinements(void* self, engine::OpenCell& cell, engine::RefinementScorer& scorer) {
    const CellView& view = *static_cast<CellView*>(cell.state);
    read_cell_ahead(store_of(self), view, PageKind::refine);
    scan_sections(view, PageKind::refine,
                  [&scorer](const uint8* nibbles, uint32 bytes, const uint8* ahead) {
                      scorer.upper(nibbles, bytes, ahead);
                  });
    scan_addresses(
        view, [&scorer](const RowEntry* entries, uint32 count) { scorer.entries(entries, count); });
}

std::size_t entries(void* self, engine::OpenCell& cell, std::uint32_t first,
                    std::span<RowEntry> to) {
    (void)self;
    CHECK_FOR_INTERRUPTS();
    return copy_entries(*static_cast<CellView*>(cell.state), first, to);
}

// Of a cell, its rows that the filter leaves out.
uint32 leave_out(const CellView& view, const engine::KeyFilter& filter, uint64* bits) {
    engine::KeyTest test(filter, view.rows, bits);
    scan_units(view, PageKind::keys, [&test](const uint8* units, uint32 count, const uint8*) {
        test.units(units, count);
    });
    return test.left_out_rows();
}

std::uint32_t filter(void* self, engine::OpenCell& cell, std::uint64_t* left_out) {
    return leave_out(*static_cast<CellView*>(cell.state), *store_of(self)->filter, left_out);
}

std::size_t special(void* self, engine::SpecialList list, std::uint64_t position,
                    std::span<RowEntry> to) {
    Store* store = store_of(self);
    CHECK_FOR_INTERRUPTS();
    const int i = static_cast<int>(list);
    CellView*& view = store->opened_lists[i];
    if (view == nullptr) {
        view = static_cast<CellView*>(MemoryContextAlloc(store->context, sizeof(CellView)));
        open_cell(store->index, store->parameters, store->lists[i].slot, store->lists[i].head,
                  static_cast<uint32>(store->lists[i].generation), view, &store->known_blocks,
                  nullptr, nullptr);
        if (store->filter != nullptr) {
            store->left_out[i] = static_cast<uint64*>(MemoryContextAllocExtended(
                store->context, sizeof(uint64) * (Size{view->rows} / 64 + 1),
                MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
            leave_out(*view, *store->filter, store->left_out[i]);
        }
    }
    if (position >= view->rows) {
        return 0;
    }
    const std::size_t count = copy_entries(*view, position, to);
    for (std::size_t row = 0; store->filter != nullptr && row < count; ++row) {
        const uint64 place = position + row;
        if ((store->left_out[i][place / 64] >> (place % 64) & 1) != 0) {
            // Of this copy: the search takes no notice of it then.
            to[row].flags |= engine::RowFlags::dead;
        }
    }
    return count;
}

}  // namespace

engine::CellStore* open_store(Relation index, const Directory& directory,
                              const engine::KeyFilter* key_filter) {
    Store* store = static_cast<Store*>(palloc0(sizeof(Store)));
    store->functions = {store,       open,    expect,  signs,   refine, complete,
                        refinements, entries, special, nullptr, nullptr};
    store->filter = key_filter;
    if (key_filter != nullptr) {
        store->functions.filter = filter;
        store->left_out_cells = cells_left_out(index, directory, *key_filter);
        store->functions.unread = store->left_out_cells == nullptr ? nullptr : unread;
        const uint64 rows = Max(directory.rows, engine::rows_of_cells(directory.cells.count));
        store->usual_rows = static_cast<uint32>(rows / Max(directory.cells.count, 1u)) + 1;
    }
    store->index = index;
    store->context = CurrentMemoryContext;
    store->parameters = directory.parameters;
    store->ahead = ReadAhead(index);
    memcpy(store->lists, directory.lists, sizeof store->lists);
    return &store->functions;
}

}  // namespace vecdot::index
