// Writing a whole index: a build's, and an empty one.
#include "index/storage/bulk.hpp"

#include "index/storage/cell_writer.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/summaries.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/xloginsert.h"
}

namespace vecdot::index {

struct BulkWriter {
    Relation index;
    ForkNumber fork;
    MemoryContext context;
    MemoryContext cell_context;  // of the cell being written
    Meta* meta;
    const float* origin;
    CellWriter cell;
    uint32 slot;  // of the cell being written
    // The directory so far.
    Slot* slots;
    uint8* centroid_codes;  // slot after slot, padded each
    uint32 slots_capacity;
    NewSummaries summaries;
};

namespace {

void write_image(BulkWriter* writer, BlockNumber block, const char* image) {
    extend_to(writer->index, block + 1, writer->fork);
    const Buffer buffer =
        ReadBufferExtended(writer->index, writer->fork, block, RBM_ZERO_AND_LOCK, nullptr);
    memcpy(BufferGetPage(buffer), image, BLCKSZ);
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
}

// Writes length bytes as a stream over pages of a kind; block_of(page) says where.
template <typename BlockOf>
void write_stream(BulkWriter* writer, PageKind kind, const char* bytes, uint64 length,
                  Size page_bytes, BlockOf&& block_of, uint64 generation = 0) {
    char* image = static_cast<char*>(palloc0(BLCKSZ));
    uint32 page = 0;
    for (uint64 done = 0; done < length; done += page_bytes, ++page) {
        init_page(image, {kind, 0, page, generation});
        memcpy(payload(image), bytes + done, Min(length - done, page_bytes));
        write_image(writer, block_of(page), image);
    }
    pfree(image);
}

void reserve_slots(BulkWriter* writer, uint32 slots) {
    if (slots <= writer->slots_capacity) {
        return;
    }
    const uint32 capacity = Max(slots, writer->slots_capacity * 2);
    const Size padded = writer->meta->parameters.padded;
    Slot* new_slots =
        static_cast<Slot*>(MemoryContextAllocHuge(writer->context, sizeof(Slot) * capacity));
    uint8* new_centroid_codes =
        static_cast<uint8*>(MemoryContextAllocHuge(writer->context, padded * capacity));
    memset(new_slots, 0, sizeof(Slot) * capacity);
    memset(new_centroid_codes, 0, padded * capacity);
    if (writer->slots_capacity > 0) {
        memcpy(new_slots, writer->slots, sizeof(Slot) * writer->slots_capacity);
        memcpy(new_centroid_codes, writer->centroid_codes, padded * writer->slots_capacity);
        pfree(writer->slots);
        pfree(writer->centroid_codes);
    }
    writer->slots = new_slots;
    writer->centroid_codes = new_centroid_codes;
    writer->slots_capacity = capacity;
}

BulkWriter* begin(Relation index, ForkNumber fork, const Parameters& parameters,
                  const float* origin, uint64 rows, uint64 cells) {
    if (RelationGetNumberOfBlocksInFork(index, fork) != 0) {
        elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
    }
    BulkWriter* writer = static_cast<BulkWriter*>(palloc0(sizeof(BulkWriter)));
    writer->index = index;
    writer->fork = fork;
    writer->context = CurrentMemoryContext;
    writer->cell_context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot cell writer", ALLOCSET_DEFAULT_SIZES);
    writer->meta = static_cast<Meta*>(palloc0(sizeof(Meta)));
    writer->origin = origin;
    Meta* meta = writer->meta;
    meta->parameters = parameters;
    meta->directory_version = 1;
    meta->next_generation = 1;
    meta->allocated = meta_block + 1;
    meta->slots = special_slots;
    writer->summaries = new_summaries(parameters, rows, cells);
    reserve_slots(writer, 64);
    return writer;
}

}  // namespace

BulkWriter* bulk_begin(Relation index, const Parameters& parameters, const float* origin,
                       uint64 rows, uint64 cells) {
    return begin(index, MAIN_FORKNUM, parameters, origin, rows, cells);
}

void bulk_begin_cell(BulkWriter* writer, uint16 flags, const float* centroid, uint32 rows,
                     uint32 no_split_below) {
    Meta* meta = writer->meta;
    switch (flags) {
        case cell_loose:
            writer->slot = slot_loose;
            break;
        case cell_undefined:
            writer->slot = slot_undefined;
            break;
        case cell_nulls:
            writer->slot = slot_nulls;
            break;
        default:
            writer->slot = meta->slots;
            reserve_slots(writer, meta->slots + 1);
            meta->slots += 1;
            meta->cells += 1;
    }
    const CellLayout layout = CellLayout::of(meta->parameters, flags);
    Extent extent;
    extent.start = meta->allocated;
    extent.blocks = layout.round_up(true, Max(1u, divide_up(rows, rows_per_block)));
    meta->allocated += layout.pages(true, extent.blocks);
    const uint64 generation = meta->next_generation++;
    Slot& slot = writer->slots[writer->slot];
    slot.state = SlotState::live;
    slot.flags = flags;
    slot.head = extent.start;
    slot.generation = generation;
    pg::within(writer->cell_context, [&] {
        if (layout.has_codes) {
            slot.centroid = engine::encode_centroid(
                layout.padded, centroid,
                writer->centroid_codes + Size{writer->slot} * layout.padded);
        }
        begin_writing(&writer->cell, writer->index, writer->fork, false, meta->parameters,
                      writer->slot, generation, flags, extent, centroid);
    });
    writer->cell.no_split_below = no_split_below;
}

void bulk_add(BulkWriter* writer, const ItemPointerData* tid, const engine::EncodedRow* row,
              const engine::RowKeys* keys) {
    write_row(&writer->cell, *tid, row, keys);
    if (keys != nullptr) {
        add_to_summaries(&writer->summaries, writer->slot, *keys);
    }
}

void bulk_end_cell(BulkWriter* writer) {
    pg::within(writer->cell_context, [&] { end_writing(&writer->cell); });
    writer->slots[writer->slot].radius = writer->cell.radius;
    writer->meta->rows += writer->cell.rows;
    MemoryContextReset(writer->cell_context);
}

void bulk_finish(BulkWriter* writer) {
    Meta* meta = writer->meta;
    const uint32 padded = meta->parameters.padded;
    constexpr uint16 list_flags[special_slots] = {cell_loose, cell_undefined, cell_nulls};
    bool has_cells = false;
    bool has_long_cells =
        meta->parameters.metric != static_cast<uint32>(engine::Metric::inner_product);
    for (uint32 i = special_slots; i < meta->slots; ++i) {
        if ((writer->slots[i].flags & cell_long_rows) != 0) {
            has_long_cells = true;
        } else {
            has_cells = true;
        }
    }
    float* zero = static_cast<float*>(palloc0(padded * sizeof(float)));
    for (uint32 i = 0; i < special_slots; ++i) {
        if (writer->slots[i].state != SlotState::live) {
            bulk_begin_cell(writer, list_flags[i], nullptr, 0, 0);
            bulk_end_cell(writer);
        }
    }
    if (!has_cells) {
        bulk_begin_cell(writer, cell_has_codes, zero, 0, 0);
        bulk_end_cell(writer);
    }
    if (!has_long_cells) {
        bulk_begin_cell(writer, cell_has_codes | cell_long_rows, zero, 0, 0);
        bulk_end_cell(writer);
    }

    const uint32 slot_pages = divide_up(meta->slots, slots_per_page);
    grow_array(meta, &meta->slot_pages, slot_pages - 1);
    write_stream(writer, PageKind::slots, reinterpret_cast<const char*>(writer->slots),
                 sizeof(Slot) * uint64{meta->slots}, slots_per_page * sizeof(Slot),
                 [&](uint32 page) { return array_block(writer->index, meta->slot_pages, page); });
    const uint64 centroid_bytes = uint64{meta->slots} * padded;
    grow_array(meta, &meta->centroid_pages, (centroid_bytes - 1) / payload_size);
    write_stream(writer, PageKind::centroids, reinterpret_cast<const char*>(writer->centroid_codes),
                 centroid_bytes, payload_size, [&](uint32 page) {
                     return array_block(writer->index, meta->centroid_pages, page);
                 });
    if (writer->origin != nullptr) {
        const uint32 bytes = padded * sizeof(float);
        meta->has_origin = 1;
        meta->origin = {meta->allocated, divide_up(bytes, payload_size)};
        meta->allocated += meta->origin.length;
        write_stream(writer, PageKind::origin, reinterpret_cast<const char*>(writer->origin), bytes,
                     payload_size, [&](uint32 page) { return meta->origin.start + page; });
    }

    const uint32 summary_pages = end_summaries(&writer->summaries, meta->slots);
    if (summary_pages > 0) {
        meta->summaries = {{meta->allocated, summary_pages},
                           writer->summaries.groups,
                           writer->summaries.shape.bucket_pages,
                           meta->next_generation++};
        meta->allocated += summary_pages;
        write_stream(
            writer, PageKind::summaries, reinterpret_cast<const char*>(writer->summaries.bytes),
            uint64{summary_pages} * payload_size, payload_size,
            [&](uint32 page) { return meta->summaries.run.start + page; },
            meta->summaries.generation);
    }

    // The first page of the free list, empty: what becomes free can be noted though the disk is
    // full.
    char* image = static_cast<char*>(palloc0(BLCKSZ));
    grow_array(meta, &meta->free_pages[meta->free_active], 0);
    init_page(image, {PageKind::free_list, 0, 0, 0});
    write_image(writer, array_block(writer->index, meta->free_pages[meta->free_active], 0), image);

    meta->clustered_cells = meta->cells;
    meta->clustered_rows = meta->rows;
    memset(image, 0, BLCKSZ);
    init_page(image, {PageKind::meta, 0, 0, 0});
    memcpy(payload(image), meta, sizeof *meta);
    write_image(writer, meta_block, image);
}

void log_index(Relation index, ForkNumber fork) {
    if (RelationNeedsWAL(index) || fork == INIT_FORKNUM) {
        log_newpage_range(index, fork, 0, RelationGetNumberOfBlocksInFork(index, fork), true);
    }
}

void create_empty(Relation index, ForkNumber fork, const Parameters& parameters) {
    bulk_finish(begin(index, fork, parameters, nullptr, 0, 0));
    log_index(index, fork);
}

}  // namespace vecdot::index
