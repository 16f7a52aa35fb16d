// Arenas over PostgreSQL's memory contexts.
#pragma once

#include <type_traits>

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

// What use() returns, or nothing; CurrentMemoryContext is one of its own meanwhile, which ends with
// it. After an error PostgreSQL deletes it with its parent: there is no destructor that would.
// name: a string constant.
template <typename Use>
auto in_context(const char* name, Use use) {
    const MemoryContext context =
        AllocSetContextCreateInternal(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context);
    if constexpr (std::is_void_v<decltype(use())>) {
        use();
        MemoryContextSwitchTo(old);
        MemoryContextDelete(context);
    } else {
        const auto result = use();
        MemoryContextSwitchTo(old);
        MemoryContextDelete(context);
        return result;
    }
}

}  // namespace vecdot::pg
