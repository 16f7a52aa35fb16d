#include "engine/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.hpp"
#include "engine/code.hpp"
#include "engine/training.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

constexpr std::size_t panel_rows = 16;
// Rows quantised and scanned together.
constexpr std::size_t batch_rows = 32;

double distance(const float* a, const float* b, std::size_t n) {
    return kernels::active().floats.l2_squared(a, b, n);
}

}  // namespace

CentroidTable::CentroidTable(const float* centroids, std::size_t count, std::size_t padded)
    : centroids_(centroids),
      count_(count),
      padded_(padded),
      panels_((count + panel_rows - 1) / panel_rows),
      codes_(panels_ * panel_rows * padded),
      weight_(panels_ * panel_rows),
      norm_(panels_ * panel_rows, std::numeric_limits<float>::infinity()) {
    std::vector<std::uint8_t> code(padded);
    for (std::size_t r = 0; r < count; ++r) {
        const float* c = centroid(r);
        const RefineFactors factors = encode_centroid(padded, c, code.data());
        const double norm = kernels::active().floats.norm_squared(c, padded);
        weight_[r] = 2 * factors.scale;
        norm_[r] = static_cast<float>(norm);
        largest_norm_ = std::max(largest_norm_, static_cast<float>(std::sqrt(norm)));
        largest_error_ = std::max(largest_error_, factors.error);
        std::uint8_t* panel = codes_.data() + r / panel_rows * panel_rows * padded;
        for (std::size_t i = 0; i < padded; ++i) {
            panel[i / 4 * 64 + 4 * (r % panel_rows) + i % 4] = code[i];
        }
    }
}

void CentroidTable::assign(const float* rows, std::size_t n, std::uint32_t* cells,
                           float* distances) const {
    const kernels::Kernels& kernel = kernels::active();
    std::vector<std::uint8_t> coded(padded_);
    std::vector<std::int8_t> queries(batch_rows * padded_);
    float scale[batch_rows];
    float margin[batch_rows];
    std::int32_t offset[batch_rows];
    float best[batch_rows * panel_rows];
    std::uint32_t index[batch_rows * panel_rows];
    for (std::size_t first = 0; first < n; first += batch_rows) {
        const std::size_t some = std::min(batch_rows, n - first);
        for (std::size_t q = 0; q < some; ++q) {
            const float* row = rows + (first + q) * padded_;
            const float largest = kernel.codes.largest(row, padded_);
            kernel.codes.quantise(row, padded_, largest > 1e-30f ? 127.0f / largest : 0.0f,
                                  coded.data());
            scale[q] = largest / 127.0f;
            offset[q] =
                128 * kernel.codes.centre(coded.data(), padded_, queries.data() + q * padded_);
            // What the codes make of <row, c> is off by |row|·error(c)/√P + |c|·error(row)/√P at
            // one standard deviation; both sides of a comparison by 3 of them.
            const float own = std::sqrt(static_cast<float>(
                kernel.floats.norm_squared(row, padded_) / static_cast<double>(padded_)));
            margin[q] = 12 * (own * largest_error_ + 0.29f * scale[q] * largest_norm_);
        }
        kernel.codes.nearest_in_panels(codes_.data(), panels_, padded_, norm_.data(),
                                       weight_.data(), queries.data(), scale, offset, some, best,
                                       index);
        for (std::size_t q = 0; q < some; ++q) {
            const float* row = rows + (first + q) * padded_;
            const float* mine = best + q * panel_rows;
            const float limit = *std::min_element(mine, mine + panel_rows) + margin[q];
            double least = std::numeric_limits<double>::infinity();
            std::uint32_t cell = 0;
            for (std::size_t c = 0; c < panel_rows; ++c) {
                const std::uint32_t candidate = index[q * panel_rows + c];
                if (!(mine[c] <= limit) || candidate >= count_) {
                    continue;
                }
                const double d = distance(row, centroid(candidate), padded_);
                if (d < least || (d == least && candidate < cell)) {
                    least = d;
                    cell = candidate;
                }
            }
            cells[first + q] = cell;
            if (distances != nullptr) {
                distances[first + q] = static_cast<float>(least);
            }
        }
    }
}

