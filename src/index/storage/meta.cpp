#include "index/storage/meta.hpp"

#include "engine/growth.hpp"
#include "index/format/versions.hpp"
#include "index/storage/readers.hpp"
#include "pg/delay_point.hpp"

extern "C" {
#include "catalog/storage.h"
#include "storage/lmgr.h"
}

namespace vecdot::index {

namespace {

constexpr BlockNumber structure_lock = 0;
constexpr BlockNumber calibration_lock = 1;

constexpr PageIdentity meta_identity{PageKind::meta, 0, 0, 0};

// Not in the lock's queue: whoever waits there has the server cancel a background worker that has
// the lock, as it does with a worker of autovacuum (am/background.cpp).
void wait_for_structure(Relation index, LOCKMODE mode) {
    while (!ConditionalLockPage(index, structure_lock, mode)) {
        pg::pause(1);
    }
}

uint32 segment_of(uint32 page) {
    return 31 - __builtin_clz(page + 1);
}

void check_segments(Relation index, const Segments& segments, BlockNumber allocated) {
    if (segments.count > max_segments) {
        corrupted(index, meta_block, "an array has %u segments, at most %u are possible",
                  segments.count, max_segments);
    }
    for (uint32 k = 0; k < segments.count; ++k) {
        if (segments.start[k] == meta_block || segments.start[k] >= allocated ||
            allocated - segments.start[k] < segment_pages(k)) {
            corrupted(index, meta_block, "segment %u of an array starts at block %u of %u", k,
                      segments.start[k], allocated);
        }
    }
}

void check_origin(Relation index, const Meta& meta, const BlockRun& run) {
    if (run.start == meta_block || run.start >= meta.allocated ||
        run.length != divide_up(meta.parameters.padded * sizeof(float), payload_size) ||
        run.length > meta.allocated - run.start) {
        corrupted(index, meta_block, "origin of %u blocks at %u of %u", run.length, run.start,
                  meta.allocated);
    }
}

// Pages of summaries: as many as the numbers say, below the blocks allocated.
void check_summaries(Relation index, const Meta& meta) {
    const KeySummaries& summaries = meta.summaries;
    const uint64 pages = uint64{summaries.groups} * meta.parameters.keys.count *
                         (uint64{summaries.bucket_pages} + 1);
    const auto is_run = [&](const BlockRun& run) {
        return run.length == 0 || (run.start != meta_block && run.start < meta.allocated &&
                                   run.length <= meta.allocated - run.start);
    };
    if (summaries.bucket_pages > engine::most_summary_bucket_pages ||
        summaries.run.length != pages || (pages == 0) != (summaries.bucket_pages == 0) ||
        !is_run(summaries.run) || !is_run(meta.retired_summaries)) {
        corrupted(index, meta_block,
                  "summaries of keys in %u blocks at %u of %u: %u groups of %u + 1 pages a column",
                  summaries.run.length, summaries.run.start, meta.allocated, summaries.groups,
                  summaries.bucket_pages);
    }
}

// Before anything else on the page is looked at, which may mean something else.
void check_format(Relation index, const Parameters& parameters) {
    const Readable readable = is_readable(parameters.version);
    if (readable == Readable::no_longer) {
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" has format version %u, this version of vecdot reads %u",
                        RelationGetRelationName(index), parameters.version, written_version),
                 errdetail("It was written by a version of vecdot before 0.2.0."),
                 errhint("Please REINDEX it.")));
    }
    if (readable == Readable::not_yet) {
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" has format version %u, this version of vecdot reads %u",
                        RelationGetRelationName(index), parameters.version, written_version),
                 errdetail("It was written by a newer version of vecdot."),
                 errhint("Please install that version, or REINDEX the index.")));
    }
    const uint32 unknown = parameters.incompatible & ~known_incompatible;
    if (unknown != 0) {
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("index \"%s\" has format features %x, this version of vecdot knows %x",
                    RelationGetRelationName(index), parameters.incompatible, known_incompatible),
             errdetail("It was written by a newer version of vecdot."),
             errhint("Please install that version, or REINDEX the index.")));
    }
}

void check_keys(Relation index, const Parameters& p) {
    const bool has_keys = (p.incompatible & feature_keys) != 0;
    const int columns = IndexRelationGetNumberOfKeyAttributes(index) - 1;
    bool valid = p.keys.count == columns && has_keys == (columns > 0) &&
                 columns <= static_cast<int>(engine::most_key_columns);
    for (int i = 0; valid && i < columns; ++i) {
        const uint8 kind = static_cast<uint8>(p.keys.kinds[i]);
        valid = kind > 0 && kind < key_kinds;
    }
    if (!valid) {
        corrupted(index, meta_block, "keys of %u columns, the index has %d, features %x",
                  p.keys.count, columns, p.incompatible);
    }
}

