// The verifier, second part: every row of every cell.
//
// No lock is held: the rows below the number read from a head page don't change, except that vacuum
// marks them dead. engine/verify.hpp says what of a row's codes can be derived anew and compared.
#include "engine/verify.hpp"
#include "index/inspect/check.hpp"
#include "index/storage/summaries.hpp"
#include "index/upkeep/rewrite.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tableam.h"
}

namespace vecdot::index {

namespace {

// A block of 32 rows and what it is checked with.
struct Work {
    Relation heap;
    Relation index;
    const CellView* view;
    HeapCheck* heap_check;
    BlockNumber heap_blocks;  // of the table, when last asked
    bool is_heap;             // the table's addresses are those of table access method heap
    bool is_inner_product;
    float* centroid;
    double centroid_length;
    RowBlock* block;
    uint8* signs;
    uint32 dead;
    KeySummaries summaries;
    engine::SummaryShape shape;
    const uint8* summary_bytes;
};

// Where a row's parts stand, for messages.
struct Places {
    BlockNumber address;
    BlockNumber signs;
    BlockNumber refine;
};

Places places_of(const CellView& view, uint32 row) {
    Places places{};
    places.address = address_place(view, row).block;
    if (view.layout.has_codes) {
        uint32 local;
        const uint32 e = find_extent(view, row, &local);
        const Extent& extent = view.extents[e];
        places.signs = view.layout.signs_start(e == 0, extent) +
                       local / rows_per_block * view.layout.units_per_block / units_per_page;
        places.refine =
            view.layout.refine_start(e == 0, extent) +
            stream_position(view.layout.plane_start(Plane::upper, extent.blocks, local)).page;
    }
    return places;
}

void check_address(Work* work, uint32 row, const RowEntry& entry) {
    const BlockNumber block = address_place(*work->view, row).block;
    const ItemPointerData address = address_of(entry);
    const BlockNumber target = ItemPointerGetBlockNumberNoCheck(&address);
    const OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(&address);
    bool is_valid = target != InvalidBlockNumber && offset != InvalidOffsetNumber &&
                    (!work->is_heap || offset <= MaxHeapTuplesPerPage) &&
                    (entry.flags & ~engine::RowFlags::dead) == 0;
    // The table isn't truncated while it is locked by us; rows removed before may lie anywhere.
    if (is_valid && work->is_heap && !is_dead(entry) && target >= work->heap_blocks) {
        work->heap_blocks = RelationGetNumberOfBlocks(work->heap);
        is_valid = target < work->heap_blocks;
    }
    if (!is_valid) {
        corrupted(work->index, block, "row %u of the cell has address (%u,%u) and flags %x", row,
                  target, offset, entry.flags);
    }
}

// A block's keys: what says nothing is zero.
void check_keys(Work* work, uint32 first) {
    const CellView& view = *work->view;
    const RowBlock& block = *work->block;
    const uint32 columns = view.layout.key_columns;
    bool valid = engine::is_null_unit(block.keys, columns);
    for (uint32 i = 0; i < block.count; ++i) {
        const engine::RowKeys keys = keys_of(view, block, i);
        for (uint32 c = 0; c < columns; ++c) {
            valid = valid && ((keys.nulls >> c & 1u) == 0 || keys.values[c] == 0);
        }
    }
    if (!valid) {
        uint32 local;
        const uint32 e = find_extent(view, first, &local);
        corrupted(work->index,
                  view.layout.key_start(e == 0, view.extents[e]) +
                      local / rows_per_block * view.layout.key_units / units_per_page,
                  "NULLs among the keys of rows from %u of the cell on do not fit", first);
    }
}

// A search for the row must not take its cell for one without such rows.
void check_summary(Work* work, uint32 row, const engine::RowKeys& keys) {
    const uint32 slot = work->view->cell;
    if (!has_summary(work->summaries, slot)) {
        return;
    }
    for (uint32 c = 0; c < work->shape.columns; ++c) {
        for (const uint32 page : {engine::summary_spans_page(work->shape, slot, c),
                                  engine::summary_bucket_page(work->shape, slot, c, keys)}) {
            if (!engine::is_summed_up(work->shape, page, work->summary_bytes + page * payload_size,
                                      slot, keys)) {
                corrupted(work->index, work->summaries.run.start + page,
                          "the summary of cell %u denies key %u of its row %u", slot, c + 1, row);
            }
        }
    }
}

// Of the pages what belongs to no cell.
void read_summaries(Work* work) {
    work->summary_bytes = read_summaries(work->index, work->summaries);
    for (uint32 page = 0; page < work->summaries.run.length; ++page) {
        if (!engine::is_summary_page(work->shape, page,
                                     work->summary_bytes + page * payload_size)) {
            corrupted(work->index, work->summaries.run.start + page,
                      "a summary has bits that belong to no cell");
        }
    }
}

// Codes and factors of one row.
void check_codes(Work* work, uint32 row, uint32 i) {
    const CellView& view = *work->view;
    const uint32 padded = view.layout.padded;
    engine::EncodedRow stored{};
    stored.refine = work->block->entries[i].refine;
    stored.refinement = work->block->refinements + Size{i} * padded;
    stored.signs = work->signs;
    engine::get_row(work->block->units, 0, view.layout.units_per_block, padded,
                    row % rows_per_block, stored.signs, stored.sign_factors);
    const engine::VerifiedCell cell{work->centroid, work->centroid_length,
                                    static_cast<double>(view.radius), work->is_inner_product};
    const engine::RowVerdict verdict = engine::verify_row(padded, stored, cell);
    if (verdict.fault == engine::RowFault::none) {
        return;
    }
    const Places places = places_of(view, row);
    const engine::RefineFactors& refine = stored.refine;
    const engine::SignFactors& sign = stored.sign_factors;
    switch (verdict.fault) {
        case engine::RowFault::factors:
            corrupted(work->index, places.address, "row %u of the cell has factors %g, %g, %g", row,
                      static_cast<double>(refine.scale), static_cast<double>(refine.add),
                      static_cast<double>(refine.error));
        case engine::RowFault::refinement:
        case engine::RowFault::signs:
            corrupted(work->index,
                      verdict.fault == engine::RowFault::signs ? places.signs : places.refine,
                      "signs and refinement of row %u of the cell do not agree", row);
        case engine::RowFault::term:
            corrupted(
                work->index, places.address,
                "row %u of the cell has the term %g instead of %g: it does not fit its refinement",
                row, static_cast<double>(refine.add), verdict.term);
        case engine::RowFault::radius:
            corrupted(work->index, view.head,
                      "row %u of the cell is at a distance of %g to %g, its radius is %g", row,
                      verdict.least, verdict.most, cell.radius);
        default:
            corrupted(work->index, places.signs,
                      "row %u of the cell has estimate factors %g, %g, %g: they do not fit its "
                      "refinement",
                      row, static_cast<double>(sign.add), static_cast<double>(sign.rescale),
                      static_cast<double>(sign.error));
    }
}

// The entry behind the last row is empty: otherwise the number of rows is too small. No row is
// added while the head is locked.
void check_end(Work* work, const Parameters& parameters) {
    const CellView& view = *work->view;
    const Buffer head_buffer =
        read_page(work->index, view.head, cell_page(view, PageKind::head, 0, 0), BUFFER_LOCK_SHARE);
    CellView now;
    view_head(work->index, parameters, view.head, BufferGetPage(head_buffer), &now);
    if (now.rows < view.rows) {
        corrupted(work->index, view.head, "the cell had %u rows and has %u", view.rows, now.rows);
    }
    BlockNumber known = 0;
    if (now.rows < now.capacity) {
        const AddressPlace place = address_place(now, now.rows);
        const RowEntry* entry = nullptr;
        Buffer buffer = InvalidBuffer;
        if (place.on_head) {
            entry = address_entries(now, BufferGetPage(head_buffer), true) + place.entry;
        } else if (place.entry > 0) {
            // At the start of a page that was not written yet, anything may stand.
            check_blocks(work->index, view.head, place.block + 1, &known);
            buffer = read_page(work->index, place.block,
                               {PageKind::address, view.cell, place.position, view.generation},
                               BUFFER_LOCK_SHARE);
            entry = address_entries(now, BufferGetPage(buffer), false) + place.entry;
        }
        static constexpr RowEntry empty{};
        if (entry != nullptr && memcmp(entry, &empty, sizeof empty) != 0) {
            corrupted(work->index, place.block, "there is an entry behind the last of %u rows",
                      now.rows);
        }
        if (BufferIsValid(buffer)) {
            UnlockReleaseBuffer(buffer);
        }
    }
    UnlockReleaseBuffer(head_buffer);
}

void check_cell(Work* work, const Census& census) {
    const CellView& view = *work->view;
    if (view.layout.has_codes) {
        // The head may have been replaced since; its pages are as they were.
        CellView now;
        open_cell(work->index, census.meta.parameters, view.cell, view.head,
                  static_cast<uint32>(view.generation), &now, work->centroid);
        double squared = 0;
        for (uint32 i = 0; i < view.layout.padded; ++i) {
            squared +=
                static_cast<double>(work->centroid[i]) * static_cast<double>(work->centroid[i]);
        }
        work->centroid_length = std::sqrt(squared);
    }
    work->dead = 0;
    for (uint32 e = 0; e < view.extent_count; ++e) {
        const ExtentRows rows = extent_rows(view, e);
        for (uint32 done = 0; done < rows.rows; done += rows_per_block) {
            CHECK_FOR_INTERRUPTS();
            const uint32 first = rows.first_row + done;
            const uint32 count = Min(rows.rows - done, rows_per_block);
            read_block(view, first, count, true, work->block);
            if (view.layout.key_units > 0) {
                check_keys(work, first);
            }
            for (uint32 i = 0; i < count; ++i) {
                const RowEntry& entry = work->block->entries[i];
                check_address(work, first + i, entry);
                if (is_dead(entry)) {
                    work->dead += 1;
                    continue;
                }
                if (view.layout.has_codes) {
                    check_codes(work, first + i, i);
                }
                if (view.layout.key_units > 0) {
                    check_summary(work, first + i, keys_of(view, *work->block, i));
                }
                if (work->heap_check != nullptr) {
                    StoredRow row{};
                    row.cell = &view;
                    row.block = address_place(view, first + i).block;
                    row.number = first + i;
                    row.tid = address_of(entry);
                    row.keys = keys_of(view, *work->block, i);
                    if (view.layout.has_codes) {
                        row.refine = entry.refine;
                        row.centroid = work->centroid;
                        row.refinement = work->block->refinements + Size{i} * view.layout.padded;
                    }
                    check_stored_row(work->heap_check, row);
                }
            }
        }
    }
    check_end(work, census.meta.parameters);
    // Marks are counted when all are set: of those that were counted none may be missing.
    if (work->dead < view.dead) {
        corrupted(work->index, view.head, "%u rows of the cell are marked dead, %u were counted",
                  work->dead, view.dead);
    }
}

}  // namespace

void check_rows(Relation heap, Relation index, const Census& census, HeapCheck* check) {
    const Parameters& parameters = census.meta.parameters;
    const CellLayout layout = CellLayout::of(parameters, cell_has_codes);
    Work* work = static_cast<Work*>(palloc0(sizeof(Work)));
    work->heap = heap;
    work->index = index;
    work->heap_check = check;
    work->is_heap = heap->rd_tableam == GetHeapamTableAmRoutine();
    work->is_inner_product =
        parameters.metric == static_cast<uint32>(engine::Metric::inner_product);
    work->centroid = static_cast<float*>(palloc(layout.centroid_bytes));
    work->block = new_block(layout);
    work->signs = static_cast<uint8*>(palloc0(engine::sign_bytes(parameters.padded)));
    // After the heads: the summaries tell of all rows that have been counted there.
    work->summaries = census.meta.summaries;
    work->shape = summary_shape(parameters, work->summaries);
    read_summaries(work);
    for (uint32 i = 0; i < census.count; ++i) {
        work->view = &census.cells[i];
        check_cell(work, census);
    }
}

}  // namespace vecdot::index
