// Recall, measured: rows of the table play queries, each with itself left out. The index is
// scanned as the executor does it, at the current setting; the truth is one pass over the table
// that keeps the nearest rows of all queries.
#include <algorithm>
#include <limits>

#include "core/random.hpp"
#include "index/am/scan.hpp"
#include "index/inspect/check.hpp"
#include "index/opclass.hpp"
#include "index/options.hpp"
#include "kernels/kernels.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "portability/instr_time.h"
#include "utils/lsyscache.h"
}

namespace vecdot::index {

namespace {

constexpr uint64 sample_seed = 0x726563616c6c;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Query {
    ItemPointerData tid;  // the row's own
    Datum value;          // of the indexed type, detoasted; 0 before there is one
    core::VectorView vector;
    double* nearest;  // distances of the nearest rows so far, a heap, farthest first
    uint32 found;
};

// The indexed value of the table's rows, one after another.
struct Reader {
    IndexInfo* info;
    EState* state;
    ExprContext* context;
    ExprState* predicate;
    TupleTableSlot* slot;
    TableScanDesc scan;
};

Reader begin_reading(Relation heap, Relation index, Snapshot snapshot) {
    Reader reader{};
    reader.info = BuildIndexInfo(index);
    reader.state = CreateExecutorState();
    reader.context = GetPerTupleExprContext(reader.state);
    reader.predicate = ExecPrepareQual(reader.info->ii_Predicate, reader.state);
    reader.slot = table_slot_create(heap, nullptr);
    reader.context->ecxt_scantuple = reader.slot;
    // Not from where another scan is: the sample is to be the same each time.
    reader.scan = table_beginscan_strat(heap, snapshot, 0, nullptr, true, false);
    return reader;
}

// The value of the row in reader's slot, in memory until the next one; 0 for NULL.
Datum value_of(Reader* reader) {
    Datum values[INDEX_MAX_KEYS];
    bool is_null[INDEX_MAX_KEYS];
    FormIndexDatum(reader->info, reader->slot, reader->state, values, is_null);
    return is_null[0] ? 0 : values[0];
}

// The next row that is in the index and not NULL. Its tid is the slot's. With fetch the value too.
bool next_row(Reader* reader) {
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        ResetExprContext(reader->context);
        if (!table_scan_getnextslot(reader->scan, ForwardScanDirection, reader->slot)) {
            return false;
        }
        if (pg::within(reader->context->ecxt_per_tuple_memory,
                       [&] { return ExecQual(reader->predicate, reader->context); })) {
            return true;
        }
    }
}

void end_reading(Reader* reader) {
    table_endscan(reader->scan);
    ExecDropSingleTupleTableSlot(reader->slot);
    FreeExecutorState(reader->state);
}

// As the operators compute them; NaN counts as the farthest.
double distance(engine::Metric metric, core::VectorView a, core::VectorView b) {
    const kernels::FloatKernels& floats = kernels::active().floats;
    const std::size_t n = a.size();
    pg::check_same_dimensions(static_cast<int>(n), static_cast<int>(b.size()));
    switch (metric) {
        case engine::Metric::l2:
            return std::sqrt(floats.l2_squared(a.data(), b.data(), n));
        case engine::Metric::hamming:
            return floats.l2_squared(a.data(), b.data(), n);
        case engine::Metric::inner_product:
            return -floats.dot(a.data(), b.data(), n);
        case engine::Metric::cosine:
            break;
    }
    const kernels::CosineSums sums = floats.cosine_sums(a.data(), b.data(), n);
    const double similarity = sums.ab / std::sqrt(sums.aa * sums.bb);
    return std::isnan(similarity) ? infinity : 1 - std::clamp(similarity, -1.0, 1.0);
}

// Keeps the k least.
void keep(Query* query, uint32 k, double d) {
    double* heap = query->nearest;
    if (query->found < k) {
        heap[query->found++] = d;
        std::push_heap(heap, heap + query->found);
    } else if (d < heap[0]) {
        std::pop_heap(heap, heap + k);
        heap[k - 1] = d;
        std::push_heap(heap, heap + k);
    }
}

// Up to `wanted` rows, each as likely as any other (Vitter's algorithm R).
uint32 take_sample(Relation heap, Relation index, Snapshot snapshot, Query* queries,
                   uint32 wanted) {
    core::Random random(sample_seed);
    Reader reader = begin_reading(heap, index, snapshot);
    uint64 seen = 0;
    while (next_row(&reader)) {
        const uint64 place = seen < wanted ? seen : random.below(seen + 1);
        if (place >= wanted) {
            seen += 1;
            continue;
        }
        const Datum value =
            pg::within(reader.context->ecxt_per_tuple_memory, [&] { return value_of(&reader); });
        if (value == 0) {
            continue;
        }
        Query& query = queries[place];
        if (query.value != 0) {
            pfree(DatumGetPointer(query.value));
        }
        query.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
        query.tid = reader.slot->tts_tid;
        seen += 1;
    }
    end_reading(&reader);
    return static_cast<uint32>(Min(seen, uint64{wanted}));
}

void find_truth(Relation heap, Relation index, Snapshot snapshot,
                const OperatorClass& operator_class, uint32 k, Query* queries, uint32 count) {
    Reader reader = begin_reading(heap, index, snapshot);
    while (next_row(&reader)) {
        pg::within(reader.context->ecxt_per_tuple_memory, [&] {
            const Datum value = value_of(&reader);
            const core::VectorView vector =
                value == 0 ? core::VectorView{} : operator_class.elements(value);
            for (uint32 i = 0; value != 0 && i < count; ++i) {
                if (!ItemPointerEquals(&queries[i].tid, &reader.slot->tts_tid)) {
                    keep(&queries[i], k,
                         distance(operator_class.metric, queries[i].vector, vector));
                }
            }
        });
    }
    end_reading(&reader);
}

// Rows that the index has returned and that may not be emitted yet, as in IndexNextWithReorder().
struct Waiting {
    double place;  // what they are ordered by
    double distance;
};

bool later(const Waiting& a, const Waiting& b) {
    return a.place > b.place;
}

struct Scanner {
    IndexScanDesc scan;
    TupleTableSlot* slot;
    IndexInfo* info;
    EState* state;
    const OperatorClass* operator_class;
    Waiting* waiting;
    Size capacity;
};

ScanKeyData order_by(Relation index, Datum value) {
    const Oid operation = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0],
                                              index->rd_opcintype[0], 1);
    ScanKeyData key;
    ScanKeyEntryInitialize(&key, SK_ORDER_BY, 1, 1, index->rd_opcintype[0], InvalidOid,
                           get_opcode(operation), value);
    return key;
}

