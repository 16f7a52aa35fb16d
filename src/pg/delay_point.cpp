#include "pg/delay_point.hpp"

#include "pg/postgres.hpp"

extern "C" {
#include "commands/vacuum.h"
}

namespace vecdot::pg {

void delay_point() {
#if PG_VERSION_NUM >= 180000
    vacuum_delay_point(false);
#else
    vacuum_delay_point();
#endif
}

}  // namespace vecdot::pg
