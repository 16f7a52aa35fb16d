// What EXPLAIN says about the search node.
#include "index/search_node/state.hpp"

extern "C" {
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "utils/ruleutils.h"
}

namespace vecdot::index {

void explain_search(SearchState* state, List* ancestors, ExplainState* output) {
    const CustomScan* plan = reinterpret_cast<const CustomScan*>(state->node.ss.ps.plan);
    ExplainPropertyText("Index", state->index_name, output);
    List* context = set_deparse_context_plan(output->deparse_cxt,
                                             const_cast<Plan*>(&plan->scan.plan), ancestors);
    const TargetEntry* distance = static_cast<const TargetEntry*>(llast(plan->custom_scan_tlist));
    ExplainPropertyText("Order By",
                        deparse_expression(reinterpret_cast<Node*>(distance->expr), context,
                                           output->verbose, false),
                        output);
}

}  // namespace vecdot::index
