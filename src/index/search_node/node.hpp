// The search node: a custom scan that gives the nearest rows of one relation, LIMIT of them, in
// order. README.md beside this file says how it works.
#pragma once

#include "index/search_node/form.hpp"

extern "C" {
#include "nodes/extensible.h"
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// What the planner tells the executor beside expressions.
struct SearchPlan {
    Oid index;
    Oid function;    // that gives a row's value
    Oid collation;   // it is called with
    Oid distance;    // the function of the index's operator
    int vector_arg;  // which argument of both is the row's vector: 0 or 1
    Form form;
    Form radius_form;
    bool is_ordered;  // rows come in the order of their values
    bool nulls_first;
    bool keeps_ties;  // all rows that are as far as the last

    // What the planner thinks, in its units; zero where there is no filter.
    double rows;     // of the index
    double given;    // of these, those that meet the conditions on key columns
    double passing;  // of these, the filter
    Cost search;     // before the first row comes
    Cost fetch;      // a row that the search gives
    Cost skip;       // one that a bitmap leaves out
    Cost first;      // reading and sorting the rows that pass, by the child plan
    Cost first_row;  // of it, for a row of the bitmap
    Cost bitmap;     // of it, building the bitmap
    Cost cell;       // that a search opens
    Cost scored;     // a row, by its signs
    Cost refined;    // a row, by more of its code
    Cost returned;   // a row, in its order
};

// custom_private of a CustomScan. key_columns: of the index, of the conditions on them.
List* make_private(const SearchPlan& plan, List* key_columns);
SearchPlan read_private(const List* custom_private);
const List* read_key_columns(const List* custom_private);

// The expressions of a CustomScan.
enum SearchExpression {
    query_vector,
    limit_count,
    limit_offset,
    radius,      // rows beyond it don't pass the filter; NULL: no such condition
    row_vector,  // of the node's row
    first_key_condition,
};

// Rows that a search is thought to end with where no LIMIT known beforehand says how many.
constexpr double usual_rows = 100;

// path.cpp: offers the node to the planner, if it can serve the relation. Says whether it can.
bool add_search_path(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry);
extern const CustomPathMethods search_path_methods;

// join.cpp: offers the node for a relation that is joined to one row, which has the query vector.
void add_join_path(PlannerInfo* root, RelOptInfo* join, RelOptInfo* outer, RelOptInfo* inner,
                   JoinType type, JoinPathExtraData* extra);

// explain_query.cpp: for vecdot_explain(), if it is at work; does nothing otherwise.
void watch_relation(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry,
                    bool is_offered);
// The node is offered after all, in a join.
void watch_join(const PlannerInfo* root, const RelOptInfo* relation);

// exec.cpp
Node* create_search_state(CustomScan* scan);
extern const CustomScanMethods search_scan_methods;

// hooks.cpp: when the library is loaded.
void install_search_node();

}  // namespace vecdot::index