// Scans for the nearest k of a query; how many of them are right, and rows fetched.
uint32 search(Scanner* scanner, const Query& query, uint32 k, uint64* fetched) {
    const double farthest = query.nearest[0];
    const uint32 wanted = Min(k, query.found);
    ScanKeyData key = order_by(scanner->scan->indexRelation, query.value);
    index_rescan(scanner->scan, nullptr, 0, &key, 1);
    ScanMode mode;
    mode.recall = recall_of(scanner->scan->indexRelation);
    set_mode(scanner->scan, mode);
    Size waiting = 0;
    uint32 emitted = 0;
    uint32 right = 0;
    double reached = -infinity;
    bool ended = false;
    ExprContext* context = GetPerTupleExprContext(scanner->state);
    context->ecxt_scantuple = scanner->slot;
    while (emitted < wanted) {
        CHECK_FOR_INTERRUPTS();
        if (waiting > 0 && (ended || scanner->waiting[0].place <= reached)) {
            std::pop_heap(scanner->waiting, scanner->waiting + waiting, later);
            waiting -= 1;
            emitted += 1;
            right += scanner->waiting[waiting].distance <= farthest ? 1 : 0;
            continue;
        }
        if (ended || !index_getnext_slot(scanner->scan, ForwardScanDirection, scanner->slot)) {
            if (ended) {
                break;
            }
            ended = true;
            continue;
        }
        *fetched += 1;
        const bool is_last = scanner->scan->xs_orderbynulls[0];
        const double bound = is_last ? infinity : DatumGetFloat8(scanner->scan->xs_orderbyvals[0]);
        reached = std::isnan(bound) ? infinity : bound;
        if (is_last ||
            ItemPointerEquals(const_cast<ItemPointer>(&query.tid), &scanner->slot->tts_tid)) {
            continue;
        }
        ResetExprContext(context);
        const double d = pg::within(context->ecxt_per_tuple_memory, [&] {
            Datum values[INDEX_MAX_KEYS];
            bool is_null[INDEX_MAX_KEYS];
            FormIndexDatum(scanner->info, scanner->slot, scanner->state, values, is_null);
            return is_null[0] ? infinity
                              : distance(scanner->operator_class->metric, query.vector,
                                         scanner->operator_class->elements(values[0]));
        });
        pg::make_room(&scanner->waiting, &scanner->capacity, waiting + 1);
        scanner->waiting[waiting++] = {scanner->scan->xs_recheckorderby ? d : reached, d};
        std::push_heap(scanner->waiting, scanner->waiting + waiting, later);
    }
    return right;
}

}  // namespace

