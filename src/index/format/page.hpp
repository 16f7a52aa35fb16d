// The on-disk format of the index: every structure, its size and where on a page it stands.
// README.md above this folder tells it in words and says who locks what, and when. page.cpp asserts
// every size and offset; versions.hpp says how the format may change. Reserved bytes are zero.
//
// A page is PostgreSQL's 24-byte header, our 40-byte PageLabel, and 8128 bytes of payload, which
// is 127 units of 64 bytes. pd_lower and pd_upper both stand at the end of the page: nothing is a
// hole, so generic WAL and full-page images keep every byte.
#pragma once

#include <type_traits>

#include "engine/code.hpp"
#include "engine/key_summary.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "storage/block.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
}

namespace vecdot::index {

constexpr uint32 page_magic = 0x76646f74;
constexpr uint32 meta_magic = 0x76646d74;

constexpr BlockNumber meta_block = 0;

enum class PageKind : uint16 {
    meta = 1,
    head,       // first pages of a cell: CellHeader, extents, centroid, first addresses
    address,    // RowEntry[]
    signs,      // units of 64 bytes: blocks of 32 rows
    refine,     // refinements: planes of half bytes
    slots,      // Slot[]: the directory
    centroids,  // int8 centroids of the directory, slot after slot
    free_list,  // FreeExtent[]
    origin,     // float4[padded]: what routing space subtracts, if anything
    keys,       // units of 64 bytes: blocks of 32 rows' keys
    summaries,  // which cells have which keys (engine/key_summary.hpp)
};

struct PageLabel {
    uint32 magic;
    PageKind kind;
    uint16 reserved;
    uint32 cell;        // slot number of the owner; 0 for all pages that are not a cell's
    uint32 position;    // of this page within its section: see CellLayout, or the array
    uint64 generation;  // of the owning cell: never used twice within an index; 0 as above
    uint64 reserved_too[2];
};

constexpr Size page_label_offset = 24;  // MAXALIGN(SizeOfPageHeaderData)
constexpr Size payload_offset = 64;
constexpr Size payload_size = BLCKSZ - payload_offset;
constexpr Size unit_size = 64;
constexpr uint32 units_per_page = payload_size / unit_size;

static_assert(BLCKSZ == 8192, "the index's pages are laid out for 8 kB");
static_assert(MAXALIGN(SizeOfPageHeaderData) == page_label_offset);
static_assert(sizeof(PageLabel) == payload_offset - page_label_offset);
static_assert(payload_size == units_per_page * unit_size);

inline PageLabel* page_label(Page page) {
    return reinterpret_cast<PageLabel*>(reinterpret_cast<char*>(page) + page_label_offset);
}
inline const PageLabel* page_label(const char* page) {
    return reinterpret_cast<const PageLabel*>(page + page_label_offset);
}
inline char* payload(Page page) {
    return reinterpret_cast<char*>(page) + payload_offset;
}

// ---------------------------------------------------------------------------------------------
// Block 0

// A growing array over pages: segment k has segment_pages(k) contiguous blocks from start[k].
constexpr uint32 max_segments = 26;
struct Segments {
    uint32 count;
    BlockNumber start[max_segments];
};
constexpr uint32 segment_pages(uint32 k) {
    return uint32{1} << k;
}
// Segments before k hold this many pages.
constexpr uint32 pages_before_segment(uint32 k) {
    return (uint32{1} << k) - 1;
}

// Contiguous blocks.
struct BlockRun {
    BlockNumber start;
    uint32 length;
};

// Blocks that nobody refers to; taken once every snapshot that might still read them is gone.
struct FreeExtent {
    BlockRun run;
    uint64 retired_at;  // FullTransactionId
};
constexpr uint32 free_extents_per_page = payload_size / sizeof(FreeExtent);

// How the keys of a column are made of its values (index/storage/keys.cpp).
enum class KeyKind : uint8 {
    none = 0,
    signed_integer,    // the value, less the least there can be
    unsigned_integer,  // the value
    floating,          // float8's bits, in the order of values
    numeric,           // that of the nearest float8
    uuid,              // its first 8 bytes
    hash,              // PostgreSQL's, of 64 bits with the seed 0
};
constexpr uint8 key_kinds = 7;

// Columns behind the vector's.
struct KeyColumns {
    uint8 count;
    uint8 reserved[7];
    KeyKind kinds[engine::most_key_columns];
};

// What never changes after CREATE INDEX, but for the scale of inner product. The first two numbers
// stand here in every format version.
struct Parameters {
    uint32 magic;
    uint32 version;       // one of format_versions
    uint16 metric;        // engine::Metric
    uint16 arithmetic;    // engine::Arithmetic
    uint32 dimensions;    // D: 1..16000
    uint32 padded;        // P: routing space, a multiple of 64
    uint32 refine_bits;   // 8 or 4: of the refinements, a dimension
    uint64 seed;          // of the rotation
    double scale;         // s for L2, 1/M for inner product, 1 for cosine
    uint32 incompatible;  // features that a reader must know
    uint32 compatible;    // features that it need not know
    KeyColumns keys;
    uint64 reserved[4];
};

// What a bigger operation has allocated and not yet published, or published and not yet freed: the
// next one that holds the structure lock finishes it.
constexpr uint32 max_intents = 96;
constexpr uint32 max_retiring = 3;
struct Retiring {  // a cell that no directory names any more
    BlockNumber head;
    uint32 cell;
    uint64 generation;
};
struct Unfinished {
    uint32 intent_count;
    uint32 retiring_count;
    BlockRun intents[max_intents];  // allocated for cells that were never published
    Retiring retiring[max_retiring];
};

// Everything that the stopping rule learnt; its meaning is the engine's, the bytes are kept here.
constexpr Size calibration_size = 272;

// Upkeep of the whole index that an inserter may come upon.
enum class Upkeep : uint32 { calibration, clustering, starting };
constexpr uint32 upkeep_kinds = 3;
// Inserters that have begun it since one came to its end.
struct Begun {
    uint32 times;
    uint32 cells;  // the last time
};

// What the cells' keys have in common: of the slots below groups × summary_cells.
struct KeySummaries {
    BlockRun run;  // length 0: there is nothing, and all cells may have all keys
    uint32 groups;
    uint32 bucket_pages;
    uint64 generation;  // of its pages
};

// The rest of the page is reserved.
struct Meta {
    Parameters parameters;
    uint64 directory_version;  // changes with every publication
    uint64 next_generation;
    BlockNumber allocated;   // blocks at and beyond this one belong to nobody
    uint32 slots;            // slots of the directory ever used
    uint32 cells;            // of them live cells with codes
    uint32 free_count;       // entries of the free list
    uint64 rows;             // live rows, when last counted (build, vacuum)
    uint64 calibrated_rows;  // live rows when the calibration was made
    Segments slot_pages;
    Segments centroid_pages;
    Segments free_pages[2];  // the free list, and the place where vacuum writes it anew
    uint32 free_active;      // which of the two
    uint32 has_origin;
    BlockRun origin;          // pages of it
    uint32 calibrated_cells;  // cells when the calibration was made; 0: none
    uint32 clustered_cells;   // cells when all rows were clustered last
    uint32 frozen;            // 1: no row may be added, as all cells are being replaced at once
    uint32 retired_slots;     // slots of the directory before that, still to be freed; 0: none
    uint32 retired_next;      // of them the first that is not freed yet
    Segments retired_slot_pages;
    Segments retired_centroid_pages;
    uint32 started_cells;  // by rows unlike all others, since the last vacuum or clustering
    Unfinished unfinished;
    unsigned char calibration[calibration_size];
    uint64 clustered_rows;  // live rows when all rows were clustered last
    Begun begun[upkeep_kinds];
    BlockRun retired_origin;  // that of the directory before, still to be freed; length 0: none
    KeySummaries summaries;
    BlockRun retired_summaries;  // as retired_origin
};
static_assert(sizeof(Meta) <= payload_size && std::is_trivially_copyable_v<Meta>);

// ---------------------------------------------------------------------------------------------
// The directory

enum class SlotState : uint16 { free = 0, live = 1 };

// What is special about a cell.
enum CellFlags : uint16 {
    cell_has_codes = 1,  // centroid, signs and refinements; without it only addresses
    cell_long_rows = 2,  // rows too long for the sphere: each inner-product query opens it
    cell_loose = 4,      // rows whose vectors codes can't express
    cell_undefined = 8,  // rows of undefined distance: zero vectors under cosine
    cell_nulls = 16,     // NULL
};

struct Slot {
    SlotState state;
    uint16 flags;  // CellFlags
    BlockNumber head;
    uint64 generation;               // the cell's; the engine's cell handle holds its lower half
    engine::RefineFactors centroid;  // of the coded one
    float radius;  // at least the cell's: grows ahead of it, so that it rarely has to
    uint32 reserved[8];
};
constexpr uint32 slots_per_page = payload_size / sizeof(Slot);

// The first slots of each index.
constexpr uint32 slot_loose = 0;
constexpr uint32 slot_undefined = 1;
constexpr uint32 slot_nulls = 2;
constexpr uint32 special_slots = 3;

// ---------------------------------------------------------------------------------------------
// Cells

constexpr uint32 rows_per_block = 32;
constexpr uint32 dims_per_unit = 16;
constexpr uint32 factor_units = 6;  // add[32], rescale[32], error[32], float4
constexpr uint32 max_extents = 48;

struct Extent {
    BlockNumber start;
    uint32 blocks;  // capacity in blocks of 32 rows
};

// At the start of the payload of a cell's head page. Its centroid, float4[padded], follows as a
// stream over the head pages; where it ends on the first one, address entries begin.
struct CellHeader {
    uint32 flags;    // CellFlags
    uint32 retired;  // 1: no directory names this cell any more
    uint32 rows;     // published: those below this are complete
    uint32 dead;     // of them marked dead, when last counted
    float radius;    // at least the distance of any row from the centroid, routing space
    uint32 extent_count;
    uint32 no_split_below;  // rows at which a split is worth another try, after one in vain
    uint32 split_begun;     // rows when an inserter began a split, or a new scale; 0: none has
    Extent extents[max_extents];
    uint64 reserved[12];
};

// A row's address, its flags and the factors of its refinement. The flag dead is set by
// ambulkdelete and never cleared.
using engine::RowEntry;
constexpr uint32 addresses_per_page = payload_size / sizeof(RowEntry);

inline ItemPointerData address_of(const RowEntry& entry) {
    ItemPointerData address;
    static_assert(sizeof address == sizeof entry.tid);
    memcpy(&address, entry.tid, sizeof address);
    return address;
}

inline bool has_address(const RowEntry& entry) {
    const ItemPointerData address = address_of(entry);
    return ItemPointerIsValid(&address);
}

inline bool is_dead(const RowEntry& entry) {
    return (entry.flags & engine::RowFlags::dead) != 0;
}

// The entry of a new row; row: null for one without codes.
inline RowEntry new_entry(const ItemPointerData& address, const engine::EncodedRow* row) {
    RowEntry entry{};
    memcpy(entry.tid, &address, sizeof entry.tid);
    if (row != nullptr) {
        entry.refine = row->refine;
    }
    return entry;
}

}  // namespace vecdot::index
