// Replacing cells by new ones, under the structure lock:
//
// 1. Extents for the new cells are allocated, noted as intents on the meta page by the same
//    records, and the file is made as long as all that follows needs; where it can't be, nothing
//    has happened. Slots are chosen. Nobody reads any of it yet.
// 2. The rows below the `rows` of the old cells are copied. They don't change: only vacuum marks
//    entries, and it is shut out.
// 3. The old heads are locked, so that no row can be added any more. Should rows have been added,
//    the heads are let go and these rows copied too; after some rounds they are copied with the
//    heads locked.
// 4. The new heads are written, and one record on the meta page and up to three pages of slots
//    publishes: new slots live, old ones free, intents cleared, old cells noted as retiring.
// 5. The heads are let go; finish_unfinished() frees the old extents, stamped with the next
//    transaction, so that they are not reused while a snapshot may still need them.
//
// A crash or an error before 4 leaves intents, one after it retiring cells: the next holder of the
// structure lock ends both. Inserters who wait for an old head find another directory version on
// the meta page when they get it, and route again.
//
// Locks: structure lock -> old heads, ascending by block -> their pages, pages of the new cells ->
// meta page -> pages of slots and of the free list. This is the only place that locks two heads,
// and only one backend at a time is here; all others hold one head at most and wait, while they
// hold it, for pages that come later in this order only. So there is no cycle.
#include "index/upkeep/rewrite.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/free_list.hpp"
#include "index/upkeep/recover.hpp"
#include "pg/delay_point.hpp"

#include "index/storage/meta.hpp"
#include "index/storage/room.hpp"
#include "index/storage/summaries.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::index {

namespace {

// Rounds of copying what has been added meanwhile, before the heads stay locked.
constexpr int unlocked_rounds = 3;

// Slots for the new cells that don't take over one: free ones, or new ones behind the last. A new
// page of slots is formatted by the record that makes it count.
void choose_slots(Rewrite* rewrite) {
    uint32 wanted = 0;
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        NewCell& cell = rewrite->cells[i];
        if (cell.same_as != no_cell) {
            cell.slot = rewrite->old[cell.same_as].ref.slot;
        } else {
            wanted += 1;
        }
    }
    Meta meta;
    read_meta(rewrite->index, &meta);
    uint32 found[2];
    uint32 found_count = 0;
    // With one or two of them any page will do: the publication has room for three.
    for (uint32 first = 0; wanted <= 2 && found_count < wanted && first < meta.slots;
         first += slots_per_page) {
        const Buffer buffer = read_array_page(rewrite->index, meta.slot_pages, PageKind::slots,
                                              first / slots_per_page, BUFFER_LOCK_SHARE);
        const Slot* slots = reinterpret_cast<const Slot*>(payload(BufferGetPage(buffer)));
        for (uint32 i = 0; i < Min(slots_per_page, meta.slots - first); ++i) {
            if (slots[i].state == SlotState::free && first + i >= special_slots &&
                found_count < wanted) {
                found[found_count++] = first + i;
            }
        }
        UnlockReleaseBuffer(buffer);
    }
    uint32 used = 0;
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        NewCell& cell = rewrite->cells[i];
        if (cell.same_as != no_cell) {
            continue;
        }
        if (used < found_count) {
            cell.slot = found[used++];
            continue;
        }
        const Buffer meta_buffer = lock_meta(rewrite->index, BUFFER_LOCK_EXCLUSIVE);
        Record record(rewrite->index);
        Meta* changed = meta_of(record.add(meta_buffer));
        cell.slot = changed->slots;
        changed->slots += 1;
        grow_array(changed, &changed->slot_pages, cell.slot / slots_per_page);
        const uint64 last_byte = uint64{changed->slots} * rewrite->parameters.padded - 1;
        grow_array(changed, &changed->centroid_pages, last_byte / payload_size);
        Buffer slot_buffer;
        add_array_page(rewrite->index, changed->slot_pages, PageKind::slots,
                       cell.slot / slots_per_page, &record, &slot_buffer);
        record.finish();
        UnlockReleaseBuffer(slot_buffer);
        UnlockReleaseBuffer(meta_buffer);
    }
}

