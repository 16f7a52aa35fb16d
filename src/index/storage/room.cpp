#include "index/storage/room.hpp"

#include "index/storage/free_list.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#endif
#include "utils/resowner.h"
#include "utils/wait_event.h"
}

namespace vecdot::index {

namespace {

bool refused;
char last_refusal[512];

bool is_lack_of_room(const ErrorData& error) {
    return error.sqlerrcode == ERRCODE_DISK_FULL || error.saved_errno == ENOSPC ||
           error.saved_errno == EDQUOT || error.saved_errno == EFBIG;
}

void release(ResourceOwner owner, bool done) {
    ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, done, false);
    ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, done, false);
    ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, done, false);
    ResourceOwnerDelete(owner);
}

// What the end of a subtransaction does, which a vacuum with workers may not have: the only things
// begun are a buffer and the lock for extending the file.
void clean_up(ResourceOwner owner) {
    LWLockReleaseAll();
    pgstat_report_wait_end();
#if PG_VERSION_NUM >= 180000
    pgaio_error_cleanup();
#endif
#if PG_VERSION_NUM < 160000
    AbortBufferIO();
#endif
    UnlockBuffers();
    LockErrorCleanup();
    release(owner, false);
}

// The pages of an array from `first` to `last`, which it has.
bool extend_array(Relation index, const Segments& segments, uint32 first, uint32 last) {
    BlockNumber end = 0;
    for (uint32 page = first; page <= last; ++page) {
        end = Max(end, array_block(index, segments, page) + 1);
    }
    check_allocated(index, end);
    return try_extend(index, end);
}

}  // namespace

bool try_extend(Relation index, BlockNumber end) {
    if (RelationGetNumberOfBlocks(index) >= end) {
        return true;
    }
    const MemoryContext context = CurrentMemoryContext;
    const ResourceOwner outer = CurrentResourceOwner;
    const ResourceOwner owner = ResourceOwnerCreate(outer, "vecdot file extension");
    volatile bool done = false;
    CurrentResourceOwner = owner;
    PG_TRY();
    {
        extend_to(index, end);
        done = true;
    }
    PG_CATCH();
    {
        // What is not cleaned up here goes with the transaction.
        CurrentResourceOwner = outer;
        MemoryContextSwitchTo(context);
        ErrorData* error = CopyErrorData();
        if (!is_lack_of_room(*error)) {
            PG_RE_THROW();
        }
        FlushErrorState();
        clean_up(owner);
        refused = true;
        strlcpy(last_refusal, error->message, sizeof last_refusal);
        FreeErrorData(error);
    }
    PG_END_TRY();
    CurrentResourceOwner = outer;
    if (done) {
        release(owner, true);
    }
    return done;
}

void forget_refusals() {
    refused = false;
}

void warn_of_refusals(Relation index) {
    if (refused) {
        ereport(WARNING, (errcode(ERRCODE_DISK_FULL),
                          errmsg("vacuum left parts of index \"%s\" as they are, for lack of room",
                                 RelationGetRelationName(index)),
                          errdetail("Its file cannot grow: %s.", last_refusal),
                          errhint("Check free disk space, and VACUUM again.")));
    }
}

bool reserve_free_entries(Relation index, uint32 entries) {
    Meta meta;
    read_meta(index, &meta);
    const uint32 active = meta.free_active;
    const uint32 last = (meta.free_count + entries - 1) / free_extents_per_page;
    if (pages_before_segment(meta.free_pages[active].count) <= last) {
        const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
        Record record(index);
        Meta* changed = meta_of(record.add(buffer));
        grow_array(changed, &changed->free_pages[active], last);
        record.finish();
        meta = *meta_of(BufferGetPage(buffer));
        UnlockReleaseBuffer(buffer);
    }
    return extend_array(index, meta.free_pages[active], meta.free_count / free_extents_per_page,
                        last);
}

bool reserve_slots(Relation index, uint32 slots) {
    Meta meta;
    read_meta(index, &meta);
    if (slots == 0) {
        return true;
    }
    const uint32 slot_page = (meta.slots + slots - 1) / slots_per_page;
    const uint64 centroid_bytes = meta.parameters.padded;
    const uint32 centroid_page =
        static_cast<uint32>(((meta.slots + slots) * centroid_bytes - 1) / payload_size);
    if (pages_before_segment(meta.slot_pages.count) <= slot_page ||
        pages_before_segment(meta.centroid_pages.count) <= centroid_page) {
        const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
        Record record(index);
        Meta* changed = meta_of(record.add(buffer));
        grow_array(changed, &changed->slot_pages, slot_page);
        grow_array(changed, &changed->centroid_pages, centroid_page);
        record.finish();
        meta = *meta_of(BufferGetPage(buffer));
        UnlockReleaseBuffer(buffer);
    }
    return extend_array(index, meta.slot_pages, meta.slots / slots_per_page, slot_page) &&
           extend_array(index, meta.centroid_pages,
                        static_cast<uint32>(meta.slots * centroid_bytes / payload_size),
                        centroid_page);
}

bool is_room_likely(Relation index, uint64 pages) {
    Meta meta;
    read_meta(index, &meta);
    if (pages > MaxBlockNumber - meta.allocated) {
        return false;
    }
    return lowest_free(index, static_cast<uint32>(pages)) != InvalidBlockNumber ||
           try_extend(index, meta.allocated + static_cast<uint32>(pages));
}

}  // namespace vecdot::index
