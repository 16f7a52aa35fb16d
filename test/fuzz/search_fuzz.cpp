// A search over an index whose every number comes from arbitrary bytes: factors that are NaN,
// infinite or negative, radii that are too small, cells that are empty or said to be unused, rows
// that are dead. Whatever they are, the search stays within its memory, ends, and gives each row
// that lives exactly once, by bounds that never decrease.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/search.hpp"
#include "heap_arena.hpp"

namespace {

using namespace vecdot;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

// The input again and again.
class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    std::uint8_t next() { return size_ == 0 ? 0 : data_[position_++ % size_]; }
    std::size_t below(std::size_t n) { return (next() | std::size_t{next()} << 8) % n; }
    void fill(void* to, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) {
            static_cast<std::uint8_t*>(to)[i] = next();
        }
    }
    template <class T>
    T any() {
        T value;
        fill(&value, sizeof value);
        return value;
    }
    // Half of them are numbers that an index might hold.
    float number() {
        static constexpr float usual[] = {0, 1e-3f, 0.5f, 1, -1, 40, 1e-40f, 3e38f};
        const std::uint8_t kind = next();
        return kind < 128 ? usual[kind % 8] : any<float>();
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
    std::size_t position_ = 0;
};

struct Cell {
    std::vector<float> centroid;
    std::vector<engine::RowEntry> entries;
    std::vector<std::uint8_t> blocks;
    std::vector<std::uint8_t> upper;
    std::vector<std::uint8_t> lower;
};

struct Index {
    std::size_t padded;
    std::vector<Cell> cells;
    std::vector<engine::CellSummary> summaries;
    std::vector<std::uint8_t> codes;
    std::vector<engine::RowEntry> special[3];
};

// Rows get numbers in a row; living counts, by number.
void add_rows(Bytes& bytes, std::size_t count, std::vector<int>& living,
              std::vector<engine::RowEntry>& entries) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t number = living.size();
        engine::RowEntry entry{};
        entry.tid[0] = static_cast<std::uint16_t>(number);
        entry.flags = bytes.next() < 32 ? engine::RowFlags::dead : std::uint16_t{0};
        entry.refine = {bytes.number(), bytes.number(), bytes.number()};
        living.push_back(entry.flags == 0 ? 1 : 0);
        entries.push_back(entry);
    }
}

Index make_index(Bytes& bytes, std::size_t padded, std::vector<int>& living) {
    Index index;
    index.padded = padded;
    index.cells.resize(bytes.below(7));
    for (Cell& cell : index.cells) {
        engine::CellSummary summary{};
        summary.centroid = {bytes.number(), bytes.number(), bytes.number()};
        summary.radius = bytes.number();
        summary.long_rows = bytes.next() % 4 == 1;
        index.summaries.push_back(summary);
        add_rows(bytes, bytes.below(150), living, cell.entries);
        const std::size_t rows = cell.entries.size();
        const std::size_t blocks = (rows + kernels::block_rows - 1) / kernels::block_rows;
        cell.centroid.resize(padded);
        for (float& x : cell.centroid) {
            x = bytes.number();
        }
        const std::size_t block_bytes = engine::block_units(padded) * kernels::unit_bytes;
        cell.blocks.resize(blocks * block_bytes);
        bytes.fill(cell.blocks.data(), cell.blocks.size());
        // Factors of the estimates, for which arbitrary bytes are mostly absurd.
        for (std::size_t b = 0; b < blocks; ++b) {
            std::uint8_t* factors = cell.blocks.data() + (b + 1) * block_bytes -
                                    engine::factor_units * kernels::unit_bytes;
            for (std::size_t i = 0; i < engine::factor_units * kernels::unit_bytes; i += 4) {
                const float x = bytes.number();
                std::memcpy(factors + i, &x, 4);
            }
        }
        cell.upper.resize(rows * engine::plane_bytes(padded));
        cell.lower.resize(rows * engine::plane_bytes(padded));
        bytes.fill(cell.upper.data(), cell.upper.size());
        bytes.fill(cell.lower.data(), cell.lower.size());
    }
    index.codes.resize(index.cells.size() * padded);
    bytes.fill(index.codes.data(), index.codes.size());
    for (std::vector<engine::RowEntry>& list : index.special) {
        add_rows(bytes, bytes.below(20), living, list);
    }
    return index;
}

// --- the store
// ------------------------------------------------------------------------------------

Cell& cell_of(engine::OpenCell& cell) {
    return *static_cast<Cell*>(cell.state);
}

void open_cell(void* self, engine::OpenCell& cell) {
    Index* index = static_cast<Index*>(self);
    require(cell.key.cell < index->cells.size());
    Cell& mine = index->cells[cell.key.cell];
    cell.rows = static_cast<std::uint32_t>(mine.entries.size());
    cell.state = &mine;
    cell.distance.add(mine.centroid.data(), index->padded);
}

void expect_cells(void* self, std::span<const engine::CellKey> keys) {
    require(!keys.empty());
    for (const engine::CellKey& key : keys) {
        require(key.cell < static_cast<Index*>(self)->cells.size());
    }
}