// The coded centroid of a slot that is not live yet.
void write_centroid_code(const Rewrite& rewrite, uint32 slot, const uint8* code) {
    Meta meta;
    read_meta(rewrite.index, &meta);
    const uint32 padded = rewrite.parameters.padded;
    uint32 done = 0;
    while (done < padded) {
        const StreamPosition at = stream_position(uint64{slot} * padded + done);
        Record record(rewrite.index);
        Buffer buffer;
        const Page image = add_array_page(rewrite.index, meta.centroid_pages, PageKind::centroids,
                                          at.page, &record, &buffer);
        const uint32 piece = Min(padded - done, static_cast<uint32>(payload_size) - at.offset);
        memcpy(payload(image) + at.offset, code + done, piece);
        record.finish();
        UnlockReleaseBuffer(buffer);
        done += piece;
    }
}

// Room for all that is to be written, and to note the old cells' blocks as free: the new cells'
// extents are intents until they are published. False if there is none.
bool find_room(Rewrite* rewrite, double slack) {
    const Relation index = rewrite->index;
    if (!finish_unfinished(index)) {
        return false;
    }
    uint32 entries = rewrite->new_count;
    for (uint32 i = 0; i < rewrite->old_count; ++i) {
        // One may be added meanwhile.
        entries += rewrite->old[i].view.extent_count + 1;
    }
    uint32 slots = 0;
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        slots += rewrite->cells[i].same_as == no_cell ? 1 : 0;
    }
    if (!reserve_free_entries(index, entries) || !reserve_slots(index, slots)) {
        return false;
    }
    BlockNumber end = 0;
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        NewCell& cell = rewrite->cells[i];
        const CellLayout layout = CellLayout::of(rewrite->parameters, cell.flags);
        const double room = static_cast<double>(cell.rows) * (1 + slack) + 1;
        if (room > UINT32_MAX / 2) {
            ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                            errmsg("a cell of index \"%s\" cannot have " UINT64_FORMAT " rows",
                                   RelationGetRelationName(index), cell.rows)));
        }
        cell.extent.blocks =
            layout.round_up(true, divide_up(static_cast<uint32>(room), rows_per_block));
        const BlockRun run = allocate_intent(index, layout.pages(true, cell.extent.blocks));
        cell.extent.start = run.start;
        end = Max(end, run.start + run.length);
    }
    if (!try_extend(index, end)) {
        finish_unfinished(index);
        return false;
    }
    return true;
}

void begin_cell(const Rewrite& rewrite, NewCell* cell) {
    cell->generation = next_generation(rewrite.index);
    begin_writing(&cell->writer, rewrite.index, MAIN_FORKNUM, true, rewrite.parameters, cell->slot,
                  cell->generation, cell->flags, cell->extent, cell->centroid);
}

struct Scratch {
    RowBlock* block;
    float* rotated;
    engine::EncodedRow row;
    // Rows that have come into cells of other slots, which the summaries don't tell of yet.
    KeySummaries summaries;
    SlotKeys* moved;
    Size moved_count;
    Size moved_capacity;
};

void note_moved(Scratch* scratch, uint32 slot, const engine::RowKeys& keys) {
    if (has_summary(scratch->summaries, slot)) {
        pg::make_room(&scratch->moved, &scratch->moved_capacity, scratch->moved_count + 1,
                      Size{256});
        scratch->moved[scratch->moved_count++] = {slot, keys};
    }
}

void tell_of_moved(const Rewrite& rewrite, Scratch* scratch) {
    tell_summaries(rewrite.index, rewrite.parameters, scratch->summaries, scratch->moved,
                   scratch->moved_count);
    scratch->moved_count = 0;
}

Scratch new_scratch(const Rewrite& rewrite) {
    Scratch scratch{};
    if (rewrite.old_count == 0) {
        return scratch;
    }
    Meta meta;
    read_meta(rewrite.index, &meta);
    scratch.summaries = meta.summaries;
    const CellLayout& layout = rewrite.old[0].view.layout;
    scratch.block = new_block(layout);
    if (layout.has_codes) {
        scratch.rotated = static_cast<float*>(palloc(layout.centroid_bytes));
        scratch.row.signs = static_cast<uint8*>(palloc(engine::sign_bytes(layout.padded)));
        scratch.row.refinement = static_cast<uint8*>(palloc(layout.padded));
    }
    return scratch;
}

