#include "engine/training.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.hpp"

namespace vecdot::engine {

namespace {

// Rows decoded and assigned together.
constexpr std::size_t batch_rows = 32;
// Rows, and cells, of a piece of work.
constexpr std::size_t run_rows = 1024;
constexpr std::size_t part_cells = 16;
// Fewer clusters are found in one level.
constexpr std::size_t fewest_for_groups = 64;
// Rows a coarse group is learnt from.
constexpr std::size_t coarse_rows = 256;
// Rounds that start from single rows before they are compared with the two levels; their error must
// be below this share of the other's, as two levels give cells of more equal size.
constexpr std::uint32_t seed_rounds = 2;
constexpr double clearly_less = 0.97;
// Global rounds go on while they lower the error by a hundredth, but not for ever.
constexpr double worthwhile = 0.99;
constexpr std::uint32_t more_rounds = 6;

std::size_t divide_up(std::size_t a, std::size_t b) {
    return (a + b - 1) / b;
}

std::size_t groups_for(std::size_t clusters) {
    return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(clusters))));
}

// Some rows of a sample, by their numbers.
struct Members {
    const Sample* sample;
    const std::uint32_t* numbers;
    std::size_t n;

    void decode(std::size_t i, float* row) const { sample->decode(numbers[i], row); }
};

void assign_members(const CentroidTable& table, const Members& members, std::uint32_t* cells,
                    float* distances, std::vector<float>& batch, const core::Interrupt& interrupt) {
    const std::size_t padded = members.sample->padded();
    batch.resize(batch_rows * padded);
    for (std::size_t i = 0; i < members.n; i += batch_rows) {
        interrupt.poll();
        const std::size_t some = std::min(batch_rows, members.n - i);
        for (std::size_t r = 0; r < some; ++r) {
            members.decode(i + r, batch.data() + r * padded);
        }
        table.assign(batch.data(), some, cells + i, distances + i);
    }
}

void store_mean(const std::vector<double>& sum, std::size_t rows, float* centroid) {
    for (std::size_t k = 0; k < sum.size(); ++k) {
        centroid[k] = static_cast<float>(sum[k] / static_cast<double>(rows));
    }
}

// Moves the centroid of each empty cell to the row that is farthest from its own; cells for which
// there is none (fewer distinct rows than cells) are dropped. Returns how many are left.
std::size_t fill_empty(float* centroids, std::size_t count, const std::uint32_t* rows_of,
                       const Members& members, const float* distances) {
    const std::size_t padded = members.sample->padded();
    std::vector<std::size_t> empty;
    for (std::size_t c = 0; c < count; ++c) {
        if (rows_of[c] == 0) {
            empty.push_back(c);
        }
    }
    if (empty.empty()) {
        return count;
    }
    std::vector<std::uint32_t> order(members.n);
    std::iota(order.begin(), order.end(), 0u);
    const std::size_t wanted = std::min(members.n, empty.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted),
                      order.end(), [&](std::uint32_t a, std::uint32_t b) {
                          return distances[a] != distances[b] ? distances[a] > distances[b] : a < b;
                      });
    std::size_t used = 0;
    for (; used < wanted && distances[order[used]] > 0; ++used) {
        members.decode(order[used], centroids + empty[used] * padded);
    }
    if (used == empty.size()) {
        return count;
    }
    std::size_t kept = empty[used];
    for (std::size_t c = kept; c < count; ++c) {
        if (used < empty.size() && empty[used] == c) {
            ++used;
            continue;
        }
        std::copy_n(centroids + c * padded, padded, centroids + kept * padded);
        ++kept;
    }
    return kept;
}

// k of members' rows at random, without repetition of the same row.
void pick(const Members& members, std::size_t k, core::Random& random, float* centroids) {
    std::vector<std::uint32_t> order(members.n);
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t i = 0; i < k; ++i) {
        std::swap(order[i], order[i + random.below(members.n - i)]);
        members.decode(order[i], centroids + i * members.sample->padded());
    }
}

