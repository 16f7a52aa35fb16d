// Random vectors of the tests.
#pragma once

#include <vector>

#include "core/random.hpp"

namespace vecdot::engine {

inline std::vector<float> gaussian(core::Random& random, std::size_t n, double size) {
    std::vector<float> x(n);
    for (float& f : x) {
        f = static_cast<float>(random.normal() * size);
    }
    return x;
}

}  // namespace vecdot::engine
