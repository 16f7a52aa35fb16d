#include "index/options.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/reloptions.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

// WITH (...): what codes are made with is the index's from the time that it is built.
struct Options {
    int32 vl_len_;
    int seed;         // what the rotation and the sampling start from
    int refine_bits;  // of the refinement codes, a dimension
    double recall;    // of searches whose session says nothing
};

constexpr int default_refine_bits = 8;
constexpr double no_recall = -1;

}  // namespace

uint64 seed_of(Relation index) {
    constexpr uint64 golden = 0x9e3779b97f4a7c15;
    const Options* set = reinterpret_cast<const Options*>(index->rd_options);
    return golden * (1 + static_cast<uint64>(set == nullptr ? 0 : set->seed));
}

uint32 refine_bits_of(Relation index) {
    const Options* set = reinterpret_cast<const Options*>(index->rd_options);
    return static_cast<uint32>(set == nullptr ? default_refine_bits : set->refine_bits);
}

double recall_of(Relation index) {
    const Options* set = reinterpret_cast<const Options*>(index->rd_options);
    const bool by_index = set != nullptr && set->recall != no_recall && !pg::recall_is_given();
    return by_index ? set->recall : pg::recall_setting();
}

double recall_of(Oid index) {
    const Relation relation = index_open(index, NoLock);
    const double recall = recall_of(relation);
    index_close(relation, NoLock);
    return recall;
}

bytea* options(Datum reloptions, bool validate) {
    // Registered when an index first asks: the library may be loaded for the type alone.
    static relopt_kind kind = RELOPT_KIND_LOCAL;
    if (kind == RELOPT_KIND_LOCAL) {
        const relopt_kind added = add_reloption_kind();
        add_int_reloption(added, "seed", "Seed of the index's random numbers", 0, 0, PG_INT32_MAX,
                          AccessExclusiveLock);
        static relopt_enum_elt_def widths[] = {{"4", 4}, {"8", 8}, {nullptr, 0}};
        add_enum_reloption(added, "refine_bits", "Bits a dimension of the refinement codes", widths,
                           default_refine_bits, "Valid values are \"4\" and \"8\".",
                           AccessExclusiveLock);
        add_real_reloption(added, "recall", "Recall of searches where vecdot.recall is not set",
                           no_recall, pg::least_recall, 1, ShareUpdateExclusiveLock);
        kind = added;
    }
    relopt_parse_elt known[3]{};
    known[0].optname = "seed";
    known[0].opttype = RELOPT_TYPE_INT;
    known[0].offset = offsetof(Options, seed);
    known[1].optname = "refine_bits";
    known[1].opttype = RELOPT_TYPE_ENUM;
    known[1].offset = offsetof(Options, refine_bits);
    known[2].optname = "recall";
    known[2].opttype = RELOPT_TYPE_REAL;
    known[2].offset = offsetof(Options, recall);
    return static_cast<bytea*>(
        build_reloptions(reloptions, validate, kind, sizeof(Options), known, lengthof(known)));
}

}  // namespace vecdot::index
