#include "pg/pgvector_settings.hpp"

#include "pg/postgres.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <climits>

extern "C" {
#include "utils/guc.h"
}

namespace {

int ef_search = 40;
int hnsw_iterative_scan = 0;
int max_scan_tuples = 20000;
double scan_mem_multiplier = 1;
int probes = 1;
int ivfflat_iterative_scan = 0;
int max_probes = 32768;

const config_enum_entry hnsw_scans[] = {{"off", 0, false},
                                        {"relaxed_order", 1, false},
                                        {"strict_order", 2, false},
                                        {nullptr, 0, false}};
const config_enum_entry ivfflat_scans[] = {
    {"off", 0, false}, {"relaxed_order", 1, false}, {nullptr, 0, false}};

constexpr char no_effect[] = "Accepted for pgvector's sake, without effect: see vecdot.recall.";

// `make install-as-vector` puts a link of pgvector's library's name beside ours. Where that name is
// another file or none, pgvector may be loaded into this process and define its settings itself.
bool is_in_pgvectors_place() {
    Dl_info self{};
    struct stat own {};
    struct stat other {};
    if (dladdr(reinterpret_cast<const void*>(is_in_pgvectors_place), &self) == 0 ||
        stat(self.dli_fname, &own) != 0) {
        return false;
    }
    char path[MAXPGPATH];
    strlcpy(path, self.dli_fname, sizeof(path));
    get_parent_directory(path);
    strlcat(path, "/vector" DLSUFFIX, sizeof(path));
    return stat(path, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

}  // namespace

void vecdot::pg::define_pgvector_settings() {
    if (!is_in_pgvectors_place()) {
        return;
    }
    DefineCustomIntVariable("hnsw.ef_search", no_effect, nullptr, &ef_search, 40, 1, 1000,
                            PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("hnsw.iterative_scan", no_effect, nullptr, &hnsw_iterative_scan, 0,
                             hnsw_scans, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("hnsw.max_scan_tuples", no_effect, nullptr, &max_scan_tuples, 20000, 1,
                            INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomRealVariable("hnsw.scan_mem_multiplier", no_effect, nullptr, &scan_mem_multiplier,
                             1, 1, 1000, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ivfflat.probes", no_effect, nullptr, &probes, 1, 1, 32768, PGC_USERSET,
                            0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("ivfflat.iterative_scan", no_effect, nullptr, &ivfflat_iterative_scan,
                             0, ivfflat_scans, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ivfflat.max_probes", no_effect, nullptr, &max_probes, 32768, 1, 32768,
                            PGC_USERSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("hnsw");
    MarkGUCPrefixReserved("ivfflat");
}
