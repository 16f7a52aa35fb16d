// Memory whose owner frees it all at once: a PostgreSQL memory context in the server, a list of
// blocks in the tests. Handing out only trivially destructible things makes a longjmp across it
// harmless.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace vecdot::core {

class Arena {
  public:
    // Returns bytes of memory aligned to a cache line (64), or null when there is none.
    using Allocate = void* (*)(void* owner, std::size_t bytes);

    constexpr Arena(Allocate allocate, void* owner) : allocate_(allocate), owner_(owner) {}

    // Uninitialised room for n values of T. Throws std::bad_alloc.
    template <typename T>
    std::span<T> allocate(std::size_t n) {
        static_assert(std::is_trivially_destructible_v<T>, "nobody would call the destructor");
        if (n > static_cast<std::size_t>(-1) / 2 / sizeof(T)) {
            throw std::bad_alloc();
        }
        void* memory = allocate_(owner_, n == 0 ? 1 : n * sizeof(T));
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        return {static_cast<T*>(memory), n};
    }

    // The same, value-initialised.
    template <typename T>
    std::span<T> allocate_zeroed(std::size_t n) {
        std::span<T> values = allocate<T>(n);
        std::uninitialized_value_construct(values.begin(), values.end());
        return values;
    }

    // One value built in place.
    template <typename T, typename... Arguments>
    T* create(Arguments&&... arguments) {
        return std::construct_at(allocate<T>(1).data(), static_cast<Arguments&&>(arguments)...);
    }

  private:
    Allocate allocate_;
    void* owner_;
};

static_assert(std::is_trivially_destructible_v<Arena>);

}  // namespace vecdot::core
