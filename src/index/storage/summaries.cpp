#include "index/storage/summaries.hpp"

namespace vecdot::index {

namespace {

using engine::summary_page_bytes;

struct Pages {
    Relation index;
    const KeySummaries* summaries;
};

void read_bytes(void* self, std::uint32_t page, std::size_t offset, std::size_t bytes,
                std::uint8_t* to) {
    const Pages& pages = *static_cast<const Pages*>(self);
    const Buffer buffer = read_page(pages.index, pages.summaries->run.start + page,
                                    summary_page(*pages.summaries, page), BUFFER_LOCK_SHARE);
    memcpy(to, payload(BufferGetPage(buffer)) + offset, bytes);
    UnlockReleaseBuffer(buffer);
}

bool tells_of(const engine::SummaryShape& shape, const KeySummaries& summaries, uint32 page,
              Page of, const SlotKeys* rows, Size count) {
    const uint8* bytes = reinterpret_cast<const uint8*>(payload(of));
    for (Size i = 0; i < count; ++i) {
        if (has_summary(summaries, rows[i].slot) &&
            !engine::is_summed_up(shape, page, bytes, rows[i].slot, rows[i].keys)) {
            return false;
        }
    }
    return true;
}

// Most rows bring nothing new: readers are kept out only for those that do.
void tell_page(Relation index, const engine::SummaryShape& shape, const KeySummaries& summaries,
               uint32 page, const SlotKeys* rows, Size count) {
    const BlockNumber block = summaries.run.start + page;
    const PageIdentity identity = summary_page(summaries, page);
    Buffer buffer = read_page(index, block, identity, BUFFER_LOCK_SHARE);
    const bool known = tells_of(shape, summaries, page, BufferGetPage(buffer), rows, count);
    UnlockReleaseBuffer(buffer);
    if (known) {
        return;
    }
    buffer = read_page(index, block, identity, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    uint8* bytes = reinterpret_cast<uint8*>(payload(record.add(buffer)));
    for (Size i = 0; i < count; ++i) {
        if (has_summary(summaries, rows[i].slot)) {
            engine::sum_up(shape, page, bytes, rows[i].slot, rows[i].keys);
        }
    }
    record.finish();
    UnlockReleaseBuffer(buffer);
}

void reserve(NewSummaries* summaries, uint32 groups) {
    const Size bytes = Size{groups} * summaries->shape.group_pages() * summary_page_bytes;
    if (bytes > summaries->capacity) {
        const Size capacity = Max(bytes, 2 * summaries->capacity);
        uint8* larger = static_cast<uint8*>(MemoryContextAllocExtended(
            summaries->context, capacity, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
        if (summaries->bytes != nullptr) {
            memcpy(larger, summaries->bytes, summaries->capacity);
            pfree(summaries->bytes);
        }
        summaries->bytes = larger;
        summaries->capacity = capacity;
    }
    summaries->groups = Max(summaries->groups, groups);
}

}  // namespace

void tell_summaries(Relation index, const Parameters& parameters, const KeySummaries& summaries,
                    const SlotKeys* rows, Size count) {
    const engine::SummaryShape shape = summary_shape(parameters, summaries);
    bool* wanted = nullptr;
    for (Size i = 0; i < count; ++i) {
        const SlotKeys& row = rows[i];
        if (!has_summary(summaries, row.slot)) {
            continue;
        }
        if (wanted == nullptr) {
            wanted = static_cast<bool*>(palloc0(summaries.run.length));
        }
        for (uint32 c = 0; c < shape.columns; ++c) {
            wanted[engine::summary_spans_page(shape, row.slot, c)] = true;
            wanted[engine::summary_bucket_page(shape, row.slot, c, row.keys)] = true;
        }
    }
    if (wanted == nullptr) {
        return;
    }
    BlockNumber known = 0;
    check_blocks(index, meta_block, summaries.run.start + summaries.run.length, &known);
    for (uint32 page = 0; page < summaries.run.length; ++page) {
        if (wanted[page]) {
            tell_page(index, shape, summaries, page, rows, count);
        }
    }
    pfree(wanted);
}

const bool* cells_left_out(Relation index, const Directory& directory,
                           const engine::KeyFilter& filter) {
    const KeySummaries& summaries = directory.summaries;
    if (summaries.run.length == 0) {
        return nullptr;
    }
    BlockNumber known = 0;
    check_blocks(index, meta_block, summaries.run.start + summaries.run.length, &known);
    const engine::SummaryShape shape = summary_shape(directory.parameters, summaries);
    using Bits = uint64[engine::summary_words];
    Bits* may_pass = static_cast<Bits*>(palloc(sizeof(Bits) * summaries.groups));
    Pages pages{index, &summaries};
    for (uint32 group = 0; group < summaries.groups; ++group) {
        engine::cells_that_may_pass(shape, filter, group, {&pages, read_bytes}, may_pass[group]);
    }
    const uint32 count = directory.cells.count;
    bool* left_out = static_cast<bool*>(palloc(Max(count, 1u)));
    for (uint32 i = 0; i < count; ++i) {
        const uint32 slot = directory.slots[i];
        const uint32 local = slot % engine::summary_cells;
        left_out[i] = has_summary(summaries, slot) &&
                      (may_pass[slot / engine::summary_cells][local / 64] >> (local % 64) & 1) == 0;
    }
    pfree(may_pass);
    return left_out;
}

NewSummaries new_summaries(const Parameters& parameters, uint64 rows, uint64 cells) {
    NewSummaries summaries{};
    summaries.shape.columns = parameters.keys.count;
    if (parameters.keys.count > 0) {
        summaries.shape.bucket_pages = engine::summary_bucket_pages(rows, cells);
    }
    summaries.context = CurrentMemoryContext;
    return summaries;
}

void add_to_summaries(NewSummaries* summaries, uint32 slot, const engine::RowKeys& keys) {
    if (summaries->shape.bucket_pages == 0 || slot < special_slots) {
        return;
    }
    reserve(summaries, slot / static_cast<uint32>(engine::summary_cells) + 1);
    for (uint32 c = 0; c < summaries->shape.columns; ++c) {
        for (const uint32 page : {engine::summary_spans_page(summaries->shape, slot, c),
                                  engine::summary_bucket_page(summaries->shape, slot, c, keys)}) {
            engine::sum_up(summaries->shape, page, summaries->bytes + page * summary_page_bytes,
                           slot, keys);
        }
    }
}

uint32 end_summaries(NewSummaries* summaries, uint32 slots) {
    if (summaries->shape.bucket_pages == 0) {
        return 0;
    }
    reserve(summaries, engine::summary_groups(slots));
    return summaries->groups * summaries->shape.group_pages();
}

uint8* read_summaries(Relation index, const KeySummaries& summaries) {
    uint8* bytes = static_cast<uint8*>(MemoryContextAllocHuge(
        CurrentMemoryContext, Max(Size{summaries.run.length} * summary_page_bytes, Size{1})));
    Pages pages{index, &summaries};
    for (uint32 page = 0; page < summaries.run.length; ++page) {
        CHECK_FOR_INTERRUPTS();
        read_bytes(&pages, page, 0, summary_page_bytes, bytes + page * summary_page_bytes);
    }
    return bytes;
}

}  // namespace vecdot::index
