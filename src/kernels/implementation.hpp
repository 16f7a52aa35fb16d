// All kernels of one architecture as a table. Included by one file per instruction set and nobody
// else.
#pragma once

#include "kernels/accumulate.hpp"
#include "kernels/cosine.hpp"
#include "kernels/dot.hpp"
#include "kernels/kernels.hpp"
#include "kernels/l1.hpp"
#include "kernels/l2.hpp"
#include "kernels/matrix.hpp"

namespace vecdot::kernels {

template <class Arch>
constexpr Kernels implementation(const char* name) {
    return {
        .name = name,
        .floats = {.dot = dot<Arch>,
                   .l2_squared = l2_squared<Arch>,
                   .l1 = l1<Arch>,
                   .norm_squared = norm_squared<Arch>,
                   .cosine_sums = cosine_sums<Arch>,
                   .accumulate = accumulate<Arch>},
        .codes = {},
        .matrices = {.update_tile = update_tile<Arch>, .householder_row = householder_row<Arch>},
    };
}

}  // namespace vecdot::kernels
