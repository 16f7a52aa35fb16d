#include "index/search_node/tid_set.hpp"
#include "pg/memory.hpp"

#include <algorithm>

extern "C" {
#include "access/htup_details.h"
#include "miscadmin.h"
}

namespace vecdot::index {

namespace {

struct Room {
    Size blocks;
    Size offsets;
};

void add_block(TidSet* set, Room* room, BlockNumber number, const OffsetNumber* offsets, int count,
               bool lossy) {
    pg::make_room(&set->blocks, &room->blocks, set->block_count + 1);
    TidSet::Block& block = set->blocks[set->block_count++];
    block = {number, static_cast<uint32>(set->offset_count), 0};
    if (lossy) {
        ++set->lossy;
        return;
    }
    block.count = static_cast<uint32>(count);
    pg::make_room(&set->offsets, &room->offsets, set->offset_count + block.count);
    std::copy_n(offsets, count, set->offsets + set->offset_count);
    set->offset_count += block.count;
}

}  // namespace

TidSet* collect_tids(TIDBitmap* bitmap) {
    TidSet* set = static_cast<TidSet*>(palloc0(sizeof(TidSet)));
    Room room{0, 0};
#if PG_VERSION_NUM >= 180000
    TBMPrivateIterator* iterator = tbm_begin_private_iterate(bitmap);
    TBMIterateResult page;
    while (tbm_private_iterate(iterator, &page)) {
        CHECK_FOR_INTERRUPTS();
        OffsetNumber offsets[MaxHeapTuplesPerPage];
        const int count =
            page.lossy ? 0 : tbm_extract_page_tuple(&page, offsets, MaxHeapTuplesPerPage);
        if (page.lossy || count > 0) {
            add_block(set, &room, page.blockno, offsets, count, page.lossy);
        }
    }
    tbm_end_private_iterate(iterator);
#else
    TBMIterator* iterator = tbm_begin_iterate(bitmap);
    while (const TBMIterateResult* page = tbm_iterate(iterator)) {
        CHECK_FOR_INTERRUPTS();
        if (page->ntuples != 0) {
            add_block(set, &room, page->blockno, page->offsets, page->ntuples, page->ntuples < 0);
        }
    }
    tbm_end_iterate(iterator);
#endif
    return set;
}

bool may_hold(const TidSet& set, const ItemPointerData& tid) {
    const BlockNumber number = ItemPointerGetBlockNumberNoCheck(&tid);
    const TidSet::Block* first_block = set.blocks;
    const TidSet::Block* end = first_block + set.block_count;
    const TidSet::Block* block = std::lower_bound(
        first_block, end, number,
        [](const TidSet::Block& a, BlockNumber wanted) { return a.number < wanted; });
    if (block == end || block->number != number) {
        return false;
    }
    const OffsetNumber* first = set.offsets + block->first;
    return block->count == 0 ||
           std::binary_search(first, first + block->count, ItemPointerGetOffsetNumberNoCheck(&tid));
}

}  // namespace vecdot::index