Measured measure_recall(Relation heap, Relation index, Snapshot snapshot, uint32 k,
                        uint32 queries) {
    const OperatorClass& operator_class = operator_class_of(index);
    Query* list = static_cast<Query*>(palloc0(sizeof(Query) * queries));
    for (uint32 i = 0; i < queries; ++i) {
        list[i].nearest = static_cast<double*>(palloc(sizeof(double) * k));
    }
    Measured measured{};
    const uint32 count = take_sample(heap, index, snapshot, list, queries);
    for (uint32 i = 0; i < count; ++i) {
        list[i].vector = operator_class.elements(list[i].value);
    }
    find_truth(heap, index, snapshot, operator_class, k, list, count);

    Scanner scanner{};
    scanner.operator_class = &operator_class;
    scanner.info = BuildIndexInfo(index);
    scanner.state = CreateExecutorState();
    scanner.slot = table_slot_create(heap, nullptr);
    scanner.scan = pg::begin_index_scan(heap, index, snapshot, 0);
    uint64 fetched = 0;
    double time = 0;
    for (uint32 i = 0; i < count; ++i) {
        if (list[i].found == 0) {
            continue;  // there is no other row
        }
        instr_time begin;
        instr_time end;
        INSTR_TIME_SET_CURRENT(begin);
        const uint32 right = search(&scanner, list[i], k, &fetched);
        INSTR_TIME_SET_CURRENT(end);
        INSTR_TIME_SUBTRACT(end, begin);
        time += INSTR_TIME_GET_MILLISEC(end);
        const double recall = static_cast<double>(right) / Min(k, list[i].found);
        measured.least = measured.queries == 0 ? recall : Min(measured.least, recall);
        measured.recall += recall;
        measured.queries += 1;
        const engine::SearchWork* work = scan_work(scanner.scan);
        if (work != nullptr) {
            measured.cells += static_cast<double>(work->cells);
            measured.scored += static_cast<double>(work->rows);
            measured.refined += static_cast<double>(work->refined);
        }
    }
    index_endscan(scanner.scan);
    ExecDropSingleTupleTableSlot(scanner.slot);
    FreeExecutorState(scanner.state);
    measured.fetched = static_cast<double>(fetched);
    measured.milliseconds = time;
    for (double* sum : {&measured.recall, &measured.cells, &measured.scored, &measured.refined,
                        &measured.fetched, &measured.milliseconds}) {
        *sum /= Max(measured.queries, 1u);
    }
    // Without the noise of the sum: 0.994 rather than 0.9940000000000001.
    measured.recall = std::round(measured.recall * 1e12) / 1e12;
    return measured;
}

}  // namespace vecdot::index
