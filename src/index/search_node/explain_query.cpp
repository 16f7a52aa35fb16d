// vecdot_explain(query): for each table of a query that has an index of ours, whether the index is
// used, and if not, why.
//
// The query is parsed, rewritten and planned as EXPLAIN does it, by the same rights, and not
// executed. While it is planned, each relation is looked at where the search node is offered
// (reason.cpp); what is made of that is decided by the plan.
#include "index/search_node/node.hpp"
#include "index/search_node/reason.hpp"
#include "pg/guard.hpp"

#include "index/am/handler.hpp"
#include "index/am/order.hpp"
#include "index/am/row_address.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/tuplestore.h"
}

namespace vecdot::index {

namespace {

// A relation with an index of ours, as the planner saw it.
struct Seen {
    const Alias* identity;  // the range table entry's; the plan's entry has the same one
    Oid relation;
    const char* name;
    const Alias* parent;  // of a partition, or null
    const PlannerInfo* root;
    const PlannerInfo* outer;  // the query level that a query for min() was made of, or null
    bool is_offered;
    Reason reason;
    double limit;  // rows; less than one: unknown, or none
    bool has_limit;
    bool loses_address;
    double rows;  // that pass, and of the table
    double all;
};

// What is to be said of it.
struct Verdict {
    const Seen* seen;
    const char* index;  // null: none is used
    const char* text;
    int partitions;  // 0: it is none
};

// While vecdot_explain() plans a query.
struct Watch {
    List* seen;
};
Watch* watch = nullptr;

// --- while the query is planned
// -------------------------------------------------------------------

bool has_our_index(const RelOptInfo* relation, const RangeTblEntry* entry) {
    for (int i = 0; i < list_length(relation->indexlist); ++i) {
        if (is_our_index(static_cast<const IndexOptInfo*>(list_nth(relation->indexlist, i)))) {
            return true;
        }
    }
    // The planner leaves out indexes that are not valid.
    const Relation table = table_open(entry->relid, NoLock);
    bool found = false;
    const List* indexes = RelationGetIndexList(table);
    for (int i = 0; i < list_length(indexes) && !found; ++i) {
        const Relation index = index_open(list_nth_oid(indexes, i), AccessShareLock);
        found = is_our_index(index);
        index_close(index, AccessShareLock);
    }
    table_close(table, NoLock);
    return found;
}

const Alias* parent_of(const PlannerInfo* root, const RelOptInfo* relation) {
    if (relation->top_parent_relids == nullptr) {
        return nullptr;
    }
    // Parts of a UNION ALL are each a table.
    const RangeTblEntry* parent =
        root->simple_rte_array[bms_next_member(relation->top_parent_relids, -1)];
    return parent->rtekind == RTE_RELATION ? parent->eref : nullptr;
}

// --- the plan
// -------------------------------------------------------------------------------------

// How a relation is read, most telling first.
struct Reading {
    enum class Kind { none, node, plain, other };
    Kind kind;
    const Plan* plan;
    Oid index;
    bool is_range;
};

void look_at(const Plan* plan, const PlannedStmt* statement, const Alias* identity,
             Reading* reading);

void look_at_all(const List* plans, const PlannedStmt* statement, const Alias* identity,
                 Reading* reading) {
    for (int i = 0; i < list_length(plans); ++i) {
        look_at(static_cast<const Plan*>(list_nth(plans, i)), statement, identity, reading);
    }
}

bool is_of(Index number, const PlannedStmt* statement, const Alias* identity) {
    return number > 0 && rt_fetch(number, statement->rtable)->eref == identity;
}

// Of the scans in a plan that of this relation.
void look_at(const Plan* plan, const PlannedStmt* statement, const Alias* identity,
             Reading* reading) {
    if (plan == nullptr || reading->kind == Reading::Kind::node) {
        return;
    }
    switch (nodeTag(plan)) {
        case T_SeqScan:
        case T_SampleScan:
        case T_IndexScan:
        case T_IndexOnlyScan:
        case T_BitmapHeapScan:
        case T_TidScan:
        case T_TidRangeScan:
            if (is_of(reinterpret_cast<const Scan*>(plan)->scanrelid, statement, identity)) {
                *reading = {Reading::Kind::other, plan, InvalidOid, false};
                if (IsA(plan, IndexScan) &&
                    reinterpret_cast<const IndexScan*>(plan)->indexorderby != NIL) {
                    reading->index = reinterpret_cast<const IndexScan*>(plan)->indexid;
                    const Relation index = index_open(reading->index, AccessShareLock);
                    reading->kind =
                        is_our_index(index) ? Reading::Kind::plain : Reading::Kind::other;
                    index_close(index, AccessShareLock);
                }
            }
            break;
        case T_CustomScan: {
            const CustomScan* scan = reinterpret_cast<const CustomScan*>(plan);
            if (scan->methods == &search_scan_methods &&
                is_of(scan->scan.scanrelid, statement, identity)) {
                const SearchPlan search = read_private(scan->custom_private);
                *reading = {Reading::Kind::node, plan, search.index, !search.is_ordered};
                return;
            }
            look_at_all(scan->custom_plans, statement, identity, reading);
            break;
        }
        case T_Append:
            look_at_all(reinterpret_cast<const Append*>(plan)->appendplans, statement, identity,
                        reading);
            break;
        case T_MergeAppend:
            look_at_all(reinterpret_cast<const MergeAppend*>(plan)->mergeplans, statement, identity,
                        reading);
            break;
        case T_SubqueryScan:
            look_at(reinterpret_cast<const SubqueryScan*>(plan)->subplan, statement, identity,
                    reading);
            break;
        default:
            break;
    }
    look_at(plan->lefttree, statement, identity, reading);
    look_at(plan->righttree, statement, identity, reading);
}

Reading reading_of(const PlannedStmt* statement, const Alias* identity) {
    Reading reading{};
    look_at(statement->planTree, statement, identity, &reading);
    look_at_all(statement->subplans, statement, identity, &reading);
    return reading;
}

const char* describe(const Plan* plan) {
    switch (nodeTag(plan)) {
        case T_SeqScan:
            return "a scan of the table";
        case T_IndexScan:
            return psprintf("index %s",
                            get_rel_name(reinterpret_cast<const IndexScan*>(plan)->indexid));
        case T_IndexOnlyScan:
            return psprintf("index %s",
                            get_rel_name(reinterpret_cast<const IndexOnlyScan*>(plan)->indexid));
        case T_BitmapHeapScan:
            return "a bitmap of other indexes";
        default:
            return "another plan";
    }
}

// --- sentences
// ------------------------------------------------------------------------------------

bool was_analyzed(Oid table) {
    const Relation relation = table_open(table, NoLock);
    const bool was = relation->rd_rel->reltuples >= 0;
    table_close(relation, NoLock);
    return was;
}

// Why the planner took another plan where an index could serve.
const char* why_dearer(const Seen* seen, const Reading& reading) {
    if (!enable_indexscan) {
        return "enable_indexscan is off";
    }
    if (seen->loses_address) {
        return "this minor release of PostgreSQL would lose the ctid of rows that an index scan "
               "reorders; those of November 2026 and later keep it";
    }
    const char* other = describe(reading.plan);
    if (!was_analyzed(seen->relation)) {
        return psprintf(
            "%s is thought to cost less, but the table has never been analyzed: "
            "ANALYZE %s",
            other, quote_identifier(get_rel_name(seen->relation)));
    }
    const char* detail = "";
    if (seen->all > 0 && seen->rows <= seen->all / 20) {
        detail = psprintf(": WHERE is thought to leave %.0f of %.0f rows", seen->rows, seen->all);
    } else if (!seen->has_limit) {
        detail = ": without a LIMIT all rows are wanted";
    } else if (seen->all > 0 && seen->limit >= seen->all / 20) {
        detail = psprintf(": LIMIT wants %.0f of %.0f rows", seen->limit, seen->all);
    } else {
        detail = psprintf(": the table has %.0f rows", seen->all);
    }
    return psprintf("%s is thought to cost less%s", other, detail);
}

Verdict judge(const PlannedStmt* statement, const Seen* seen) {
    const Reading reading = reading_of(statement, seen->identity);
    Verdict verdict{seen, nullptr, nullptr, 0};
    if (reading.kind == Reading::Kind::node || reading.kind == Reading::Kind::plain) {
        verdict.index = name_of_index(reading.index);
    }
    const Reason& reason = seen->reason;
    if (reading.kind == Reading::Kind::node) {
        verdict.text = reading.is_range
                           ? "The search node finds the rows within the distance."
                           : "The search node finds the nearest rows, as many as LIMIT says.";
    } else if (reading.kind == Reading::Kind::plain) {
        verdict.text = psprintf(
            "A plain index scan proves the order of all that it returns, as "
            "at vecdot.recall = 1, because %s.",
            reason.obstacle != nullptr ? reason.obstacle : "that costs less");
    } else if (reason.mismatch != nullptr) {
        verdict.text = psprintf("Not used: %s.", reason.mismatch);
    } else if (reading.kind == Reading::Kind::none) {
        verdict.text = "Not used: nothing of the table is read.";
    } else if (reason.obstacle != nullptr) {
        verdict.text = psprintf("Not used: only a plain index scan could be, because %s; and %s.",
                                reason.obstacle, why_dearer(seen, reading));
    } else {
        verdict.text = psprintf("Not used: %s.", why_dearer(seen, reading));
    }
    return verdict;
}

// --- the query
// ------------------------------------------------------------------------------------

// What the statement explains, prepares or declares, if it does.
Node* inner_statement(Node* statement) {
    switch (nodeTag(statement)) {
        case T_ExplainStmt:
            return inner_statement(reinterpret_cast<ExplainStmt*>(statement)->query);
        case T_PrepareStmt:
            return inner_statement(reinterpret_cast<PrepareStmt*>(statement)->query);
        case T_DeclareCursorStmt:
            return inner_statement(reinterpret_cast<DeclareCursorStmt*>(statement)->query);
        case T_CreateTableAsStmt:
            return inner_statement(reinterpret_cast<CreateTableAsStmt*>(statement)->query);
        default:
            return statement;
    }
}

RawStmt* parse_one(const char* text) {
    List* statements = pg_parse_query(text);
    if (list_length(statements) != 1) {
        ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
                        errmsg("expected one query, got %d", list_length(statements))));
    }
    RawStmt* statement = linitial_node(RawStmt, statements);
    statement->stmt = inner_statement(statement->stmt);
    return statement;
}