void check_meta(Relation index, Page page) {
    const Meta* meta = meta_of(page);
    const Parameters& p = meta->parameters;
    if (PageIsNew(page) || page_label(page)->magic != page_magic || p.magic != meta_magic) {
        corrupted(index, meta_block, "this is not the first page of a vecdot index");
    }
    check_format(index, p);
    check_page(index, meta_block, page, meta_identity);
    if (p.dimensions < 1 || p.dimensions > 16000 || p.metric >= engine::metrics ||
        p.arithmetic > static_cast<uint16>(engine::Arithmetic::float4) ||
        p.padded != engine::padded_dimension(static_cast<engine::Metric>(p.metric), p.dimensions) ||
        (p.refine_bits != 4 && p.refine_bits != 8)) {
        corrupted(index, meta_block, "%u dimensions, padded to %u, %u bits, metric %u",
                  p.dimensions, p.padded, p.refine_bits, p.metric);
    }
    check_keys(index, p);
    check_segments(index, meta->slot_pages, meta->allocated);
    check_segments(index, meta->centroid_pages, meta->allocated);
    check_segments(index, meta->free_pages[0], meta->allocated);
    check_segments(index, meta->free_pages[1], meta->allocated);
    check_segments(index, meta->retired_slot_pages, meta->allocated);
    check_segments(index, meta->retired_centroid_pages, meta->allocated);
    if (!std::isfinite(p.scale) || !(p.scale > 0)) {
        corrupted(index, meta_block, "scale %g", p.scale);
    }
    if (meta->has_origin != 0) {
        check_origin(index, *meta, meta->origin);
    }
    if (meta->retired_origin.length != 0) {
        check_origin(index, *meta, meta->retired_origin);
    }
    check_summaries(index, *meta);
    if (meta->allocated > MaxBlockNumber || meta->has_origin > 1 || meta->free_active > 1 ||
        meta->unfinished.intent_count > max_intents ||
        meta->unfinished.retiring_count > max_retiring || meta->slots < special_slots ||
        divide_up(meta->slots, slots_per_page) > pages_before_segment(meta->slot_pages.count) ||
        (uint64{meta->slots} * p.padded - 1) / payload_size >=
            pages_before_segment(meta->centroid_pages.count) ||
        divide_up(meta->free_count, free_extents_per_page) >
            pages_before_segment(meta->free_pages[meta->free_active].count) ||
        divide_up(meta->retired_slots, slots_per_page) >
            pages_before_segment(meta->retired_slot_pages.count) ||
        meta->retired_next > meta->retired_slots ||
        (meta->retired_origin.length != 0 && meta->retired_slots == 0) ||
        (meta->retired_summaries.length != 0 && meta->retired_slots == 0) || meta->frozen > 1) {
        corrupted(index, meta_block, "a count is out of range");
    }
}

}  // namespace

engine::SpaceParameters space_parameters(const Parameters& parameters) {
    return {static_cast<engine::Metric>(parameters.metric),
            parameters.dimensions,
            parameters.seed,
            parameters.scale,
            parameters.refine_bits,
            static_cast<engine::Arithmetic>(parameters.arithmetic)};
}

Parameters make_parameters(engine::Metric metric, engine::Arithmetic arithmetic, int dimensions,
                           uint64 seed, uint32 refine_bits, double scale, const KeyColumns& keys) {
    Parameters parameters{};
    parameters.magic = meta_magic;
    parameters.version = written_version;
    parameters.metric = static_cast<uint16>(metric);
    parameters.arithmetic = static_cast<uint16>(arithmetic);
    parameters.dimensions = dimensions;
    parameters.padded = engine::padded_dimension(metric, dimensions);
    parameters.refine_bits = refine_bits;
    parameters.seed = seed;
    parameters.scale = scale;
    parameters.incompatible = keys.count > 0 ? feature_keys : 0;
    parameters.keys = keys;
    return parameters;
}

Meta* meta_of(Page page) {
    return reinterpret_cast<Meta*>(payload(page));
}

Buffer lock_meta(Relation index, BufferLockMode lock) {
    const Buffer buffer = ReadBuffer(index, meta_block);
    lock_buffer(index, buffer, lock);
    check_meta(index, BufferGetPage(buffer));
    return buffer;
}

