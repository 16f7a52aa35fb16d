// The access methods' face to PostgreSQL: vecdot, and in pgvector's place hnsw and ivfflat, which
// differ in their options only.
#include "index/am/handler.hpp"
#include "engine/space.hpp"
#include "index/am/cost.hpp"
#include "index/am/insert.hpp"
#include "index/am/order.hpp"
#include "index/am/row_address.hpp"
#include "index/am/scan.hpp"
#include "index/am/vacuum.hpp"
#include "index/build/build.hpp"
#include "index/opclass.hpp"
#include "index/options.hpp"
#include "pg/guard.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "catalog/index.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace vecdot::index {

namespace {

bool insert_tuple(Relation index, Datum* values, bool* is_null, ItemPointer tid, Relation table,
                  IndexUniqueCheck, bool, IndexInfo*) {
    return pg::guard([&] {
        insert(index, table, tid, values, is_null);
        return false;
    });
}

// Says what is wrong with an operator class, as amvalidate() is to do.
void complain(const char* what, const char* family, Oid object, bool is_operator, bool* valid) {
    ereport(INFO,
            (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
             errmsg("operator family \"%s\" of access method %s contains %s %s", family, "vecdot",
                    is_operator ? format_operator(object) : format_procedure(object), what)));
    *valid = false;
}

bool property(Oid, int column, IndexAMProperty property, const char*, bool* result, bool* is_null) {
    if (column == 0 || property != AMPROP_DISTANCE_ORDERABLE) {
        return false;
    }
    // Only the vector's, which is the first.
    *result = column == 1;
    *is_null = false;
    return true;
}

// The operators and functions of an operator class's family.
struct Family {
    const char* name;
    Oid input;  // the class's type
    CatCList* operators;
    CatCList* functions;
    bool has_vector_function;
    bool has_key_function;
};

bool validate_functions(Family* family) {
    bool valid = true;
    for (int i = 0; i < family->functions->n_members; ++i) {
        const FormData_pg_amproc* function = reinterpret_cast<const FormData_pg_amproc*>(
            GETSTRUCT(&family->functions->members[i]->tuple));
        const bool is_own =
            function->amproclefttype == family->input && function->amprocrighttype == family->input;
        if (function->amprocnum != vector_support && function->amprocnum != key_support) {
            complain("with an invalid support number", family->name, function->amproc, false,
                     &valid);
        } else if (!check_amproc_signature(function->amproc, INTERNALOID, true, 1, 1,
                                           INTERNALOID)) {
            complain("with a wrong signature", family->name, function->amproc, false, &valid);
        }
        family->has_vector_function |= is_own && function->amprocnum == vector_support;
        family->has_key_function |= is_own && function->amprocnum == key_support;
    }
    return valid;
}

// One that orders by a distance, or of a key column one that compares: the strategies are btree's.
bool validate_operator(const Family& family, const FormData_pg_amop* entry) {
    const bool is_key = family.has_key_function;
    const StrategyNumber last = is_key ? BTGreaterStrategyNumber : 1;
    bool valid = true;
    if (entry->amopstrategy < 1 || entry->amopstrategy > last) {
        complain("with an invalid strategy number", family.name, entry->amopopr, true, &valid);
    } else if (is_key ? entry->amoppurpose != AMOP_SEARCH
                      : entry->amoppurpose != AMOP_ORDER ||
                            !opfamily_can_sort_type(entry->amopsortfamily, FLOAT8OID)) {
        complain(is_key ? "that is not for WHERE" : "that is not for ORDER BY of a float8",
                 family.name, entry->amopopr, true, &valid);
    } else if (!check_amop_signature(entry->amopopr, is_key ? BOOLOID : FLOAT8OID,
                                     entry->amoplefttype, entry->amoprighttype)) {
        complain("with a wrong signature", family.name, entry->amopopr, true, &valid);
    }
    return valid;
}

// An operator class of a vector has one ordering operator, strategy 1, that gives a float8, and
// support function 1, which tells what index/opclass.hpp says. One of a key column has comparisons,
// = at least, and support function 2, which tells how keys are made (index/storage/keys.cpp).
bool validate(Oid opclass) {
    HeapTuple class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
    if (!HeapTupleIsValid(class_tuple)) {
        elog(ERROR, "cache lookup failed for operator class %u", opclass);
    }
    const FormData_pg_opclass* form =
        reinterpret_cast<const FormData_pg_opclass*>(GETSTRUCT(class_tuple));
    const char* name = pstrdup(NameStr(form->opcname));
    HeapTuple family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(form->opcfamily));
    if (!HeapTupleIsValid(family_tuple)) {
        elog(ERROR, "cache lookup failed for operator family %u", form->opcfamily);
    }
    const char* family = pstrdup(
        NameStr(reinterpret_cast<const FormData_pg_opfamily*>(GETSTRUCT(family_tuple))->opfname));
    ReleaseSysCache(family_tuple);
    Family members{};
    members.name = family;
    members.input = form->opcintype;
    members.operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(form->opcfamily));
    members.functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(form->opcfamily));
    ReleaseSysCache(class_tuple);
    bool valid = validate_functions(&members);
    bool has_operator = false;
    for (int i = 0; i < members.operators->n_members; ++i) {
        const FormData_pg_amop* entry = reinterpret_cast<const FormData_pg_amop*>(
            GETSTRUCT(&members.operators->members[i]->tuple));
        valid &= validate_operator(members, entry);
        has_operator |= entry->amoplefttype == members.input &&
                        entry->amoprighttype == members.input &&
                        (!members.has_key_function || entry->amopstrategy == BTEqualStrategyNumber);
    }
    ReleaseCatCacheList(members.functions);
    ReleaseCatCacheList(members.operators);
    const char* lacking = !has_operator ? members.has_key_function ? "lacks the operator ="
                                                                   : "lacks an ordering operator"
                          : members.has_vector_function == members.has_key_function
                              ? members.has_key_function ? "has support functions 1 and 2"
                                                         : "lacks support function 1"
                              : nullptr;
    if (lacking != nullptr) {
        ereport(INFO,
                (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                 errmsg("operator class \"%s\" of access method %s %s", name, "vecdot", lacking)));
        valid = false;
    }
    return valid;
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
        // The scan tells the first key's value only, and the executor takes NULL and NULL for equal
        // whatever the second says.
        const bool has_one_key = list_length(path->indexorderbys) <= 1;
        if (!has_one_key || loses_row_address(path->indexinfo->rel)) {
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

bool is_our_index(const IndexOptInfo* index) {
    return reinterpret_cast<void*>(index->amcostestimate) ==
           reinterpret_cast<void*>(guarded_estimate_cost);
}

bool is_our_index(Relation index) {
    return index->rd_indam->amcostestimate == guarded_estimate_cost;
}

namespace {

// has_keys: whether there may be key columns.
IndexAmRoutine* access_method(amoptions_function options, bool has_keys) {
    IndexAmRoutine* am = makeNode(IndexAmRoutine);
    am->amstrategies = 0;
    am->amsupport = 2;
    am->amoptsprocnum = 0;
    am->amcanorder = false;
    am->amcanorderbyop = true;
    am->amcanbackward = false;
    am->amcanunique = false;
    am->amcanmulticol = has_keys;
    am->amoptionalkey = true;
    am->amsearcharray = has_keys;
    am->amsearchnulls = has_keys;
    am->amstorage = false;
    am->amclusterable = false;
    am->ampredlocks = false;
    am->amcanparallel = false;
#if PG_VERSION_NUM >= 170000
    am->amcanbuildparallel = true;
#endif
    am->amcaninclude = false;
    am->amusemaintenanceworkmem = false;
    // A vacuum with workers can't cut off the file's end (shrink.cpp). With a primary key and one
    // index of ours there would be workers if ours took part.
    am->amparallelvacuumoptions = VACUUM_OPTION_NO_PARALLEL;
    am->amkeytype = InvalidOid;
    am->ambuild = guarded_build;
    am->ambuildempty = guarded_build_empty;
    am->aminsert = insert_tuple;
    am->ambulkdelete = guarded_bulk_delete;
    am->amvacuumcleanup = guarded_vacuum_cleanup;
    am->amcostestimate = guarded_estimate_cost;
    am->amoptions = options;
    am->ambuildphasename = build_phase_name;
    am->amproperty = property;
    am->amvalidate = validate;
    am->ambeginscan = guarded_begin_scan;
    am->amrescan = guarded_rescan;
    am->amgettuple = guarded_get_tuple;
    am->amendscan = guarded_end_scan;
    return am;
}

}  // namespace

}  // namespace vecdot::index

using namespace vecdot;

VECDOT_FUNCTION(vecdot_handler) {
    PG_RETURN_POINTER(index::access_method(index::options, true));
}

VECDOT_FUNCTION(vecdot_hnsw_handler) {
    PG_RETURN_POINTER(index::access_method(index::hnsw_options, false));
}

VECDOT_FUNCTION(vecdot_ivfflat_handler) {
    PG_RETURN_POINTER(index::access_method(index::ivfflat_options, false));
}