// k-means in one process, from rows picked at random. Returns how many centroids there are.
std::size_t lloyd(const Members& members, std::size_t k, std::size_t rounds, std::uint64_t seed,
                  float* centroids, const core::Interrupt& interrupt) {
    const std::size_t padded = members.sample->padded();
    core::Random random(seed);
    pick(members, k, random, centroids);
    std::vector<std::uint32_t> cells(members.n);
    std::vector<float> distances(members.n);
    std::vector<float> batch;
    std::vector<double> sum(padded);
    std::vector<float> row(padded);
    for (std::size_t round = 0; round < rounds; ++round) {
        assign_members(CentroidTable(centroids, k, padded), members, cells.data(), distances.data(),
                       batch, interrupt);
        std::vector<std::uint32_t> starts(k + 1);
        for (std::size_t i = 0; i < members.n; ++i) {
            ++starts[cells[i] + 1];
        }
        const std::vector<std::uint32_t> counts(starts.begin() + 1, starts.end());
        std::partial_sum(starts.begin(), starts.end(), starts.begin());
        std::vector<std::uint32_t> order(members.n);
        for (std::size_t i = 0; i < members.n; ++i) {
            order[starts[cells[i]]++] = static_cast<std::uint32_t>(i);
        }
        for (std::size_t c = 0, i = 0; c < k; ++c) {
            interrupt.poll();
            std::fill(sum.begin(), sum.end(), 0.0);
            for (; i < starts[c]; ++i) {
                members.decode(order[i], row.data());
                for (std::size_t d = 0; d < padded; ++d) {
                    sum[d] += static_cast<double>(row[d]);
                }
            }
            if (counts[c] > 0) {
                store_mean(sum, counts[c], centroids + c * padded);
            }
        }
        k = fill_empty(centroids, k, counts.data(), members, distances.data());
    }
    return k;
}

}  // namespace

std::size_t most_clusters(std::size_t wanted) {
    return wanted + groups_for(wanted);
}

struct Training::Shared {
    enum class Stage : std::uint32_t { begin, grouped, split, assigned, moved };
    enum class Origin : std::uint32_t { seeds, groups, chosen };  // of the centroids

    Stage stage;
    Origin origin;
    std::uint32_t rows;
    std::uint32_t wanted;  // clusters
    std::uint32_t count;   // centroids there are
    std::uint32_t groups;
    std::uint32_t rounds;  // done since the origin
    std::uint32_t least_rounds;
    std::uint32_t most_rounds;
    std::uint32_t seeded_count;  // centroids set aside, which started from seeds
    double seeded_error;
    double last_error;
    std::uint32_t version;
    std::uint32_t group_rounds;
    std::uint64_t seed;
};

std::size_t Training::bytes_per_row() {
    return sizeof(float) + 2 * sizeof(std::uint32_t);
}

std::size_t Training::bytes_per_cluster(std::size_t padded) {
    // The centroid, one set aside, and its code in one process.
    return padded * (2 * sizeof(float) + 1) + 4 * sizeof(std::uint32_t);
}

std::size_t Training::bytes(std::size_t rows, std::size_t clusters, std::size_t padded) {
    const std::size_t room = most_clusters(clusters);
    return sizeof(Shared) + (room + clusters) * padded * sizeof(float) + rows * bytes_per_row() +
           (room + 1 + 2 * groups_for(clusters)) * sizeof(std::uint32_t) + 64;
}

Training::Training(void* memory, std::size_t rows, std::size_t clusters, const Sample& sample)
    : sample_(&sample), padded_(sample.padded()), shared_(static_cast<Shared*>(memory)) {
    const std::size_t room = most_clusters(clusters);
    centroids_ = reinterpret_cast<float*>(shared_ + 1);
    seeded_ = centroids_ + room * padded_;
    distances_ = seeded_ + clusters * padded_;
    cells_ = reinterpret_cast<std::uint32_t*>(distances_ + rows);
    order_ = cells_ + rows;
    starts_ = order_ + rows;
    group_start_ = starts_ + room + 1;
    group_count_ = group_start_ + groups_for(clusters);
}

Training::~Training() = default;

std::size_t Training::count() const {
    return shared_->count;
}

