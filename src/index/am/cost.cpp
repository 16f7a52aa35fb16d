// What a scan costs: opening cells before the first row comes, and then each row that is asked for.
//
// The planner interpolates between the startup cost (the first row) and the total (all rows) by the
// share of rows that a LIMIT, or a filter above, will want. root->limit_tuples therefore needs no
// term of its own.
#include "index/am/cost.hpp"

#include <cmath>

#include "engine/kmeans.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace vecdot::index {

namespace {

// The share of all codes that a query scores before it returns its first rows. At a recall of 0.99
// and 340,000 rows it was between 2 and 9 %, depending on the data; it shrinks with the root of the
// rows, and half of the distance to 1 costs a seventh more. Proven bounds look at every row.
double scored_share(double recall, double rows) {
    if (recall >= 1) {
        return 1;
    }
    const double halvings = std::log2(2 / (1 - recall));
    return std::fmin(1.0, 3.3 * halvings / std::sqrt(rows));
}

// Dimensions of the codes in units of 64, from the column's type.
double sign_units(const IndexOptInfo* index) {
    const TargetEntry* column = static_cast<const TargetEntry*>(linitial(index->indextlist));
    const int dimensions = exprTypmod(reinterpret_cast<Node*>(column->expr));
    return dimensions > 0 ? std::ceil(dimensions / 64.0) : 1;
}

// What the operator costs a row, reading the vector from where it is stored included: the executor
// calculates it again for each row that the index returns.
double recheck_cost(PlannerInfo* root, List* order_bys) {
    QualCost cost{};
    cost_qual_eval(&cost, order_bys, root);
    return cost.per_tuple;
}

List* conditions_on_keys(const IndexPath* path) {
    List* conditions = NIL;
    for (int i = 0; i < list_length(path->indexclauses); ++i) {
        const IndexClause* clause =
            static_cast<const IndexClause*>(list_nth(path->indexclauses, i));
        if (clause->indexcol > 0) {
            conditions = list_concat(conditions, clause->indexquals);
        }
    }
    return conditions;
}

}  // namespace

SearchCost search_cost(PlannerInfo* root, const IndexOptInfo* index, List* order_bys, double recall,
                       double loop_count) {
    double random_page_cost = 0;
    double sequential_page_cost = 0;
    get_tablespace_page_costs(index->reltablespace, &random_page_cost, &sequential_page_cost);
    const double rows = std::fmax(index->tuples, 1);
    const double units = sign_units(index);
    const double cells = static_cast<double>(engine::cells_for(static_cast<std::size_t>(rows)));
    const double share = scored_share(recall, rows);
    const double opened = std::fmax(share * cells, 1);

    // Of a cell one page after the other is read: the sign bits, or all codes where bounds are to
    // be proven. A row takes 8 bytes a unit for signs, 64 for its refinement, and 32 beside them.
    const double sign_share = recall >= 1 ? 1 : (8 * units + 12) / (72 * units + 32);
    // Where most are read there is less to jump over.
    double jumps = opened * (1 - 0.5 * share);
    double following = std::fmax(index->pages * share * sign_share - opened, 0);
    if (loop_count > 1) {
        // Repeated scans, as below a join, find pages that others have read.
        const double once = jumps + following;
        const double many =
            index_pages_fetched(once * loop_count, index->pages, index->pages, root);
        const double part = std::fmin(many / (once * loop_count), 1.0);
        jumps *= part;
        following *= part;
    }
    const double reading = std::fmin(jumps * random_page_cost + following * sequential_page_cost,
                                     index->pages * random_page_cost);
    // A centroid, or a row's refinement, takes a tenth of an operator for 64 dimensions, and the
    // sign bits a fiftieth.
    const double scoring = (0.1 * cells + (recall >= 1 ? 0.1 : 0.02) * share * rows) * units;
    const double startup = reading + scoring * cpu_operator_cost;

    // Each row returned goes through queues, here and in the executor, as it would through a sort,
    // and its distance is calculated.
    const double queues = 2 * cpu_operator_cost * std::fmax(std::log2(rows), 1);
    const double rest = index->pages * (1 - share * sign_share) * sequential_page_cost +
                        0.1 * units * rows * cpu_operator_cost;
    return {startup, startup + rest +
                         rows * (cpu_index_tuple_cost + queues + recheck_cost(root, order_bys))};
}

WorkCost work_cost(const IndexOptInfo* index) {
    const double units = sign_units(index);
    return {3, 0.005 * (1 + units), 0.005 * (4 + units), 4};
}

void estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup_cost,
                   Cost* total_cost, Selectivity* selectivity, double* correlation, double* pages) {
    const IndexOptInfo* index = path->indexinfo;
    *correlation = 0;
    *pages = index->pages;
    if (path->indexorderbys == NIL) {
        // It would return rows in no order: never better than reading the table. Finite, for a join
        // calculates with it. With more conditions it costs less: of two such paths the planner
        // keeps the one that has all.
        *startup_cost = *total_cost = 1e15 / (1 + list_length(path->indexclauses));
        *selectivity = 1;
#if PG_VERSION_NUM >= 180000
        path->path.disabled_nodes = 2;
#endif
        return;
    }
    const SearchCost cost = search_cost(root, index, path->indexorderbys, 1, loop_count);
    // Of the index's rows those that meet the conditions on key columns. Where these are few the
    // others are left out by their keys alone.
    const double share = clauselist_selectivity(
        root, conditions_on_keys(path), static_cast<int>(index->rel->relid), JOIN_INNER, nullptr);
    const double rows = std::fmax(index->tuples, 1);
    const double left_out = rows * (1 - share) * key_cost;
    *startup_cost = cost.startup * std::fmin(1.0, 16 * share) + left_out;
    *total_cost = *startup_cost + (cost.total - cost.startup) * share;
    // Of the table's rows those that the index has: all but where it is partial.
    *selectivity = share * (index->indpred == NIL || index->rel->tuples <= 0
                                ? 1
                                : std::fmin(rows / index->rel->tuples, 1.0));
}

}  // namespace vecdot::index
