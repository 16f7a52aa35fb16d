// Upkeep in a background worker. An inserter who finds some due asks for a worker and goes on; it
// does what he would have done, in transactions of its own, for as long as there is something to
// do, and ends a second after.
//
// - One worker an index: it holds a page lock of the index, across its transactions, that nobody
//   waits for. Who asks looks whether it is held. Should two have asked, the second worker ends.
// - It takes the locks that an inserter has on the table and the index, if it gets them at once.
//   For the server it is a worker of autovacuum: whoever waits for one of these for longer than
//   deadlock_timeout (DROP INDEX) cancels it, and DROP DATABASE ends it. What it leaves unfinished
//   the next holder of the structure lock ends, as after any other cancelled upkeep.
// - Where no worker is to be had, or it does not get to it, inserters do what a search can't wait
//   for. They do all of it where nobody else can see the index or its rows: temporary tables, a
//   relation that their own transaction has made; and where nobody waits for a single row, in
//   statements of many.
//
// Nothing is preloaded: the server starts a worker from the file that this library was loaded from.
#include "index/am/background.hpp"

#include <dlfcn.h>

#include "engine/growth.hpp"
#include "index/am/handler.hpp"
#include "index/storage/meta.hpp"
#include "index/upkeep/split.hpp"
#include "index/upkeep/table_rows.hpp"
#include "pg/delay_point.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PGDLLEXPORT void vecdot_background_upkeep(Datum);
}

namespace vecdot::index {

namespace {

constexpr BlockNumber worker_lock = 2;

// Rows of one statement after which it does its own upkeep.
constexpr uint32 rows_of_many = 256;

// Milliseconds: how long a worker stays that has nothing to do, and its pauses between looks.
constexpr int linger = 1000;
constexpr long pause_when_busy = 2;
constexpr long least_pause = 10;

// Before an inserter asks again for a worker that has ended, and looks again whether there is one.
constexpr int pause_of_asker = 1000;
constexpr int trust_of_asker = 20;

constexpr int tries_of_claim = 20;  // a millisecond apart

// What the worker is to be told.
struct Errand {
    Oid database;
    Oid index;
    int memory;  // maintenance_work_mem of who asks
};
static_assert(sizeof(Errand) <= BGW_EXTRALEN);

// Statements are told apart by these two.
struct Statement {
    LocalTransactionId transaction;
    CommandId command;
    uint32 rows;
};
Statement statement;

// The worker that this process has asked for last.
struct Asked {
    Oid index;
    BackgroundWorkerHandle* handle;  // null: it has seen one of somebody else's
    TimestampTz until;               // nothing is asked before
};
Asked asked;

LocalTransactionId local_transaction() {
#if PG_VERSION_NUM >= 170000
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

bool is_made_here(Relation relation) {
#if PG_VERSION_NUM >= 160000
    const SubTransactionId rewritten = relation->rd_firstRelfilelocatorSubid;
#else
    const SubTransactionId rewritten = relation->rd_firstRelfilenodeSubid;
#endif
    return relation->rd_createSubid != InvalidSubTransactionId ||
           rewritten != InvalidSubTransactionId;
}

// Whether another process can do it.
bool is_for_background(Relation index, Relation table) {
    return pg::background_upkeep_setting() && IsUnderPostmaster && statement.rows <= rows_of_many &&
           index->rd_rel->relpersistence != RELPERSISTENCE_TEMP && !is_made_here(index) &&
           !is_made_here(table);
}

LOCKTAG lock_of_worker(Oid index) {
    LOCKTAG tag;
    SET_LOCKTAG_PAGE(tag, MyDatabaseId, index, worker_lock);
    return tag;
}

bool has_worker(Oid index) {
    const LOCKTAG tag = lock_of_worker(index);
    if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL) {
        return true;
    }
    LockRelease(&tag, ShareLock, false);
    return false;
}

// The file that this function is in; its name alone, which the server looks for, if the whole is
// too long for it.
bool find_library(char* name, Size size) {
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(vecdot_background_upkeep), &info) == 0) {
        return false;
    }
    const char* file = strrchr(info.dli_fname, '/');
    return strlcpy(name, info.dli_fname, size) < size ||
           (file != nullptr && strlcpy(name, file + 1, size) < size);
}

BackgroundWorkerHandle* start_worker(Relation index) {
    BackgroundWorker worker{};
    const Errand errand{MyDatabaseId, RelationGetRelid(index), maintenance_work_mem};
    snprintf(worker.bgw_name, sizeof worker.bgw_name, "vecdot upkeep of index %u", errand.index);
    strlcpy(worker.bgw_type, "vecdot upkeep", sizeof worker.bgw_type);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(worker.bgw_function_name, "vecdot_background_upkeep", sizeof worker.bgw_function_name);
    memcpy(worker.bgw_extra, &errand, sizeof errand);
    BackgroundWorkerHandle* handle = nullptr;
    if (!find_library(worker.bgw_library_name, sizeof worker.bgw_library_name)) {
        return nullptr;
    }
    const MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
    RegisterDynamicBackgroundWorker(&worker, &handle);
    MemoryContextSwitchTo(old);
    return handle;
}

bool is_running(BackgroundWorkerHandle* handle) {
    pid_t pid;
    const BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);
    return status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED;
}

TimestampTz in_milliseconds(int milliseconds) {
    return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

}  // namespace

void note_row() {
    const LocalTransactionId transaction = local_transaction();
    const CommandId command = GetCurrentCommandId(false);
    if (statement.transaction != transaction || statement.command != command) {
        statement = {transaction, command, 0};
    }
    statement.rows += 1;
}

