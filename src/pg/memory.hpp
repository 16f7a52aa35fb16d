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

// What use() returns, or nothing; CurrentMemoryContext is `context` meanwhile. An error leaves it
// to PostgreSQL to go back: there is no destructor that would.
template <typename Use>
auto within(MemoryContext context, Use use) {
    const MemoryContext old = MemoryContextSwitchTo(context);
    if constexpr (std::is_void_v<decltype(use())>) {
        use();
        MemoryContextSwitchTo(old);
    } else {
        const auto result = use();
        MemoryContextSwitchTo(old);
        return result;
    }
}

// What use() returns, or nothing; CurrentMemoryContext is one of its own meanwhile, which ends with
// it. After an error PostgreSQL deletes it with its parent. name: a string constant.
template <typename Use>
auto in_context(const char* name, Use use) {
    const MemoryContext context =
        AllocSetContextCreateInternal(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES);
    if constexpr (std::is_void_v<decltype(use())>) {
        within(context, use);
        MemoryContextDelete(context);
    } else {
        const auto result = within(context, use);
        MemoryContextDelete(context);
        return result;
    }
}

// Makes *array one of at least count elements, by doubling: what it has stays, what is new is not
// set. null as yet: it gets memory in context. It may pass 1 GB.
template <typename T, typename Count>
void make_room(T** array, Count* capacity, std::type_identity_t<Count> count,
               std::type_identity_t<Count> first = 64,
               MemoryContext context = CurrentMemoryContext) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count <= *capacity) {
        return;
    }
    Count larger = *capacity > 0 ? 2 * *capacity : first;
    larger = larger < count ? count : larger;
    const Size bytes = static_cast<Size>(larger) * sizeof(T);
    *array = static_cast<T*>(*array == nullptr ? MemoryContextAllocHuge(context, bytes)
                                               : repalloc_huge(*array, bytes));
    *capacity = larger;
}

}  // namespace vecdot::pg
