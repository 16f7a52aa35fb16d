// The numeric kernels, one table of functions per instruction set, and the choice among them.
//
// Every kernel gives the same bits on every instruction set: sums run over a fixed number of
// virtual lanes (float_lanes), are folded in a fixed order, and use a fused multiply-add only where
// the product is exact. So an index, a constraint or a replica never depends on the CPU that
// computed it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/code_kernels.hpp"

namespace vecdot::kernels {

enum class InstructionSet {
    baseline,  // what every machine of the architecture has: SSE2, NEON
    avx2,      // AVX2 + FMA
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

// Functions of float4 vectors of n elements at any address. Sums are accumulated in float8:
// products of two float4 are exact there, so the error is below n/16 · 2⁻⁵³ · Σ|terms|, and nothing
// overflows.
struct FloatKernels {
    double (*dot)(const float* a, const float* b, std::size_t n) noexcept;         // Σ aᵢbᵢ
    double (*l2_squared)(const float* a, const float* b, std::size_t n) noexcept;  // Σ (aᵢ − bᵢ)²
    double (*l1)(const float* a, const float* b, std::size_t n) noexcept;  // Σ |aᵢ − bᵢ|
    double (*norm_squared)(const float* a, std::size_t n) noexcept;        // Σ aᵢ²
    CosineSums (*cosine_sums)(const float* a, const float* b, std::size_t n) noexcept;
    // yᵢ += s xᵢ, the product rounded to float8 before it is added. y does not overlap x.
    void (*accumulate)(double* y, double s, const float* x, std::size_t n) noexcept;
};

struct Kernels {
    const char* name;
    FloatKernels floats;
    CodeKernels codes;
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

}  // namespace vecdot::kernels