void check_rights(const PlannedStmt* statement) {
#if PG_VERSION_NUM >= 160000
    ExecCheckPermissions(statement->rtable, statement->permInfos, true);
#else
    ExecCheckRTPerms(statement->rtable, true);
#endif
}

// Plans of all queries that rules make of this one.
List* plan_all(const char* text) {
    Oid* types = nullptr;
    int parameters = 0;
    List* queries =
        pg_analyze_and_rewrite_varparams(parse_one(text), text, &types, &parameters, nullptr);
    List* plans = NIL;
    for (int i = 0; i < list_length(queries); ++i) {
        Query* query = static_cast<Query*>(list_nth(queries, i));
        if (query->commandType == CMD_UTILITY) {
            ereport(ERROR,
                    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                     errmsg("expected a query, got a utility statement"),
                     errhint("Give a SELECT, INSERT, UPDATE, DELETE or MERGE, with $1, $2 ... for "
                             "parameters.")));
        }
#if PG_VERSION_NUM >= 190000
        PlannedStmt* plan = pg_plan_query(query, text, CURSOR_OPT_PARALLEL_OK, nullptr, nullptr);
#else
        PlannedStmt* plan = pg_plan_query(query, text, CURSOR_OPT_PARALLEL_OK, nullptr);
#endif
        check_rights(plan);
        plans = lappend(plans, plan);
    }
    return plans;
}

