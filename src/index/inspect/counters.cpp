// What an index consists of.
#include <algorithm>

#include "index/inspect/check.hpp"

namespace vecdot::index {

Counters count(const Census& census) {
    const Meta& meta = census.meta;
    Counters counters{};
    uint32* sizes = static_cast<uint32*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * Size{census.count}));
    for (uint32 i = 0; i < census.count; ++i) {
        const CellView& view = census.cells[i];
        const uint64 live = live_rows(view);
        counters.rows += live;
        counters.dead += view.rows - live;
        if (view.layout.has_codes) {
            sizes[counters.cells++] = view.rows;
        } else {
            ((view.flags & cell_loose) != 0       ? counters.loose_rows
             : (view.flags & cell_undefined) != 0 ? counters.undefined_rows
                                                  : counters.null_rows) += live;
        }
        for (uint32 e = 0; e < view.extent_count; ++e) {
            const uint32 blocks = view.extents[e].blocks;
            counters.head_blocks += e == 0 ? view.layout.head_pages : 0;
            counters.address_blocks += view.layout.address_pages(e == 0, blocks);
            counters.sign_blocks += view.layout.sign_pages(blocks);
            counters.refine_blocks += view.layout.refine_pages(blocks);
            counters.key_blocks += view.layout.key_pages(blocks);
        }
    }
    if (counters.cells > 0) {
        std::sort(sizes, sizes + counters.cells);
        counters.smallest_cell = sizes[0];
        counters.median_cell = sizes[counters.cells / 2];
        counters.large_cell = sizes[Min(counters.cells - 1, counters.cells * uint64{95} / 100)];
        counters.largest_cell = sizes[counters.cells - 1];
        uint64 sum = 0;
        for (uint32 i = 0; i < counters.cells; ++i) {
            sum += sizes[i];
        }
        counters.mean_cell = static_cast<double>(sum) / counters.cells;
    }
    pfree(sizes);
    counters.directory_blocks = 1 + pages_before_segment(meta.slot_pages.count) +
                                pages_before_segment(meta.centroid_pages.count) +
                                pages_before_segment(meta.free_pages[0].count) +
                                pages_before_segment(meta.free_pages[1].count) +
                                (meta.has_origin != 0 ? meta.origin.length : 0) +
                                meta.summaries.run.length;
    counters.free_blocks = census.free_blocks;
    counters.total_blocks = meta.allocated;
    return counters;
}

}  // namespace vecdot::index
