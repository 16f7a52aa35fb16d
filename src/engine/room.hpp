// Arrays of an arena that grow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/arena.hpp"

namespace vecdot::engine {

// Room for one more than count.
template <typename T>
void grow(core::Arena& arena, std::span<T>& room, std::size_t count) {
    if (count < room.size()) {
        return;
    }
    const std::span<T> larger = arena.allocate<T>(std::max<std::size_t>(64, 2 * room.size()));
    std::copy(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count), larger.begin());
    room = larger;
}

// Room for count, whose former content is of no interest.
template <typename T>
void make_room(core::Arena& arena, std::span<T>& room, std::size_t count) {
    if (room.size() < count) {
        room = arena.allocate<T>(std::max<std::size_t>(count + count / 2, 512));
    }
}

}  // namespace vecdot::engine
