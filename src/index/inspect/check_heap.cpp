// The verifier, third part: the index against its table, both as one snapshot sees them.
//
// Each live entry whose row the snapshot sees is compared with the row: the vector is routed and
// encoded rows must lie within the stored error of it. The addresses of these entries and, in a
// second pass, those of the table's rows are sorted (within maintenance_work_mem, on disk beyond)
// and merged: each must be there once on both sides.
#include "index/inspect/check.hpp"
#include "index/opclass.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/keys.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "utils/tuplesort.h"
}

namespace vecdot::index {

struct HeapCheck {
    Relation heap;
    Relation index;
    Snapshot snapshot;
    const engine::Space* space;
    IndexInfo* info;
    EState* state;
    ExprContext* context;
    ExprState* predicate;  // null: none
    TupleTableSlot* slot;
    IndexFetchTableData* fetch;
    Tuplesortstate* found;   // addresses of entries whose rows are seen
    Tuplesortstate* wanted;  // addresses of the table's rows
    float* rotated;
    KeyColumns keys;
};

namespace {

Tuplesortstate* begin_sort() {
    return tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
                                 Max(64, maintenance_work_mem / 2), nullptr, TUPLESORT_NONE);
}

// The next address; false at the end.
bool next_address(Tuplesortstate* sort, int64* address) {
    Datum value;
    bool is_null;
#if PG_VERSION_NUM >= 160000
    const bool found = tuplesort_getdatum(sort, true, false, &value, &is_null, nullptr);
#else
    const bool found = tuplesort_getdatum(sort, true, &value, &is_null, nullptr);
#endif
    if (found) {
        *address = DatumGetInt64(value);
    }
    return found;
}

void add_address(Tuplesortstate* sort, const ItemPointerData& tid) {
    tuplesort_putdatum(sort, Int64GetDatum(itemptr_encode(const_cast<ItemPointer>(&tid))), false);
}

void take_heap_row(Relation, ItemPointer tid, Datum*, bool*, bool, void* self) {
    add_address(static_cast<HeapCheck*>(self)->wanted, *tid);
}

[[noreturn]] void contradiction(const HeapCheck& check, int64 address, const char* what) {
    ItemPointerData tid;
    itemptr_decode(&tid, address);
    ereport(ERROR,
            (errcode(ERRCODE_INDEX_CORRUPTED),
             errmsg("index \"%s\" is damaged: row (%u,%u) of table \"%s\" %s",
                    RelationGetRelationName(check.index), ItemPointerGetBlockNumber(&tid),
                    ItemPointerGetOffsetNumber(&tid), RelationGetRelationName(check.heap), what),
             errhint("Please REINDEX it.")));
    pg_unreachable();
}

// The kind of row that a cell is for.
engine::RowKind kind_of(const CellView& cell) {
    if ((cell.flags & cell_has_codes) != 0) {
        return (cell.flags & cell_long_rows) != 0 ? engine::RowKind::long_row
                                                  : engine::RowKind::normal;
    }
    return (cell.flags & cell_loose) != 0 ? engine::RowKind::loose : engine::RowKind::undefined;
}

void compare(HeapCheck* check, const StoredRow& row, bool is_null, Datum value) {
    const CellView& cell = *row.cell;
    const bool in_nulls = (cell.flags & cell_nulls) != 0;
    const ItemPointerData& tid = row.tid;
    if (is_null || in_nulls) {
        if (is_null != in_nulls) {
            corrupted(check->index, row.block, "row (%u,%u), %s, is in cell %u",
                      ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid),
                      is_null ? "NULL" : "not NULL", cell.cell);
        }
        return;
    }
    const core::VectorView vector =
        elements_of(operator_class_of(check->index), value, check->space->dimension());
    const engine::RoutedRow routed = check->space->route(vector, check->rotated);
    // A row that was loose when it came stays so, though a later scale would give it a place.
    if (kind_of(cell) == engine::RowKind::loose && routed.kind != engine::RowKind::undefined) {
        return;
    }
    // Nor does one leave the long rows that is only a little shorter than the scale is made for;
    // its last coordinate, which counts for nothing there, may then be missing.
    const bool is_among_long =
        kind_of(cell) == engine::RowKind::long_row && routed.kind == engine::RowKind::normal;
    if (routed.kind != kind_of(cell) && !is_among_long) {
        corrupted(check->index, row.block, "row (%u,%u) is of kind %d in cell %u for kind %d",
                  ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid),
                  static_cast<int>(routed.kind), cell.cell, static_cast<int>(kind_of(cell)));
    }
    if (row.refinement == nullptr) {
        return;
    }
    // In float8: engine::decode_row() would round.
    const double scale = static_cast<double>(row.refine.scale);
    double squared = 0;
    for (std::size_t i = 0; i < check->space->padded(); ++i) {
        const double decoded = static_cast<double>(row.centroid[i]) +
                               scale * (static_cast<int>(row.refinement[i]) - 128);
        const double away = static_cast<double>(check->rotated[i]) - decoded;
        squared += away * away;
        check->rotated[i] = static_cast<float>(away);
    }
    if (is_among_long) {
        const double length = check->space->scaled_norm(check->rotated);
        squared = length * length * (1 - 0x1p-16);
    }
    const double most =
        static_cast<double>(row.refine.error) + static_cast<double>(routed.error) * (1 + 1e-6);
    if (!(std::sqrt(squared) <= most * (1 + 1e-6))) {
        corrupted(check->index, row.block,
                  "the refinement of row (%u,%u), number %u of cell %u, is off by %g, more than %g",
                  ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid), row.number,
                  cell.cell, std::sqrt(squared), most);
    }
}

