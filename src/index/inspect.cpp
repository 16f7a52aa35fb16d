// The SQL functions that look into an index: opening it and its table, and who may.
//
// Who may: vecdot_index_check() whoever may VACUUM the table, its owner that is (from PostgreSQL 17
// on also with MAINTAIN); it runs the functions of index expressions as the table's owner.
#include "index/check.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecdot::index {

namespace {

// An index and its table, locked in the order in which all do it.
struct OpenIndex {
    Relation heap;
    Relation index;
};

[[noreturn]] void wrong_object(Oid relation, const char* what) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not %s", get_rel_name(relation), what)));
    pg_unreachable();
}

// Raises an ERROR unless the index is one of ours whose pages this session may read.
OpenIndex open_index(Oid relation, LOCKMODE lock) {
    const char kind = get_rel_relkind(relation);
    if (kind == '\0') {
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("relation with OID %u does not exist", relation)));
    }
    if (kind == RELKIND_PARTITIONED_INDEX) {
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("index \"%s\" is partitioned", get_rel_name(relation)),
                        errhint("Take the indexes of its partitions: "
                                "SELECT * FROM pg_partition_tree('%s') WHERE isleaf.",
                                get_rel_name(relation))));
    }
    if (kind != RELKIND_INDEX) {
        wrong_object(relation, "an index");
    }
    const Oid heap = IndexGetRelation(relation, false);
    OpenIndex open{};
    open.heap = table_open(heap, lock);
    open.index = index_open(relation, lock);
    // Before the table was locked the index may have gone and its OID be another's.
    if (heap != IndexGetRelation(relation, true)) {
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("could not open the table of index \"%s\"",
                               RelationGetRelationName(open.index))));
    }
    if (open.index->rd_rel->relam != get_index_am_oid("vecdot", false)) {
        wrong_object(relation, "a vecdot index");
    }
    if (RELATION_IS_OTHER_TEMP(open.index)) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot access temporary tables of other sessions")));
    }
    if (!open.index->rd_index->indisvalid) {
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" is not valid", RelationGetRelationName(open.index)),
                        errhint("REINDEX it, or drop it.")));
    }
    return open;
}

void close_index(const OpenIndex& open, LOCKMODE lock) {
    index_close(open.index, lock);
    table_close(open.heap, lock);
}

// An unlogged index has no pages on a standby.
bool is_readable(const OpenIndex& open) {
    return open.index->rd_rel->relpersistence != RELPERSISTENCE_UNLOGGED || !RecoveryInProgress();
}

bool may_maintain(Oid table) {
#if PG_VERSION_NUM >= 170000
    return pg_class_aclcheck(table, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK;
#elif PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, table, GetUserId());
#else
    return pg_class_ownercheck(table, GetUserId());
#endif
}

void require_maintainer(const OpenIndex& open) {
    if (!may_maintain(RelationGetRelid(open.heap))) {
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("permission denied for index %s", RelationGetRelationName(open.index)),
                 errdetail("Only who may VACUUM table \"%s\" may check its indexes.",
                           RelationGetRelationName(open.heap))));
    }
}

// Expressions of an index run as the table's owner, who chose them, and can't change the session.
struct Identity {
    Oid user;
    int context;
    int settings;
};

Identity become_owner(Relation heap) {
    Identity was{};
    GetUserIdAndSecContext(&was.user, &was.context);
    SetUserIdAndSecContext(heap->rd_rel->relowner, was.context | SECURITY_RESTRICTED_OPERATION);
    was.settings = NewGUCNestLevel();
#if PG_VERSION_NUM >= 170000
    RestrictSearchPath();
#endif
    return was;
}

void become(const Identity& was) {
    AtEOXact_GUC(false, was.settings);
    SetUserIdAndSecContext(was.user, was.context);
}

// An old snapshot of a transaction may see row versions that this index was built without.
void check_snapshot(const OpenIndex& open, Snapshot snapshot) {
    if (IsolationUsesXactSnapshot() && open.index->rd_index->indcheckxmin &&
        !TransactionIdPrecedes(HeapTupleHeaderGetXmin(open.index->rd_indextuple->t_data),
                               snapshot->xmin)) {
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("index \"%s\" cannot be verified using transaction snapshot",
                               RelationGetRelationName(open.index))));
    }
}

void check_index(Oid relation, bool heap_all_indexed) {
    const OpenIndex open = open_index(relation, AccessShareLock);
    require_maintainer(open);
    if (!is_readable(open)) {
        ereport(NOTICE, (errmsg("cannot check unlogged index \"%s\" during recovery, skipping",
                                RelationGetRelationName(open.index))));
        close_index(open, AccessShareLock);
        return;
    }
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot index check", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    // It also keeps replaced cells' blocks from being reused before we have read them.
    const Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
    if (heap_all_indexed) {
        check_snapshot(open, snapshot);
    }
    const Identity was = become_owner(open.heap);
    const Census census = take_census(open.index);
    HeapCheck* heap =
        heap_all_indexed ? begin_heap_check(open.heap, open.index, census, snapshot) : nullptr;
    check_rows(open.heap, open.index, census, heap);
    if (heap != nullptr) {
        end_heap_check(heap);
    }
    become(was);
    UnregisterSnapshot(snapshot);
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
    close_index(open, AccessShareLock);
}

}  // namespace

}  // namespace vecdot::index

VECDOT_FUNCTION(vecdot_index_check) {
    vecdot::index::check_index(PG_GETARG_OID(0), PG_GETARG_BOOL(1));
    PG_RETURN_VOID();
}
