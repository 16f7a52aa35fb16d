// An index in memory: what the search's tests and benchmark use in place of pages. Blocks are
// handed out in pieces of units_per_piece units, as pages cut them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "engine/calibration.hpp"
#include "engine/kmeans.hpp"
#include "engine/search.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {

class MemoryIndex {
  public:
    struct Options {
        std::size_t cells = 0;  // 0: cells_for()
        std::size_t units_per_piece = 127;
        std::uint64_t seed = 1;
        bool prefetch = true;
        std::uint32_t refine_bits = 8;
    };

    // rows: n × dimension. A row's number becomes its tid.
    MemoryIndex(Metric metric, const float* rows, std::size_t n, std::size_t dimension,
                const Options& options)
        : options_(options),
          padded_(padded_dimension(metric, dimension)),
          space_(arena_.arena(), {metric, static_cast<std::uint32_t>(dimension), options.seed,
                                  choose_scale(metric, rows, n, dimension), options.refine_bits}) {
        std::vector<std::uint32_t> numbers[2];  // by long_row
        std::vector<float> images[2];
        std::vector<float> errors[2];
        std::vector<float> image(padded_);
        for (std::size_t i = 0; i < n; ++i) {
            const RoutedRow routed =
                space_.space.route({rows + i * dimension, dimension}, image.data());
            const std::uint32_t number = static_cast<std::uint32_t>(i);
            if (routed.kind == RowKind::loose) {
                special_[0].push_back(entry(number));
            } else if (routed.kind == RowKind::undefined) {
                special_[1].push_back(entry(number));
            } else {
                const int k = routed.kind == RowKind::long_row ? 1 : 0;
                numbers[k].push_back(number);
                images[k].insert(images[k].end(), image.begin(), image.end());
                errors[k].push_back(routed.error);
            }
        }
        for (int k = 0; k < 2; ++k) {
            if (!numbers[k].empty()) {
                add_cells(numbers[k], images[k], errors[k], k == 1);
            }
        }
    }

    void add_null(std::uint32_t number) { special_[2].push_back(entry(number)); }

    const Space& space() const { return space_.space; }
    std::size_t cell_count() const { return cells_.size(); }

    CellDirectory directory() const {
        return {static_cast<std::uint32_t>(cells_.size()), summaries_.data(),
                centroid_codes_.data()};
    }

    CellStore store() {
        return {this,
                open,
                expect,
                signs,
                refine,
                complete,
                refinements,
                entries,
                special,
                passes_ == nullptr ? nullptr : filter,
                passes_ == nullptr || !knows_cells_ ? nullptr : unread};
    }

    // Cells opened that were not the next of those told before.
    std::size_t unexpected() const { return unexpected_; }
    // How often addresses of a cell were asked for in a row, as a walk through it does.
    std::size_t walks() const { return walks_; }
    // A new search begins.
    void expect_none() {
        expected_.clear();
        unexpected_ = 0;
    }

    // Rows that the searches of later stores are for, by their numbers; null: all.
    void set_filter(std::function<bool(std::uint32_t)> passes) { passes_ = std::move(passes); }

    // Whether they know which cells have no such row.
    void know_cells(bool known) { knows_cells_ = known; }

    // Marks a row dead; false if it is not in a cell.
    bool remove(std::uint32_t number) {
        for (Cell& cell : cells_) {
            for (RowEntry& row : cell.entries) {
                if (number_of(row.tid) == number) {
                    row.flags |= RowFlags::dead;
                    return true;
                }
            }
        }
        return false;
    }

    // The same of all rows for whose number it is said.
    template <typename Which>
    void remove_if(Which which) {
        for (Cell& cell : cells_) {
            for (RowEntry& row : cell.entries) {
                if (which(number_of(row.tid))) {
                    row.flags |= RowFlags::dead;
                }
            }
        }
    }

    // Images of every step-th row, as vacuum has them.
    std::vector<float> decoded(std::size_t step) const {
        std::vector<float> images;
        std::vector<std::uint8_t> code(padded_);
        std::size_t i = 0;
        for (const Cell& cell : cells_) {
            for (std::size_t number = 0; number < cell.entries.size(); ++number) {
                if (i++ % step == 0) {
                    images.resize(images.size() + padded_);
                    join_refinement(padded_, cell.upper.data() + number * plane_bytes(padded_),
                                    cell.lower.data() + number * plane_bytes(padded_), code.data());
                    decode_row(padded_, code.data(), cell.entries[number].refine,
                               cell.centroid.data(), images.data() + images.size() - padded_);
                }
            }
        }
        return images;
    }