// Watches while the query is planned, also where that ends with an error.
List* plan_watched(const char* text, Watch* mine) {
    Watch* const before = watch;
    List* plans = NIL;
    watch = mine;
    PG_TRY();
    { plans = plan_all(text); }
    PG_FINALLY();
    { watch = before; }
    PG_END_TRY();
    return plans;
}

// The plan that has the relation, or null.
const PlannedStmt* plan_of(const List* plans, const Seen* seen) {
    for (int i = 0; i < list_length(plans); ++i) {
        const PlannedStmt* plan = static_cast<const PlannedStmt*>(list_nth(plans, i));
        for (int j = 0; j < list_length(plan->rtable); ++j) {
            if (static_cast<const RangeTblEntry*>(list_nth(plan->rtable, j))->eref ==
                seen->identity) {
                return plan;
            }
        }
    }
    return nullptr;
}

// A query for min() takes its level's place.
bool is_replaced(const List* all, const Seen* seen) {
    for (int i = 0; i < list_length(all); ++i) {
        const Seen* other = static_cast<const Seen*>(list_nth(all, i));
        if (other->outer == seen->root && other->relation == seen->relation) {
            return true;
        }
    }
    return false;
}

bool is_alike(const Verdict* a, const Verdict* b) {
    return a->seen->parent != nullptr && a->seen->parent == b->seen->parent &&
           strcmp(a->text, b->text) == 0;
}

