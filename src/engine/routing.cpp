#include "engine/routing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// The squared distance from rotated to the coded centroid, less that of rotated from 0.
float score_of(const CellDirectory& cells, std::size_t padded, std::uint32_t i,
               const float* rotated) {
    const RefineFactors& centroid = cells.summaries[i].centroid;
    return centroid.add - 2 * centroid.scale * code_dot(padded, cells.codes + i * padded, rotated);
}

bool has_long_rows(const CellSummary& summary) {
    return summary.long_rows;
}

}  // namespace

std::uint32_t nearest_cell(core::Arena arena, const CellDirectory& cells, std::size_t padded,
                           const float* rotated, bool long_rows, std::uint32_t except) {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    // The row as 8 bits a dimension: rotated ≈ step·coarse.
    float largest = 0;
    for (std::size_t i = 0; i < padded; ++i) {
        const float size = std::fabs(rotated[i]);
        largest = size > largest ? size : largest;
    }
    const std::span<std::uint8_t> code = arena.allocate<std::uint8_t>(padded);
    const std::span<std::int8_t> coarse = arena.allocate<std::int8_t>(padded);
    kernel.quantise(rotated, padded, largest > 1e-30f ? 127.0f / largest : 0.0f, code.data());
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < padded; ++i) {
        const int value = static_cast<int>(code[i]) - 128;
        coarse[i] = static_cast<std::int8_t>(value);
        sum += value;
    }
    const float step = largest / 127.0f;
    const std::span<float> scores = arena.allocate<float>(cells.count);
    constexpr std::uint32_t run = 64;
    std::int32_t dots[run];
    float least = infinity;
    float longest = 0;
    for (std::uint32_t first = 0; first < cells.count; first += run) {
        const std::uint32_t some = std::min(run, cells.count - first);
        kernel.dot_rows(cells.codes + first * padded, some, padded, coarse.data(), dots);
        for (std::uint32_t i = 0; i < some; ++i) {
            const CellSummary& summary = cells.summaries[first + i];
            const float score = summary.centroid.add - 2 * summary.centroid.scale * step *
                                                           static_cast<float>(dots[i] - 128 * sum);
            const bool usable = has_long_rows(summary) == long_rows && first + i != except;
            scores[first + i] = usable ? score : infinity;
            least = scores[first + i] < least ? scores[first + i] : least;
            longest = summary.centroid.add > longest ? summary.centroid.add : longest;
        }
    }
    // What the row's code makes of <row, centroid> is off by 0.29·step·|centroid| at one standard
    // deviation: all that may be nearest, exactly.
    const float limit = least + 12 * 0.29f * step * std::sqrt(longest);
    std::uint32_t best = UINT32_MAX;
    float best_score = 0;
    for (std::uint32_t i = 0; i < cells.count; ++i) {
        if (!(scores[i] <= limit) || std::isinf(scores[i])) {
            continue;
        }
        const float score = score_of(cells, padded, i, rotated);
        if (best == UINT32_MAX || score < best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

std::size_t nearest_cells(const CellDirectory& cells, std::size_t padded, const float* rotated,
                          std::uint32_t except, std::span<NearCell> found) {
    const auto nearer = [](const NearCell& a, const NearCell& b) { return a.score < b.score; };
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < cells.count; ++i) {
        if (i == except || has_long_rows(cells.summaries[i])) {
            continue;
        }
        const float score = score_of(cells, padded, i, rotated);
        if (count == found.size()) {
            if (count == 0 || !(score < found[0].score)) {
                continue;
            }
            std::pop_heap(found.begin(), found.end(), nearer);
            count -= 1;
        }
        found[count++] = {i, score};
        std::push_heap(found.data(), found.data() + count, nearer);
    }
    std::sort_heap(found.data(), found.data() + count, nearer);
    return count;
}

}  // namespace vecdot::engine
