// The settings that other parts of the library read.
#pragma once

namespace vecdot::pg {

// vecdot.recall: the share of the true nearest neighbours that an index scan promises; 1 is exact.
double recall_setting();

}  // namespace vecdot::pg
