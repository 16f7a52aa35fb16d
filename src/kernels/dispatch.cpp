#include "kernels/kernels.hpp"

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
// the float kernels of AVX2 are up to half as fast again, for the same bits.
const Kernels* avx512_table() noexcept {
    static constinit Kernels mixed{};
    if (!__builtin_cpu_is("amdfam19h")) {
        return &avx512_kernels;
    }
    mixed = avx512_kernels;
    mixed.floats = avx2_kernels.floats;
    return &mixed;
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
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
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
