// The format, byte by byte: what is asserted here is on disk, and read by every later version. An
// assertion that fails says that something else would be written under the same number: see
// versions.hpp for what to do instead. sql/index_format.sql does the same for what the bytes mean.
#include "index/format/page.hpp"

#include "engine/calibration.hpp"
#include "engine/space.hpp"
#include "index/format/layout.hpp"

namespace vecdot::index {

// The member stands at this offset and is this large.
#define VECDOT_STANDS(type, member, offset, size)                                       \
    static_assert(offsetof(type, member) == (offset) && sizeof(type::member) == (size), \
                  #type "::" #member " has been moved")

static_assert(page_magic == 0x76646f74 && meta_magic == 0x76646d74 && written_version == 2);
static_assert(page_label_offset == 24 && payload_offset == 64 && payload_size == 8128);

static_assert(static_cast<int>(PageKind::meta) == 1 && static_cast<int>(PageKind::head) == 2 &&
              static_cast<int>(PageKind::address) == 3 && static_cast<int>(PageKind::signs) == 4 &&
              static_cast<int>(PageKind::refine) == 5 && static_cast<int>(PageKind::slots) == 6 &&
              static_cast<int>(PageKind::centroids) == 7 &&
              static_cast<int>(PageKind::free_list) == 8 &&
              static_cast<int>(PageKind::origin) == 9 && static_cast<int>(PageKind::keys) == 10 &&
              static_cast<int>(PageKind::summaries) == 11);

static_assert(sizeof(PageLabel) == 40);
VECDOT_STANDS(PageLabel, magic, 0, 4);
VECDOT_STANDS(PageLabel, kind, 4, 2);
VECDOT_STANDS(PageLabel, reserved, 6, 2);
VECDOT_STANDS(PageLabel, cell, 8, 4);
VECDOT_STANDS(PageLabel, position, 12, 4);
VECDOT_STANDS(PageLabel, generation, 16, 8);
VECDOT_STANDS(PageLabel, reserved_too, 24, 16);

static_assert(static_cast<int>(engine::Metric::l2) == 0 &&
              static_cast<int>(engine::Metric::cosine) == 1 &&
              static_cast<int>(engine::Metric::inner_product) == 2 &&
              static_cast<int>(engine::Metric::hamming) == 3 && engine::metrics == 4);
static_assert(static_cast<int>(engine::Arithmetic::float8) == 0 &&
              static_cast<int>(engine::Arithmetic::float4) == 1);

static_assert(sizeof(Parameters) == 96);
VECDOT_STANDS(Parameters, magic, 0, 4);
VECDOT_STANDS(Parameters, version, 4, 4);
VECDOT_STANDS(Parameters, metric, 8, 2);
VECDOT_STANDS(Parameters, arithmetic, 10, 2);
VECDOT_STANDS(Parameters, dimensions, 12, 4);
VECDOT_STANDS(Parameters, padded, 16, 4);
VECDOT_STANDS(Parameters, refine_bits, 20, 4);
VECDOT_STANDS(Parameters, seed, 24, 8);
VECDOT_STANDS(Parameters, scale, 32, 8);
VECDOT_STANDS(Parameters, incompatible, 40, 4);
VECDOT_STANDS(Parameters, compatible, 44, 4);
VECDOT_STANDS(Parameters, keys, 48, 16);
VECDOT_STANDS(Parameters, reserved, 64, 32);

static_assert(static_cast<int>(KeyKind::none) == 0 &&
              static_cast<int>(KeyKind::signed_integer) == 1 &&
              static_cast<int>(KeyKind::unsigned_integer) == 2 &&
              static_cast<int>(KeyKind::floating) == 3 && static_cast<int>(KeyKind::numeric) == 4 &&
              static_cast<int>(KeyKind::uuid) == 5 && static_cast<int>(KeyKind::hash) == 6);
static_assert(sizeof(KeyColumns) == 16 && engine::most_key_columns == 8);
VECDOT_STANDS(KeyColumns, count, 0, 1);
VECDOT_STANDS(KeyColumns, reserved, 1, 7);
VECDOT_STANDS(KeyColumns, kinds, 8, 8);
static_assert(feature_keys == 1);

static_assert(sizeof(Segments) == 108);
VECDOT_STANDS(Segments, count, 0, 4);
VECDOT_STANDS(Segments, start, 4, 104);
static_assert(segment_pages(0) == 1 && segment_pages(5) == 32 && pages_before_segment(5) == 31);

static_assert(sizeof(BlockRun) == 8);
VECDOT_STANDS(BlockRun, start, 0, 4);
VECDOT_STANDS(BlockRun, length, 4, 4);

static_assert(sizeof(FreeExtent) == 16 && free_extents_per_page == 508);
VECDOT_STANDS(FreeExtent, run, 0, 8);
VECDOT_STANDS(FreeExtent, retired_at, 8, 8);

static_assert(sizeof(Retiring) == 16);
VECDOT_STANDS(Retiring, head, 0, 4);
VECDOT_STANDS(Retiring, cell, 4, 4);
VECDOT_STANDS(Retiring, generation, 8, 8);

static_assert(sizeof(Unfinished) == 824);
VECDOT_STANDS(Unfinished, intent_count, 0, 4);
VECDOT_STANDS(Unfinished, retiring_count, 4, 4);
VECDOT_STANDS(Unfinished, intents, 8, 768);
VECDOT_STANDS(Unfinished, retiring, 776, 48);

static_assert(static_cast<int>(Upkeep::calibration) == 0 &&
              static_cast<int>(Upkeep::clustering) == 1 && static_cast<int>(Upkeep::starting) == 2);
static_assert(sizeof(Begun) == 8);
VECDOT_STANDS(Begun, times, 0, 4);
VECDOT_STANDS(Begun, cells, 4, 4);

static_assert(sizeof(Meta) == 2000 && std::is_trivially_copyable_v<Meta>);
VECDOT_STANDS(Meta, parameters, 0, 96);
VECDOT_STANDS(Meta, directory_version, 96, 8);
VECDOT_STANDS(Meta, next_generation, 104, 8);
VECDOT_STANDS(Meta, allocated, 112, 4);
VECDOT_STANDS(Meta, slots, 116, 4);
VECDOT_STANDS(Meta, cells, 120, 4);
VECDOT_STANDS(Meta, free_count, 124, 4);
VECDOT_STANDS(Meta, rows, 128, 8);
VECDOT_STANDS(Meta, calibrated_rows, 136, 8);
VECDOT_STANDS(Meta, slot_pages, 144, 108);
VECDOT_STANDS(Meta, centroid_pages, 252, 108);
VECDOT_STANDS(Meta, free_pages, 360, 216);
VECDOT_STANDS(Meta, free_active, 576, 4);
VECDOT_STANDS(Meta, has_origin, 580, 4);
VECDOT_STANDS(Meta, origin, 584, 8);
VECDOT_STANDS(Meta, calibrated_cells, 592, 4);
VECDOT_STANDS(Meta, clustered_cells, 596, 4);
VECDOT_STANDS(Meta, frozen, 600, 4);
VECDOT_STANDS(Meta, retired_slots, 604, 4);
VECDOT_STANDS(Meta, retired_next, 608, 4);
VECDOT_STANDS(Meta, retired_slot_pages, 612, 108);
VECDOT_STANDS(Meta, retired_centroid_pages, 720, 108);
VECDOT_STANDS(Meta, started_cells, 828, 4);
VECDOT_STANDS(Meta, unfinished, 832, 824);
VECDOT_STANDS(Meta, calibration, 1656, 272);
VECDOT_STANDS(Meta, clustered_rows, 1928, 8);
VECDOT_STANDS(Meta, begun, 1936, 24);
VECDOT_STANDS(Meta, retired_origin, 1960, 8);
VECDOT_STANDS(Meta, summaries, 1968, 24);
VECDOT_STANDS(Meta, retired_summaries, 1992, 8);

static_assert(sizeof(KeySummaries) == 24);
VECDOT_STANDS(KeySummaries, run, 0, 8);
VECDOT_STANDS(KeySummaries, groups, 8, 4);
VECDOT_STANDS(KeySummaries, bucket_pages, 12, 4);
VECDOT_STANDS(KeySummaries, generation, 16, 8);
using engine::KeySpan;
static_assert(sizeof(KeySpan) == 16);
VECDOT_STANDS(KeySpan, least_inverted, 0, 8);
VECDOT_STANDS(KeySpan, greatest, 8, 8);
static_assert(engine::summary_page_bytes == payload_size && engine::summary_cells == 508 &&
              engine::summary_buckets == 127);

using engine::Calibration;
static_assert(sizeof(Calibration) == calibration_size);
VECDOT_STANDS(Calibration, queries, 0, 4);
VECDOT_STANDS(Calibration, remote, 4, 4);
VECDOT_STANDS(Calibration, rows, 8, 8);
VECDOT_STANDS(Calibration, tau, 16, 256);
static_assert(Calibration::targets == 8 && Calibration::rank_count == 8);
static_assert(Calibration::recall[0] == 0.5 && Calibration::recall[1] == 0.8 &&
              Calibration::recall[2] == 0.9 && Calibration::recall[3] == 0.95 &&
              Calibration::recall[4] == 0.98 && Calibration::recall[5] == 0.99 &&
              Calibration::recall[6] == 0.999 && Calibration::recall[7] == 0.9999);
static_assert(Calibration::ranks[0] == 1 && Calibration::ranks[1] == 10 &&
              Calibration::ranks[2] == 100 && Calibration::ranks[3] == 316 &&
              Calibration::ranks[4] == 1000 && Calibration::ranks[5] == 3162 &&
              Calibration::ranks[6] == 10000 && Calibration::ranks[7] == 31623);

static_assert(static_cast<int>(SlotState::free) == 0 && static_cast<int>(SlotState::live) == 1);
static_assert(cell_has_codes == 1 && cell_long_rows == 2 && cell_loose == 4 &&
              cell_undefined == 8 && cell_nulls == 16);
static_assert(slot_loose == 0 && slot_undefined == 1 && slot_nulls == 2 && special_slots == 3);

static_assert(sizeof(Slot) == 64 && slots_per_page == 127);
VECDOT_STANDS(Slot, state, 0, 2);
VECDOT_STANDS(Slot, flags, 2, 2);
VECDOT_STANDS(Slot, head, 4, 4);
VECDOT_STANDS(Slot, generation, 8, 8);
VECDOT_STANDS(Slot, centroid, 16, 12);
VECDOT_STANDS(Slot, radius, 28, 4);
VECDOT_STANDS(Slot, reserved, 32, 32);

static_assert(sizeof(Extent) == 8);
VECDOT_STANDS(Extent, start, 0, 4);
VECDOT_STANDS(Extent, blocks, 4, 4);

static_assert(sizeof(CellHeader) == 512 && max_extents == 48);
VECDOT_STANDS(CellHeader, flags, 0, 4);
VECDOT_STANDS(CellHeader, retired, 4, 4);
VECDOT_STANDS(CellHeader, rows, 8, 4);
VECDOT_STANDS(CellHeader, dead, 12, 4);
VECDOT_STANDS(CellHeader, radius, 16, 4);
VECDOT_STANDS(CellHeader, extent_count, 20, 4);
VECDOT_STANDS(CellHeader, no_split_below, 24, 4);
VECDOT_STANDS(CellHeader, split_begun, 28, 4);
VECDOT_STANDS(CellHeader, extents, 32, 384);
VECDOT_STANDS(CellHeader, reserved, 416, 96);

static_assert(sizeof(RowEntry) == 20 && addresses_per_page == 406);
VECDOT_STANDS(RowEntry, tid, 0, 6);
VECDOT_STANDS(RowEntry, flags, 6, 2);
VECDOT_STANDS(RowEntry, refine, 8, 12);
static_assert(engine::RowFlags::dead == 1);

using engine::RefineFactors;
static_assert(sizeof(RefineFactors) == 12);
VECDOT_STANDS(RefineFactors, scale, 0, 4);
VECDOT_STANDS(RefineFactors, add, 4, 4);
VECDOT_STANDS(RefineFactors, error, 8, 4);

static_assert(rows_per_block == 32 && dims_per_unit == 16 && factor_units == 6 && unit_size == 64);
static_assert(rows_per_block == kernels::block_rows && unit_size == kernels::unit_bytes &&
              dims_per_unit == kernels::unit_dimensions && factor_units == engine::factor_units);
static_assert(engine::implied_lower == 8);

// Where the pages of a cell stand.
namespace {

constexpr Parameters example(uint32 dimensions, uint32 padded, uint32 refine_bits) {
    Parameters parameters{};
    parameters.version = written_version;
    parameters.dimensions = dimensions;
    parameters.padded = padded;
    parameters.refine_bits = refine_bits;
    return parameters;
}
constexpr CellLayout usual = CellLayout::of(example(768, 768, 8), cell_has_codes);
static_assert(usual.head_pages == 1 && usual.centroid_bytes == 3072 &&
              usual.head_addresses == (8128 - 512 - 3072) / 20);
static_assert(usual.units_per_block == 54 && usual.plane_bytes == 384 && usual.planes == 2);
static_assert(usual.address_pages(true, 4) == 0 && usual.address_pages(false, 4) == 1);
static_assert(usual.sign_pages(4) == 2 && usual.refine_pages(4) == 13 && usual.shared_page(4) == 6);
static_assert(usual.plane_start(Plane::lower, 4, 1) == 129 * 384);
static_assert(usual.pages(true, 4) == 1 + 0 + 2 + 13 && usual.pages(false, 4) == 1 + 2 + 13);
constexpr CellLayout small = CellLayout::of(example(768, 768, 4), cell_has_codes);
static_assert(small.planes == 1 && small.refine_pages(4) == 7);
constexpr CellLayout large = CellLayout::of(example(3072, 3072, 8), cell_has_codes);
static_assert(large.head_pages == 2 && large.head_addresses == 0);
constexpr CellLayout list = CellLayout::of(example(768, 768, 8), cell_nulls);
constexpr Parameters with_keys(Parameters parameters, uint8 count) {
    parameters.incompatible = feature_keys;
    parameters.keys.count = count;
    return parameters;
}
static_assert(engine::key_units(0) == 0 && engine::key_units(1) == 5 && engine::key_units(8) == 33);
constexpr CellLayout keyed = CellLayout::of(with_keys(example(768, 768, 8), 2), cell_has_codes);
static_assert(keyed.key_units == 9 && keyed.key_pages(14) == 1 && keyed.key_pages(15) == 2);
static_assert(keyed.pages(true, 4) == usual.pages(true, 4) + 1 &&
              keyed.key_start(false, {100, 4}) == 100 + 1 + 2 + 13);
constexpr CellLayout keyed_list = CellLayout::of(with_keys(example(768, 768, 8), 1), cell_nulls);
static_assert(keyed_list.pages(true, 12) == 3 && keyed_list.key_start(true, {100, 12}) == 102);
static_assert(list.head_addresses == 380 && list.pages(true, 12) == 2 && !list.has_codes);

}  // namespace

#undef VECDOT_STANDS

}  // namespace vecdot::index