    Calibration calibrate(std::size_t queries) {
        HeapArena kept;
        core::Arena arena = kept.arena();
        std::size_t rows = 0;
        for (const Cell& cell : cells_) {
            rows += cell.entries.size();
        }
        Calibrator calibrator(arena, queries, rows);
        const std::vector<float> images = decoded(std::max<std::size_t>(1, rows / queries));
        for (std::size_t i = 0; i + padded_ <= images.size(); i += padded_) {
            HeapArena scratch;
            calibrator.observe(scratch.arena(), space(), images.data() + i, directory(), store(),
                               core::Interrupt());
        }
        return calibrator.finish(rows, space().metric());
    }

    const float* centroid(std::size_t cell) const { return cells_[cell].centroid.data(); }

    // The cell of each of n rows; cell_count() for those in none.
    std::vector<std::uint32_t> cells_of_rows(std::size_t n) const {
        std::vector<std::uint32_t> cell_of(n, static_cast<std::uint32_t>(cells_.size()));
        for (std::size_t c = 0; c < cells_.size(); ++c) {
            for (const RowEntry& row : cells_[c].entries) {
                cell_of[number_of(row.tid)] = static_cast<std::uint32_t>(c);
            }
        }
        return cell_of;
    }

    static std::uint32_t number_of(const std::uint16_t* tid) {
        return tid[0] | static_cast<std::uint32_t>(tid[1]) << 16;
    }

  private:
    struct Cell {
        std::vector<float> centroid;
        std::vector<RowEntry> entries;
        std::vector<std::uint8_t> blocks;
        std::vector<std::uint8_t> upper;
        std::vector<std::uint8_t> lower;
    };

    // The space keeps a view of its arena's memory.
    struct OwnedSpace {
        OwnedSpace(core::Arena arena, const SpaceParameters& parameters)
            : space(arena, parameters, {}) {}
        Space space;
    };

    static RowEntry entry(std::uint32_t number) {
        return {{static_cast<std::uint16_t>(number), static_cast<std::uint16_t>(number >> 16), 0},
                0,
                {}};
    }

    void add_cells(const std::vector<std::uint32_t>& numbers, const std::vector<float>& images,
                   const std::vector<float>& errors, bool long_rows) {
        const std::size_t n = numbers.size();
        KmeansOptions kmeans{};
        kmeans.clusters = options_.cells > 0 ? options_.cells : cells_for(n);
        kmeans.seed = options_.seed;
        const std::size_t wanted = std::min(n, sample_for(kmeans.clusters));
        std::vector<float> sample;
        for (std::size_t i = 0; i < wanted; ++i) {
            const float* row = images.data() + i * n / wanted * padded_;
            sample.insert(sample.end(), row, row + padded_);
        }
        const std::vector<float> centroids =
            train_kmeans(sample.data(), wanted, padded_, kmeans, core::Interrupt());
        const std::size_t count = centroids.size() / padded_;
        const CentroidTable table(centroids.data(), count, padded_);
        std::vector<std::uint32_t> cells(n);
        table.assign(images.data(), n, cells.data(), nullptr);
        const std::size_t base = cells_.size();
        cells_.resize(base + count);
        summaries_.resize(base + count);
        centroid_codes_.resize((base + count) * padded_);
        for (std::size_t c = 0; c < count; ++c) {
            cells_[base + c].centroid.assign(
                centroids.begin() + static_cast<std::ptrdiff_t>(c * padded_),
                centroids.begin() + static_cast<std::ptrdiff_t>((c + 1) * padded_));
            summaries_[base + c] = {};
            summaries_[base + c].centroid =
                encode_centroid(padded_, centroids.data() + c * padded_,
                                centroid_codes_.data() + (base + c) * padded_);
            summaries_[base + c].long_rows = long_rows;
        }
        std::vector<std::uint8_t> signs(sign_bytes(padded_));
        std::vector<std::uint8_t> code(padded_);
        const std::size_t block_bytes = block_units(padded_) * kernels::unit_bytes;
        for (std::size_t i = 0; i < n; ++i) {
            Cell& cell = cells_[base + cells[i]];
            const std::size_t number = cell.entries.size();
            if (number % kernels::block_rows == 0) {
                cell.blocks.resize(cell.blocks.size() + block_bytes);
            }
            cell.upper.resize(cell.upper.size() + plane_bytes(padded_));
            cell.lower.resize(cell.upper.size());
            EncodedRow row{};
            row.signs = signs.data();
            row.refinement = code.data();
            encode_row(space(), images.data() + i * padded_, errors[i], cell.centroid.data(), row);
            split_refinement(padded_, code.data(),
                             cell.upper.data() + number * plane_bytes(padded_),
                             cell.lower.data() + number * plane_bytes(padded_));
            put_row(cell.blocks.data() + number / kernels::block_rows * block_bytes, 0,
                    block_units(padded_), padded_, number % kernels::block_rows, signs.data(),
                    row.sign_factors);
            cell.entries.push_back(entry(numbers[i]));
            cell.entries.back().refine = row.refine;
            float& radius = summaries_[base + cells[i]].radius;
            radius = std::max(radius, row.radius);
        }
    }