void Training::start(std::size_t n, const KmeansOptions& options) {
    *shared_ = {};
    shared_->rows = static_cast<std::uint32_t>(n);
    shared_->wanted =
        static_cast<std::uint32_t>(std::min(std::max<std::size_t>(options.clusters, 1), n));
    shared_->seed = options.seed;
    shared_->group_rounds = static_cast<std::uint32_t>(options.group_rounds);
    shared_->least_rounds = static_cast<std::uint32_t>(options.global_rounds);
    shared_->most_rounds = shared_->least_rounds + more_rounds;
}

bool Training::next(Task* task, const core::Interrupt& interrupt) {
    using Stage = Shared::Stage;
    using Origin = Shared::Origin;
    const std::uint32_t runs = static_cast<std::uint32_t>(divide_up(shared_->rows, run_rows));
    if (shared_->rows == 0) {
        return false;
    }
    switch (shared_->stage) {
        case Stage::begin: {
            std::iota(order_, order_ + shared_->rows, 0u);
            core::Random random(shared_->seed);
            pick({sample_, order_, shared_->rows}, shared_->wanted, random, centroids_);
            shared_->count = shared_->wanted;
            shared_->origin = Origin::seeds;
            if (shared_->wanted < fewest_for_groups) {
                shared_->origin = Origin::chosen;
                shared_->least_rounds += shared_->group_rounds;
                shared_->most_rounds = shared_->least_rounds;
            }
            break;
        }
        case Stage::grouped:
            sort_by_cell(shared_->groups);
            share_out();
            shared_->stage = Stage::split;
            *task = {Step::group, shared_->groups};
            return true;
        case Stage::split:
            gather_groups();
            shared_->origin = Origin::groups;
            break;
        case Stage::assigned: {
            const double error = std::accumulate(distances_, distances_ + shared_->rows, 0.0);
            if (shared_->origin == Origin::seeds && shared_->rounds == seed_rounds) {
                std::copy_n(centroids_, shared_->count * padded_, seeded_);
                shared_->seeded_count = shared_->count;
                shared_->seeded_error = error;
                shared_->rounds = 0;
                start_groups(interrupt);
                shared_->stage = Stage::grouped;
                *task = {Step::assign, runs};
                return true;
            }
            if (shared_->origin == Origin::groups) {
                shared_->origin = Origin::chosen;
                if (shared_->seeded_error < clearly_less * error) {
                    std::copy_n(seeded_, shared_->seeded_count * padded_, centroids_);
                    shared_->count = shared_->seeded_count;
                    break;
                }
            }
            shared_->rounds += 1;
            if (shared_->origin == Origin::chosen && shared_->rounds >= shared_->least_rounds &&
                !(error < worthwhile * shared_->last_error)) {
                shared_->most_rounds = shared_->rounds;
            }
            shared_->last_error = error;
            sort_by_cell(shared_->count);
            shared_->stage = Stage::moved;
            *task = {Step::mean, static_cast<std::uint32_t>(divide_up(shared_->count, part_cells))};
            return true;
        }
        case Stage::moved: {
            std::vector<std::uint32_t> counts(shared_->count);
            for (std::size_t c = 0; c < counts.size(); ++c) {
                counts[c] = starts_[c + 1] - starts_[c];
            }
            std::iota(order_, order_ + shared_->rows, 0u);
            shared_->count = static_cast<std::uint32_t>(
                fill_empty(centroids_, shared_->count, counts.data(),
                           {sample_, order_, shared_->rows}, distances_));
            if (shared_->origin == Origin::chosen && shared_->rounds >= shared_->most_rounds) {
                return false;
            }
            break;
        }
    }
    shared_->version += 1;
    shared_->stage = Stage::assigned;
    *task = {Step::assign, runs};
    return true;
}

// Coarse groups, learnt from some of the rows.
void Training::start_groups(const core::Interrupt& interrupt) {
    const std::size_t groups = groups_for(shared_->wanted);
    const std::size_t some = std::min<std::size_t>(shared_->rows, groups * coarse_rows);
    core::Random random(shared_->seed);
    std::iota(order_, order_ + shared_->rows, 0u);
    for (std::size_t i = 0; i < some; ++i) {
        std::swap(order_[i], order_[i + random.below(shared_->rows - i)]);
    }
    shared_->groups =
        static_cast<std::uint32_t>(lloyd({sample_, order_, some}, groups, shared_->group_rounds,
                                         random.next(), centroids_, interrupt));
    shared_->count = shared_->groups;
    shared_->version += 1;
}

