#include "index/storage/cell_writer.hpp"

namespace vecdot::index {

namespace {

void write_page(const CellWriter& writer, BlockNumber block, const char* image) {
    if (writer.logged) {
        const Buffer buffer = lock_fresh_page(writer.index, block);
        Record record(writer.index);
        memcpy(record.add_fresh(buffer, writer.head), image, BLCKSZ);
        record.finish();
        UnlockReleaseBuffer(buffer);
    } else {
        const Buffer buffer =
            ReadBufferExtended(writer.index, writer.fork, block, RBM_ZERO_AND_LOCK, nullptr);
        memcpy(BufferGetPage(buffer), image, BLCKSZ);
        MarkBufferDirty(buffer);
        UnlockReleaseBuffer(buffer);
    }
}

char* new_image() {
    return static_cast<char*>(palloc0(BLCKSZ));
}

void begin_page(const CellWriter& writer, CellWriter::Section* section) {
    section->filled = 0;
    if (section->page == section->shared_page) {
        return;
    }
    init_page(section->image,
              {section->kind, writer.head.cell, section->page, writer.head.generation});
}

// The image of the page that is being filled.
char* image_of(const CellWriter& writer, const CellWriter::Section& section) {
    return section.page == section.shared_page ? writer.shared_image : section.image;
}

void end_page(const CellWriter& writer, CellWriter::Section* section) {
    if (section->page != section->shared_page) {
        write_page(writer, section->start + section->page, section->image);
    }
    section->page += 1;
    begin_page(writer, section);
}

// The planes of the refinements grow at once; where one ends and the other begins they share a
// page, which is written last.
void begin_planes(CellWriter* writer) {
    const CellLayout& layout = writer->layout;
    const BlockNumber start = layout.refine_start(true, writer->extent);
    CellWriter::Section* sections = writer->planes;
    sections[0] = {
        PageKind::refine, start, new_image(), 0, 0, layout.shared_page(writer->extent.blocks)};
    if (layout.planes == 2) {
        const StreamPosition lower =
            stream_position(layout.plane_start(Plane::lower, writer->extent.blocks, 0));
        sections[1] = {PageKind::refine, start, new_image(), lower.page, 0, lower.page};
        writer->shared_image = new_image();
        init_page(writer->shared_image,
                  {PageKind::refine, writer->head.cell, lower.page, writer->head.generation});
        begin_page(*writer, &sections[1]);
        sections[1].filled = lower.offset;
    }
    begin_page(*writer, &sections[0]);
    writer->row_planes = static_cast<uint8*>(palloc(2 * Size{layout.plane_bytes}));
}

void append(const CellWriter& writer, CellWriter::Section* section, const void* bytes, Size size,
            bool whole) {
    const char* from = static_cast<const char*>(bytes);
    while (size > 0) {
        Size piece = Min(size, payload_size - section->filled);
        if (piece == 0 || (whole && piece < size)) {
            end_page(writer, section);
            continue;
        }
        memcpy(payload(image_of(writer, *section)) + section->filled, from, piece);
        section->filled += piece;
        from += piece;
        size -= piece;
    }
}

void flush_keys(CellWriter* writer) {
    const Size bytes = writer->layout.key_units * unit_size;
    append(*writer, &writer->keys, writer->key_block, bytes, false);
    memset(writer->key_block, 0, bytes);
}

void flush_block(CellWriter* writer) {
    append(*writer, &writer->signs, writer->block, writer->layout.units_per_block * unit_size,
           false);
    memset(writer->block, 0, writer->layout.units_per_block * unit_size);
}

}  // namespace

void begin_writing(CellWriter* writer, Relation index, ForkNumber fork, bool logged,
                   const Parameters& parameters, uint32 cell, uint64 generation, uint32 flags,
                   Extent extent, const float* centroid) {
    writer->index = index;
    writer->fork = fork;
    writer->logged = logged;
    writer->head = {PageKind::head, cell, 0, generation};
    writer->layout = CellLayout::of(parameters, flags);
    writer->extent = extent;
    writer->flags = flags;
    writer->capacity = extent.blocks * rows_per_block;
    writer->rows = 0;
    writer->no_split_below = 0;
    writer->radius = 0;
    const CellLayout& layout = writer->layout;
    writer->addresses = {PageKind::address, layout.address_start(true, extent), new_image(), 0, 0,
                         UINT32_MAX};
    writer->signs = {PageKind::signs, layout.signs_start(true, extent), new_image(), 0, 0,
                     UINT32_MAX};
    begin_page(*writer, &writer->addresses);
    begin_page(*writer, &writer->signs);
    writer->head_image = new_image();
    extend_to(index, extent.start + layout.pages(true, extent.blocks), fork);
    init_page(writer->head_image, writer->head);
    writer->planes[0] = writer->planes[1] = writer->keys = {};
    if (layout.key_units > 0) {
        writer->keys = {PageKind::keys, layout.key_start(true, extent), new_image(), 0, 0,
                        UINT32_MAX};
        begin_page(*writer, &writer->keys);
        writer->key_block = static_cast<uint8*>(palloc0(layout.key_units * unit_size));
    }
    if (layout.has_codes) {
        begin_planes(writer);
        writer->block = static_cast<uint8*>(palloc0(layout.units_per_block * unit_size));
        writer->centroid = static_cast<float*>(palloc(layout.centroid_bytes));
        memcpy(writer->centroid, centroid, layout.centroid_bytes);
    }
}

void write_row(CellWriter* writer, const ItemPointerData& tid, const engine::EncodedRow* row,
               const engine::RowKeys* keys) {
    const CellLayout& layout = writer->layout;
    if (writer->rows == writer->capacity) {
        elog(ERROR, "cell %u is full with %u rows", writer->head.cell, writer->rows);
    }
    const RowEntry entry = new_entry(tid, row);
    if (layout.has_codes) {
        uint8* planes = writer->row_planes;
        engine::split_refinement(layout.padded, row->refinement, planes,
                                 planes + layout.plane_bytes);
        for (uint32 p = 0; p < layout.planes; ++p) {
            append(*writer, &writer->planes[p], planes + p * layout.plane_bytes, layout.plane_bytes,
                   false);
        }
        const uint32 lane = writer->rows % rows_per_block;
        engine::put_row(writer->block, 0, layout.units_per_block, layout.padded, lane, row->signs,
                        row->sign_factors);
        if (lane == rows_per_block - 1) {
            flush_block(writer);
        }
        writer->radius = Max(writer->radius, row->radius);
    }
    if (layout.key_units > 0) {
        const uint32 lane = writer->rows % rows_per_block;
        engine::put_keys(writer->key_block, 0, layout.key_units, layout.key_columns, lane, *keys);
        if (lane == rows_per_block - 1) {
            flush_keys(writer);
        }
    }
    if (writer->rows < layout.head_addresses) {
        reinterpret_cast<RowEntry*>(payload(writer->head_image) + sizeof(CellHeader) +
                                    layout.centroid_bytes)[writer->rows] = entry;
    } else {
        append(*writer, &writer->addresses, &entry, sizeof entry, true);
    }
    writer->rows += 1;
}

void write_so_far(const CellWriter& writer) {
    CellWriter copy = writer;
    const auto copied = [](auto* from, Size size) {
        return from == nullptr ? nullptr
                               : static_cast<decltype(from)>(memcpy(palloc(size), from, size));
    };
    for (CellWriter::Section* section :
         {&copy.addresses, &copy.signs, &copy.planes[0], &copy.planes[1], &copy.keys}) {
        section->image = copied(section->image, BLCKSZ);
    }
    copy.head_image = copied(copy.head_image, BLCKSZ);
    copy.shared_image = copied(copy.shared_image, BLCKSZ);
    copy.block = copied(copy.block, copy.layout.units_per_block * unit_size);
    copy.key_block = copied(copy.key_block, copy.layout.key_units * unit_size);
    end_writing(&copy);
}

void end_writing(CellWriter* writer) {
    const CellLayout& layout = writer->layout;
    if (layout.has_codes && writer->rows % rows_per_block != 0) {
        flush_block(writer);
    }
    if (layout.key_units > 0 && writer->rows % rows_per_block != 0) {
        flush_keys(writer);
    }
    for (CellWriter::Section* section : {&writer->addresses, &writer->signs, &writer->planes[0],
                                         &writer->planes[1], &writer->keys}) {
        if (section->filled > 0) {
            end_page(*writer, section);
        }
    }
    if (layout.planes == 2 && writer->rows > 0) {
        const CellWriter::Section& section = writer->planes[0];
        write_page(*writer, section.start + section.shared_page, writer->shared_image);
    }
    CellHeader* header = reinterpret_cast<CellHeader*>(payload(writer->head_image));
    header->flags = writer->flags;
    header->rows = writer->rows;
    header->no_split_below = writer->no_split_below;
    header->radius = writer->radius;
    header->extent_count = 1;
    header->extents[0] = writer->extent;
    const char* centroid = reinterpret_cast<const char*>(writer->centroid);
    uint32 done =
        Min(layout.centroid_bytes, static_cast<uint32>(payload_size - sizeof(CellHeader)));
    if (done > 0) {
        memcpy(payload(writer->head_image) + sizeof(CellHeader), centroid, done);
    }
    CellWriter::Section more{PageKind::head, writer->extent.start, new_image(), 1, 0, UINT32_MAX};
    begin_page(*writer, &more);
    append(*writer, &more, centroid + done, layout.centroid_bytes - done, false);
    if (more.filled > 0) {
        end_page(*writer, &more);
    }
    write_page(*writer, writer->extent.start, writer->head_image);
}

}  // namespace vecdot::index
