// What happens when the library is loaded.
#include "index/search_node/node.hpp"
#include "pg/pgvector_settings.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
    vecdot::pg::define_settings();
    vecdot::pg::define_pgvector_settings();
    vecdot::index::install_search_node();
}