    static void open(void* self, OpenCell& cell) {
        auto* index = static_cast<MemoryIndex*>(self);
        if (!index->expected_.empty() && index->expected_[0].cell != cell.key.cell) {
            ++index->unexpected_;
        }
        Cell& mine = index->cells_[cell.key.cell];
        cell.rows = static_cast<std::uint32_t>(mine.entries.size());
        cell.state = &mine;
        const std::size_t half = index->padded_ / 2;
        cell.distance.add(mine.centroid.data(), half);
        cell.distance.add(mine.centroid.data() + half, index->padded_ - half);
    }

    static void expect(void* self, std::span<const CellKey> keys) {
        MemoryIndex* index = static_cast<MemoryIndex*>(self);
        index->expected_.assign(keys.begin(), keys.end());
        const Cell& mine = index->cells_[keys[0].cell];
        for (std::size_t i = 0; i < mine.centroid.size(); i += 16) {
            __builtin_prefetch(mine.centroid.data() + i);
        }
    }

    static void signs(void* self, OpenCell& cell, SignScorer& scorer) {
        const auto* index = static_cast<MemoryIndex*>(self);
        const Cell& mine = *static_cast<Cell*>(cell.state);
        const std::size_t units = mine.blocks.size() / kernels::unit_bytes;
        const std::size_t piece = index->options_.units_per_piece;
        for (std::size_t u = 0; u < units; u += piece) {
            const std::uint8_t* at = mine.blocks.data() + u * kernels::unit_bytes;
            scorer.units(at, std::min(piece, units - u), at + piece * kernels::unit_bytes);
        }
    }

    static void refine(void* self, OpenCell& cell, RefineBatch& batch) {
        const auto* index = static_cast<MemoryIndex*>(self);
        const Cell& mine = *static_cast<Cell*>(cell.state);
        const std::size_t bytes = plane_bytes(index->padded_);
        constexpr std::size_t ahead = 4;
        auto prefetch = [&](std::size_t i) {
            const std::uint8_t* nibbles = mine.upper.data() + batch.rows[i] * bytes;
            for (std::size_t b = 0; b < bytes; b += 64) {
                __builtin_prefetch(nibbles + b);
            }
            __builtin_prefetch(&mine.entries[batch.rows[i]]);
        };
        for (std::size_t i = 0; i < std::min<std::size_t>(ahead, batch.count); ++i) {
            prefetch(i);
        }
        for (std::size_t i = 0; i < batch.count; ++i) {
            if (i + ahead < batch.count) {
                prefetch(i + ahead);
            }
            const std::uint32_t number = batch.rows[i];
            batch.entries[i] = mine.entries[number];
            batch.upper(i, 0, mine.upper.data() + number * bytes, bytes);
        }
    }

    static void complete(void* self, OpenCell& cell, RefineBatch& batch) {
        const std::size_t bytes = plane_bytes(static_cast<MemoryIndex*>(self)->padded_);
        const Cell& mine = *static_cast<Cell*>(cell.state);
        for (std::size_t i = 0; i < batch.count; ++i) {
            // In pieces, as pages cut it.
            const std::uint8_t* nibbles = mine.lower.data() + batch.rows[i] * bytes;
            batch.lower(i, 0, nibbles, 32);
            if (bytes > 32) {
                batch.lower(i, 32, nibbles + 32, bytes - 32);
            }
        }
    }

