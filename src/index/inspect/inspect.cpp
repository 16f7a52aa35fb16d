// The SQL functions that look into an index: opening it and its table, and who may.
//
// Who may: vecdot_index_check() whoever may VACUUM the table, that is its owner (from PostgreSQL 17
// on also with MAINTAIN); vecdot_index_info(), which tells sizes and numbers of rows, these,
// whoever may read the table or statistics; vecdot_index_recall() whoever may read all rows of the
// table. Functions of index expressions run as the table's owner.
#include "index/am/handler.hpp"
#include "index/inspect/check.hpp"
#include "index/options.hpp"
#include "index/storage/meta.hpp"
#include "index/storage/readers.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
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
    if (!is_our_index(open.index)) {
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
    // What the functions read stays, even if an expression of the index that they compute adds
    // rows.
    note_scan(open.index, CurrentMemoryContext);
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

bool may_select(const OpenIndex& open) {
    const Oid table = RelationGetRelid(open.heap);
    return pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

// Memory, snapshot and identity of one call. The snapshot also keeps the blocks of replaced cells
// from being reused while they are read.
// use(snapshot) as the owner of the table, in a memory context of its own; closes the index.
template <typename Use>
void inspect(const OpenIndex& open, Use use) {
    const Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
    const Identity was = become_owner(open.heap);
    pg::in_context("vecdot index inspection", [&] { use(snapshot); });
    become(was);
    UnregisterSnapshot(snapshot);
    close_index(open, AccessShareLock);
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
    inspect(open, [&](Snapshot snapshot) {
        HeapCheck* heap = nullptr;
        if (heap_all_indexed) {
            check_snapshot(open, snapshot);
        }
        const Census census = take_census(open.index);
        if (heap_all_indexed) {
            heap = begin_heap_check(open.heap, open.index, census, snapshot);
        }
        check_rows(open.heap, open.index, census, heap);
        if (heap != nullptr) {
            end_heap_check(heap);
        }
    });
}

void require_readable(const OpenIndex& open) {
    if (!is_readable(open)) {
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("unlogged index \"%s\" cannot be read during recovery",
                               RelationGetRelationName(open.index))));
    }
}

[[noreturn]] void denied(const OpenIndex& open) {
    aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(open.heap));
    pg_unreachable();
}

const char* metric_name(uint32 metric) {
    switch (static_cast<engine::Metric>(metric)) {
        case engine::Metric::l2:
            return "l2";
        case engine::Metric::cosine:
            return "cosine";
        case engine::Metric::hamming:
            return "hamming";
        case engine::Metric::inner_product:
            break;
    }
    return "inner product";
}

// The columns of a record, one after another.
struct Columns {
    static constexpr int most = 32;
    Datum values[most];
    bool nulls[most];
    int count;

    void add(Datum value) {
        Assert(count < most);
        nulls[count] = false;
        values[count++] = value;
    }
    void add_blocks(uint64 blocks) { add(Int64GetDatum(static_cast<int64>(blocks * BLCKSZ))); }
    void add_big(uint64 value) { add(Int64GetDatum(static_cast<int64>(value))); }
    void add_float(double value) { add(Float8GetDatum(value)); }
};

Datum make_record(FunctionCallInfo fcinfo, Columns* columns) {
    TupleDesc type;
    if (get_call_result_type(fcinfo, nullptr, &type) != TYPEFUNC_COMPOSITE) {
        elog(ERROR, "return type must be a row type");
    }
    if (type->natts != columns->count) {
        elog(ERROR, "the function's declaration has %d columns instead of %d", type->natts,
             columns->count);
    }
    return HeapTupleGetDatum(
        heap_form_tuple(BlessTupleDesc(type), columns->values, columns->nulls));
}