std::vector<float> train_kmeans(const float* sample, std::size_t n, std::size_t padded,
                                const KmeansOptions& options, const core::Interrupt& interrupt) {
    if (n == 0) {
        return {};
    }
    const std::size_t clusters = std::min(std::max<std::size_t>(options.clusters, 1), n);
    // Of a type that is aligned well enough.
    std::vector<double> rows(Sample::bytes(n, padded) / sizeof(double) + 1);
    Sample coded(rows.data(), n, padded);
    for (std::size_t i = 0; i < n; ++i) {
        coded.put_image(i, sample + i * padded);
    }
    std::vector<double> state(Training::bytes(n, clusters, padded) / sizeof(double) + 1);
    Training training(state.data(), n, clusters, coded);
    training.start(n, options);
    Training::Task task;
    while (training.next(&task, interrupt)) {
        for (std::uint32_t i = 0; i < task.pieces; ++i) {
            training.work(task.step, i, interrupt);
        }
    }
    return {training.centroids(), training.centroids() + training.count() * padded};
}

std::size_t train_kmeans(const float* sample, std::size_t n, std::size_t padded,
                         const KmeansOptions& options, const core::Interrupt& interrupt,
                         float* centroids) {
    const std::vector<float> found = train_kmeans(sample, n, padded, options, interrupt);
    std::copy(found.begin(), found.end(), centroids);
    return found.size() / padded;
}

void split_in_two(core::Arena& scratch, const float* rows, std::size_t n, std::size_t padded,
                  std::uint64_t seed, float* centroids, std::uint8_t* side) {
    constexpr int rounds = 6;
    core::Random random(seed);
    float* second = centroids + padded;
    const std::span<double> sums = scratch.allocate<double>(2 * padded);
    const std::span<float> lean = scratch.allocate<float>(n);  // d²(first) − d²(second)
    const std::span<std::uint32_t> order = scratch.allocate<std::uint32_t>(n);
    // A row at random, the row farthest from it, and the row farthest from that.
    auto farthest = [&](const float* from) {
        std::size_t far = 0;
        double most = -1;
        for (std::size_t i = 0; i < n; ++i) {
            const double d = distance(rows + i * padded, from, padded);
            if (d > most) {
                most = d;
                far = i;
            }
        }
        return rows + far * padded;
    };
    const float* one = farthest(rows + random.below(n) * padded);
    const float* other = farthest(one);
    std::copy_n(one, padded, centroids);
    std::copy_n(other, padded, second);
    auto centre = [&] {
        std::size_t count[2] = {};
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::size_t i = 0; i < n; ++i) {
            double* sum = sums.data() + side[i] * padded;
            for (std::size_t j = 0; j < padded; ++j) {
                sum[j] += static_cast<double>(rows[i * padded + j]);
            }
            ++count[side[i]];
        }
        for (std::size_t j = 0; j < 2 * padded; ++j) {
            if (count[j / padded] > 0) {
                centroids[j] = static_cast<float>(sums[j] / static_cast<double>(count[j / padded]));
            }
        }
        return std::min(count[0], count[1]);
    };
    std::size_t smaller = 0;
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < n; ++i) {
            const float* row = rows + i * padded;
            lean[i] = static_cast<float>(distance(row, centroids, padded) -
                                         distance(row, second, padded));
            side[i] = lean[i] > 0 ? 1 : 0;
        }
        smaller = centre();
    }
    if (smaller * 8 >= n) {
        return;
    }
    // Lopsided: half of the rows to each side, those that lean most to the second.
    for (std::size_t i = 0; i < n; ++i) {
        order[i] = static_cast<std::uint32_t>(i);
    }
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return lean[a] != lean[b] ? lean[a] < lean[b] : a < b;
    });
    for (std::size_t i = 0; i < n; ++i) {
        side[order[i]] = i < n - n / 2 ? 0 : 1;
    }
    centre();
}

std::size_t cells_for(std::size_t rows) {
    const double wanted = 1.5 * std::sqrt(static_cast<double>(rows)) + 0.5;
    return std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1,
                                   std::max<std::size_t>(1, rows / 64));
}

std::size_t sample_for(std::size_t cells) {
    return std::max<std::size_t>(10000, 128 * cells);
}

}  // namespace vecdot::engine