// Copies rows of an old cell until `to`. False when a new cell is full.
bool copy_rows(Rewrite* rewrite, uint32 number, uint32 to, Scratch* scratch, bool locked) {
    OldCell& old = rewrite->old[number];
    const CellLayout& layout = old.view.layout;
    bool as_it_is = false;
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        as_it_is |= rewrite->cells[i].same_as == number;
    }
    RowBlock* block = scratch->block;
    while (old.copied < to) {
        if (!locked) {
            pg::delay_point();
        }
        const uint32 first = old.copied;
        const uint32 count = Min(to - first, rows_per_block - first % rows_per_block);
        read_block(old.view, first, count, as_it_is, block);
        for (uint32 i = 0; i < count; ++i) {
            const RowEntry& entry = block->entries[i];
            if (is_dead(entry)) {
                continue;
            }
            if (rewrite->new_count == 0) {
                return false;
            }
            uint8* refinement = block->refinements + Size{i} * layout.padded;
            const engine::RefineFactors factors = entry.refine;
            float error = 0;
            if (layout.has_codes) {
                error = engine::decode_row(layout.padded, refinement, factors, old.centroid,
                                           scratch->rotated);
            }
            const engine::RowKeys keys = keys_of(old.view, *block, i);
            NewCell& cell = rewrite->cells[rewrite->choose(*rewrite, scratch->rotated)];
            if (cell.writer.rows == cell.writer.capacity) {
                return false;
            }
            if (cell.slot != old.ref.slot) {
                note_moved(scratch, cell.slot, keys);
            }
            if (!layout.has_codes) {
                write_row(&cell.writer, address_of(entry), nullptr, &keys);
            } else if (cell.same_as == number) {
                // The same centroid: codes stay what they are.
                engine::EncodedRow row = scratch->row;
                row.refinement = refinement;
                row.refine = factors;
                row.radius = engine::stored_radius(layout.padded, refinement, factors);
                engine::get_row(block->units, 0, layout.units_per_block, layout.padded,
                                (first + i) % rows_per_block, row.signs, row.sign_factors);
                write_row(&cell.writer, address_of(entry), &row, &keys);
            } else {
                error = locked ? error
                               : read_exactly(rewrite->table, *rewrite->space, address_of(entry),
                                              error, scratch->rotated);
                engine::encode_row(*rewrite->space, scratch->rotated, error, cell.centroid,
                                   scratch->row);
                write_row(&cell.writer, address_of(entry), &scratch->row, &keys);
            }
        }
        old.copied += count;
    }
    return true;
}

// The old heads, locked in the order of their blocks; rows as they are now.
void lock_heads(Rewrite* rewrite, Buffer* heads) {
    for (uint32 n = 0; n < rewrite->old_count; ++n) {
        uint32 next = no_cell;
        for (uint32 i = 0; i < rewrite->old_count; ++i) {
            const BlockNumber head = rewrite->old[i].ref.head;
            if ((n == 0 || head > BufferGetBlockNumber(heads[n - 1])) &&
                (next == no_cell || head < rewrite->old[next].ref.head)) {
                next = i;
            }
        }
        const CellRef& ref = rewrite->old[next].ref;
        heads[n] = read_page(rewrite->index, ref.head,
                             {PageKind::head, ref.slot, 0, ref.generation}, BUFFER_LOCK_EXCLUSIVE);
        view_head(rewrite->index, rewrite->parameters, ref.head, BufferGetPage(heads[n]),
                  &rewrite->old[next].view);
    }
}

void unlock_heads(const Rewrite& rewrite, const Buffer* heads) {
    for (uint32 n = 0; n < rewrite.old_count; ++n) {
        UnlockReleaseBuffer(heads[n]);
    }
}

// The pages of slots that a publication changes.
struct SlotPages {
    uint32 count;
    uint32 numbers[Record::capacity - 1];
    Buffer buffers[Record::capacity - 1];
    Page images[Record::capacity - 1];
};

