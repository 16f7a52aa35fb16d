#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"

#include <algorithm>

#include "index/storage/readers.hpp"
#include "index/storage/room.hpp"

extern "C" {
#include "catalog/storage.h"
}

namespace vecdot::index {

namespace {

// Pages of the free list that an allocation looks at.
constexpr uint32 free_pages_tried = 4;

// A search of the free list for the first run of this length that ends before `limit`.
struct Fit {
    uint32 entry;
    BlockRun run;
    Buffer buffer;  // the page, locked; invalid if there is none
};

Fit first_fit(Relation index, const Meta& meta, uint32 length, uint64 limit, Readers* readers,
              BufferLockMode lock) {
    const Segments& pages = meta.free_pages[meta.free_active];
    const uint32 used = divide_up(meta.free_count, free_extents_per_page);
    for (uint32 page = 0; page < Min(used, free_pages_tried); ++page) {
        const Buffer buffer = read_array_page(index, pages, PageKind::free_list, page, lock);
        const FreeExtent* extents =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(buffer)));
        const uint32 n = Min(meta.free_count - page * free_extents_per_page, free_extents_per_page);
        for (uint32 i = 0; i < n; ++i) {
            const BlockRun& run = extents[i].run;
            if (run.length >= length && uint64{run.start} + length <= limit &&
                !readers->may_read(extents[i].retired_at)) {
                return {i, run, buffer};
            }
        }
        UnlockReleaseBuffer(buffer);
    }
    return {0, {}, InvalidBuffer};
}

void release(Buffer* buffers, int count) {
    for (int i = 0; i < count; ++i) {
        if (BufferIsValid(buffers[i])) {
            UnlockReleaseBuffer(buffers[i]);
        }
    }
}

struct FreeList {
    FreeExtent* extents;
    uint32 count;
};

bool is_before(const FreeExtent& a, const FreeExtent& b) {
    return a.run.start < b.run.start;
}

// The entries of the list, but for those that are empty; the meta page is locked.
FreeList read_list(Relation index, const Meta& meta) {
    const Segments& pages = meta.free_pages[meta.free_active];
    FreeList list{static_cast<FreeExtent*>(MemoryContextAllocHuge(
                      CurrentMemoryContext, meta.free_count * sizeof(FreeExtent))),
                  0};
    for (uint32 page = 0; page < divide_up(meta.free_count, free_extents_per_page); ++page) {
        const Buffer from =
            read_array_page(index, pages, PageKind::free_list, page, BUFFER_LOCK_SHARE);
        const uint32 here =
            Min(meta.free_count - page * free_extents_per_page, free_extents_per_page);
        const FreeExtent* entries =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(from)));
        for (uint32 i = 0; i < here; ++i) {
            const BlockRun& run = entries[i].run;
            if (run.length > 0) {
                if (run.start == meta_block || run.start >= meta.allocated ||
                    run.length > meta.allocated - run.start) {
                    corrupted(index, BufferGetBlockNumber(from), "%u free blocks at %u of %u",
                              run.length, run.start, meta.allocated);
                }
                list.extents[list.count++] = entries[i];
            }
        }
        UnlockReleaseBuffer(from);
    }
    return list;
}

// Joins neighbours; the list is sorted.
void join_neighbours(Relation index, FreeList* list) {
    uint32 kept = 0;
    for (uint32 i = 0; i < list->count; ++i) {
        const FreeExtent& next = list->extents[i];
        FreeExtent* last = kept > 0 ? &list->extents[kept - 1] : nullptr;
        if (last != nullptr && last->run.start + last->run.length > next.run.start) {
            corrupted(index, next.run.start, "the block is in the free list twice");
        }
        if (last != nullptr && last->run.start + last->run.length == next.run.start) {
            last->run.length += next.run.length;
            last->retired_at = Max(last->retired_at, next.retired_at);
        } else {
            list->extents[kept++] = next;
        }
    }
    list->count = kept;
}

// Pages of a list that can be written anew where they stand, as one record with the meta page.
constexpr uint32 pages_in_place = Record::capacity - 1;

void put_entries(Page image, const FreeList& list, uint32 page) {
    const uint32 first = page * free_extents_per_page;
    if (first < list.count) {
        memcpy(payload(image), list.extents + first,
               Min(list.count - first, free_extents_per_page) * sizeof(FreeExtent));
    }
}

