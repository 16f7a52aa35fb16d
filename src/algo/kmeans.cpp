#include "algo/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "algo/code.hpp"
#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::algo {

namespace {

constexpr std::size_t panel_rows = 16;
// Rows quantised and scanned together.
constexpr std::size_t batch_rows = 32;

double distance(const float* a, const float* b, std::size_t n) {
    return kernels::active().floats.l2_squared(a, b, n);
}

// Centroids of the rows of each cell; those of empty cells are left alone.
class Means {
  public:
    Means(std::size_t k, std::size_t padded) : padded_(padded), sums_(k * padded), counts_(k) {}

    void add(std::uint32_t cell, const float* row) {
        double* sum = sums_.data() + cell * padded_;
        for (std::size_t i = 0; i < padded_; ++i) {
            sum[i] += static_cast<double>(row[i]);
        }
        ++counts_[cell];
    }

    void store(float* centroids) const {
        for (std::size_t c = 0; c < counts_.size(); ++c) {
            for (std::size_t i = 0; i < padded_ && counts_[c] > 0; ++i) {
                centroids[c * padded_ + i] =
                    static_cast<float>(sums_[c * padded_ + i] / static_cast<double>(counts_[c]));
            }
        }
    }

    const std::vector<std::uint32_t>& counts() const { return counts_; }

  private:
    std::size_t padded_;
    std::vector<double> sums_;
    std::vector<std::uint32_t> counts_;
};

// Assigns rows to the centroids, in runs between which interrupts are polled.
void assign_all(const std::vector<float>& centroids, const float* rows, std::size_t n,
                std::size_t padded, std::vector<std::uint32_t>& cells,
                std::vector<float>& distances, const core::Interrupt& interrupt) {
    const CentroidTable table(centroids.data(), centroids.size() / padded, padded);
    cells.resize(n);
    distances.resize(n);
    constexpr std::size_t run = 8 * batch_rows;
    for (std::size_t i = 0; i < n; i += run) {
        interrupt.poll();
        table.assign(rows + i * padded, std::min(run, n - i), cells.data() + i,
                     distances.data() + i);
    }
}

// Moves the centroid of each empty cell to the row that is farthest from its own; cells for which
// there is none (fewer distinct rows than cells) are dropped. True if something moved.
bool fill_empty(std::vector<float>& centroids, const std::vector<std::uint32_t>& counts,
                const float* rows, std::size_t n, std::size_t padded,
                const std::vector<float>& distances) {
    std::vector<std::uint32_t> empty;
    for (std::size_t c = 0; c < counts.size(); ++c) {
        if (counts[c] == 0) {
            empty.push_back(static_cast<std::uint32_t>(c));
        }
    }
    if (empty.empty()) {
        return false;
    }
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    const std::size_t wanted = std::min(n, empty.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted),
                      order.end(), [&](std::uint32_t a, std::uint32_t b) {
                          return distances[a] != distances[b] ? distances[a] > distances[b] : a < b;
                      });
    std::size_t used = 0;
    bool moved = false;
    for (; used < empty.size() && used < wanted && distances[order[used]] > 0; ++used) {
        std::copy_n(rows + order[used] * padded, padded,
                    centroids.begin() + static_cast<std::ptrdiff_t>(empty[used] * padded));
        moved = true;
    }
    for (std::size_t e = empty.size(); e-- > used;) {
        const auto at = centroids.begin() + static_cast<std::ptrdiff_t>(empty[e] * padded);
        centroids.erase(at, at + static_cast<std::ptrdiff_t>(padded));
    }
    return moved;
}

void lloyd(std::vector<float>& centroids, const float* rows, std::size_t n, std::size_t padded,
           std::size_t rounds, const core::Interrupt& interrupt) {
    std::vector<std::uint32_t> cells;
    std::vector<float> distances;
    for (std::size_t round = 0; round < rounds; ++round) {
        assign_all(centroids, rows, n, padded, cells, distances, interrupt);
        Means means(centroids.size() / padded, padded);
        for (std::size_t i = 0; i < n; ++i) {
            if (i % 4096 == 0) {
                interrupt.poll();
            }
            means.add(cells[i], rows + i * padded);
        }
        means.store(centroids.data());
        fill_empty(centroids, means.counts(), rows, n, padded, distances);
    }
}