Datum index_info(FunctionCallInfo fcinfo) {
    const OpenIndex open = open_index(PG_GETARG_OID(0), AccessShareLock);
    if (!may_select(open) && !may_maintain(RelationGetRelid(open.heap)) &&
        !has_privs_of_role(GetUserId(), ROLE_PG_STAT_SCAN_TABLES)) {
        denied(open);
    }
    require_readable(open);
    Counters counters;
    Meta meta;
    inspect(open, [&](Snapshot) {
        const Census census = take_census(open.index);
        counters = count(census);
        meta = census.meta;
    });
    engine::Calibration calibration;
    memcpy(&calibration, meta.calibration, sizeof calibration);

    Columns columns{};
    columns.add(Int32GetDatum(meta.parameters.version));
    columns.add(CStringGetTextDatum(metric_name(meta.parameters.metric)));
    columns.add(Int32GetDatum(meta.parameters.dimensions));
    columns.add(Int32GetDatum(meta.parameters.padded));
    columns.add(Int32GetDatum(meta.parameters.refine_bits));
    columns.add_big(counters.rows);
    columns.add_big(counters.dead);
    columns.add_big(counters.loose_rows);
    columns.add_big(counters.undefined_rows);
    columns.add_big(counters.null_rows);
    columns.add(Int32GetDatum(counters.cells));
    columns.add(Int32GetDatum(counters.smallest_cell));
    columns.add(Int32GetDatum(counters.median_cell));
    columns.add_float(counters.mean_cell);
    columns.add(Int32GetDatum(counters.large_cell));
    columns.add(Int32GetDatum(counters.largest_cell));
    columns.add_blocks(counters.sign_blocks);
    columns.add_blocks(counters.refine_blocks);
    columns.add_blocks(counters.key_blocks);
    columns.add_blocks(counters.address_blocks);
    columns.add_blocks(counters.head_blocks);
    columns.add_blocks(counters.directory_blocks);
    columns.add_blocks(counters.free_blocks);
    columns.add_blocks(counters.total_blocks);
    columns.add(Int32GetDatum(calibration.queries));
    columns.add_big(calibration.rows);
    return make_record(fcinfo, &columns);
}

void check_range(int32 value, int32 most, const char* name) {
    if (value < 1 || value > most) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s must be between 1 and %d, not %d", name, most, value)));
    }
}

Datum index_recall(FunctionCallInfo fcinfo) {
    constexpr int32 most = 10000;
    const int32 k = PG_GETARG_INT32(1);
    const int32 queries = PG_GETARG_INT32(2);
    check_range(k, most, "k");
    check_range(queries, most, "queries");
    const OpenIndex open = open_index(PG_GETARG_OID(0), AccessShareLock);
    if (!may_select(open)) {
        denied(open);
    }
    if (check_enable_rls(RelationGetRelid(open.heap), InvalidOid, false) == RLS_ENABLED) {
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("row-level security hides rows of table \"%s\"",
                               RelationGetRelationName(open.heap)),
                        errdetail("Recall is measured over all rows.")));
    }
    require_readable(open);
    Meta meta;
    read_meta(open.index, &meta);
    const uint64 needed =
        static_cast<uint64>(queries) *
        (static_cast<uint64>(k) * sizeof(double) + meta.parameters.dimensions * sizeof(float)) /
        1024;
    if (needed > static_cast<uint64>(maintenance_work_mem)) {
        ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("%d queries for %d rows need " UINT64_FORMAT
                               " kB, more than maintenance_work_mem (%d kB)",
                               queries, k, needed, maintenance_work_mem)));
    }
    Measured measured;
    double promised;
    inspect(open, [&](Snapshot snapshot) {
        check_snapshot(open, snapshot);
        measured = measure_recall(open.heap, open.index, snapshot, static_cast<uint32>(k),
                                  static_cast<uint32>(queries));
        promised = recall_of(open.index);
    });

    Columns columns{};
    columns.add_float(promised);
    columns.add(Int32GetDatum(measured.queries));
    const bool has_queries = measured.queries > 0;
    for (const double value : {measured.recall, measured.least, measured.cells, measured.scored,
                               measured.refined, measured.fetched, measured.milliseconds}) {
        columns.add_float(value);
        columns.nulls[columns.count - 1] = !has_queries;
    }
    return make_record(fcinfo, &columns);
}

}  // namespace

}  // namespace vecdot::index

VECDOT_FUNCTION(vecdot_index_check) {
    vecdot::index::check_index(PG_GETARG_OID(0), PG_GETARG_BOOL(1));
    PG_RETURN_VOID();
}

VECDOT_FUNCTION(vecdot_index_info) {
    return vecdot::index::index_info(fcinfo);
}

VECDOT_FUNCTION(vecdot_index_recall) {
    return vecdot::index::index_recall(fcinfo);
}