Slot* slot_to_change(Relation index, const Meta& meta, uint32 slot, Record* record,
                     SlotPages* pages) {
    const uint32 number = slot / slots_per_page;
    uint32 i = 0;
    while (i < pages->count && pages->numbers[i] != number) {
        i += 1;
    }
    if (i == pages->count) {
        if (pages->count == lengthof(pages->numbers)) {
            elog(ERROR, "the slots of new cells lie on more than %u pages", pages->count);
        }
        pages->numbers[i] = number;
        pages->images[i] = add_array_page(index, meta.slot_pages, PageKind::slots, number, record,
                                          &pages->buffers[i]);
        pages->count += 1;
    }
    return reinterpret_cast<Slot*>(payload(pages->images[i])) + slot % slots_per_page;
}

void publish(Rewrite* rewrite, const engine::RefineFactors* centroids) {
    const Relation index = rewrite->index;
    const Buffer meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(meta_buffer));
    meta->directory_version += 1;
    if (rewrite->old_count == 0) {
        meta->started_cells += 1;
        end_upkeep(meta, Upkeep::starting);
    }
    Unfinished& unfinished = meta->unfinished;
    unfinished.intent_count = 0;
    SlotPages pages{};
    for (uint32 i = 0; i < rewrite->old_count; ++i) {
        const OldCell& old = rewrite->old[i];
        Assert(unfinished.retiring_count < max_retiring);
        unfinished.retiring[unfinished.retiring_count++] = {old.ref.head, old.ref.slot,
                                                            old.ref.generation};
        *slot_to_change(index, *meta, old.ref.slot, &record, &pages) = Slot{};
        meta->cells -= old.view.layout.has_codes ? 1 : 0;
    }
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        const NewCell& cell = rewrite->cells[i];
        Slot* slot = slot_to_change(index, *meta, cell.slot, &record, &pages);
        *slot = Slot{};
        slot->state = SlotState::live;
        slot->flags = cell.flags;
        slot->head = cell.writer.extent.start;
        slot->generation = cell.generation;
        slot->centroid = centroids[i];
        slot->radius = Max(cell.writer.radius, cell.radius);
        meta->cells += cell.writer.layout.has_codes ? 1 : 0;
    }
    record.finish();
    for (uint32 i = 0; i < pages.count; ++i) {
        UnlockReleaseBuffer(pages.buffers[i]);
    }
    UnlockReleaseBuffer(meta_buffer);
}

}  // namespace

RowBlock* new_block(const CellLayout& layout) {
    RowBlock* block = static_cast<RowBlock*>(palloc0(sizeof(RowBlock)));
    if (layout.has_codes) {
        block->refinements = static_cast<uint8*>(palloc(Size{rows_per_block} * layout.padded));
        block->planes = static_cast<uint8*>(palloc(Size{rows_per_block} * layout.padded));
        block->units = static_cast<uint8*>(palloc(layout.units_per_block * unit_size));
    }
    if (layout.key_units > 0) {
        block->keys = static_cast<uint8*>(palloc(layout.key_units * unit_size));
    }
    return block;
}

void free_block(RowBlock* block) {
    if (block->refinements != nullptr) {
        pfree(block->refinements);
        pfree(block->planes);
        pfree(block->units);
    }
    if (block->keys != nullptr) {
        pfree(block->keys);
    }
    pfree(block);
}

void read_block(const CellView& view, uint32 first, uint32 count, bool with_units,
                RowBlock* block) {
    Assert(first / rows_per_block == (first + count - 1) / rows_per_block);
    block->count = count;
    block->first = first;
    if (view.layout.key_units > 0) {
        read_keys(view, first, block->keys);
    }
    for (uint32 done = 0; done < count;) {
        done += read_addresses(view, first + done, count - done, block->entries + done);
    }
    if (!view.layout.has_codes) {
        return;
    }
    uint32 rows[rows_per_block];
    for (uint32 i = 0; i < count; ++i) {
        rows[i] = first + i;
    }
    read_refinements(
        view, rows, count, [block](uint32 i) { return !is_dead(block->entries[i]); }, block->planes,
        block->refinements);
    if (!with_units) {
        return;
    }
    uint32 local;
    const uint32 e = find_extent(view, first, &local);
    const BlockNumber start = view.layout.signs_start(e == 0, view.extents[e]);
    const uint32 units = view.layout.units_per_block;
    const uint32 first_unit = local / rows_per_block * units;
    for (uint32 done = 0; done < units;) {
        const uint32 page = (first_unit + done) / units_per_page;
        const uint32 offset = (first_unit + done) % units_per_page;
        const uint32 piece = Min(units - done, units_per_page - offset);
        const Buffer buffer = read_page(
            view.index, start + page, cell_page(view, PageKind::signs, e, page), BUFFER_LOCK_SHARE);
        memcpy(block->units + done * unit_size, payload(BufferGetPage(buffer)) + offset * unit_size,
               piece * unit_size);
        UnlockReleaseBuffer(buffer);
        done += piece;
    }
}