void score_signs(void*, engine::OpenCell& cell, engine::SignScorer& scorer) {
    // A copy of each piece, so that nothing may look behind it.
    const std::vector<std::uint8_t>& blocks = cell_of(cell).blocks;
    constexpr std::size_t piece = 7 * kernels::unit_bytes;
    for (std::size_t at = 0; at < blocks.size(); at += piece) {
        const std::vector<std::uint8_t> part(
            blocks.begin() + static_cast<std::ptrdiff_t>(at),
            blocks.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, blocks.size())));
        scorer.units(part.data(), part.size() / kernels::unit_bytes, part.data());
    }
}

void refine_rows(void* self, engine::OpenCell& cell, engine::RefineBatch& batch) {
    const std::size_t bytes = engine::plane_bytes(static_cast<Index*>(self)->padded);
    require(batch.count <= engine::RefineBatch::capacity);
    for (std::size_t i = 0; i < batch.count; ++i) {
        require(batch.rows[i] < cell.rows && (i == 0 || batch.rows[i - 1] < batch.rows[i]));
        batch.entries[i] = cell_of(cell).entries[batch.rows[i]];
        batch.upper(i, 0, cell_of(cell).upper.data() + batch.rows[i] * bytes, bytes);
    }
}

void complete_rows(void* self, engine::OpenCell& cell, engine::RefineBatch& batch) {
    const std::size_t bytes = engine::plane_bytes(static_cast<Index*>(self)->padded);
    require(batch.count <= engine::RefineBatch::capacity);
    for (std::size_t i = 0; i < batch.count; ++i) {
        require(batch.rows[i] < cell.rows);
        batch.lower(i, 0, cell_of(cell).lower.data() + batch.rows[i] * bytes, bytes);
    }
}

void score_refinements(void*, engine::OpenCell& cell, engine::RefinementScorer& scorer) {
    const Cell& mine = cell_of(cell);
    constexpr std::size_t piece = 96;
    for (std::size_t at = 0; at < mine.upper.size(); at += piece) {
        scorer.upper(mine.upper.data() + at, std::min(piece, mine.upper.size() - at),
                     mine.upper.data());
    }
    for (std::size_t at = 0; at < mine.entries.size(); at += 50) {
        scorer.entries(mine.entries.data() + at,
                       std::min<std::size_t>(50, mine.entries.size() - at));
    }
}

std::size_t copy_entries(const std::vector<engine::RowEntry>& from, std::size_t first,
                         std::span<engine::RowEntry> to) {
    std::size_t n = 0;
    for (; n < to.size() && first + n < from.size(); ++n) {
        to[n] = from[first + n];
    }
    return n;
}

std::size_t read_entries(void*, engine::OpenCell& cell, std::uint32_t first,
                         std::span<engine::RowEntry> entries) {
    return copy_entries(cell_of(cell).entries, first, entries);
}

std::size_t read_special(void* self, engine::SpecialList list, std::uint64_t position,
                         std::span<engine::RowEntry> entries) {
    return copy_entries(static_cast<Index*>(self)->special[static_cast<int>(list)], position,
                        entries);
}

// --- the search
// -----------------------------------------------------------------------------------

void search(const engine::Query& query, Index& index, const engine::SearchOptions& options,
            std::vector<int> living) {
    const engine::CellDirectory directory{static_cast<std::uint32_t>(index.cells.size()),
                                          index.summaries.data(), index.codes.data()};
    const engine::CellStore store{&index,      open_cell,     expect_cells,      score_signs,
                                  refine_rows, complete_rows, score_refinements, read_entries,
                                  read_special};
    HeapArena memory;
    engine::Search search(memory.arena(), query, directory, store, options, core::Interrupt());
    engine::SearchResult result{};
    double last = -HUGE_VAL;
    bool undefined = false;
    bool null = false;
    while (search.next(result)) {
        require(living.at(result.tid[0])-- == 1);
        if (result.is_null) {
            null = true;
            continue;
        }
        require(!null);
        if (std::isnan(result.value)) {
            undefined = true;
            continue;
        }
        require(!undefined && result.value >= last);
        last = result.value;
    }
    for (const int left : living) {
        require(left == 0);
    }
    require(!search.next(result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const engine::Metric metric = static_cast<engine::Metric>(bytes.next() % 3);
    const std::uint32_t dimension = 1 + static_cast<std::uint32_t>(bytes.below(130));
    const double scales[] = {1, 1e-30, 1e30, 0.25};
    engine::SearchOptions options;
    options.exact = bytes.next() % 2 == 0;
    options.sigmas = bytes.number();
    for (double& tau : options.tau) {
        tau = static_cast<double>(bytes.number());
    }
    options.budget = std::size_t{1} << (6 + bytes.next() % 12);
    options.window = 1 + bytes.next() % 40;

    HeapArena memory;
    core::Arena arena = memory.arena();
    const engine::Space space(arena,
                              {metric, dimension, bytes.any<std::uint64_t>(),
                               scales[bytes.next() % 4], bytes.next() % 2 == 0 ? 8u : 4u},
                              {});
    std::vector<float> vector(dimension);
    for (float& x : vector) {
        x = bytes.number();
        x = std::isfinite(x) ? x : 1;
    }
    const engine::Query query =
        bytes.next() < 16
            ? engine::null_query(space)
            : engine::prepare_query(arena, space, vector, bytes.next() % 2 == 0 ? 0 : HUGE_VAL);
    std::vector<int> living;
    Index index = make_index(bytes, space.padded(), living);
    search(query, index, options, living);
    return 0;
}