void compare_keys(const HeapCheck* check, const StoredRow& row, const bool* is_null,
                  const Datum* values) {
    const engine::RowKeys keys = make_keys(check->index, check->keys, values, is_null);
    for (uint32 c = 0; c < check->keys.count; ++c) {
        if (keys.values[c] != row.keys.values[c] ||
            (keys.nulls >> c & 1u) != (row.keys.nulls >> c & 1u)) {
            corrupted(check->index, row.block,
                      "the key of column %u of row (%u,%u), number %u of cell %u, is " UINT64_FORMAT
                      "%s instead of " UINT64_FORMAT "%s",
                      c + 2, ItemPointerGetBlockNumber(&row.tid),
                      ItemPointerGetOffsetNumber(&row.tid), row.number, row.cell->cell,
                      row.keys.values[c], (row.keys.nulls >> c & 1u) != 0 ? " (NULL)" : "",
                      keys.values[c], (keys.nulls >> c & 1u) != 0 ? " (NULL)" : "");
        }
    }
}

}  // namespace

HeapCheck* begin_heap_check(Relation heap, Relation index, const Census& census,
                            Snapshot snapshot) {
    HeapCheck* check = static_cast<HeapCheck*>(palloc0(sizeof(HeapCheck)));
    core::Arena arena = pg::arena();
    check->heap = heap;
    check->index = index;
    check->snapshot = snapshot;
    check->space = open_directory(index)->space;
    check->info = BuildIndexInfo(index);
    check->state = CreateExecutorState();
    check->context = GetPerTupleExprContext(check->state);
    check->predicate = ExecPrepareQual(check->info->ii_Predicate, check->state);
    check->slot = table_slot_create(heap, nullptr);
    check->context->ecxt_scantuple = check->slot;
    check->fetch = pg::begin_fetch(heap);
    check->found = begin_sort();
    check->wanted = begin_sort();
    check->keys = census.meta.parameters.keys;
    check->rotated = arena.allocate<float>(census.meta.parameters.padded).data();
    return check;
}

void check_stored_row(HeapCheck* check, const StoredRow& row) {
    ItemPointerData tid = row.tid;
    bool again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(check->fetch, &tid, check->snapshot, check->slot, &again,
                                 &all_dead)) {
        return;
    }
    pg::within(check->context->ecxt_per_tuple_memory, [&] {
        if (ExecQual(check->predicate, check->context)) {
            Datum values[INDEX_MAX_KEYS];
            bool is_null[INDEX_MAX_KEYS];
            FormIndexDatum(check->info, check->slot, check->state, values, is_null);
            compare(check, row, is_null[0], values[0]);
            compare_keys(check, row, is_null, values);
        }
    });
    ResetExprContext(check->context);
    ExecClearTuple(check->slot);
    // One that the predicate leaves out is not among the table's rows below.
    add_address(check->found, row.tid);
}

void end_heap_check(HeapCheck* check) {
    table_index_fetch_end(check->fetch);
    ExecDropSingleTupleTableSlot(check->slot);
    FreeExecutorState(check->state);
    tuplesort_performsort(check->found);

    // As amcheck does it: the tuples that the snapshot sees, by the addresses of their HOT chains.
    IndexInfo* info = BuildIndexInfo(check->index);
    info->ii_Concurrent = true;
    info->ii_Unique = false;
    info->ii_ExclusionOps = nullptr;
    info->ii_ExclusionProcs = nullptr;
    info->ii_ExclusionStrats = nullptr;
    TableScanDesc scan =
        table_beginscan_strat(check->heap, check->snapshot, 0, nullptr, true, true);
    table_index_build_scan(check->heap, check->index, info, true, false, take_heap_row, check,
                           scan);
    tuplesort_performsort(check->wanted);

    int64 entry = 0;
    int64 row = 0;
    int64 last = -1;
    bool has_entry = next_address(check->found, &entry);
    bool has_row = next_address(check->wanted, &row);
    while (has_entry || has_row) {
        CHECK_FOR_INTERRUPTS();
        if (has_entry && entry == last) {
            contradiction(*check, entry, "has more than one entry");
        }
        if (!has_row || (has_entry && entry < row)) {
            contradiction(*check, entry, "has an entry but does not belong into the index");
        }
        if (!has_entry || row < entry) {
            contradiction(*check, row, "has no entry");
        }
        last = entry;
        has_entry = next_address(check->found, &entry);
        has_row = next_address(check->wanted, &row);
    }
    tuplesort_end(check->found);
    tuplesort_end(check->wanted);
}

}  // namespace vecdot::index
