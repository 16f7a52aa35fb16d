// One new row: found its cell, encoded, appended. Nothing but the last WAL record, which raises the
// cell's number of rows, makes any of it visible.
#include "index/am/insert.hpp"

#include <cmath>
#include <limits>

#include "engine/growth.hpp"
#include "engine/routing.hpp"
#include "index/am/background.hpp"
#include "index/opclass.hpp"
#include "index/storage/cell.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/storage/keys.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/summaries.hpp"
#include "index/upkeep/calibrate.hpp"
#include "index/upkeep/recover.hpp"
#include "index/upkeep/split.hpp"
#include "index/upkeep/strays.hpp"
#include "kernels/kernels.hpp"
#include "pg/delay_point.hpp"
#include "pg/memory.hpp"
#include "pg/test_point.hpp"
#include "pg/vector_datum.hpp"

namespace vecdot::index {

namespace {

// The directory's radius grows ahead of the rows', since each change of it makes all sessions load
// the directory again.
constexpr float radius_headroom = 1.0625f;

// An extent adds a quarter to a cell, and half once the cell has many.
constexpr uint32 many_extents = 16;

// The locked pages of an insert. A record holds four; what must come with the head page goes into
// the last one.
struct Batch {
    Relation index;
    Record record;
    Buffer buffers[Record::capacity];
    int count = 0;
};

void flush(Batch* batch) {
    batch->record.finish();
    for (int i = 0; i < batch->count; ++i) {
        UnlockReleaseBuffer(batch->buffers[i]);
    }
    batch->count = 0;
}

Page add_page(Batch* batch, BlockNumber block, const PageIdentity& identity, bool fresh) {
    if (batch->count == Record::capacity) {
        flush(batch);
    }
    Buffer buffer;
    Page image;
    if (fresh) {
        buffer = lock_fresh_page(batch->index, block);
        image = batch->record.add_fresh(buffer, identity);
    } else {
        buffer = read_page(batch->index, block, identity, BUFFER_LOCK_EXCLUSIVE);
        image = batch->record.add(buffer);
    }
    batch->buffers[batch->count++] = buffer;
    return image;
}

// Room for more rows: an extent, allocated and attached by one record.
void grow_cell(Relation index, const Parameters& parameters, Buffer head_buffer, CellView* view) {
    if (view->extent_count == max_extents) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a cell of index \"%s\" cannot grow beyond %u extents",
                               RelationGetRelationName(index), max_extents),
                        errhint("VACUUM or REINDEX rearranges it.")));
    }
    const uint32 total = view->capacity / rows_per_block;
    const uint32 page_of_signs =
        view->layout.has_codes ? units_per_page / view->layout.units_per_block : 1;
    const uint32 growth = view->extent_count < many_extents ? total / 4 : total / 2;
    Extent extent;
    extent.blocks = view->layout.round_up(false, Max(Max(1u, page_of_signs), growth));

    const Buffer meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(meta_buffer));
    Buffer locked;
    extent.start =
        allocate_run(index, meta, view->layout.pages(false, extent.blocks), &record, &locked).start;
    // Before anything is noted: a disk that is full leaves the cell as it was.
    const BlockNumber end = extent.start + view->layout.pages(false, extent.blocks);
    check_allocated(index, end);
    extend_to(index, end);
    CellHeader* header = reinterpret_cast<CellHeader*>(payload(record.add(head_buffer)));
    header->extents[header->extent_count] = extent;
    header->extent_count += 1;
    record.finish();
    if (BufferIsValid(locked)) {
        UnlockReleaseBuffer(locked);
    }
    UnlockReleaseBuffer(meta_buffer);
    view_head(index, parameters, view->head, BufferGetPage(head_buffer), view);
}