// k rows at random, without repetition of the same row.
std::vector<float> pick(const float* rows, std::size_t n, std::size_t padded, std::size_t k,
                        core::Random& random) {
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    std::vector<float> picked(k * padded);
    for (std::size_t i = 0; i < k; ++i) {
        std::swap(order[i], order[i + random.below(n - i)]);
        std::copy_n(rows + order[i] * padded, padded,
                    picked.begin() + static_cast<std::ptrdiff_t>(i * padded));
    }
    return picked;
}

// Shares k among groups by size, at least 1 each for those that have rows, at most their size.
std::vector<std::size_t> share(const std::vector<std::size_t>& sizes, std::size_t k) {
    const double total =
        static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
    std::vector<std::size_t> shares(sizes.size());
    double passed = 0;
    std::size_t given = 0;
    for (std::size_t g = 0; g < sizes.size(); ++g) {
        passed += static_cast<double>(sizes[g]);
        const std::size_t due =
            static_cast<std::size_t>(passed / total * static_cast<double>(k) + 0.5);
        const std::size_t mine = due > given ? due - given : 0;
        shares[g] = std::min(sizes[g], std::max<std::size_t>(mine, sizes[g] > 0 ? 1 : 0));
        given += shares[g];
    }
    return shares;
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
            float largest = 0;
            for (std::size_t i = 0; i < padded_; ++i) {
                const float size = std::fabs(row[i]);
                largest = size > largest ? size : largest;
            }
            kernel.codes.quantise(row, padded_, largest > 1e-30f ? 127.0f / largest : 0.0f,
                                  coded.data());
            std::int32_t sum = 0;
            for (std::size_t i = 0; i < padded_; ++i) {
                const int value = static_cast<int>(coded[i]) - 128;
                queries[q * padded_ + i] = static_cast<std::int8_t>(value);
                sum += value;
            }
            scale[q] = largest / 127.0f;
            offset[q] = 128 * sum;
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
    const std::size_t k = std::min(std::max<std::size_t>(options.clusters, 1), n);
    if (n == 0) {
        return {};
    }
    core::Random random(options.seed);
    std::vector<float> centroids;
    if (k < 64) {
        centroids = pick(sample, n, padded, k, random);
        lloyd(centroids, sample, n, padded, options.group_rounds + options.global_rounds,
              interrupt);
        return centroids;
    }
    // √k coarse groups, learnt from some of the rows.
    const std::size_t groups =
        static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(k))));
    const std::size_t some = std::min(n, groups * 256);
    std::vector<std::vector<std::uint32_t>> members;
    {
        const std::vector<float> rows = pick(sample, n, padded, some, random);
        std::vector<float> coarse = pick(rows.data(), some, padded, groups, random);
        lloyd(coarse, rows.data(), some, padded, options.group_rounds, interrupt);
        std::vector<std::uint32_t> cells;
        std::vector<float> distances;
        assign_all(coarse, sample, n, padded, cells, distances, interrupt);
        members.resize(coarse.size() / padded);
        for (std::size_t i = 0; i < n; ++i) {
            members[cells[i]].push_back(static_cast<std::uint32_t>(i));
        }
    }
    std::vector<std::size_t> sizes;
    for (const auto& rows : members) {
        sizes.push_back(rows.size());
    }
    const std::vector<std::size_t> shares = share(sizes, k);
    for (std::size_t g = 0; g < members.size(); ++g) {
        if (members[g].empty()) {
            continue;
        }
        std::vector<float> rows(members[g].size() * padded);
        for (std::size_t i = 0; i < members[g].size(); ++i) {
            std::copy_n(sample + members[g][i] * padded, padded,
                        rows.begin() + static_cast<std::ptrdiff_t>(i * padded));
        }
        std::vector<float> fine = pick(rows.data(), members[g].size(), padded, shares[g], random);
        lloyd(fine, rows.data(), members[g].size(), padded, options.group_rounds, interrupt);
        centroids.insert(centroids.end(), fine.begin(), fine.end());
    }
    lloyd(centroids, sample, n, padded, options.global_rounds, interrupt);
    return centroids;
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
    const double wanted = 2 * std::sqrt(static_cast<double>(rows)) + 0.5;
    return std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1,
                                   std::max<std::size_t>(1, rows / 64));
}

std::size_t sample_for(std::size_t cells) {
    return std::max<std::size_t>(10000, 128 * cells);
}

}  // namespace vecdot::algo