// Partitions of which there is the same to say are counted.
List* add_verdict(List* verdicts, const Verdict& verdict) {
    for (int i = 0; i < list_length(verdicts); ++i) {
        Verdict* other = static_cast<Verdict*>(list_nth(verdicts, i));
        if (is_alike(other, &verdict)) {
            ++other->partitions;
            return verdicts;
        }
    }
    Verdict* copy = static_cast<Verdict*>(palloc(sizeof(Verdict)));
    *copy = verdict;
    copy->partitions = verdict.seen->parent != nullptr ? 1 : 0;
    return lappend(verdicts, copy);
}

void return_verdict(const Verdict* verdict, ReturnSetInfo* result) {
    const Seen* seen = verdict->seen;
    const char* name = seen->parent != nullptr ? seen->parent->aliasname : seen->name;
    const char* text = verdict->partitions == 0
                           ? verdict->text
                           : psprintf("%d partition%s: %s", verdict->partitions,
                                      verdict->partitions == 1 ? "" : "s", verdict->text);
    Datum values[3] = {CStringGetTextDatum(name), 0, CStringGetTextDatum(text)};
    bool nulls[3] = {false, verdict->index == nullptr, false};
    if (verdict->index != nullptr) {
        values[1] = CStringGetTextDatum(verdict->index);
    }
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void explain(const char* text, ReturnSetInfo* result) {
    Watch mine{};
    const List* plans = plan_watched(text, &mine);
    List* verdicts = NIL;
    for (int i = 0; i < list_length(mine.seen); ++i) {
        const Seen* seen = static_cast<const Seen*>(list_nth(mine.seen, i));
        const PlannedStmt* plan = plan_of(plans, seen);
        // Of two plans for a sub-select one is left.
        if (is_replaced(mine.seen, seen) || (plan == nullptr && seen->outer == nullptr)) {
            continue;
        }
        verdicts = add_verdict(
            verdicts,
            judge(plan != nullptr ? plan : static_cast<const PlannedStmt*>(linitial(plans)), seen));
    }
    for (int i = 0; i < list_length(verdicts); ++i) {
        return_verdict(static_cast<const Verdict*>(list_nth(verdicts, i)), result);
    }
}

}  // namespace

void watch_relation(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry,
                    bool is_offered) {
    if (watch == nullptr || entry->rtekind != RTE_RELATION || entry->inh ||
        (entry->relkind != RELKIND_RELATION && entry->relkind != RELKIND_MATVIEW) ||
        !has_our_index(relation, entry)) {
        return;
    }
    Seen* seen = static_cast<Seen*>(palloc0(sizeof(Seen)));
    seen->identity = entry->eref;
    seen->relation = entry->relid;
    seen->name = strcmp(entry->eref->aliasname, get_rel_name(entry->relid)) == 0
                     ? entry->eref->aliasname
                     : psprintf("%s %s", get_rel_name(entry->relid), entry->eref->aliasname);
    seen->parent = parent_of(root, relation);
    seen->root = root;
    seen->outer = is_minimum(root->parse) ? root->parent_root : nullptr;
    seen->is_offered = is_offered;
    seen->reason = find_reason(root, relation, entry, is_offered);
    seen->has_limit = root->parse->limitCount != nullptr;
    seen->loses_address = loses_row_address(relation);
    seen->limit = root->limit_tuples;
    seen->rows = relation->rows;
    seen->all = relation->tuples;
    watch->seen = lappend(watch->seen, seen);
}

void watch_join(const PlannerInfo* root, const RelOptInfo* relation) {
    const Alias* identity = root->simple_rte_array[relation->relid]->eref;
    for (int i = 0; watch != nullptr && i < list_length(watch->seen); ++i) {
        Seen* seen = static_cast<Seen*>(list_nth(watch->seen, i));
        if (seen->identity == identity) {
            seen->reason = {};
        } else if (seen->root == root) {
            seen->reason.mismatch = "its row has the query vector of the search";
        }
    }
}

}  // namespace vecdot::index

VECDOT_FUNCTION(vecdot_explain) {
    InitMaterializedSRF(fcinfo, 0);
    vecdot::index::explain(text_to_cstring(PG_GETARG_TEXT_PP(0)),
                           reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo));
    return 0;
}