void write_in_place(Relation index, Buffer buffer, const FreeList& list) {
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    Buffer locked[pages_in_place] = {};
    for (uint32 page = 0; page < divide_up(list.count, free_extents_per_page); ++page) {
        put_entries(add_array_page(index, meta->free_pages[meta->free_active], PageKind::free_list,
                                   page, &record, &locked[page]),
                    list, page);
    }
    meta->free_count = list.count;
    record.finish();
    release(locked, pages_in_place);
}

// Writes the list beside the old one, whose place it takes by one record. Its pages are in the
// file.
void write_beside(Relation index, Buffer buffer, const FreeList& list) {
    const Meta* current = meta_of(BufferGetPage(buffer));
    const uint32 target = 1 - current->free_active;
    for (uint32 page = 0; page < divide_up(list.count, free_extents_per_page); ++page) {
        Record record(index);
        Buffer to;
        put_entries(add_array_page(index, current->free_pages[target], PageKind::free_list, page,
                                   &record, &to),
                    list, page);
        record.finish();
        UnlockReleaseBuffer(to);
    }
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    meta->free_active = target;
    meta->free_count = list.count;
    record.finish();
}

// Room for a list of so many pages beside the one in use.
bool reserve_beside(Relation index, uint32 pages) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const uint32 target = 1 - meta_of(BufferGetPage(buffer))->free_active;
    if (pages_before_segment(meta_of(BufferGetPage(buffer))->free_pages[target].count) < pages) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        grow_array(meta, &meta->free_pages[target], pages - 1);
        record.finish();
    }
    const Segments segments = meta_of(BufferGetPage(buffer))->free_pages[target];
    UnlockReleaseBuffer(buffer);
    BlockNumber end = 0;
    for (uint32 page = 0; page < pages; ++page) {
        end = Max(end, array_block(index, segments, page) + 1);
    }
    check_allocated(index, end);
    return try_extend(index, end);
}

}  // namespace

BlockRun allocate_run(Relation index, Meta* meta, uint32 length, Record* record, Buffer* locked) {
    *locked = InvalidBuffer;
    Readers readers(index);
    // What lies behind the file's end costs room on the disk like new blocks.
    for (const uint64 limit : {uint64{RelationGetNumberOfBlocks(index)}, uint64{MaxBlockNumber}}) {
        const Fit fit = first_fit(index, *meta, length, limit, &readers, BUFFER_LOCK_EXCLUSIVE);
        if (BufferIsValid(fit.buffer)) {
            if (fit.run.start == meta_block || fit.run.start >= meta->allocated ||
                fit.run.length > meta->allocated - fit.run.start) {
                corrupted(index, BufferGetBlockNumber(fit.buffer), "%u free blocks at %u of %u",
                          fit.run.length, fit.run.start, meta->allocated);
            }
            FreeExtent* taken =
                reinterpret_cast<FreeExtent*>(payload(record->add(fit.buffer))) + fit.entry;
            taken->run.start += length;
            taken->run.length -= length;
            *locked = fit.buffer;
            return {fit.run.start, length};
        }
    }
    if (length > MaxBlockNumber - meta->allocated) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("index \"%s\" cannot have more than %u blocks",
                               RelationGetRelationName(index), MaxBlockNumber)));
    }
    check_allocated(index, meta->allocated);
    const BlockRun run{meta->allocated, length};
    meta->allocated += length;
    return run;
}

BlockRun allocate_intent(Relation index, uint32 length) {
    const Buffer meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(meta_buffer));
    Buffer locked;
    const BlockRun run = allocate_run(index, meta, length, &record, &locked);
    Assert(meta->unfinished.intent_count < max_intents);
    meta->unfinished.intents[meta->unfinished.intent_count++] = run;
    record.finish();
    if (BufferIsValid(locked)) {
        UnlockReleaseBuffer(locked);
    }
    UnlockReleaseBuffer(meta_buffer);
    return run;
}

