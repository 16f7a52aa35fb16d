#include "pg/memory.hpp"

namespace vecdot::pg {

namespace {

constexpr Size cache_line = 64;

void* allocate(void* owner, std::size_t bytes) {
    if (bytes > MaxAllocHugeSize - cache_line) {
        return nullptr;
    }
    void* memory = MemoryContextAllocExtended(static_cast<MemoryContext>(owner), bytes + cache_line,
                                              MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
    return memory == nullptr ? nullptr : reinterpret_cast<void*>(TYPEALIGN(cache_line, memory));
}

}  // namespace

core::Arena arena(MemoryContext context) {
    return core::Arena(allocate, context);
}

}  // namespace vecdot::pg
