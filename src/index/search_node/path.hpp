// Paths of the search node: what one is to do, and how it is made.
#pragma once

#include "index/search_node/key_conditions.hpp"
#include "index/search_node/node.hpp"

namespace vecdot::index {

// What the node is to do.
struct Task {
    Match match;
    Node* radius;  // or null
    Form radius_form;
    bool is_ordered;
    bool nulls_first;
    bool keeps_ties;  // others sort what is equally far
    List* keys;
    bool is_limited;        // it may stop at the LIMIT
    KeyConditions on_keys;  // filled in by make_search_path()
};

// Whether the node could read the relation, whatever is asked of it.
bool can_read(PlannerInfo* root, const RelOptInfo* relation, const RangeTblEntry* entry);

// Whether the query may use the index.
bool can_use(const IndexOptInfo* index);

// A condition on nothing in the relation becomes a node of its own, above each scan; above a child
// it would lose the address.
bool has_gate(const List* conditions);

// Fills in a condition that ends the search, if there is one.
void find_radius(const List* conditions, Task* task);

// A path of the relation that does the task; outer: the relations of which it is given a row, or
// null.
Path* make_search_path(PlannerInfo* root, RelOptInfo* relation, const Task& task, Relids outer);

}  // namespace vecdot::index
