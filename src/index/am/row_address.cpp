// Whether the executor keeps the address of a row that it has reordered.
//
// Rows that come with a lower bound wait in the executor's queue until it is their turn. Minor
// releases of PostgreSQL before November 2026 hand them on without their ctid: SELECT ctid shows an
// invalid one, and FOR UPDATE would lock a row that does not exist. There a scan of the index must
// not be chosen where somebody wants the ctid. A trial tells.
#include "index/am/row_address.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "optimizer/optimizer.h"
}

namespace vecdot::index {

namespace {

bool try_executor() {
    TupleDesc descriptor = CreateTemplateTupleDesc(1);
    TupleDescInitEntry(descriptor, 1, "n", INT4OID, -1, 0);
    TupleTableSlot* slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsBufferHeapTuple);
    Datum value = Int32GetDatum(0);
    bool is_null = false;
    HeapTuple tuple = heap_form_tuple(descriptor, &value, &is_null);
    ItemPointerSet(&tuple->t_self, 1, 1);
    ExecForceStoreHeapTuple(tuple, slot, true);
    const bool kept = ItemPointerIsValid(&slot->tts_tid);
    ExecDropSingleTupleTableSlot(slot);
    FreeTupleDesc(descriptor);
    return kept;
}

bool executor_keeps_row_address() {
    enum class Known { nothing, kept, lost };
    static Known known = Known::nothing;
    if (known == Known::nothing) {
        known = try_executor() ? Known::kept : Known::lost;
    }
    return known == Known::kept;
}

void collect_clauses(const List* clauses, Index relation, Bitmapset** columns) {
    for (int i = 0; i < list_length(clauses); ++i) {
        const RestrictInfo* restriction = static_cast<RestrictInfo*>(list_nth(clauses, i));
        pull_varattnos(reinterpret_cast<Node*>(restriction->clause), relation, columns);
    }
}

bool needs_row_address(const RelOptInfo* relation) {
    Bitmapset* columns = nullptr;
    pull_varattnos(reinterpret_cast<Node*>(relation->reltarget->exprs), relation->relid, &columns);
    collect_clauses(relation->baserestrictinfo, relation->relid, &columns);
    collect_clauses(relation->joininfo, relation->relid, &columns);
    const bool needed =
        bms_is_member(SelfItemPointerAttributeNumber - FirstLowInvalidHeapAttributeNumber, columns);
    bms_free(columns);
    return needed;
}

}  // namespace

bool loses_row_address(const RelOptInfo* relation) {
    return !executor_keeps_row_address() && needs_row_address(relation);
}

}  // namespace vecdot::index