void write_refinement(Batch* batch, const CellView& view, uint32 e, uint32 local,
                      const uint8* planes) {
    const uint32 bytes = view.layout.plane_bytes;
    const BlockNumber start = view.layout.refine_start(e == 0, view.extents[e]);
    const uint32 blocks = view.extents[e].blocks;
    const uint32 shared = view.layout.shared_page(blocks);
    uint32 current = UINT32_MAX;
    Page page = nullptr;
    for (uint32 p = 0; p < view.layout.planes; ++p) {
        const Plane plane = static_cast<Plane>(p);
        const uint64 first = view.layout.plane_start(plane, blocks, local);
        for (uint32 done = 0; done < bytes;) {
            const StreamPosition at = stream_position(first + done);
            if (at.page != current) {
                // A page is fresh for the row that reaches its first byte; the one that both planes
                // share, for the first row.
                const bool fresh =
                    local == 0 || (at.offset == 0 && (plane == Plane::lower || at.page != shared));
                current = at.page;
                page = add_page(batch, start + at.page,
                                cell_page(view, PageKind::refine, e, at.page), fresh);
            }
            const uint32 piece = Min(bytes - done, static_cast<uint32>(payload_size) - at.offset);
            memcpy(payload(page) + at.offset, planes + p * bytes + done, piece);
            done += piece;
        }
    }
}

// Writes a row's share of its block of `units` units in a section of extent e: calls
// put(uint8* at, first, count, lane) for the units first ... first + count − 1 of the block, which
// lie at `at`, on one page.
template <typename Put>
void write_block(Batch* batch, const CellView& view, PageKind kind, uint32 units, uint32 e,
                 uint32 local, Put&& put) {
    const BlockNumber start = section_part(view, kind, e).start;
    const uint32 lane = local % rows_per_block;
    const uint32 first = local / rows_per_block * units;
    uint32 done = 0;
    while (done < units) {
        const uint32 page = (first + done) / units_per_page;
        const uint32 offset = (first + done) % units_per_page;
        const uint32 piece = Min(units - done, units_per_page - offset);
        // A page is fresh for the first row of the block that reaches its first unit.
        const Page image =
            add_page(batch, start + page, cell_page(view, kind, e, page), lane == 0 && offset == 0);
        put(reinterpret_cast<uint8*>(payload(image)) + offset * unit_size, done, piece, lane);
        done += piece;
    }
}

void write_signs(Batch* batch, const CellView& view, uint32 e, uint32 local,
                 const engine::EncodedRow& row) {
    write_block(batch, view, PageKind::signs, view.layout.units_per_block, e, local,
                [&](uint8* at, uint32 first, uint32 count, uint32 lane) {
                    engine::put_row(at, first, count, view.layout.padded, lane, row.signs,
                                    row.sign_factors);
                });
}

void write_keys(Batch* batch, const CellView& view, uint32 e, uint32 local,
                const engine::RowKeys& keys) {
    write_block(batch, view, PageKind::keys, view.layout.key_units, e, local,
                [&](uint8* at, uint32 first, uint32 count, uint32 lane) {
                    engine::put_keys(at, first, count, view.layout.key_columns, lane, keys);
                });
}

enum class Appended { stale, frozen, done };

// What a row has made due.
struct Due {
    bool large;    // the cell is
    bool overdue;  // and has been for so long that nobody else seems to see to it
};

