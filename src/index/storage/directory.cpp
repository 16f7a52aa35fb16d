// The directory in memory, as new as the meta page's version, in a memory context of its own that
// ends when the last holder lets go: the index's relcache entry, which has the newest one, and each
// memory context that one was opened in. rd_amcache, which any relcache message frees, only says
// that the entry's is still good.
#include "index/storage/directory.hpp"

#include <algorithm>

#include "engine/growth.hpp"
#include "index/opclass.hpp"
#include "index/storage/meta.hpp"
#include "pg/memory.hpp"

namespace vecdot::index {

namespace {

constexpr int optimistic_tries = 5;

// Copies length bytes of an array's stream.
void read_stream(Relation index, const Segments& segments, PageKind kind, uint64 offset,
                 Size length, uint8* to, Buffer* buffer, uint32* current) {
    while (length > 0) {
        const StreamPosition at = stream_position(offset);
        if (!BufferIsValid(*buffer) || *current != at.page) {
            if (BufferIsValid(*buffer)) {
                UnlockReleaseBuffer(*buffer);
            }
            *buffer = read_array_page(index, segments, kind, at.page, BUFFER_LOCK_SHARE);
            *current = at.page;
        }
        const Size n = Min(length, payload_size - at.offset);
        memcpy(to, payload(BufferGetPage(*buffer)) + at.offset, n);
        offset += n;
        to += n;
        length -= n;
    }
}

// All live slots of the directory, the special lists' first; *count of them.
struct LiveSlot {
    uint32 number;
    Slot slot;
};
LiveSlot* read_slots(Relation index, const Meta& meta, uint32* count) {
    LiveSlot* live = static_cast<LiveSlot*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(LiveSlot) * meta.slots));
    *count = 0;
    BlockNumber known_blocks = 0;
    for (uint32 first = 0; first < meta.slots; first += slots_per_page) {
        const Buffer buffer = read_array_page(index, meta.slot_pages, PageKind::slots,
                                              first / slots_per_page, BUFFER_LOCK_SHARE);
        const Slot* slots = reinterpret_cast<const Slot*>(payload(BufferGetPage(buffer)));
        for (uint32 i = 0; i < Min(slots_per_page, meta.slots - first); ++i) {
            if (slots[i].state == SlotState::live) {
                if (slots[i].head == meta_block) {
                    corrupted(index, BufferGetBlockNumber(buffer), "slot %u has no head",
                              first + i);
                }
                check_blocks(index, BufferGetBlockNumber(buffer), slots[i].head + 1, &known_blocks);
                live[(*count)++] = {first + i, slots[i]};
            }
        }
        UnlockReleaseBuffer(buffer);
    }
    return live;
}

float usual_radius(const engine::CellSummary* summaries, uint32 count) {
    float* radii =
        static_cast<float*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * count));
    uint32 used = 0;
    for (uint32 i = 0; i < count; ++i) {
        if (!summaries[i].long_rows) {
            radii[used++] = summaries[i].radius;
        }
    }
    float* at = radii + Size{used} * 3 / 4;
    float radius = 0;
    if (at < radii + used) {
        std::nth_element(radii, at, radii + used);
        radius = *at;
    }
    pfree(radii);
    return radius;
}

struct Held {
    Directory directory;
    MemoryContext context;  // of all of it
    uint32 holders;
};

// In the memory of who holds it, with whose end it lets go.
struct Holder {
    MemoryContextCallback callback;
    Held* held;
};

// In rd_amcache.
struct Cache {
    Holder* entry;
};

void let_go(Holder* holder) {
    Held* held = holder->held;
    holder->held = nullptr;
    if (held != nullptr && --held->holders == 0) {
        MemoryContextDelete(held->context);
    }
}

void hold(Holder* holder, Held* held) {
    held->holders += 1;
    let_go(holder);
    holder->held = held;
}

void end_of_entry(void* holder) {
    let_go(static_cast<Holder*>(holder));
}

void end_of_reader(void* holder) {
    let_go(static_cast<Holder*>(holder));
}

Holder* new_holder(MemoryContext context, MemoryContextCallbackFunction end) {
    Holder* holder = static_cast<Holder*>(MemoryContextAllocZero(context, sizeof(Holder)));
    holder->callback.func = end;
    holder->callback.arg = holder;
    MemoryContextRegisterResetCallback(context, &holder->callback);
    return holder;
}

