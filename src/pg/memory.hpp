// Arenas over PostgreSQL's memory contexts.
#pragma once

#include "core/arena.hpp"
#include "pg/postgres.hpp"

namespace vecdot::pg {

// An arena in context: what it hands out lives as long as the context, and may pass 1 GB. When
// memory runs out it throws std::bad_alloc, which the guard turns into ERRCODE_OUT_OF_MEMORY.
core::Arena arena(MemoryContext context);

// The same in CurrentMemoryContext.
inline core::Arena arena() {
    return arena(CurrentMemoryContext);
}

}  // namespace vecdot::pg
