// Index scans: engine::Search over the index's pages, one row for each call.
//
// The executor computes the operator's distance of each row that comes with a lower bound and
// reorders; rows whose distance the index knows for sure (NaN, NULL) or that come too late for
// their place are returned as they are.
#include "index/am/scan.hpp"

#include "engine/search.hpp"
#include "index/opclass.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/keys.hpp"
#include "index/storage/pages.hpp"
#include "index/storage/readers.hpp"
#include "index/storage/store.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecdot::index {

namespace {

// What most searches need in all: it stays with the scan, from one rescan to the next.
constexpr Size first_block = 256 * 1024;

// Of one scan descriptor; what a single search needs lives in memory, which each rescan resets.
struct ScanState {
    MemoryContext context;  // of this and of the memory
    MemoryContext memory;
    ScanMode mode;            // the search node's is another than the first
    engine::Search* search;   // null before the first row is asked for
    bool recheck;             // rows may come that don't meet the conditions on key columns
    BlockNumber heap_blocks;  // of the table, when last asked
    bool fetches_all;         // whoever scans fetches each row that comes from the table
    uint64 returned;          // rows of this search
    uint64 asked;             // rows whose blocks have been asked for
};

engine::Query* make_query(IndexScanDesc scan, core::Arena& arena, const Directory& directory) {
    const engine::Space& space = *directory.space;
    const bool is_ordered = scan->numberOfOrderBys > 0;
    const ScanKey key = scan->orderByData;
    if (!is_ordered || (key->sk_flags & SK_ISNULL) != 0) {
        return arena.create<engine::Query>(engine::null_query(space));
    }
    const OperatorClass& operator_class = operator_class_of(scan->indexRelation);
    const core::VectorView vector = operator_class.elements(key->sk_argument);
    check_query_dimensions(operator_class, space.dimension(), vector);
    return arena.create<engine::Query>(
        engine::prepare_query(arena, space, vector, directory.cells.mean_radius()));
}

engine::Search* start_search(IndexScanDesc scan, ScanState* state) {
    if (!IsMVCCSnapshot(scan->xs_snapshot)) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("vecdot indexes can be scanned with MVCC snapshots only")));
    }
    pgstat_count_index_scan(scan->indexRelation);
#if PG_VERSION_NUM >= 180000
    // "Index Searches" of EXPLAIN ANALYZE.
    if (scan->instrument != nullptr) {
        scan->instrument->nsearches += 1;
    }
#endif
    core::Arena arena = pg::arena(state->memory);
    const Directory* directory = open_directory(scan->indexRelation);
    const engine::KeyFilter* filter =
        make_key_filter(scan->indexRelation, directory->parameters.keys, scan->keyData,
                        scan->numberOfKeys, &state->recheck);
    engine::CellStore* store = open_store(scan->indexRelation, *directory, filter);
    engine::SearchOptions options = engine::options_for(state->mode.recall, directory->calibration);
    options.budget = static_cast<std::size_t>(work_mem) * 1024;
    options.late_at_once = state->mode.late_at_once;
    options.nulls_first = state->mode.nulls_first;
    options.undefined_first = state->mode.undefined_first;
    const engine::Query* query = make_query(scan, arena, *directory);
    return arena.create<engine::Search>(arena, *query, directory->cells, *store, options,
                                        pg::interrupt());
}

// An address beyond the table's end would be an error of the file system. The table doesn't get
// shorter while it is open, and VACUUM cuts off only what the index has been told of.
void check_address(IndexScanDesc scan, ScanState* state) {
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&scan->xs_heaptid);
    if (block < state->heap_blocks || scan->heapRelation == nullptr ||
        scan->heapRelation->rd_tableam != GetHeapamTableAmRoutine()) {
        return;
    }
    state->heap_blocks = RelationGetNumberOfBlocks(scan->heapRelation);
    if (block >= state->heap_blocks) {
        ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                        errmsg("index \"%s\" is damaged: an entry leads to block %u of %u of "
                               "table \"%s\"",
                               RelationGetRelationName(scan->indexRelation), block,
                               state->heap_blocks, RelationGetRelationName(scan->heapRelation)),
                        errhint("Please REINDEX it.")));
    }
}