// The relcache entry's holder, whatever has become of rd_amcache.
Holder* holder_of_entry(Relation index) {
    const MemoryContextCallback* callback = index->rd_indexcxt->reset_cbs;
    while (callback != nullptr && callback->func != end_of_entry) {
        callback = callback->next;
    }
    return callback != nullptr ? static_cast<Holder*>(callback->arg)
                               : new_holder(index->rd_indexcxt, end_of_entry);
}

// In CurrentMemoryContext, which is the directory's own.
Held* load(Relation index, const Meta& meta) {
    const OperatorClass& operator_class = operator_class_of(index);
    if (meta.parameters.metric != static_cast<uint32>(operator_class.metric) ||
        meta.parameters.arithmetic != static_cast<uint32>(operator_class.arithmetic)) {
        corrupted(index, meta_block, "metric %u, arithmetic %u are not those of the operator class",
                  meta.parameters.metric, meta.parameters.arithmetic);
    }
    uint32 count;
    LiveSlot* live = read_slots(index, meta, &count);
    const uint32 padded = meta.parameters.padded;
    constexpr uint16 list_flags[special_slots] = {cell_loose, cell_undefined, cell_nulls};
    for (uint32 i = 0; i < special_slots; ++i) {
        if (count <= i || live[i].number != i || live[i].slot.flags != list_flags[i]) {
            corrupted(index, array_block(index, meta.slot_pages, 0),
                      "the directory lacks special list %u", i);
        }
    }
    const uint32 cells = count - special_slots;
    core::Arena arena = pg::arena();
    Held* held = arena.allocate<Held>(1).data();
    memset(static_cast<void*>(held), 0, sizeof(Held));
    held->context = CurrentMemoryContext;
    Directory* directory = &held->directory;
    directory->version = meta.directory_version;
    directory->parameters = meta.parameters;
    directory->rows = meta.rows;
    directory->summaries = meta.summaries;
    if (!engine::is_rule_void(meta.cells, meta.calibrated_cells)) {
        memcpy(&directory->calibration, meta.calibration, sizeof directory->calibration);
    }
    for (uint32 i = 0; i < special_slots; ++i) {
        directory->lists[i] = {i, live[i].slot.head, live[i].slot.generation};
    }
    engine::CellSummary* summaries = arena.allocate<engine::CellSummary>(cells).data();
    uint8* codes = arena.allocate<uint8>(Size{cells} * padded).data();
    uint32* numbers = arena.allocate<uint32>(cells).data();
    uint64* generations = arena.allocate<uint64>(cells).data();
    Buffer buffer = InvalidBuffer;
    uint32 current = 0;
    for (uint32 i = 0; i < cells; ++i) {
        const LiveSlot& from = live[special_slots + i];
        if ((from.slot.flags & ~cell_long_rows) != cell_has_codes) {
            corrupted(index, array_block(index, meta.slot_pages, from.number / slots_per_page),
                      "slot %u has flags %x", from.number, from.slot.flags);
        }
        numbers[i] = from.number;
        generations[i] = from.slot.generation;
        engine::CellSummary& summary = summaries[i];
        summary = {};
        summary.centroid = from.slot.centroid;
        summary.radius = from.slot.radius;
        summary.long_rows = (from.slot.flags & cell_long_rows) != 0;
        summary.handle = (from.slot.generation << 32) | from.slot.head;
        read_stream(index, meta.centroid_pages, PageKind::centroids, uint64{from.number} * padded,
                    padded, codes + Size{i} * padded, &buffer, &current);
    }
    if (BufferIsValid(buffer)) {
        UnlockReleaseBuffer(buffer);
    }
    pfree(live);
    directory->cells = {cells, summaries, codes};
    directory->usual_radius = usual_radius(summaries, cells);
    directory->slots = numbers;
    directory->generations = generations;
    core::VectorView origin;
    if (meta.has_origin != 0) {
        float* values = arena.allocate<float>(padded).data();
        uint32 done = 0;
        BlockNumber known = 0;
        check_blocks(index, meta_block, meta.origin.start + meta.origin.length, &known);
        for (uint32 page = 0; done < padded; ++page) {
            const Buffer from = read_page(index, meta.origin.start + page,
                                          {PageKind::origin, 0, page, 0}, BUFFER_LOCK_SHARE);
            const uint32 n = Min(padded - done, static_cast<uint32>(payload_size / sizeof(float)));
            memcpy(values + done, payload(BufferGetPage(from)), n * sizeof(float));
            UnlockReleaseBuffer(from);
            done += n;
        }
        directory->origin = values;
        origin = {values, padded};
    }
    directory->space =
        arena.create<engine::Space>(arena, space_parameters(meta.parameters), origin);
    return held;
}

