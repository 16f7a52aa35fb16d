// The numeric kernels, one table of functions per instruction set, and the choice among them.
//
// Every kernel gives the same bits on every instruction set: sums run over a fixed number of
// virtual lanes (float_lanes), are folded in a fixed order, and use a fused multiply-add only where
// the product is exact. So an index, a constraint or a replica never depends on the CPU that
// computed it.
#pragma once

#include "core/platform.hpp"

#include <cstddef>
#include <cstdint>

#include "core/half.hpp"
#include "kernels/code_kernels.hpp"

namespace vecdot::kernels {

enum class InstructionSet {
    baseline,  // what every machine of the architecture has: SSE2, NEON
    avx2,      // AVX2 + FMA + F16C
    avx512,    // AVX-512 F, CD, DQ, BW, VL, VNNI, IFMA, VBMI (Ice Lake, Zen 4 and later)
};

constexpr int instruction_set_count = 3;

// Element i of a vector is added to lane i mod float_lanes.
constexpr std::size_t float_lanes = 16;

// Σ aᵢbᵢ, Σ aᵢ², Σ bᵢ²
struct CosineSums {
    double ab;
    double aa;
    double bb;
};

// Functions of vectors of n float4 or half elements at any address. Sums are accumulated in float8:
// products of two elements are exact there, so the error is below n/16 · 2⁻⁵³ · Σ|terms|, and
// nothing overflows.
template <class Element>
struct VectorKernels {
    using Pointer = const Element*;

    double (*dot)(Pointer a, Pointer b, std::size_t n) noexcept;         // Σ aᵢbᵢ
    double (*l2_squared)(Pointer a, Pointer b, std::size_t n) noexcept;  // Σ (aᵢ − bᵢ)²
    double (*l1)(Pointer a, Pointer b, std::size_t n) noexcept;          // Σ |aᵢ − bᵢ|
    double (*norm_squared)(Pointer a, std::size_t n) noexcept;           // Σ aᵢ²
    CosineSums (*cosine_sums)(Pointer a, Pointer b, std::size_t n) noexcept;
    // yᵢ += s xᵢ, the product rounded to float8 before it is added. y does not overlap x.
    void (*accumulate)(double* y, double s, Pointer x, std::size_t n) noexcept;
};

using FloatKernels = VectorKernels<float>;
using HalfKernels = VectorKernels<core::Half>;

// A sparse vector's elements that are not 0: count indices, ascending, and as many finite values,
// at any address.
struct SparseVector {
    const std::int32_t* indices;
    const float* values;
    std::size_t count;
};

// Sums over two sparse vectors, accumulated in float8 in the order of the indices: the error is
// below n · 2⁻⁵³ · Σ|terms|, n being the number of terms. (Of one alone: FloatKernels of its
// values.)
struct SparseKernels {
    double (*dot)(SparseVector a, SparseVector b) noexcept;         // Σ aᵢbᵢ
    double (*l2_squared)(SparseVector a, SparseVector b) noexcept;  // Σ (aᵢ − bᵢ)²
    double (*l1)(SparseVector a, SparseVector b) noexcept;          // Σ |aᵢ − bᵢ|
};

// Bits that are set in both of two strings, and in at least one.
struct SharedBits {
    std::uint64_t both;
    std::uint64_t either;
};

// Functions of strings of n bytes at any address.
struct BitKernels {
    // How many bits differ.
    std::uint64_t (*differing)(const std::uint8_t* a, const std::uint8_t* b,
                               std::size_t n) noexcept;
    SharedBits (*shared)(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept;
};

// A scatter matrix is kept in tiles of tile_width × tile_width float8, row by row.
constexpr std::size_t tile_width = 24;

// Blocks of float8 matrices.
struct MatrixKernels {
    // c += Σ_k a_k b_kᵀ + u vᵀ for one tile c. a and b are depth rows of tile_width elements, each
    // of at most 26 significant bits, so that products are exact; u and v have tile_width elements.
    // All aligned to 64 bytes.
    void (*update_tile)(const double* a, const double* b, std::size_t depth, const double* u,
                        const double* v, double* c) noexcept;

    // row[i] -= vr q[i] + qr v[i]; product[i] += next_r row[i]; returns Σ row[i] next[i]: one row
    // of a symmetric matrix takes a rank-2 update and its part in the product with the vector next.
    double (*householder_row)(double* row, std::size_t n, const double* v, const double* q,
                              double vr, double qr, const double* next, double next_r,
                              double* product) noexcept;
};

struct Kernels {
    const char* name;
    FloatKernels floats;
    HalfKernels halves;
    SparseKernels sparse;
    BitKernels bits;
    CodeKernels codes;
    MatrixKernels matrices;
};

// True if this build has the instruction set and this CPU and operating system run it.
bool is_supported(InstructionSet set) noexcept;

// The widest that is supported.
InstructionSet best_supported() noexcept;

// Makes set the active one. It must be supported.
void select(InstructionSet set) noexcept;

// The table of one instruction set, whether the CPU has it or not; null where the build lacks it.
const Kernels* table(InstructionSet set) noexcept;

namespace detail {
extern const Kernels* active_table;
}

// The active table: baseline until select() is called.
inline const Kernels& active() noexcept {
    return *detail::active_table;
}

// Its kernels for vectors of Element.
template <class Element>
const VectorKernels<Element>& active_vectors() noexcept;

template <>
inline const FloatKernels& active_vectors<float>() noexcept {
    return active().floats;
}

template <>
inline const HalfKernels& active_vectors<core::Half>() noexcept {
    return active().halves;
}

}  // namespace vecdot::kernels
