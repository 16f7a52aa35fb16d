// pgvector's settings, for an installation in its place.
#pragma once

namespace vecdot::pg {

// When the library is loaded: hnsw.* and ivfflat.*, which have no effect, if the library is also
// installed under the name of pgvector's.
void define_pgvector_settings();

}  // namespace vecdot::pg
