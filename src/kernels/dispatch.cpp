#include "kernels/kernels.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace vecdot::kernels {

extern const Kernels baseline_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

namespace detail {
constinit const Kernels* active_table = &baseline_kernels;
}

#if defined(__x86_64__)
namespace {

// Zen 4 splits 512-bit operations in two and widens float4 to float8 at half the rate then: there
// the kernels of vectors of AVX2 are up to half as fast again, for the same bits.
const Kernels* avx512_table() noexcept {
    static constinit Kernels mixed{};
    if (!__builtin_cpu_is("amdfam19h")) {
        return &avx512_kernels;
    }
    mixed = avx512_kernels;
    mixed.floats = avx2_kernels.floats;
    mixed.halves = avx2_kernels.halves;
    return &mixed;
}

// clang 14's run-time check does not know this one; the registers are AVX's.
bool has_f16c() noexcept {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

}  // namespace
#endif

const Kernels* table(InstructionSet set) noexcept {
    switch (set) {
        case InstructionSet::baseline:
            return &baseline_kernels;
#if defined(__x86_64__)
        case InstructionSet::avx2:
            return &avx2_kernels;
        case InstructionSet::avx512:
            return avx512_table();
#endif
        default:
            return nullptr;
    }
}

// The compiler's run-time check, unlike xsimd's, also asks whether the operating system saves the
// registers.
bool is_supported(InstructionSet set) noexcept {
    switch (set) {
        case InstructionSet::baseline:
            return true;
#if defined(__x86_64__)
        case InstructionSet::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
        case InstructionSet::avx512:
            return is_supported(InstructionSet::avx2) && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512ifma") &&
                   __builtin_cpu_supports("avx512vbmi");
#endif
        default:
            return false;
    }
}

InstructionSet best_supported() noexcept {
    if (is_supported(InstructionSet::avx512)) {
        return InstructionSet::avx512;
    }
    if (is_supported(InstructionSet::avx2)) {
        return InstructionSet::avx2;
    }
    return InstructionSet::baseline;
}

void select(InstructionSet set) noexcept {
    detail::active_table = table(set);
}

}  // namespace vecdot::kernels
