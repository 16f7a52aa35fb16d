// The formats' own checks against the engine's.
#include "index/format/page.hpp"

#include "engine/calibration.hpp"
#include "engine/code.hpp"
#include "index/format/layout.hpp"

namespace vecdot::index {

static_assert(sizeof(AddressEntry) == sizeof(engine::RowEntry) &&
              offsetof(AddressEntry, flags) == offsetof(engine::RowEntry, flags) &&
              offsetof(AddressEntry, refine) == offsetof(engine::RowEntry, refine));
static_assert(static_cast<int>(address_dead) == engine::RowFlags::dead);
static_assert(rows_per_block == kernels::block_rows && unit_size == kernels::unit_bytes &&
              dims_per_unit == kernels::unit_dimensions && factor_units == engine::factor_units);
static_assert(sizeof(engine::RefineFactors) == sizeof(Slot::centroid));
static_assert(sizeof(engine::Calibration) == calibration_size);

}  // namespace vecdot::index