bool leave_to_background(Relation index, Relation table) {
    if (!is_for_background(index, table)) {
        return false;
    }
    const Oid oid = RelationGetRelid(index);
    if (asked.index == oid && asked.until > GetCurrentTimestamp()) {
        return true;
    }
    const bool mine = asked.index == oid && asked.handle != nullptr && is_running(asked.handle);
    if (mine || has_worker(oid)) {
        if (asked.handle != nullptr && !mine) {
            pfree(asked.handle);
            asked.handle = nullptr;
        }
        asked.index = oid;
        asked.until = in_milliseconds(trust_of_asker);
        return true;
    }
    if (asked.handle != nullptr) {
        pfree(asked.handle);
        asked = {};
    }
    BackgroundWorkerHandle* handle = start_worker(index);
    if (handle == nullptr) {
        return false;
    }
    asked = {oid, handle, in_milliseconds(pause_of_asker)};
    return true;
}

// The worker.

namespace {

// For the server this process is one of autovacuum's, which gives way to others.
void give_way() {
    LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
    MyProc->statusFlags |= PROC_IS_AUTOVACUUM;
    ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
    LWLockRelease(ProcArrayLock);
}

// As a worker of autovacuum has them: a role's or a database's settings are for sessions.
void set_settings(const Errand& errand) {
    char memory[16];
    snprintf(memory, sizeof memory, "%d", errand.memory);
    SetConfigOption("maintenance_work_mem", memory, PGC_SUSET, PGC_S_OVERRIDE);
    for (const char* name :
         {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}) {
        SetConfigOption(name, "0", PGC_SUSET, PGC_S_OVERRIDE);
    }
#if PG_VERSION_NUM >= 170000
    SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#endif
    SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
}

// Waits only for those who look whether somebody has the lock.
bool claim(Oid index) {
    const LOCKTAG tag = lock_of_worker(index);
    for (int i = 0; i < tries_of_claim; ++i) {
        if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) {
            return true;
        }
        pg_usleep(1000);
        CHECK_FOR_INTERRUPTS();
    }
    return false;
}

// The relation with the lock of an inserter; null if it is gone or can't be had at once.
Relation try_open(Oid relation) {
    if (!OidIsValid(relation) || !ConditionalLockRelationOid(relation, RowExclusiveLock)) {
        return nullptr;
    }
    return try_relation_open(relation, NoLock);
}

bool is_still_ours(Relation index, Relation table) {
    return index->rd_rel->relkind == RELKIND_INDEX && is_our_index(index) &&
           index->rd_index->indrelid == RelationGetRelid(table) && index->rd_index->indisready &&
           !RELATION_IS_OTHER_TEMP(index);
}

bool take_turn(Oid index_oid) {
    bool busy = false;
    const Relation table = try_open(IndexGetRelation(index_oid, true));
    const Relation index = table != nullptr ? try_open(index_oid) : nullptr;
    if (index != nullptr && is_still_ours(index, table)) {
        // Whatever the types' own functions do, they do as in a vacuum.
        Oid user;
        int context;
        GetUserIdAndSecContext(&user, &context);
        SetUserIdAndSecContext(table->rd_rel->relowner, SECURITY_RESTRICTED_OPERATION);
        PushActiveSnapshot(GetTransactionSnapshot());
        pg::test_point("upkeep: background");
        busy = keep_up(index, table);
        PopActiveSnapshot();
        SetUserIdAndSecContext(user, context);
    }
    // The locks stay until the transaction ends.
    if (index != nullptr) {
        relation_close(index, NoLock);
    }
    if (table != nullptr) {
        relation_close(table, NoLock);
    }
    return busy;
}

void run(Oid index) {
    if (!claim(index)) {
        return;
    }
    read_uncommitted_rows();
    TimestampTz end = in_milliseconds(linger);
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        const TimestampTz start = GetCurrentTimestamp();
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        pgstat_report_activity(STATE_RUNNING, MyBgworkerEntry->bgw_name);
        const bool busy = take_turn(index);
        CommitTransactionCommand();
        pgstat_report_activity(STATE_IDLE, nullptr);
        pgstat_report_stat(true);
        const TimestampTz now = GetCurrentTimestamp();
        if (busy) {
            end = in_milliseconds(linger);
        } else if (now > end) {
            return;
        }
        // A look at a large index costs milliseconds. Vacuum and the verifier look for a gap.
        const long took = TimestampDifferenceMilliseconds(start, now);
        pg::pause(busy ? pause_when_busy : Max(least_pause, 10 * took));
    }
}

// Not being able to go on is no error of anybody's: somebody wanted a lock, or the transaction
// whose row was being read has ended, and its values with it.
bool is_quiet_end(int sqlstate) {
    return sqlstate == ERRCODE_QUERY_CANCELED ||
           (sqlstate == ERRCODE_DATA_CORRUPTED && is_reading_uncommitted());
}

}  // namespace

}  // namespace vecdot::index

using namespace vecdot;

void vecdot_background_upkeep(Datum) {
    index::Errand errand;
    memcpy(&errand, MyBgworkerEntry->bgw_extra, sizeof errand);
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(errand.database, InvalidOid,
                                              BGWORKER_BYPASS_ALLOWCONN);
    index::give_way();
    index::set_settings(errand);
    PG_TRY();
    {
        pg::guard([&] { index::run(errand.index); });
    }
    PG_CATCH();
    {
        if (!index::is_quiet_end(geterrcode())) {
            PG_RE_THROW();
        }
        InterruptHoldoffCount = InterruptHoldoffCount + 1;
        MemoryContextSwitchTo(TopMemoryContext);
        const ErrorData* error = CopyErrorData();
        FlushErrorState();
        ereport(DEBUG1, (errmsg_internal("upkeep of index %u has ended early: %s", errand.index,
                                         error->message)));
    }
    PG_END_TRY();
    proc_exit(0);
}