// Appends a row to a cell of a directory of this version. Stale if the directory has changed since,
// which it can't do for this cell while its head page is locked. row: null in a special list.
Appended append_row(Relation index, const Directory& directory, const CellRef& cell,
                    ItemPointer tid, const engine::EncodedRow* row, const engine::RowKeys& keys,
                    Due* due) {
    const uint64 version = directory.version;
    const Parameters parameters = directory.parameters;
    uint8* planes = nullptr;
    if (row != nullptr) {
        planes = pg::arena().allocate<uint8>(parameters.padded).data();
        engine::split_refinement(parameters.padded, row->refinement, planes,
                                 planes + engine::plane_bytes(parameters.padded));
    }
    const Buffer head_buffer = ReadBuffer(index, cell.head);
    lock_buffer(index, head_buffer, BUFFER_LOCK_EXCLUSIVE);
    Meta meta;
    read_meta(index, &meta);
    if (meta.directory_version != version) {
        UnlockReleaseBuffer(head_buffer);
        return Appended::stale;
    }
    if (meta.frozen != 0) {
        UnlockReleaseBuffer(head_buffer);
        return Appended::frozen;
    }
    check_page(index, cell.head, BufferGetPage(head_buffer),
               {PageKind::head, cell.slot, 0, cell.generation});
    CellView view;
    view_head(index, parameters, cell.head, BufferGetPage(head_buffer), &view);
    if (view.retired) {
        corrupted(index, cell.head, "cell %u is in the directory, though retired", cell.slot);
    }
    // Writing makes the file longer where it has to be: not for the sake of a damaged number.
    for (uint32 e = 0; e < view.extent_count; ++e) {
        const uint64 end =
            uint64{view.extents[e].start} + view.layout.pages(e == 0, view.extents[e].blocks);
        if (end > meta.allocated) {
            corrupted(index, cell.head, "extent %u ends at block " UINT64_FORMAT " of %u", e, end,
                      meta.allocated);
        }
    }
    if (view.layout.has_codes != (row != nullptr)) {
        corrupted(index, cell.head, "cell %u has flags %x", cell.slot, view.flags);
    }
    if (view.rows == view.capacity) {
        grow_cell(index, parameters, head_buffer, &view);
    }
    const SlotKeys told{cell.slot, keys};
    tell_summaries(index, parameters, meta.summaries, &told, 1);

    Batch batch{index, Record(index), {}};
    uint32 local;
    const uint32 e = find_extent(view, view.rows, &local);
    write_keys(&batch, view, e, local, keys);
    if (row != nullptr) {
        write_refinement(&batch, view, e, local, planes);
        write_signs(&batch, view, e, local, *row);
    }
    const AddressPlace place = address_place(view, view.rows);
    const bool widen = row != nullptr && row->radius > cell.radius;
    const int last = 1 + (place.on_head ? 0 : 1) + (widen ? 2 : 0);
    if (batch.count + last > Record::capacity) {
        flush(&batch);
    }
    Page address_image = nullptr;
    if (!place.on_head) {
        address_image = add_page(&batch, place.block,
                                 {PageKind::address, view.cell, place.position, view.generation},
                                 place.entry == 0);
    }
    Buffer meta_buffer = InvalidBuffer;
    Buffer slot_buffer = InvalidBuffer;
    if (widen) {
        meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
        Meta* new_meta = meta_of(batch.record.add(meta_buffer));
        new_meta->directory_version += 1;
        const Page slots = add_array_page(index, new_meta->slot_pages, PageKind::slots,
                                          cell.slot / slots_per_page, &batch.record, &slot_buffer);
        reinterpret_cast<Slot*>(payload(slots))[cell.slot % slots_per_page].radius =
            row->radius * radius_headroom;
    }
    const Page head_image = batch.record.add(head_buffer);
    address_entries(view, place.on_head ? head_image : address_image, place.on_head)[place.entry] =
        new_entry(*tid, row);
    CellHeader* header = reinterpret_cast<CellHeader*>(payload(head_image));
    header->rows += 1;
    if (row != nullptr) {
        header->radius = Max(header->radius, row->radius);
    }
    flush(&batch);
    if (widen) {
        UnlockReleaseBuffer(slot_buffer);
        UnlockReleaseBuffer(meta_buffer);
    }
    UnlockReleaseBuffer(head_buffer);
    const uint32 rows = view.rows + 1;
    *due = {is_large(view, rows, meta),
            engine::is_split_overdue(live_rows(view, rows), meta.cells, view.no_split_below) ||
                engine::is_calibration_overdue(meta.cells, meta.calibrated_cells)};
    return Appended::done;
}

