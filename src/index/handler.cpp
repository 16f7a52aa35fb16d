// The access method's face to PostgreSQL.
#include "index/access.hpp"
#include "index/storage.hpp"
#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/reloptions.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

// WITH (seed = n): what the rotation and the sampling start from.
struct Options {
    int32 vl_len_;
    int seed;
};

}  // namespace

algo::Metric metric_of(Relation index) {
    FmgrInfo* procedure = index_getprocinfo(index, 1, 1);
    return static_cast<algo::Metric>(
        DatumGetInt32(FunctionCall1Coll(procedure, InvalidOid, PointerGetDatum(nullptr))));
}

uint64 seed_of(Relation index) {
    constexpr uint64 golden = 0x9e3779b97f4a7c15;
    const Options* set = reinterpret_cast<const Options*>(index->rd_options);
    return golden * (1 + static_cast<uint64>(set == nullptr ? 0 : set->seed));
}

int dimensions_of(Relation index) {
    const int dimensions = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
    if (dimensions < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("column does not have dimensions"),
                        errhint("Declare it as vector(n), or index an expression such as "
                                "(embedding::vector(n)).")));
    }
    return dimensions;
}

namespace {

bool insert_tuple(Relation index, Datum* values, bool* is_null, ItemPointer tid, Relation,
                  IndexUniqueCheck, bool, IndexInfo*) {
    return pg::guard([&] {
        // A backend inserts many rows in one context: give back what each took.
        MemoryContext memory =
            AllocSetContextCreate(CurrentMemoryContext, "vecdot insert", ALLOCSET_DEFAULT_SIZES);
        MemoryContext old = MemoryContextSwitchTo(memory);
        insert(index, tid, is_null[0], values[0]);
        MemoryContextSwitchTo(old);
        MemoryContextDelete(memory);
        return false;
    });
}

bytea* options(Datum reloptions, bool validate) {
    // Registered when an index first asks: the library may be loaded for the type alone.
    static relopt_kind kind = RELOPT_KIND_LOCAL;
    if (kind == RELOPT_KIND_LOCAL) {
        const relopt_kind added = add_reloption_kind();
        add_int_reloption(added, "seed", "Seed of the index's random numbers", 0, 0, PG_INT32_MAX,
                          AccessExclusiveLock);
        kind = added;
    }
    static const relopt_parse_elt known[] = {
        {"seed", RELOPT_TYPE_INT, offsetof(Options, seed)},
    };
    return static_cast<bytea*>(
        build_reloptions(reloptions, validate, kind, sizeof(Options), known, lengthof(known)));
}

char* build_phase_name(int64 phase) {
    switch (phase) {
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
            return const_cast<char*>("sampling the table");
        case 2:
            return const_cast<char*>("finding cells");
        case 3:
            return const_cast<char*>("encoding rows");
        case 4:
            return const_cast<char*>("writing cells");
        case 5:
            return const_cast<char*>("calibrating recall");
        default:
            return nullptr;
    }
}

bool validate(Oid) {
    return true;
}

IndexBuildResult* guarded_build(Relation heap, Relation index, IndexInfo* info) {
    return pg::guard([&] { return build(heap, index, info); });
}

void guarded_build_empty(Relation index) {
    pg::guard([&] { build_empty(index); });
}

IndexBulkDeleteResult* guarded_bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                           IndexBulkDeleteCallback callback, void* state) {
    return pg::guard([&] { return bulk_delete(info, stats, callback, state); });
}

IndexBulkDeleteResult* guarded_vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
    return pg::guard([&] { return vacuum_cleanup(info, stats); });
}

void guarded_estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup,
                           Cost* total, Selectivity* selectivity, double* correlation,
                           double* pages) {
    pg::guard([&] {
        estimate_cost(root, path, loop_count, startup, total, selectivity, correlation, pages);
        if (loses_row_address(path)) {
            // Beyond what several disabled nodes cost. Finite, for a LIMIT calculates with it.
            *startup = *total = 1e15;
#if PG_VERSION_NUM >= 180000
            path->path.disabled_nodes = 4;
#endif
        }
    });
}

IndexScanDesc guarded_begin_scan(Relation index, int keys, int order_bys) {
    return pg::guard([&] { return begin_scan(index, keys, order_bys); });
}

void guarded_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys,
                    int order_by_count) {
    pg::guard([&] { rescan(scan, keys, key_count, order_bys, order_by_count); });
}

bool guarded_get_tuple(IndexScanDesc scan, ScanDirection direction) {
    return pg::guard([&] { return get_tuple(scan, direction); });
}

void guarded_end_scan(IndexScanDesc scan) {
    pg::guard([&] { end_scan(scan); });
}

}  // namespace

}  // namespace vecdot::index

using namespace vecdot;

VECDOT_FUNCTION(vecdot_handler) {
    IndexAmRoutine* am = makeNode(IndexAmRoutine);
    am->amstrategies = 0;
    am->amsupport = 1;
    am->amoptsprocnum = 0;
    am->amcanorder = false;
    am->amcanorderbyop = true;
    am->amcanbackward = false;
    am->amcanunique = false;
    am->amcanmulticol = false;
    am->amoptionalkey = true;
    am->amsearcharray = false;
    am->amsearchnulls = false;
    am->amstorage = false;
    am->amclusterable = false;
    am->ampredlocks = false;
    am->amcanparallel = false;
    am->amcaninclude = false;
    am->amusemaintenanceworkmem = false;
    am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
    am->amkeytype = InvalidOid;
    am->ambuild = index::guarded_build;
    am->ambuildempty = index::guarded_build_empty;
    am->aminsert = index::insert_tuple;
    am->ambulkdelete = index::guarded_bulk_delete;
    am->amvacuumcleanup = index::guarded_vacuum_cleanup;
    am->amcostestimate = index::guarded_estimate_cost;
    am->amoptions = index::options;
    am->ambuildphasename = index::build_phase_name;
    am->amvalidate = index::validate;
    am->ambeginscan = index::guarded_begin_scan;
    am->amrescan = index::guarded_rescan;
    am->amgettuple = index::guarded_get_tuple;
    am->amendscan = index::guarded_end_scan;
    PG_RETURN_POINTER(am);
}

VECDOT_FUNCTION(vecdot_metric_l2) {
    PG_RETURN_INT32(static_cast<int32>(algo::Metric::l2));
}

VECDOT_FUNCTION(vecdot_metric_cosine) {
    PG_RETURN_INT32(static_cast<int32>(algo::Metric::cosine));
}

VECDOT_FUNCTION(vecdot_metric_inner_product) {
    PG_RETURN_INT32(static_cast<int32>(algo::Metric::inner_product));
}