// Has the table's blocks of the rows that are about to come read while this process goes on.
void read_table_ahead(IndexScanDesc scan, ScanState* state) {
    if (state->returned++ < state->asked || !state->fetches_all || scan->heapRelation == nullptr ||
        scan->heapRelation->rd_tableam != GetHeapamTableAmRoutine()) {
        return;
    }
    constexpr int most = 64;
    engine::RowAddress rows[most];
    ReadAhead ahead(scan->heapRelation);
    const std::size_t count =
        state->search->upcoming({rows, static_cast<std::size_t>(Min(ahead.pages, most))});
    for (std::size_t i = 0; i < count; ++i) {
        ItemPointerData tid;
        std::memcpy(&tid, rows[i].tid, sizeof tid);
        ahead.ask(ItemPointerGetBlockNumberNoCheck(&tid), 1, state->heap_blocks);
    }
    state->asked = state->returned + count;
}

}  // namespace

IndexScanDesc begin_scan(Relation index, int keys, int order_bys) {
    IndexScanDesc scan = RelationGetIndexScan(index, keys, order_bys);
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot scan", ALLOCSET_SMALL_SIZES);
    ScanState* state = static_cast<ScanState*>(MemoryContextAllocZero(context, sizeof(ScanState)));
    state->context = context;
    state->memory =
        AllocSetContextCreate(context, "vecdot search", 0, first_block, ALLOCSET_DEFAULT_MAXSIZE);
    note_scan(index, context);
    scan->opaque = state;
    if (order_bys > 0) {
        scan->xs_orderbyvals =
            static_cast<Datum*>(palloc0(sizeof(Datum) * static_cast<Size>(order_bys)));
        scan->xs_orderbynulls =
            static_cast<bool*>(palloc(sizeof(bool) * static_cast<Size>(order_bys)));
        std::memset(scan->xs_orderbynulls, true, sizeof(bool) * static_cast<Size>(order_bys));
    }
    return scan;
}

void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey order_bys, int) {
    ScanState* state = static_cast<ScanState*>(scan->opaque);
    state->search = nullptr;
    state->mode = {};
    state->fetches_all = true;
    state->returned = state->asked = 0;
    MemoryContextReset(state->memory);
    if (keys != nullptr && scan->numberOfKeys > 0) {
        std::memmove(scan->keyData, keys,
                     sizeof(ScanKeyData) * static_cast<Size>(scan->numberOfKeys));
    }
    if (order_bys != nullptr && scan->numberOfOrderBys > 0) {
        std::memmove(scan->orderByData, order_bys,
                     sizeof(ScanKeyData) * static_cast<Size>(scan->numberOfOrderBys));
    }
}

bool get_tuple(IndexScanDesc scan, ScanDirection direction) {
    if (direction != ForwardScanDirection) {
        elog(ERROR, "vecdot indexes are scanned forward only");
    }
    ScanState* state = static_cast<ScanState*>(scan->opaque);
    MemoryContext old = MemoryContextSwitchTo(state->memory);
    if (state->search == nullptr) {
        state->search = start_search(scan, state);
    }
    engine::SearchResult result;
    const bool found = state->search->next(result);
    MemoryContextSwitchTo(old);
    if (!found) {
        return false;
    }
    static_assert(sizeof result.tid == sizeof(ItemPointerData));
    std::memcpy(&scan->xs_heaptid, result.tid, sizeof(ItemPointerData));
    if (!ItemPointerIsValid(&scan->xs_heaptid)) {
        ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                        errmsg("index \"%s\" is damaged: a row has no address",
                               RelationGetRelationName(scan->indexRelation)),
                        errhint("Please REINDEX it.")));
    }
    check_address(scan, state);
    read_table_ahead(scan, state);
    scan->xs_recheck = state->recheck;
    if (scan->numberOfOrderBys > 0) {
        scan->xs_recheckorderby = result.recheck;
        scan->xs_orderbyvals[0] = Float8GetDatum(result.value);
        scan->xs_orderbynulls[0] = result.is_null;
    }
    return true;
}

void set_mode(IndexScanDesc scan, const ScanMode& mode) {
    static_cast<ScanState*>(scan->opaque)->mode = mode;
}

void fetch_few(IndexScanDesc scan) {
    static_cast<ScanState*>(scan->opaque)->fetches_all = false;
}

void end_scan(IndexScanDesc scan) {
    MemoryContextDelete(static_cast<ScanState*>(scan->opaque)->context);
    scan->opaque = nullptr;
}

const engine::SearchWork* scan_work(IndexScanDesc scan) {
    const ScanState* state = static_cast<ScanState*>(scan->opaque);
    return state->search == nullptr ? nullptr : &state->search->work();
}

}  // namespace vecdot::index
