#include "index/storage/free_list.hpp"
#include "index/storage/meta.hpp"

#include <algorithm>

#include "index/storage/readers.hpp"

extern "C" {
#include "catalog/storage.h"
}

namespace vecdot::index {

namespace {

// Pages of the free list that an allocation looks at.
constexpr uint32 free_pages_tried = 4;

// The first free run of this length on a page of the free list that is locked: its number, or n.
uint32 first_fit(const FreeExtent* extents, uint32 n, uint32 length, Readers* readers) {
    uint32 i = 0;
    while (i < n && (extents[i].run.length < length || readers->may_read(extents[i].retired_at))) {
        i += 1;
    }
    return i;
}

}  // namespace

BlockRun allocate_run(Relation index, Meta* meta, uint32 length, Record* record, Buffer* locked) {
    *locked = InvalidBuffer;
    Readers readers(index);
    const Segments& pages = meta->free_pages[meta->free_active];
    const uint32 used = divide_up(meta->free_count, free_extents_per_page);
    for (uint32 page = 0; page < Min(used, free_pages_tried); ++page) {
        const Buffer buffer =
            read_array_page(index, pages, PageKind::free_list, page, BUFFER_LOCK_EXCLUSIVE);
        const FreeExtent* extents =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(buffer)));
        const uint32 n =
            Min(meta->free_count - page * free_extents_per_page, free_extents_per_page);
        const uint32 i = first_fit(extents, n, length, &readers);
        if (i < n) {
            if (extents[i].run.start == meta_block || extents[i].run.start >= meta->allocated ||
                extents[i].run.length > meta->allocated - extents[i].run.start) {
                corrupted(index, array_block(index, pages, page), "%u free blocks at %u of %u",
                          extents[i].run.length, extents[i].run.start, meta->allocated);
            }
            FreeExtent* taken = reinterpret_cast<FreeExtent*>(payload(record->add(buffer))) + i;
            const BlockRun run{taken->run.start, length};
            taken->run.start += length;
            taken->run.length -= length;
            *locked = buffer;
            return run;
        }
        UnlockReleaseBuffer(buffer);
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
    const Segments& pages = meta.free_pages[meta.free_active];
    const uint32 used = divide_up(meta.free_count, free_extents_per_page);
    for (uint32 page = 0; page < Min(used, free_pages_tried); ++page) {
        const Buffer buffer =
            read_array_page(index, pages, PageKind::free_list, page, BUFFER_LOCK_SHARE);
        const FreeExtent* extents =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(buffer)));
        const uint32 n = Min(meta.free_count - page * free_extents_per_page, free_extents_per_page);
        const uint32 i = first_fit(extents, n, length, &readers);
        const BlockNumber start = i < n ? extents[i].run.start : InvalidBlockNumber;
        UnlockReleaseBuffer(buffer);
        if (start != InvalidBlockNumber) {
            return start;
        }
    }
    return InvalidBlockNumber;
}

void cut_off_end(Relation index) {
    Assert(Readers(index).none());
    Meta before;
    read_meta(index, &before);
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
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const Meta before = *meta_of(BufferGetPage(buffer));
    const uint32 count = before.free_count;
    if (count == 0) {
        UnlockReleaseBuffer(buffer);
        return;
    }
    const Segments& old_pages = before.free_pages[before.free_active];
    FreeExtent* extents = static_cast<FreeExtent*>(
        MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(FreeExtent)));
    uint32 n = 0;
    for (uint32 page = 0; page < divide_up(count, free_extents_per_page); ++page) {
        const Buffer from =
            read_array_page(index, old_pages, PageKind::free_list, page, BUFFER_LOCK_SHARE);
        const uint32 here = Min(count - page * free_extents_per_page, free_extents_per_page);
        const FreeExtent* entries =
            reinterpret_cast<const FreeExtent*>(payload(BufferGetPage(from)));
        for (uint32 i = 0; i < here; ++i) {
            if (entries[i].run.length > 0) {
                if (entries[i].run.start == meta_block ||
                    entries[i].run.start >= before.allocated ||
                    entries[i].run.length > before.allocated - entries[i].run.start) {
                    corrupted(index, BufferGetBlockNumber(from), "%u free blocks at %u of %u",
                              entries[i].run.length, entries[i].run.start, before.allocated);
                }
                extents[n++] = entries[i];
            }
        }
        UnlockReleaseBuffer(from);
    }
    const auto before_other = [](const FreeExtent& a, const FreeExtent& b) {
        return a.run.start < b.run.start;
    };
    const bool was_sorted = std::is_sorted(extents, extents + n, before_other);
    std::sort(extents, extents + n, before_other);
    uint32 kept = 0;
    for (uint32 i = 0; i < n; ++i) {
        if (kept > 0 &&
            extents[kept - 1].run.start + extents[kept - 1].run.length > extents[i].run.start) {
            corrupted(index, extents[i].run.start, "the block is in the free list twice");
        }
        if (kept > 0 &&
            extents[kept - 1].run.start + extents[kept - 1].run.length == extents[i].run.start) {
            extents[kept - 1].run.length += extents[i].run.length;
            extents[kept - 1].retired_at = Max(extents[kept - 1].retired_at, extents[i].retired_at);
        } else {
            extents[kept++] = extents[i];
        }
    }
    if (kept == count && was_sorted) {
        // Nothing to join: the list may stay as it is.
        UnlockReleaseBuffer(buffer);
        pfree(extents);
        return;
    }

    // The new list is written beside the old one and takes its place by one record.
    const uint32 target = 1 - before.free_active;
    const uint32 pages = divide_up(kept, free_extents_per_page);
    if (pages > 0) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        grow_array(meta, &meta->free_pages[target], pages - 1);
        record.finish();
    }
    for (uint32 page = 0; page < pages; ++page) {
        Record record(index);
        Buffer to;
        const Meta* meta = meta_of(BufferGetPage(buffer));
        const Page image = add_array_page(index, meta->free_pages[target], PageKind::free_list,
                                          page, &record, &to);
        const uint32 first = page * free_extents_per_page;
        memcpy(payload(image), extents + first,
               Min(kept - first, free_extents_per_page) * sizeof(FreeExtent));
        record.finish();
        UnlockReleaseBuffer(to);
    }
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    meta->free_active = target;
    meta->free_count = kept;
    record.finish();
    UnlockReleaseBuffer(buffer);
    pfree(extents);
}

}  // namespace vecdot::index
