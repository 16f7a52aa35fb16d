// The pages behind a search.
#pragma once

#include "engine/store.hpp"
#include "index/storage/directory.hpp"

namespace vecdot::index {

// The pages behind engine::Search. Memory is CurrentMemoryContext's; the index must stay open. Take
// it from the same directory as the search's keys.
// filter: null, or what leaves rows out; it stays referenced.
engine::CellStore* open_store(Relation index, const Directory& directory,
                              const engine::KeyFilter* filter = nullptr);

}  // namespace vecdot::index
