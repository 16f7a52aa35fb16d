// Clustered rows of the tests.
#pragma once

#include <vector>

#include "core/random.hpp"
#include "engine/space.hpp"

namespace vecdot::engine {

constexpr std::size_t padded = 64;

// n rows around `centres` points that lie far apart.
inline std::vector<float> blobs(std::size_t n, std::size_t centres, double spread) {
    core::Random random(9);
    std::vector<float> middle(centres * padded);
    for (float& x : middle) {
        x = static_cast<float>(random.normal() * 10);
    }
    std::vector<float> rows(n * padded);
    for (std::size_t i = 0; i < n * padded; ++i) {
        rows[i] = middle[i / padded % centres * padded + i % padded] +
                  static_cast<float>(spread * random.normal());
    }
    return rows;
}

}  // namespace vecdot::engine
