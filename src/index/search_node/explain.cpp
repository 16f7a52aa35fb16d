// What EXPLAIN says about the search node.
#include "index/search_node/state.hpp"

extern "C" {
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/ruleutils.h"
}

namespace vecdot::index {

namespace {

const char* name_of(Way way) {
    switch (way) {
        case Way::filter_last:
            return "filter last";
        case Way::filter_in_index:
            return "filter in the index";
        case Way::filter_first:
            return "filter first";
    }
    return "";
}

// The ways that the last search took, and what made it change over.
const char* describe_ways(const SearchState* state) {
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < state->change_count; ++i) {
        const Change& change = state->changes[i];
        if (i > 0) {
            appendStringInfo(&text,
                             " for " UINT64_FORMAT
                             " rows (its cost reached %.0f, another way's "
                             "is %.0f), then ",
                             change.fetched - state->changes[i - 1].fetched, change.spent,
                             change.budget);
        }
        appendStringInfoString(&text, name_of(change.to));
        if (change.bitmap > 0) {
            appendStringInfo(&text, " (bitmap of " UINT64_FORMAT " rows)", change.bitmap);
        }
    }
    return text.data;
}

// As the other counts of EXPLAIN ANALYZE: a loop's mean.
void add_count(const char* name, uint64 sum, const SearchState* state, ExplainState* output) {
    const double mean = static_cast<double>(sum) / static_cast<double>(Max(state->searches, 1));
    ExplainPropertyFloat(name, nullptr, mean, 0, output);
}

}  // namespace

void explain_search(SearchState* state, List* ancestors, ExplainState* output) {
    const CustomScan* plan = reinterpret_cast<const CustomScan*>(state->node.ss.ps.plan);
    ExplainPropertyText("Index", state->index_name, output);
    List* context = set_deparse_context_plan(output->deparse_cxt,
                                             const_cast<Plan*>(&plan->scan.plan), ancestors);
    if (list_length(plan->custom_exprs) > first_key_condition) {
        const List* conditions = list_copy_tail(plan->custom_exprs, first_key_condition);
        Node* all = reinterpret_cast<Node*>(make_ands_explicit(const_cast<List*>(conditions)));
        ExplainPropertyText("Index Cond", deparse_expression(all, context, output->verbose, false),
                            output);
    }
    const TargetEntry* value = static_cast<const TargetEntry*>(llast(plan->custom_scan_tlist));
    // The query vector may be another table's.
    Node* distance = reinterpret_cast<Node*>(value->expr);
    const bool is_joined = bms_membership(pull_varnos(nullptr, distance)) == BMS_MULTIPLE;
    const char* text = deparse_expression(distance, context, is_joined || output->verbose, false);
    const SearchPlan& search = state->plan;
    if (search.is_ordered) {
        const bool descending = is_descending(search.form);
        ExplainPropertyText("Order By",
                            psprintf("%s%s%s", text, descending ? " DESC" : "",
                                     search.nulls_first == descending ? ""
                                     : descending                     ? " NULLS LAST"
                                                                      : " NULLS FIRST"),
                            output);
    } else {
        ExplainPropertyText("Distance", text, output);
    }
    Node* radius_expression = static_cast<Node*>(list_nth(plan->custom_exprs, radius));
    const bool has_radius =
        !IsA(radius_expression, Const) || !reinterpret_cast<Const*>(radius_expression)->constisnull;
    if (has_radius) {
        ExplainPropertyText("Radius",
                            deparse_expression(radius_expression, context, output->verbose, false),
                            output);
    }
    if (!output->analyze || state->searches == 0) {
        return;
    }
    ExplainPropertyFloat("Recall", nullptr, state->recall, 4, output);
    if (state->child != nullptr) {
        ExplainPropertyText("Way", describe_ways(state), output);
    }
    add_count("Cells Opened", state->work.cells, state, output);
    add_count("Cells of Index", state->work.all_cells, state, output);
    add_count("Codes Scored", state->work.rows, state, output);
    add_count("Codes Refined", state->work.refined, state, output);
    if (state->skipped > 0) {
        add_count("Rows Left Out By Bitmap", state->skipped, state, output);
    }
    add_count("Rows Fetched", state->fetched, state, output);
    if (state->late > 0) {
        add_count("Rows Late", state->late, state, output);
    }
}

}  // namespace vecdot::index