void Training::sort_by_cell(std::size_t cells) {
    std::fill(starts_, starts_ + cells + 1, 0u);
    for (std::size_t i = 0; i < shared_->rows; ++i) {
        ++starts_[cells_[i] + 1];
    }
    std::partial_sum(starts_, starts_ + cells + 1, starts_);
    for (std::size_t i = 0; i < shared_->rows; ++i) {
        order_[starts_[cells_[i]]++] = static_cast<std::uint32_t>(i);
    }
    // Each start has become the next one's.
    std::copy_backward(starts_, starts_ + cells, starts_ + cells + 1);
    starts_[0] = 0;
}

// The clusters among the groups by their rows, at least 1 each for those that have any.
void Training::share_out() {
    double passed = 0;
    std::size_t given = 0;
    for (std::size_t g = 0; g < shared_->groups; ++g) {
        const std::size_t size = starts_[g + 1] - starts_[g];
        passed += static_cast<double>(size);
        const std::size_t due =
            static_cast<std::size_t>(passed / shared_->rows * shared_->wanted + 0.5);
        const std::size_t mine = due > given ? due - given : 0;
        group_start_[g] = static_cast<std::uint32_t>(given);
        group_count_[g] = static_cast<std::uint32_t>(
            std::min(size, std::max<std::size_t>(mine, size > 0 ? 1 : 0)));
        given += group_count_[g];
    }
}

void Training::gather_groups() {
    std::size_t count = 0;
    for (std::size_t g = 0; g < shared_->groups; ++g) {
        const float* from = centroids_ + group_start_[g] * padded_;
        std::copy(from, from + group_count_[g] * padded_, centroids_ + count * padded_);
        count += group_count_[g];
    }
    shared_->count = static_cast<std::uint32_t>(count);
}

void Training::work(Step step, std::uint32_t i, const core::Interrupt& interrupt) {
    switch (step) {
        case Step::assign:
            assign(i, interrupt);
            break;
        case Step::group:
            train_group(i, interrupt);
            break;
        case Step::mean:
            mean(i);
            break;
    }
}

void Training::assign(std::uint32_t run, const core::Interrupt& interrupt) {
    if (table_ == nullptr || table_version_ != shared_->version) {
        table_ = std::make_unique<CentroidTable>(centroids_, shared_->count, padded_);
        table_version_ = shared_->version;
    }
    const std::size_t first = run * run_rows;
    const std::size_t n = std::min<std::size_t>(run_rows, shared_->rows - first);
    std::uint32_t numbers[run_rows];
    std::iota(numbers, numbers + n, static_cast<std::uint32_t>(first));
    std::vector<float> batch;
    assign_members(*table_, {sample_, numbers, n}, cells_ + first, distances_ + first, batch,
                   interrupt);
}

void Training::train_group(std::uint32_t group, const core::Interrupt& interrupt) {
    if (group_count_[group] == 0) {
        return;
    }
    const Members members{sample_, order_ + starts_[group], starts_[group + 1] - starts_[group]};
    core::Random random(shared_->seed + group + 1);
    group_count_[group] = static_cast<std::uint32_t>(
        lloyd(members, group_count_[group], shared_->group_rounds, random.next(),
              centroids_ + group_start_[group] * padded_, interrupt));
}

void Training::mean(std::uint32_t part) {
    const std::size_t first = part * part_cells;
    const std::size_t end = std::min<std::size_t>(first + part_cells, shared_->count);
    std::vector<double> sum(padded_);
    std::vector<float> row(padded_);
    for (std::size_t c = first; c < end; ++c) {
        if (starts_[c] == starts_[c + 1]) {
            continue;
        }
        std::fill(sum.begin(), sum.end(), 0.0);
        for (std::size_t i = starts_[c]; i < starts_[c + 1]; ++i) {
            sample_->decode(order_[i], row.data());
            for (std::size_t d = 0; d < padded_; ++d) {
                sum[d] += static_cast<double>(row[d]);
            }
        }
        store_mean(sum, starts_[c + 1] - starts_[c], centroids_ + c * padded_);
    }
}

}  // namespace vecdot::engine
