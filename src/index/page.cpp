// The formats' own checks against the engine's.
#include "algo/code.hpp"
#include "index/layout.hpp"
#include "index/storage.hpp"

namespace vecdot::index {

static_assert(sizeof(AddressEntry) == sizeof(algo::RowEntry) &&
              offsetof(AddressEntry, flags) == offsetof(algo::RowEntry, flags) &&
              offsetof(AddressEntry, refine) == offsetof(algo::RowEntry, refine));
static_assert(static_cast<int>(address_dead) == algo::RowFlags::dead);
static_assert(rows_per_block == kernels::block_rows && unit_size == kernels::unit_bytes &&
              dims_per_unit == kernels::unit_dimensions && factor_units == algo::factor_units);
static_assert(sizeof(algo::RefineFactors) == sizeof(Slot::centroid));
static_assert(sizeof(algo::Calibration) <= calibration_size);

}  // namespace vecdot::index
