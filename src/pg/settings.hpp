// The settings that other parts of the library read.
#pragma once

namespace vecdot::pg {

// When the library is loaded.
void define_settings();

// vecdot.recall: the share of the true nearest neighbours that an index scan promises; 1 is exact.
double recall_setting();
constexpr double least_recall = 0.5;
// Whether anybody has set it: a session, a role, a database, a file.
bool recall_is_given();

// vecdot.search_node: whether the planner is offered the search node.
bool search_node_setting();

// vecdot.background_upkeep: whether inserts leave splitting, clustering and calibrating to a
// background worker.
bool background_upkeep_setting();

// vecdot.filter_way: how a search with a filter comes by the rows that pass.
enum class FilterWay { automatic, last, in_index, first };
FilterWay filter_way_setting();

}  // namespace vecdot::pg
