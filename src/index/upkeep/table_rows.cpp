// Why it is safe. The structure lock keeps ambulkdelete out, so no address in the cells that are
// being rewritten can have been given to another row. A HOT chain has one value of an indexed
// column; which of its tuples is read is therefore all the same, and a chain broken for a new index
// is noticed, as is anything else, because what was read must lie within the stored code's error. A
// tuple that SnapshotSelf sees is deleted by nobody or by a transaction that the inserter's own
// snapshot holds for running: its TOAST values stay. An uncommitted row of somebody else is not
// seen by an inserter; it keeps its code. The background worker sees it (a dirty snapshot), and its
// values too, unless it is rolled back just then and vacuumed: an error, with which the worker
// ends, or somebody else's value, which doesn't agree with the code.
#include "index/upkeep/table_rows.hpp"

#include <cmath>

#include "index/opclass.hpp"
#include "kernels/kernels.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecdot::index {

struct TableRows {
    const OperatorClass* operator_class;
    IndexFetchTableData* fetch;
    TupleTableSlot* slot;
    AttrNumber column;
    MemoryContext memory;  // of one row
};

namespace {

bool with_uncommitted = false;
bool reading_uncommitted = false;

}  // namespace

void read_uncommitted_rows() {
    with_uncommitted = true;
}

bool is_reading_uncommitted() {
    return reading_uncommitted;
}

bool can_read(Relation index, Relation table) {
    return table != nullptr && index->rd_index->indkey.values[0] > 0 &&
           TransactionIdIsValid(MyProc->xmin);
}

TableRows* begin_reading(Relation index, Relation table) {
    if (!can_read(index, table)) {
        return nullptr;
    }
    TableRows* rows = static_cast<TableRows*>(palloc0(sizeof(TableRows)));
    rows->operator_class = &operator_class_of(index);
    rows->fetch = pg::begin_fetch(table);
    rows->slot = table_slot_create(table, nullptr);
    rows->column = index->rd_index->indkey.values[0];
    rows->memory =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot row", ALLOCSET_DEFAULT_SIZES);
    return rows;
}

void end_reading(TableRows* rows) {
    if (rows != nullptr) {
        ExecDropSingleTupleTableSlot(rows->slot);
        table_index_fetch_end(rows->fetch);
        MemoryContextDelete(rows->memory);
    }
}

float read_exactly(TableRows* rows, const engine::Space& space, const ItemPointerData& address,
                   float error, float* rotated) {
    if (rows == nullptr) {
        return error;
    }
    ItemPointerData tid = address;
    bool again = false;
    SnapshotData dirty;
    InitDirtySnapshot(dirty);
    if (!table_index_fetch_tuple(rows->fetch, &tid, with_uncommitted ? &dirty : SnapshotSelf,
                                 rows->slot, &again, nullptr)) {
        return error;
    }
    reading_uncommitted = with_uncommitted && TransactionIdIsValid(dirty.xmin);
    pg::within(rows->memory, [&] {
        bool is_null;
        const Datum value = slot_getattr(rows->slot, rows->column, &is_null);
        const core::VectorView vector =
            is_null ? core::VectorView{} : rows->operator_class->elements(value);
        if (vector.size() == space.dimension()) {
            const std::size_t padded = space.padded();
            float* exact = static_cast<float*>(palloc(padded * sizeof(float)));
            const engine::RoutedRow routed = space.route(vector, exact);
            if ((routed.kind == engine::RowKind::normal ||
                 routed.kind == engine::RowKind::long_row) &&
                std::sqrt(kernels::active().floats.l2_squared(exact, rotated, padded)) <=
                    (static_cast<double>(error) + static_cast<double>(routed.error)) *
                        (1 + 0x1p-20)) {
                memcpy(rotated, exact, padded * sizeof(float));
                error = Min(error, routed.error);
            }
        }
    });
    reading_uncommitted = false;
    MemoryContextReset(rows->memory);
    // Lets the page go: the next row is on another one, or soon found again.
    ExecClearTuple(rows->slot);
    table_index_fetch_reset(rows->fetch);
    return error;
}

}  // namespace vecdot::index
