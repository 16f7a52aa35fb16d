#include "index/options.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/reloptions.h"
#include "utils/rel.h"
}

namespace vecdot::index {

namespace {

// WITH (...): what codes are made with is the index's from the time that it is built. Those of
// pgvector's access methods mean nothing; 0 if not given.
struct Options {
    int32 vl_len_;
    int seed;         // what the rotation and the sampling start from
    int refine_bits;  // of the refinements, a dimension
    double recall;    // of searches whose session says nothing
    int m;
    int ef_construction;
    int lists;
};

constexpr int default_refine_bits = 8;
constexpr double no_recall = -1;
// pgvector's, for its check of one against the other.
constexpr int default_m = 16;
constexpr int default_ef_construction = 64;

// An access method's options: how they are registered, and the number PostgreSQL gave them.
struct Kind {
    relopt_kind number;
    int count;
    relopt_parse_elt known[5];
};

void add(Kind* kind, const char* name, relopt_type type, std::size_t offset) {
    relopt_parse_elt* element = &kind->known[kind->count++];
    element->optname = name;
    element->opttype = type;
    element->offset = static_cast<int>(offset);
}

// What every access method of ours accepts.
Kind common_options() {
    Kind kind{};
    kind.number = add_reloption_kind();
    add_int_reloption(kind.number, "seed", "Seed of the index's random numbers", 0, 0, PG_INT32_MAX,
                      AccessExclusiveLock);
    add(&kind, "seed", RELOPT_TYPE_INT, offsetof(Options, seed));
    static relopt_enum_elt_def widths[] = {{"4", 4}, {"8", 8}, {nullptr, 0}};
    add_enum_reloption(kind.number, "refine_bits", "Bits a dimension of the refinements", widths,
                       default_refine_bits, "Valid values are \"4\" and \"8\".",
                       AccessExclusiveLock);
    add(&kind, "refine_bits", RELOPT_TYPE_ENUM, offsetof(Options, refine_bits));
    add_real_reloption(kind.number, "recall", "Recall of searches where vecdot.recall is not set",
                       no_recall, pg::least_recall, 1, ShareUpdateExclusiveLock);
    add(&kind, "recall", RELOPT_TYPE_REAL, offsetof(Options, recall));
    return kind;
}

void add_without_effect(Kind* kind, const char* name, int least, int most, std::size_t offset) {
    add_int_reloption(kind->number, name, "Accepted for pgvector's sake, without effect", 0, least,
                      most, AccessExclusiveLock);
    add(kind, name, RELOPT_TYPE_INT, offset);
}

bytea* parse(const Kind& kind, Datum reloptions, bool validate) {
    return static_cast<bytea*>(build_reloptions(reloptions, validate, kind.number, sizeof(Options),
                                                kind.known, kind.count));
}

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

// Registered when an index first asks: the library may be loaded for the type alone.
bytea* options(Datum reloptions, bool validate) {
    static Kind kind{};
    if (kind.count == 0) {
        kind = common_options();
    }
    return parse(kind, reloptions, validate);
}

bytea* hnsw_options(Datum reloptions, bool validate) {
    static Kind kind{};
    if (kind.count == 0) {
        Kind all = common_options();
        add_without_effect(&all, "m", 2, 100, offsetof(Options, m));
        add_without_effect(&all, "ef_construction", 4, 1000, offsetof(Options, ef_construction));
        kind = all;
    }
    return parse(kind, reloptions, validate);
}

bytea* ivfflat_options(Datum reloptions, bool validate) {
    static Kind kind{};
    if (kind.count == 0) {
        Kind all = common_options();
        add_without_effect(&all, "lists", 1, 32768, offsetof(Options, lists));
        kind = all;
    }
    return parse(kind, reloptions, validate);
}

void check_pgvector_options(Relation index) {
    const Options* set = reinterpret_cast<const Options*>(index->rd_options);
    if (set == nullptr) {
        return;
    }
    const int m = set->m == 0 ? default_m : set->m;
    const int ef_construction =
        set->ef_construction == 0 ? default_ef_construction : set->ef_construction;
    if (ef_construction < 2 * m) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("ef_construction must be greater than or equal to 2 * m"),
                        errdetail("ef_construction is %d and m is %d.", ef_construction, m)));
    }
    static bool noticed = false;
    if (!noticed && (set->m != 0 || set->ef_construction != 0 || set->lists != 0)) {
        noticed = true;
        ereport(NOTICE,
                (errmsg("\"m\", \"ef_construction\" and \"lists\" have no effect on vecdot's "
                        "index"),
                 errdetail("A search finds the share of the true nearest neighbours that "
                           "vecdot.recall states.")));
    }
}

}  // namespace vecdot::index
