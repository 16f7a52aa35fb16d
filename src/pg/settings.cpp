// The settings, and with one of them the choice of the kernels.
#include "pg/settings.hpp"
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/postgres.hpp"
#include "pg/test_point.hpp"

#include <cstdlib>

extern "C" {
#include "utils/guc.h"
}

namespace {

using vecdot::kernels::InstructionSet;
using vecdot::pg::least_recall;

constexpr int automatic = -1;

int instruction_set = automatic;

double recall = 0.99;
bool recall_given = false;

bool search_node = true;

bool background_upkeep = true;

int filter_way = static_cast<int>(vecdot::pg::FilterWay::automatic);

const config_enum_entry filter_way_options[] = {
    {"auto", static_cast<int>(vecdot::pg::FilterWay::automatic), false},
    {"last", static_cast<int>(vecdot::pg::FilterWay::last), false},
    {"index", static_cast<int>(vecdot::pg::FilterWay::in_index), false},
    {"first", static_cast<int>(vecdot::pg::FilterWay::first), false},
    {nullptr, 0, false},
};

const config_enum_entry instruction_set_options[] = {
    {"auto", automatic, false},
    {"baseline", static_cast<int>(InstructionSet::baseline), false},
    {"avx2", static_cast<int>(InstructionSet::avx2), false},
    {"avx512", static_cast<int>(InstructionSet::avx512), false},
    {nullptr, 0, false},
};

bool check_instruction_set(int* value, void**, GucSource) {
    if (*value == automatic || vecdot::kernels::is_supported(static_cast<InstructionSet>(*value))) {
        return true;
    }
    GUC_check_errdetail("This processor or build of vecdot lacks it; the widest it has is \"%s\".",
                        vecdot::kernels::table(vecdot::kernels::best_supported())->name);
    return false;
}

void assign_instruction_set(int value, void*) {
    vecdot::kernels::select(value == automatic ? vecdot::kernels::best_supported()
                                               : static_cast<InstructionSet>(value));
}

// Assignment is not told where a value comes from: the check hands that on.
bool check_recall(double*, void** extra, GucSource source) {
    // PostgreSQL gives it back by the function that belongs to this one.
#if PG_VERSION_NUM >= 160000
    bool* given = static_cast<bool*>(guc_malloc(LOG, sizeof(bool)));
#else
    bool* given = static_cast<bool*>(std::malloc(sizeof(bool)));
#endif
    if (given == nullptr) {
        return false;
    }
    *given = source > PGC_S_DYNAMIC_DEFAULT;
    *extra = given;
    return true;
}

void assign_recall(double, void* extra) {
    recall_given = *static_cast<const bool*>(extra);
}

}  // namespace

double vecdot::pg::recall_setting() {
    return recall;
}

vecdot::pg::FilterWay vecdot::pg::filter_way_setting() {
    return static_cast<FilterWay>(filter_way);
}

bool vecdot::pg::recall_is_given() {
    return recall_given;
}

bool vecdot::pg::search_node_setting() {
    return search_node;
}

bool vecdot::pg::background_upkeep_setting() {
    return background_upkeep;
}

void vecdot::pg::define_settings() {
    DefineCustomEnumVariable(
        "vecdot.instruction_set", "Instruction set of vecdot's kernels.",
        "auto takes the widest that the processor has. Results do not depend on it.",
        &instruction_set, automatic, instruction_set_options, PGC_USERSET, 0, check_instruction_set,
        assign_instruction_set, nullptr);
    DefineCustomRealVariable(
        "vecdot.recall", "Share of the true nearest neighbours that an index scan promises.",
        "1 is exact, proven. 0.9999 and below may stop early once enough has been seen.", &recall,
        0.99, least_recall, 1, PGC_USERSET, GUC_EXPLAIN, check_recall, assign_recall, nullptr);
    DefineCustomBoolVariable(
        "vecdot.search_node", "Searches by the node that knows LIMIT and WHERE.",
        "off leaves plain index scans, which prove what they return whatever vecdot.recall says.",
        &search_node, true, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("vecdot.background_upkeep",
                             "Leaves to a background worker what inserts into an index make due.",
                             "off has the insert that finds it due do it, and wait for it.",
                             &background_upkeep, true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "vecdot.filter_way", "How a search with WHERE comes by the rows that pass.",
        "auto begins where the planner's estimates say and changes over when they are wrong; the "
        "others are for tests and measurements.",
        &filter_way, filter_way, filter_way_options, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr,
        nullptr);
    MarkGUCPrefixReserved("vecdot");
    vecdot::pg::find_test_points();
}