    static void refinements(void* self, OpenCell& cell, RefinementScorer& scorer) {
        const auto* index = static_cast<MemoryIndex*>(self);
        const Cell& mine = *static_cast<Cell*>(cell.state);
        const std::size_t piece = index->options_.units_per_piece * kernels::unit_bytes;
        for (std::size_t at = 0; at < mine.upper.size(); at += piece) {
            const std::uint8_t* nibbles = mine.upper.data() + at;
            scorer.upper(nibbles, std::min(piece, mine.upper.size() - at), nibbles + piece);
        }
        for (std::size_t at = 0; at < mine.entries.size(); at += 406) {
            scorer.entries(mine.entries.data() + at,
                           std::min<std::size_t>(406, mine.entries.size() - at));
        }
    }

    static std::size_t entries(void* self, OpenCell& cell, std::uint32_t first,
                               std::span<RowEntry> entries) {
        ++static_cast<MemoryIndex*>(self)->walks_;
        return copy(static_cast<Cell*>(cell.state)->entries, first, entries);
    }

    static std::size_t special(void* self, SpecialList list, std::uint64_t position,
                               std::span<RowEntry> entries) {
        const auto* index = static_cast<MemoryIndex*>(self);
        const std::size_t count = copy(index->special_[static_cast<int>(list)], position, entries);
        for (RowEntry& row : entries.first(count)) {
            if (index->passes_ != nullptr && !index->passes_(number_of(row.tid))) {
                row.flags |= RowFlags::dead;
            }
        }
        return count;
    }

    static std::uint32_t unread(void* self, const CellKey& key) {
        const MemoryIndex* index = static_cast<const MemoryIndex*>(self);
        const std::vector<RowEntry>& rows = index->cells_[key.cell].entries;
        const bool any = std::any_of(rows.begin(), rows.end(), [index](const RowEntry& row) {
            return index->passes_(number_of(row.tid));
        });
        return any ? 0 : static_cast<std::uint32_t>(rows.size() + 1);
    }

    static std::uint32_t filter(void* self, OpenCell& cell, std::uint64_t* left_out) {
        const auto* index = static_cast<MemoryIndex*>(self);
        const Cell& mine = *static_cast<Cell*>(cell.state);
        std::uint32_t rows = 0;
        for (std::size_t i = 0; i < mine.entries.size(); ++i) {
            if (!index->passes_(number_of(mine.entries[i].tid))) {
                left_out[i / 64] |= std::uint64_t{1} << (i % 64);
                ++rows;
            }
        }
        return rows;
    }

    static std::size_t copy(const std::vector<RowEntry>& from, std::size_t first,
                            std::span<RowEntry> to) {
        const std::size_t count = std::min(to.size(), from.size() - std::min(first, from.size()));
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(first), count, to.begin());
        return count;
    }

    Options options_;
    std::size_t padded_;
    HeapArena arena_;
    OwnedSpace space_;
    std::vector<Cell> cells_;
    std::vector<CellSummary> summaries_;
    std::vector<std::uint8_t> centroid_codes_;
    std::vector<CellKey> expected_;  // the cells to be opened next, when last told
    std::size_t unexpected_ = 0;
    std::size_t walks_ = 0;
    std::vector<RowEntry> special_[3];
    std::function<bool(std::uint32_t)> passes_;
    bool knows_cells_ = false;
};

// What the executor makes of a search: exact distances of the rows handed out, in order, by a queue
// that releases a row when no later one can be nearer (IndexNextWithReorder). distance(i): the
// operator's result for row i.
template <typename Distance>
class Executor {
  public:
    Executor(Search& search, Distance distance) : search_(search), distance_(distance) {}

    // The next row's number, or -1 at the end.
    long next() {
        for (;;) {
            if (!queue_.empty() && (ended_ || queue_.front().first <= bound_)) {
                std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
                const long row = queue_.back().second;
                queue_.pop_back();
                return row;
            }
            if (ended_) {
                return -1;
            }
            SearchResult result{};
            if (!search_.next(result)) {
                ended_ = true;
                continue;
            }
            const long row = MemoryIndex::number_of(result.tid);
            if (result.is_null || std::isnan(result.value)) {
                ended_ = true;  // such rows come last: whoever counts on is not served here
                continue;
            }
            bound_ = result.value;
            const double value = result.recheck ? distance_(row) : result.value;
            wrong_order_ += value < result.value ? 1 : 0;
            queue_.emplace_back(value, row);
            std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
        }
    }

    // Rows whose distance was below the bound that came with them: the executor would fail.
    std::size_t wrong_order() const { return wrong_order_; }

  private:
    Search& search_;
    Distance distance_;
    std::vector<std::pair<double, long>> queue_;
    double bound_ = -HUGE_VAL;
    bool ended_ = false;
    std::size_t wrong_order_ = 0;
};

}  // namespace vecdot::engine
