// What the index's operator class and its column say.
#pragma once

#include "engine/space.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecdot::index {

// The metric of an index's operator class: support function 1 tells it.
engine::Metric metric_of(Relation index);

// The dimensions that the indexed column is declared with, 0 if none: it may lose them (ALTER
// COLUMN TYPE vector) without the index being built again.
int declared_dimensions(Relation index);
// The same; 22023 if there are none.
int dimensions_of(Relation index);

}  // namespace vecdot::index