engine::RowKeys keys_of(const CellView& view, const RowBlock& block, uint32 i) {
    engine::RowKeys keys{};
    if (block.keys != nullptr) {
        engine::get_keys(block.keys, view.layout.key_columns, (block.first + i) % rows_per_block,
                         keys);
    }
    return keys;
}

uint32 nearest_new_cell(const Rewrite& rewrite, const float* rotated) {
    uint32 best = 0;
    double least = 0;
    for (uint32 i = 0; i < rewrite.new_count; ++i) {
        const double d = kernels::active().floats.l2_squared(rotated, rewrite.cells[i].centroid,
                                                             rewrite.parameters.padded);
        if (i == 0 || d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

OldCell* add_old_cell(Rewrite* rewrite, const CellRef& ref) {
    Assert(rewrite->old_count < max_replaced);
    OldCell* old = &rewrite->old[rewrite->old_count++];
    old->ref = ref;
    old->copied = 0;
    old->centroid = static_cast<float*>(palloc0(sizeof(float) * rewrite->parameters.padded));
    open_cell(rewrite->index, rewrite->parameters, ref.slot, ref.head,
              static_cast<uint32>(ref.generation), &old->view, old->centroid);
    return old;
}

Replaced replace_cells(Rewrite* rewrite, double slack) {
    const Relation index = rewrite->index;
    if (!find_room(rewrite, slack)) {
        return Replaced::no_room;
    }
    choose_slots(rewrite);
    engine::RefineFactors* centroids = static_cast<engine::RefineFactors*>(
        palloc0(sizeof(engine::RefineFactors) * rewrite->new_count));
    uint8* code = static_cast<uint8*>(palloc(rewrite->parameters.padded));
    for (uint32 i = 0; i < rewrite->new_count; ++i) {
        NewCell& cell = rewrite->cells[i];
        if ((cell.flags & cell_has_codes) != 0) {
            centroids[i] = engine::encode_centroid(rewrite->parameters.padded, cell.centroid, code);
            if (cell.same_as == no_cell) {
                write_centroid_code(*rewrite, cell.slot, code);
            }
        }
        begin_cell(*rewrite, &cell);
    }
    Scratch scratch = new_scratch(*rewrite);
    Buffer heads[max_replaced];
    bool locked = false;
    bool fits = true;
    for (int round = 0; fits; ++round) {
        for (uint32 i = 0; i < rewrite->old_count && fits; ++i) {
            fits = copy_rows(rewrite, i, rewrite->old[i].view.rows, &scratch, locked);
        }
        if (!fits || locked) {
            break;
        }
        tell_of_moved(*rewrite, &scratch);
        lock_heads(rewrite, heads);
        bool complete = true;
        for (uint32 i = 0; i < rewrite->old_count; ++i) {
            complete &= rewrite->old[i].copied == rewrite->old[i].view.rows;
        }
        locked = complete || round >= unlocked_rounds;
        if (!locked) {
            unlock_heads(*rewrite, heads);
        }
    }
    if (fits) {
        tell_of_moved(*rewrite, &scratch);
        for (uint32 i = 0; i < rewrite->new_count; ++i) {
            end_writing(&rewrite->cells[i].writer);
        }
        publish(rewrite, centroids);
    }
    if (locked) {
        unlock_heads(*rewrite, heads);
    }
    finish_unfinished(index);
    return fits ? Replaced::done : Replaced::overtaken;
}

}  // namespace vecdot::index
