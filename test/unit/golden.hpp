// What bytes hash to: for tests of values that may never change.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecdot {

// FNV-1a.
inline std::uint64_t hash_of(const void* bytes, std::size_t size,
                             std::uint64_t hash = 0xcbf29ce484222325u) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < size; ++i) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

}  // namespace vecdot
