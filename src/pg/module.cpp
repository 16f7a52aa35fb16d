// What happens when the library is loaded: the settings, and the choice of the kernels.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/test_point.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/plancache.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

namespace {

using vecdot::kernels::InstructionSet;

constexpr int automatic = -1;

int instruction_set = automatic;

double recall = 0.99;

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

// Whether the index may be used depends on the recall (index/am/order.cpp): a plan kept from before
// must not be executed.
void assign_recall(double, void*) {
    ResetPlanCache();
}

}  // namespace

double vecdot::pg::recall_setting() {
    return recall;
}

void _PG_init(void) {
    DefineCustomEnumVariable(
        "vecdot.instruction_set", "Instruction set of vecdot's kernels.",
        "auto takes the widest that the processor has. Results do not depend on it.",
        &instruction_set, automatic, instruction_set_options, PGC_USERSET, 0, check_instruction_set,
        assign_instruction_set, nullptr);
    DefineCustomRealVariable(
        "vecdot.recall", "Share of the true nearest neighbours that an index scan promises.",
        "1 is exact, proven. 0.9999 and below may stop early once enough has been seen.", &recall,
        0.99, 0.5, 1, PGC_USERSET, GUC_EXPLAIN, nullptr, assign_recall, nullptr);
    MarkGUCPrefixReserved("vecdot");
    vecdot::pg::find_test_points();
}
