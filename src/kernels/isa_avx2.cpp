#include "kernels/implementation.hpp"

namespace vecdot::kernels {

extern constinit const Kernels avx2_kernels = implementation<xsimd::fma3<xsimd::avx2>>("avx2");

}  // namespace vecdot::kernels
