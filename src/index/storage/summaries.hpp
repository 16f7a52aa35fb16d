// The summaries of the cells' keys (engine/key_summary.hpp) as pages: one run of blocks, written
// when all cells are written at once, by a build or a renewal. Slots behind those it was made for
// have none. From then on it only grows: whoever is about to add a row to a cell, or to publish a
// cell, first has the summary tell of it (tell_summaries), in records of its own.
//
// A slot's number may come to name another cell; what is told of the one before stays. So a search
// reads the pages as they are now, whatever directory it has, as long as that is of this run.
#pragma once

#include "engine/key_summary.hpp"
#include "index/storage/directory.hpp"
#include "index/storage/meta.hpp"

namespace vecdot::index {

inline engine::SummaryShape summary_shape(const Parameters& parameters,
                                          const KeySummaries& summaries) {
    return {parameters.keys.count, summaries.bucket_pages};
}

inline bool has_summary(const KeySummaries& summaries, uint32 slot) {
    return slot >= special_slots && slot < uint64{summaries.groups} * uint64{engine::summary_cells};
}

inline PageIdentity summary_page(const KeySummaries& summaries, uint32 page) {
    return {PageKind::summaries, 0, page, summaries.generation};
}

// A row of the cell in a slot.
struct SlotKeys {
    uint32 slot;
    engine::RowKeys keys;
};

// Has the summaries tell of these rows, before anybody can find them in those cells. The slots'
// heads are locked, or not published yet under the structure lock.
void tell_summaries(Relation index, const Parameters& parameters, const KeySummaries& summaries,
                    const SlotKeys* rows, Size count);

// Of the cells of a directory those that have no row that passes: true; null if it is not known of
// any. In CurrentMemoryContext.
const bool* cells_left_out(Relation index, const Directory& directory,
                           const engine::KeyFilter& filter);

// Summaries of a new directory, as they are made: the pages' contents.
struct NewSummaries {
    engine::SummaryShape shape;  // without bucket pages: none are made
    uint32 groups;
    Size capacity;  // bytes
    uint8* bytes;   // summary_page_bytes a page
    MemoryContext context;
};
// For so many rows with codes in so many cells. Memory is CurrentMemoryContext's.
NewSummaries new_summaries(const Parameters& parameters, uint64 rows, uint64 cells);
void add_to_summaries(NewSummaries* summaries, uint32 slot, const engine::RowKeys& keys);
// How many pages there are for so many slots: 0 if none are made.
uint32 end_summaries(NewSummaries* summaries, uint32 slots);

// All pages' contents, in CurrentMemoryContext.
uint8* read_summaries(Relation index, const KeySummaries& summaries);

}  // namespace vecdot::index