void free_runs(Relation index, Meta* meta, const BlockRun* runs, uint32 count, uint64 retired_at,
               Record* record, Buffer* locked) {
    Segments* pages = &meta->free_pages[meta->free_active];
    uint32 used = 0;
    locked[0] = locked[1] = InvalidBuffer;
    Page image = nullptr;
    for (uint32 i = 0; i < count; ++i) {
        const uint32 page = meta->free_count / free_extents_per_page;
        const uint32 entry = meta->free_count % free_extents_per_page;
        if (image == nullptr || entry == 0) {
            Assert(used < 2);
            grow_array(meta, pages, page);
            image =
                add_array_page(index, *pages, PageKind::free_list, page, record, &locked[used++]);
        }
        reinterpret_cast<FreeExtent*>(payload(image))[entry] = {runs[i], retired_at};
        meta->free_count += 1;
    }
}

uint64 free_blocks(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    const Segments& pages = meta.free_pages[meta.free_active];
    uint64 blocks = 0;
    for (uint32 first = 0; first < meta.free_count; first += free_extents_per_page) {
        const Buffer buffer = read_array_page(index, pages, PageKind::free_list,
                                              first / free_extents_per_page, BUFFER_LOCK_SHARE);
        const FreeExtent* extents =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(buffer)));
        const uint32 n = Min(meta.free_count - first, free_extents_per_page);
        for (uint32 i = 0; i < n; ++i) {
            blocks += extents[i].run.length;
        }
        UnlockReleaseBuffer(buffer);
    }
    return blocks;
}

BlockNumber lowest_free(Relation index, uint32 length) {
    Meta meta;
    read_meta(index, &meta);
    Readers readers(index);
    const Fit fit = first_fit(index, meta, length, RelationGetNumberOfBlocks(index), &readers,
                              BUFFER_LOCK_SHARE);
    if (!BufferIsValid(fit.buffer)) {
        return InvalidBlockNumber;
    }
    UnlockReleaseBuffer(fit.buffer);
    return fit.run.start;
}

void cut_off_end(Relation index) {
    Assert(Readers(index).none());
    Meta before;
    read_meta(index, &before);
    // Room that was asked for and not used.
    if (before.allocated < RelationGetNumberOfBlocks(index)) {
        RelationTruncate(index, before.allocated);
    }
    if (before.free_count == 0) {
        return;
    }
    // Sorted and joined: only the last one can end there.
    const uint32 last = before.free_count - 1;
    const uint32 page = last / free_extents_per_page;
    const Buffer list = read_array_page(index, before.free_pages[before.free_active],
                                        PageKind::free_list, page, BUFFER_LOCK_SHARE);
    const BlockRun run = reinterpret_cast<const FreeExtent*>(
                             payload(BufferGetPage(list)))[last % free_extents_per_page]
                             .run;
    UnlockReleaseBuffer(list);
    if (run.length == 0 || run.start == meta_block || run.start + run.length != before.allocated) {
        return;
    }
    // The file first: that it is shorter than what is allocated is nothing special, while pages
    // behind the end have to be new.
    if (run.start < RelationGetNumberOfBlocks(index)) {
        RelationTruncate(index, run.start);
    }
    const Buffer meta_buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    Meta* meta = meta_of(record.add(meta_buffer));
    Buffer buffer;
    const Page image = add_array_page(index, meta->free_pages[meta->free_active],
                                      PageKind::free_list, page, &record, &buffer);
    reinterpret_cast<FreeExtent*>(payload(image))[last % free_extents_per_page] = {};
    meta->free_count -= 1;
    meta->allocated = run.start;
    record.finish();
    UnlockReleaseBuffer(buffer);
    UnlockReleaseBuffer(meta_buffer);
}

void coalesce_free_list(Relation index) {
    Meta before;
    read_meta(index, &before);
    // Only the holder of the structure lock makes the list longer.
    const uint32 pages = divide_up(before.free_count, free_extents_per_page);
    if (pages > pages_in_place && !reserve_beside(index, pages)) {
        return;
    }
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const uint32 count = meta_of(BufferGetPage(buffer))->free_count;
    if (count > 0) {
        FreeList list = read_list(index, *meta_of(BufferGetPage(buffer)));
        const bool was_sorted = std::is_sorted(list.extents, list.extents + list.count, is_before);
        std::sort(list.extents, list.extents + list.count, is_before);
        join_neighbours(index, &list);
        if (list.count == count && was_sorted) {
            // Nothing to join: the list may stay as it is.
        } else if (pages <= pages_in_place) {
            write_in_place(index, buffer, list);
        } else {
            write_beside(index, buffer, list);
        }
        pfree(list.extents);
    }
    UnlockReleaseBuffer(buffer);
}

}  // namespace vecdot::index
