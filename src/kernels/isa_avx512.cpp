#include "kernels/implementation.hpp"

namespace vecdot::kernels {

extern constinit const Kernels avx512_kernels = implementation<xsimd::avx512bw>("avx512");

}  // namespace vecdot::kernels
