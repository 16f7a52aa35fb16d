// Where PostgreSQL asks the search node.
//
// Nothing needs to be preloaded: the planner asks an index's access method for its routines when
// it looks a relation's indexes up, which loads the library, and calls set_rel_pathlist_hook after
// that.
#include "index/search_node/node.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "optimizer/paths.h"
}

namespace vecdot::index {

namespace {

set_rel_pathlist_hook_type previous_hook = nullptr;

void offer(PlannerInfo* root, RelOptInfo* relation, Index number, RangeTblEntry* entry) {
    if (previous_hook != nullptr) {
        previous_hook(root, relation, number, entry);
    }
    pg::guard([&] {
        const bool is_offered = pg::search_node_setting() && add_search_path(root, relation, entry);
        watch_relation(root, relation, entry, is_offered);
    });
}

set_join_pathlist_hook_type previous_join_hook = nullptr;

void offer_join(PlannerInfo* root, RelOptInfo* join, RelOptInfo* outer, RelOptInfo* inner,
                JoinType type, JoinPathExtraData* extra) {
    if (previous_join_hook != nullptr) {
        previous_join_hook(root, join, outer, inner, type, extra);
    }
    if (pg::search_node_setting()) {
        pg::guard([&] { add_join_path(root, join, outer, inner, type, extra); });
    }
}

}  // namespace

void install_search_node() {
    RegisterCustomScanMethods(&search_scan_methods);
    previous_hook = set_rel_pathlist_hook;
    set_rel_pathlist_hook = offer;
    previous_join_hook = set_join_pathlist_hook;
    set_join_pathlist_hook = offer_join;
}

}  // namespace vecdot::index
