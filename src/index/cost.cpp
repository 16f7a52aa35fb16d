// What a scan costs: opening cells before the first row comes, and the rows that are asked for.
#include "index/access.hpp"
#include "index/storage.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace vecdot::index {

namespace {

// The share of the codes that a query reads before it returns its first rows. Half of the distance
// to 1 costs about half as much again; proven bounds need every refinement code.
double opened_share(double recall) {
    if (recall >= 1) {
        return 1;
    }
    return std::fmin(1.0, 0.02 * std::log2(2 / (1 - recall)));
}

}  // namespace

void estimate_cost(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup_cost,
                   Cost* total_cost, Selectivity* selectivity, double* correlation, double* pages) {
    GenericCosts costs{};
    genericcostestimate(root, path, loop_count, &costs);
    *selectivity = costs.indexSelectivity;
    *correlation = 0;
    *pages = costs.numIndexPages;
    if (path->indexorderbys == NIL) {
        // It would return everything in no order: never better than reading the table.
        *startup_cost = get_float8_infinity();
        *total_cost = get_float8_infinity();
#if PG_VERSION_NUM >= 180000
        path->path.disabled_nodes = 2;
#endif
        return;
    }
    const double rows = std::fmax(path->indexinfo->tuples, 1);
    const double share = opened_share(pg::recall_setting());
    double random_page_cost = 0;
    double sequential_page_cost = 0;
    get_tablespace_page_costs(path->indexinfo->reltablespace, &random_page_cost,
                              &sequential_page_cost);
    const double cells = std::fmax(2 * std::sqrt(rows), 1);
    const double opened = std::fmax(share * cells, 1);
    // 1-bit codes are about an eighth of the index; a cell is one jump and then contiguous.
    const double code_pages = path->indexinfo->pages * share * (share < 1 ? 0.15 : 1);
    const double io = std::fmin(opened * random_page_cost + code_pages * sequential_page_cost,
                                path->indexinfo->pages * random_page_cost);
    // Scoring a code costs a hundredth of what an operator call does.
    const double cpu = (cells + rows * share) * 0.02 * cpu_operator_cost;
    *startup_cost = io + cpu;
    *total_cost = *startup_cost + rows * (cpu_index_tuple_cost + cpu_operator_cost) +
                  path->indexinfo->pages * (1 - share) * sequential_page_cost;
}

}  // namespace vecdot::index