Held* load_in_context(Relation index, const Meta& meta) {
    // The caller's until it is complete, so that an error leaves nothing behind.
    const MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecdot directory", ALLOCSET_SMALL_SIZES);
    return pg::within(context, [&] { return load(index, meta); });
}

// One that the meta page had the version of, before and after it was read.
Held* load_current(Relation index, Meta meta) {
    for (int i = 0;; ++i) {
        // A publication between the first page read and the last shows in the version. Should that
        // go on, none gets through while the meta page is locked.
        Buffer locked = InvalidBuffer;
        if (i == optimistic_tries) {
            locked = lock_meta(index, BUFFER_LOCK_SHARE);
            meta = *meta_of(BufferGetPage(locked));
        }
        Held* loaded = load_in_context(index, meta);
        const uint64 version = meta.directory_version;
        if (BufferIsValid(locked)) {
            UnlockReleaseBuffer(locked);
        } else {
            read_meta(index, &meta);
        }
        if (meta.directory_version == version) {
            return loaded;
        }
        MemoryContextDelete(loaded->context);
    }
}

}  // namespace

const Directory* open_directory(Relation index) {
    Meta meta;
    read_meta(index, &meta);
    Holder* reader = new_holder(CurrentMemoryContext, end_of_reader);
    const Cache* cache = static_cast<const Cache*>(index->rd_amcache);
    if (cache != nullptr && cache->entry->held->directory.version == meta.directory_version) {
        hold(reader, cache->entry->held);
        return &reader->held->directory;
    }
    Held* loaded = load_current(index, meta);
    Holder* entry = holder_of_entry(index);
    if (index->rd_amcache == nullptr) {
        Cache* fresh = static_cast<Cache*>(MemoryContextAlloc(index->rd_indexcxt, sizeof(Cache)));
        fresh->entry = entry;
        index->rd_amcache = fresh;
    }
    MemoryContextSetParent(loaded->context, CacheMemoryContext);
    hold(entry, loaded);
    hold(reader, loaded);
    return &loaded->directory;
}

CellRef cell_ref(const Directory& directory, uint32 i) {
    return {directory.slots[i], static_cast<BlockNumber>(directory.cells.summaries[i].handle),
            directory.generations[i], directory.cells.summaries[i].radius};
}

CellRef list_ref(const Directory& directory, uint32 list) {
    const ListEntry& entry = directory.lists[list];
    return {entry.slot, entry.head, entry.generation, 0};
}

uint32 find_slot(const Directory& directory, uint32 slot) {
    uint32 i = 0;
    while (i < directory.cells.count && directory.slots[i] != slot) {
        i += 1;
    }
    return i;
}

bool is_current(const Directory& directory, const CellRef& cell) {
    const uint32 i = find_slot(directory, cell.slot);
    return i < directory.cells.count && directory.generations[i] == cell.generation;
}

bool is_current(Relation index, const CellRef& cell) {
    return with_directory(
        index, [&cell](const Directory& directory) { return is_current(directory, cell); });
}

CellList list_cells(Relation index) {
    return with_directory(index, [](const Directory& directory) {
        CellList list{directory.parameters, directory.cells.count + special_slots, nullptr};
        list.cells = static_cast<CellRef*>(
            MemoryContextAllocHuge(CurrentMemoryContext, sizeof(CellRef) * list.count));
        for (uint32 i = 0; i < special_slots; ++i) {
            list.cells[i] = list_ref(directory, i);
        }
        for (uint32 i = 0; i < directory.cells.count; ++i) {
            list.cells[special_slots + i] = cell_ref(directory, i);
        }
        return list;
    });
}

}  // namespace vecdot::index