// All cells are being replaced at once, or whoever did so has failed. Does not wait for the
// structure lock, whose holder goes on for a while after rows may be added again.
void wait_for_thaw(Relation index) {
    for (;;) {
        Meta meta;
        read_meta(index, &meta);
        if (meta.frozen == 0) {
            return;
        }
        if (try_lock_structure(index)) {
            finish_unfinished(index);
            unlock_structure(index);
            return;
        }
        pg::pause(1);
    }
}

// Has it done: by the background worker, or now.
void see_to(const Due& due, Relation index, Relation table, const CellRef& cell) {
    if (!due.large) {
        return;
    }
    if (!leave_to_background(index, table)) {
        grow(index, table, cell);
    } else if (due.overdue) {
        catch_up(index, table, cell);
    }
}

// Finds the cell and appends the row. Stale or frozen: to be tried again. *may_start: a cell may be
// started for the row, which is done once.
Appended try_insert(Relation index, Relation table, ItemPointer tid, const Datum* values,
                    const bool* is_null_of, bool* may_start) {
    const Directory* directory = open_directory(index);
    const uint32 padded = directory->parameters.padded;
    const engine::RowKeys keys = make_keys(index, directory->parameters.keys, values, is_null_of);
    CellRef cell{};
    engine::EncodedRow row{};
    engine::RoutedRow routed{engine::RowKind::undefined, 0};
    float* rotated = nullptr;
    uint32 list = slot_nulls;
    if (!is_null_of[0]) {
        const core::VectorView vector = operator_class_of(index).elements(values[0]);
        if (vector.size() != directory->parameters.dimensions) {
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("expected %u dimensions, not %zu",
                                   directory->parameters.dimensions, vector.size())));
        }
        rotated = pg::arena().allocate<float>(padded).data();
        routed = directory->space->route(vector, rotated);
        list = routed.kind == engine::RowKind::loose       ? slot_loose
               : routed.kind == engine::RowKind::undefined ? slot_undefined
                                                           : special_slots;
    }
    if (list < special_slots) {
        cell = list_ref(*directory, list);
    } else {
        const uint32 i = engine::nearest_cell(pg::arena(), directory->cells, padded, rotated,
                                              routed.kind == engine::RowKind::long_row);
        if (i == UINT32_MAX) {
            corrupted(index, meta_block, "the directory has no cell for this row");
        }
        cell = cell_ref(*directory, i);
        float* centroid = pg::arena().allocate<float>(padded).data();
        CellView view;
        open_cell(index, directory->parameters, cell.slot, cell.head,
                  static_cast<uint32>(cell.generation), &view, centroid);
        row.signs = pg::arena().allocate<uint8>(engine::sign_bytes(padded)).data();
        row.refinement = pg::arena().allocate<uint8>(padded).data();
        engine::encode_row(*directory->space, rotated, routed.error, centroid, row);
    }
    pg::test_point("insert: routed");
    if (list >= special_slots && routed.kind != engine::RowKind::long_row && *may_start &&
        engine::is_unlike(static_cast<double>(row.radius), static_cast<double>(cell.radius),
                          static_cast<double>(directory->usual_radius)) &&
        start_cell(index, directory->version, directory->parameters, rotated, row.radius)) {
        *may_start = false;
        if (!leave_to_background(index, table)) {
            calibrate_if_due(index, CalibratedBy::inserter);
        }
        return Appended::stale;
    }
    Due due{};
    const Appended appended =
        append_row(index, *directory, cell, tid, list < special_slots ? nullptr : &row, keys, &due);
    see_to(due, index, table, cell);
    if (appended == Appended::frozen) {
        wait_for_thaw(index);
    }
    return appended;
}

}  // namespace

void insert(Relation index, Relation table, ItemPointer tid, const Datum* values,
            const bool* is_null_of) {
    note_row();
    bool may_start = true;
    Appended appended;
    do {
        CHECK_FOR_INTERRUPTS();
        appended = pg::in_context("vecdot insert", [&] {
            return try_insert(index, table, tid, values, is_null_of, &may_start);
        });
    } while (appended == Appended::stale || appended == Appended::frozen);
}

}  // namespace vecdot::index