void read_meta(Relation index, Meta* meta) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_SHARE);
    *meta = *meta_of(BufferGetPage(buffer));
    UnlockReleaseBuffer(buffer);
}

void write_calibration(Relation index, const engine::Calibration& calibration, double scale) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    if (meta_of(BufferGetPage(buffer))->parameters.scale != scale) {
        // Learnt in another space: all rows have moved meanwhile.
        UnlockReleaseBuffer(buffer);
        return;
    }
    Record record(index);
    Meta* meta = meta_of(record.add(buffer));
    memcpy(meta->calibration, &calibration, sizeof calibration);
    meta->calibrated_rows = calibration.rows;
    meta->calibrated_cells = meta->cells;
    meta->directory_version += 1;
    end_upkeep(meta, Upkeep::calibration);
    record.finish();
    UnlockReleaseBuffer(buffer);
}

void lock_structure(Relation index) {
    wait_for_structure(index, ExclusiveLock);
}

bool begin_upkeep(Relation index, Upkeep upkeep) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    const Meta* known = meta_of(BufferGetPage(buffer));
    const Begun& before = known->begun[static_cast<uint32>(upkeep)];
    const bool begins = engine::is_tried_again(known->cells, before.cells, before.times);
    if (begins) {
        Record record(index);
        Meta* meta = meta_of(record.add(buffer));
        Begun& begun = meta->begun[static_cast<uint32>(upkeep)];
        begun.times += begun.times < UINT32_MAX ? 1 : 0;
        begun.cells = meta->cells;
        record.finish();
    }
    UnlockReleaseBuffer(buffer);
    return begins;
}

void end_upkeep(Meta* meta, Upkeep upkeep) {
    meta->begun[static_cast<uint32>(upkeep)] = {};
}

bool try_lock_structure(Relation index) {
    return ConditionalLockPage(index, structure_lock, ExclusiveLock);
}

void unlock_structure(Relation index) {
    UnlockPage(index, structure_lock, ExclusiveLock);
}

bool try_lock_calibration(Relation index) {
    return ConditionalLockPage(index, calibration_lock, ExclusiveLock);
}

void unlock_calibration(Relation index) {
    UnlockPage(index, calibration_lock, ExclusiveLock);
}

void lock_structure_shared(Relation index) {
    wait_for_structure(index, ShareLock);
}

void unlock_structure_shared(Relation index) {
    UnlockPage(index, structure_lock, ShareLock);
}

BlockNumber array_block(Relation index, const Segments& segments, uint32 page) {
    const uint32 k = segment_of(page);
    if (k >= segments.count) {
        corrupted(index, meta_block, "page %u of an array of %u segments", page, segments.count);
    }
    return segments.start[k] + (page - pages_before_segment(k));
}

Buffer read_array_page(Relation index, const Segments& segments, PageKind kind, uint32 page,
                       BufferLockMode lock) {
    return read_page(index, array_block(index, segments, page), {kind, 0, page, 0}, lock);
}

void grow_array(Meta* meta, Segments* segments, uint32 page) {
    while (segments->count <= segment_of(page)) {
        if (segments->count == max_segments) {
            elog(ERROR, "no room for another segment");
        }
        segments->start[segments->count] = meta->allocated;
        meta->allocated += segment_pages(segments->count);
        segments->count += 1;
    }
}

Page add_array_page(Relation index, const Segments& segments, PageKind kind, uint32 page,
                    Record* record, Buffer* buffer) {
    const BlockNumber block = array_block(index, segments, page);
    const PageIdentity identity{kind, 0, page, 0};
    check_allocated(index, block);
    extend_to(index, block + 1);
    *buffer = ReadBuffer(index, block);
    lock_buffer(index, *buffer, BUFFER_LOCK_EXCLUSIVE);
    const Page image = BufferGetPage(*buffer);
    if (PageIsNew(image)) {
        return record->add_fresh(*buffer, identity);
    }
    check_page(index, block, image, identity);
    return record->add(*buffer);
}

uint64 next_generation(Relation index) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    const uint64 generation = meta_of(record.add(buffer))->next_generation++;
    record.finish();
    UnlockReleaseBuffer(buffer);
    return generation;
}

void freeze(Relation index, bool frozen) {
    const Buffer buffer = lock_meta(index, BUFFER_LOCK_EXCLUSIVE);
    Record record(index);
    meta_of(record.add(buffer))->frozen = frozen ? 1 : 0;
    record.finish();
    UnlockReleaseBuffer(buffer);
}

}  // namespace vecdot::index
