// The row addresses of a bitmap of PostgreSQL's, to be looked up and to be walked through.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/tidbitmap.h"
#include "storage/itemptr.h"
}

namespace vecdot::index {

struct TidSet {
    struct Block {
        BlockNumber number;
        uint32 first;  // of its offsets
        uint32 count;  // 0: any row of the block may be one (a lossy page)
    };

    Block* blocks;  // by number
    Size block_count;
    OffsetNumber* offsets;
    Size offset_count;
    Size lossy;  // blocks
};

// In CurrentMemoryContext.
TidSet* collect_tids(TIDBitmap* bitmap);

bool may_hold(const TidSet& set, const ItemPointerData& tid);

}  // namespace vecdot::index
