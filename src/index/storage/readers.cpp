// A block that the directory no longer leads to is read by those alone who got there before.
//
// - No snapshot that is still in use is from before that: nobody.
// - Or nobody else holds any lock on the index, which every scan does from before it reads the
//   directory until its transaction ends, and this process has no scan of its own open. So a load
//   in one transaction, which holds all snapshots back, uses its space again.
//
// The second says nothing about a standby's scans. They notice blocks that were used again and
// are cancelled as by any recovery conflict; but one that sends feedback is promised that this
// doesn't happen, so with standbys (or other receivers of the log) only the first counts.
#include "index/storage/readers.hpp"

extern "C" {
#include "access/transam.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
}

namespace vecdot::index {

namespace {

// A list of these, each in the memory of its scan.
struct OpenScan {
    MemoryContextCallback callback;
    OpenScan* next;
    OpenScan** link;  // what leads to this one
    Oid index;
};

OpenScan* open_scans = nullptr;

void forget_scan(void* arg) {
    OpenScan* scan = static_cast<OpenScan*>(arg);
    *scan->link = scan->next;
    if (scan->next != nullptr) {
        scan->next->link = scan->link;
    }
}

bool has_own_scan(Relation index) {
    const OpenScan* scan = open_scans;
    while (scan != nullptr && scan->index != RelationGetRelid(index)) {
        scan = scan->next;
    }
    return scan != nullptr;
}

bool is_locked_by_others(Relation index) {
    LOCKTAG tag;
    SET_LOCKTAG_RELATION(tag, index->rd_lockInfo.lockRelId.dbId,
                         index->rd_lockInfo.lockRelId.relId);
    int count = 0;
    pfree(GetLockConflicts(&tag, AccessExclusiveLock, &count));
    return count > 0;
}

bool has_standbys() {
    TransactionId xmin;
    TransactionId catalog_xmin;
    ProcArrayGetReplicationSlotXmin(&xmin, &catalog_xmin);
    if (TransactionIdIsValid(xmin)) {
        return true;
    }
    for (int i = 0; i < max_wal_senders; ++i) {
        WalSnd* sender = &WalSndCtl->walsnds[i];
        SpinLockAcquire(&sender->mutex);
        const bool is_used = sender->pid != 0;
        SpinLockRelease(&sender->mutex);
        if (is_used) {
            return true;
        }
    }
    return false;
}

// A vacuum that has the index for itself, also on standbys.
bool is_locked_for_all(Relation index) {
    return (MyProc->statusFlags & PROC_IN_VACUUM) != 0 &&
           CheckRelationLockedByMe(index, AccessExclusiveLock, false);
}

}  // namespace

void note_scan(Relation index, MemoryContext context) {
    OpenScan* scan = static_cast<OpenScan*>(MemoryContextAllocZero(context, sizeof(OpenScan)));
    scan->index = RelationGetRelid(index);
    scan->next = open_scans;
    scan->link = &open_scans;
    if (open_scans != nullptr) {
        open_scans->link = &scan->next;
    }
    open_scans = scan;
    scan->callback.func = forget_scan;
    scan->callback.arg = scan;
    MemoryContextRegisterResetCallback(context, &scan->callback);
}

bool Readers::none() {
    if (none_ == Answer::unknown) {
        const bool some = !is_locked_for_all(index_) &&
                          (has_own_scan(index_) || is_locked_by_others(index_) || has_standbys());
        none_ = some ? Answer::no : Answer::yes;
    }
    return none_ == Answer::yes;
}

bool Readers::may_read(uint64 retired_at) {
    return retired_at != 0 &&
           !GlobalVisCheckRemovableFullXid(nullptr, FullTransactionIdFromU64(retired_at)) &&
           !none();
}

}  // namespace vecdot::index
