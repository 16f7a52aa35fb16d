// All kernels of one architecture as a table. Included by one file per instruction set and nobody
// else.
#pragma once

#include "kernels/accumulate.hpp"
#include "kernels/bit_codes.hpp"
#include "kernels/bits.hpp"
#include "kernels/cosine.hpp"
#include "kernels/dot.hpp"
#include "kernels/hadamard.hpp"
#include "kernels/int8_dot.hpp"
#include "kernels/kernels.hpp"
#include "kernels/key_ranges.hpp"
#include "kernels/l1.hpp"
#include "kernels/l2.hpp"
#include "kernels/matrix.hpp"
#include "kernels/sparse.hpp"

namespace vecdot::kernels {

template <class Arch, class Element>
constexpr VectorKernels<Element> vector_kernels() {
    return {.dot = dot<Arch, Element>,
            .l2_squared = l2_squared<Arch, Element>,
            .l1 = l1<Arch, Element>,
            .norm_squared = norm_squared<Arch, Element>,
            .cosine_sums = cosine_sums<Arch, Element>,
            .accumulate = accumulate<Arch, Element>};
}

template <class Arch>
constexpr Kernels implementation(const char* name) {
    return {
        .name = name,
        .floats = vector_kernels<Arch, float>(),
        .halves = vector_kernels<Arch, core::Half>(),
        .sparse = {.dot = sparse_dot<Arch>,
                   .l2_squared = sparse_l2_squared<Arch>,
                   .l1 = sparse_l1<Arch>},
        .bits = {.differing = differing_bits<Arch>, .shared = shared_bits<Arch>},
        .codes = {.scan_units = scan_units<Arch>,
                  .score_blocks = score_blocks<Arch>,
                  .block_bounds = block_bounds<Arch>,
                  .dot_nibbles = dot_nibbles<Arch>,
                  .scan_nibbles = scan_nibbles<Arch>,
                  .within_reach = within_reach<Arch>,
                  .keys_within = keys_within<Arch>,
                  .dot_rows = dot_rows<Arch>,
                  .nearest_in_panels = nearest_in_panels<Arch>,
                  .quantise = quantise<Arch>,
                  .dequantise = dequantise<Arch>,
                  .centre = centre<Arch>,
                  .largest = largest<Arch>,
                  .sign_table = sign_table<Arch>,
                  .flip_signs = flip_signs<Arch>,
                  .hadamard = hadamard<Arch>,
                  .mix_halves = mix_halves<Arch>},
        .matrices = {.update_tile = update_tile<Arch>, .householder_row = householder_row<Arch>},
    };
}

}  // namespace vecdot::kernels
