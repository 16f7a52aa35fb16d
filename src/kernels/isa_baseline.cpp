#include "kernels/implementation.hpp"

namespace vecdot::kernels {

#if defined(__x86_64__)
using BaselineArch = xsimd::sse2;
#else
using BaselineArch = xsimd::neon64;
#endif

extern constinit const Kernels baseline_kernels = implementation<BaselineArch>("baseline");

}  // namespace vecdot::kernels
