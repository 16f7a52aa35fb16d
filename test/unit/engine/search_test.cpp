#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/random.hpp"
#include "engine/memory_store.hpp"

namespace vecdot::engine {
namespace {

using kernels::active;

// What the operators compute.
double operator_result(Metric metric, const float* a, const float* b, std::size_t n) {
    const kernels::FloatKernels& f = active().floats;
    switch (metric) {
        case Metric::l2:
            return std::sqrt(f.l2_squared(a, b, n));
        case Metric::hamming:
            return f.l2_squared(a, b, n);
        case Metric::inner_product:
            return -f.dot(a, b, n);
        case Metric::cosine:
            break;
    }
    const kernels::CosineSums s = f.cosine_sums(a, b, n);
    return 1 - std::clamp(s.ab / std::sqrt(s.aa * s.bb), -1.0, 1.0);
}

struct Data {
    const char* name;
    std::size_t n;
    std::size_t dimension;
    std::vector<float> rows;
    std::vector<std::uint32_t> kinds = {};  // clusters, where there are some
};

// So many clusters around centres of spread 2, with every fifth row a copy of another.
Data clustered(std::size_t n, std::size_t d, std::uint64_t seed, std::size_t clusters = 20) {
    core::Random random(seed);
    Data data{"clustered", n, d, std::vector<float>(n * d)};
    std::vector<float> centres(clusters * d);
    for (float& c : centres) {
        c = static_cast<float>(random.normal() * 2);
    }
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t c = random.below(clusters);
        const bool copy = i > 0 && i % 5 == 0;
        const std::size_t from = copy ? random.below(i) : 0;
        data.kinds.push_back(copy ? data.kinds[from] : static_cast<std::uint32_t>(c));
        for (std::size_t j = 0; j < d; ++j) {
            data.rows[i * d + j] = copy ? data.rows[from * d + j]
                                        : centres[c * d + j] + static_cast<float>(random.normal());
        }
    }
    return data;
}

std::vector<Data> hard_data() {
    core::Random random(11);
    std::vector<Data> all;
    all.push_back(clustered(1500, 20, 3));
    all.push_back({"one row", 1, 3, {1, 2, 3}});
    all.push_back({"all equal", 700, 5, std::vector<float>(3500, 0.3f)});
    Data line{"one dimension", 900, 1, {}};
    for (std::size_t i = 0; i < line.n; ++i) {
        line.rows.push_back(static_cast<float>(random.normal()));
    }
    all.push_back(line);
    Data extreme{"extreme sizes", 800, 4, {}};
    for (std::size_t i = 0; i < extreme.n * 4; ++i) {
        static constexpr float sizes[] = {1e-45f, 1e-38f, 1e-20f, 1e-3f, 1, 1e3f, 1e20f, 3e38f, 0};
        extreme.rows.push_back(sizes[random.below(9)] *
                               static_cast<float>(random.uniform() * 2 - 1));
    }
    all.push_back(extreme);
    Data large{"all huge", 300, 9, {}};
    Data small{"all denormal", 300, 9, {}};
    Data offset{"far from zero", 600, 70, {}};
    for (std::size_t i = 0; i < 300 * 9; ++i) {
        large.rows.push_back(3e38f * static_cast<float>(random.uniform() * 2 - 1));
        small.rows.push_back(1e-40f * static_cast<float>(random.normal()));
    }
    for (std::size_t i = 0; i < 600 * 70; ++i) {
        offset.rows.push_back(1000 + static_cast<float>(random.normal()));
    }
    all.push_back(large);
    all.push_back(small);
    all.push_back(offset);
    return all;
}

class SearchTest : public testing::TestWithParam<Metric> {};

// Runs a search to its end: every row once, bounds below the operator's results and growing.
void drain(MemoryIndex& index, const Data& data, Metric metric, const float* query, double local,
           const SearchOptions& options, std::size_t expected) {
    HeapArena memory;
    core::Arena arena = memory.arena();
    const Query prepared = prepare_query(arena, index.space(), {query, data.dimension}, local);
    const CellStore store = index.store();
    Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
    std::set<std::uint32_t> seen;
    SearchResult result{};
    double last = -HUGE_VAL;
    while (search.next(result)) {
        const std::uint32_t row = MemoryIndex::number_of(result.tid);
        ASSERT_TRUE(seen.insert(row).second) << data.name << " row twice: " << row;
        ASSERT_LT(row, data.n);
        ASSERT_FALSE(result.is_null);
        const double value =
            operator_result(metric, query, data.rows.data() + row * data.dimension, data.dimension);
        if (result.recheck) {
            ASSERT_FALSE(std::isnan(result.value));
            ASSERT_GE(result.value, last) << data.name;
            ASSERT_LE(result.value, value) << data.name << " row " << row;
            last = result.value;
        } else if (std::isnan(value)) {
            ASSERT_TRUE(std::isnan(result.value));
            last = HUGE_VAL;
        } else {
            ASSERT_FALSE(options.exact) << data.name;
            ASSERT_EQ(result.value, HUGE_VAL);
            last = HUGE_VAL;
        }
    }
    ASSERT_EQ(seen.size(), expected) << data.name;
}

TEST_P(SearchTest, EveryRowOnceAndBoundsHold) {
    const Metric metric = GetParam();
    for (int set = 0; set < kernels::instruction_set_count; ++set) {
        const auto instructions = static_cast<kernels::InstructionSet>(set);
        if (!kernels::is_supported(instructions)) {
            continue;
        }
        kernels::select(instructions);
        for (const Data& data : hard_data()) {
            MemoryIndex::Options build;
            build.cells = data.n > 100 ? 25 : 0;
            build.units_per_piece = data.n % 7 == 0 ? 3 : 5;
            build.refine_bits = data.n % 3 == 0 ? 4 : 8;
            MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, build);
            core::Random random(5);
            for (int q = 0; q < 6; ++q) {
                std::vector<float> query(
                    data.rows.begin() +
                        static_cast<std::ptrdiff_t>(random.below(data.n) * data.dimension),
                    data.rows.end());
                query.resize(data.dimension);
                if (q % 2 == 1) {
                    for (float& x : query) {
                        x = x * static_cast<float>(1 + 0.1 * random.normal());
                        x = std::isfinite(x) ? x : 1e38f;
                    }
                }
                SearchOptions options;
                options.exact = q < 2;
                std::fill_n(options.tau, Calibration::rank_count, q < 4 ? 0.1 : 1e30);
                options.sigmas = q < 4 ? 1.0f : 3.0f;
                options.budget = q % 3 == 0 ? 1 : std::size_t{4} << 20;
                // Every third query in three planes.
                drain(index, data, metric, query.data(), q % 3 == 1 ? 0 : HUGE_VAL, options,
                      data.n);
            }
        }
    }
    kernels::select(kernels::best_supported());
}

TEST_P(SearchTest, ExactIsExact) {
    const Metric metric = GetParam();
    const Data data = clustered(4000, 40, 17);
    MemoryIndex::Options build;
    build.cells = 60;
    MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, build);
    const Data queries = clustered(30, 40, 99);
    SearchOptions options;
    options.exact = true;
    for (std::size_t q = 0; q < queries.n; ++q) {
        const float* query = queries.rows.data() + q * 40;
        auto value = [&](long row) {
            return operator_result(metric, query, data.rows.data() + row * 40, 40);
        };
        std::vector<double> truth;
        for (std::size_t i = 0; i < data.n; ++i) {
            truth.push_back(value(static_cast<long>(i)));
        }
        std::sort(truth.begin(), truth.end());
        HeapArena memory;
        core::Arena arena = memory.arena();
        // In three planes.
        const Query prepared = prepare_query(arena, index.space(), {query, 40}, 0);
        const CellStore store = index.store();
        Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
        Executor executor(search, value);
        for (std::size_t i = 0; i < 2500; ++i) {
            const long row = executor.next();
            ASSERT_GE(row, 0);
            ASSERT_EQ(value(row), truth[i]) << i;
        }
        EXPECT_EQ(executor.wrong_order(), 0u);
    }
}

// The share of the nearest `rank` rows that the first `rank` are, over 200 queries behind the rows;
// cells: how many a query has opened.
double recall_of(MemoryIndex& index, const Data& data, Metric metric, const SearchOptions& options,
                 std::size_t rank, double* cells = nullptr) {
    constexpr std::size_t queries = 200;
    std::size_t hits = 0;
    std::size_t opened = 0;
    for (std::size_t q = 0; q < queries; ++q) {
        const float* query = data.rows.data() + (data.n + q) * data.dimension;
        auto value = [&](long row) {
            return operator_result(
                metric, query, data.rows.data() + static_cast<std::size_t>(row) * data.dimension,
                data.dimension);
        };
        std::vector<double> truth;
        for (std::size_t i = 0; i < data.n; ++i) {
            truth.push_back(value(static_cast<long>(i)));
        }
        std::nth_element(truth.begin(), truth.begin() + static_cast<long>(rank) - 1, truth.end());
        const double limit = truth[rank - 1];
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Query prepared = prepare_query(arena, index.space(), {query, data.dimension});
        const CellStore store = index.store();
        Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
        Executor executor(search, value);
        for (std::size_t i = 0; i < rank; ++i) {
            hits += value(executor.next()) <= limit ? 1 : 0;
        }
        EXPECT_EQ(executor.wrong_order(), 0u);
        opened += search.work().cells;
    }
    if (cells != nullptr) {
        *cells = static_cast<double>(opened) / queries;
    }
    return static_cast<double>(hits) / static_cast<double>(queries * rank);
}

TEST_P(SearchTest, RecallIsReached) {
    const Metric metric = GetParam();
    Data data = clustered(20200, 24, 5);
    data.n = 20000;
    for (const std::uint32_t bits : {8u, 4u}) {
        MemoryIndex::Options build;
        build.refine_bits = bits;
        MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, build);
        const Calibration calibration = index.calibrate(200);
        ASSERT_GT(calibration.queries, 100u);
        for (const double target : {0.9, 0.99}) {
            for (const std::size_t rank : {1, 10, 100}) {
                EXPECT_GE(recall_of(index, data, metric, options_for(target, calibration), rank),
                          target)
                    << "rank " << rank << ", " << bits << " bits";
            }
        }
    }
}

// Codes of 4 bits in many dimensions prove much less than signs tell: the cut by signs allows for
// that.
TEST_P(SearchTest, RecallIsReachedInManyDimensions) {
    const Metric metric = GetParam();
    Data data = clustered(3200, 500, 7);
    data.n = 3000;
    MemoryIndex::Options build;
    build.refine_bits = 4;
    MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, build);
    SearchOptions options;
    options.sigmas = 2.1f;
    std::fill_n(options.tau, Calibration::rank_count, HUGE_VAL);
    for (const std::size_t rank : {1, 10}) {
        EXPECT_GE(recall_of(index, data, metric, options, rank), 0.99) << "rank " << rank;
    }
}

// Behind a cluster of about 16 rows the others are everywhere: what a hundred rows call for must
// not fall on who wants ten.
TEST_P(SearchTest, LaterRanksDoNotWeighOnEarlierOnes) {
    const Metric metric = GetParam();
    for (const std::uint64_t seed : {1, 2, 3}) {
        Data data = clustered(8200, 64, seed, 500);
        data.n = 8000;
        MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, {});
        const Calibration calibration = index.calibrate(200);
        for (const double target : {0.9, 0.95, 0.99}) {
            double cells = 0;
            EXPECT_GE(recall_of(index, data, metric, options_for(target, calibration), 10, &cells),
                      target);
            EXPECT_LT(cells, static_cast<double>(index.cell_count()) / 2);
        }
    }
}

// Where the nearest cell is enough for rank 10 of the lowest targets, rank 100 of these could make
// up for the rows that come before it only by opening everything, which all targets then had to.
TEST(Search, LowTargetsDoNotWeighOnHigherOnes) {
    constexpr std::size_t n = 20000;
    Data data = clustered(n + 200, 48, 1, 500);
    core::Random random(2);
    for (std::size_t i = 0; i < n + 200; ++i) {
        const auto length = static_cast<float>(std::exp(random.normal()));
        for (std::size_t j = 0; j < data.dimension; ++j) {
            data.rows[i * data.dimension + j] *= length;
        }
    }
    data.n = n;
    MemoryIndex index(Metric::inner_product, data.rows.data(), n, data.dimension, {});
    const Calibration calibration = index.calibrate(300);
    double cells = 0;
    EXPECT_GE(
        recall_of(index, data, Metric::inner_product, options_for(0.9, calibration), 100, &cells),
        0.9);
    EXPECT_LT(cells, 0.8 * static_cast<double>(index.cell_count()));
}

// The share of the nearest `wanted` rows of those that pass(query, row) which come first of them,
// the search knowing nothing of that.
template <typename Pass>
double filtered_recall(MemoryIndex& index, const Data& data, Metric metric,
                       const SearchOptions& options, std::size_t wanted, std::size_t queries,
                       Pass pass) {
    double sum = 0;
    for (std::size_t q = 0; q < queries; ++q) {
        const float* query = data.rows.data() + (data.n + q) * data.dimension;
        auto value = [&](long row) {
            return operator_result(
                metric, query, data.rows.data() + static_cast<std::size_t>(row) * data.dimension,
                data.dimension);
        };
        std::vector<double> truth;
        for (std::size_t i = 0; i < data.n; ++i) {
            if (pass(q, i)) {
                truth.push_back(value(static_cast<long>(i)));
            }
        }
        const std::size_t rank = std::min(wanted, truth.size());
        std::nth_element(truth.begin(), truth.begin() + static_cast<long>(rank) - 1, truth.end());
        const double limit = truth[rank - 1];
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Query prepared = prepare_query(arena, index.space(), {query, data.dimension});
        const CellStore store = index.store();
        Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
        Executor executor(search, value);
        std::size_t hits = 0;
        for (std::size_t found = 0; found < rank;) {
            const long row = executor.next();
            if (row < 0) {
                ADD_FAILURE() << "the search has ended";
                break;
            }
            if (pass(q, static_cast<std::size_t>(row))) {
                ++found;
                hits += value(row) <= limit ? 1 : 0;
            }
        }
        EXPECT_EQ(executor.wrong_order(), 0u);
        sum += static_cast<double>(hits) / static_cast<double>(rank);
    }
    return sum / static_cast<double>(queries);
}

// The places of all kinds when ordered by how far their rows are from a query, on average.
std::vector<std::uint32_t> kinds_by_distance(const Data& data, Metric metric, std::size_t kinds,
                                             std::size_t q) {
    std::vector<std::pair<double, std::uint32_t>> order(kinds);
    std::vector<double> counts(kinds, 1e-9);
    for (std::uint32_t kind = 0; kind < kinds; ++kind) {
        order[kind].second = kind;
    }
    for (std::size_t i = 0; i < data.n; ++i) {
        order[data.kinds[i]].first +=
            operator_result(metric, data.rows.data() + (data.n + q) * data.dimension,
                            data.rows.data() + i * data.dimension, data.dimension);
        ++counts[data.kinds[i]];
    }
    for (auto& [sum, kind] : order) {
        sum /= counts[kind];
    }
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> places(kinds);
    for (std::uint32_t place = 0; place < kinds; ++place) {
        places[order[place].second] = place;
    }
    return places;
}

// What is missed at a deep rank, nobody gets who reads so far: as a whole, and with filters that
// are independent of the query and against it. Rows of a kind are a cluster's.
TEST_P(SearchTest, RecallIsReachedAtDeepRanks) {
    const Metric metric = GetParam();
    constexpr std::size_t clusters = 60;
    constexpr std::size_t queries = 40;
    Data data = clustered(20000 + queries, 48, 21, clusters);
    data.n = 20000;
    MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, {});
    const Calibration calibration = index.calibrate(300);
    std::vector<std::vector<std::uint32_t>> place(queries);
    for (std::size_t q = 0; q < queries; ++q) {
        place[q] = kinds_by_distance(data, metric, clusters, q);
    }
    for (const double target : {0.9, 0.99}) {
        const SearchOptions options = options_for(target, calibration);
        auto recall = [&](std::size_t rank, auto pass) {
            return filtered_recall(index, data, metric, options, rank, queries, pass);
        };
        for (const std::size_t rank : {400, 1000, 4000}) {
            EXPECT_GE(recall(rank, [](std::size_t, std::size_t) { return true; }), target)
                << "rank " << rank;
        }
        EXPECT_GE(recall(20, [](std::size_t, std::size_t row) { return row % 100 == 7; }), target);
        for (const std::size_t kind : {clusters / 2, clusters - 1}) {
            EXPECT_GE(
                recall(20, [&](std::size_t q,
                               std::size_t row) { return place[q][data.kinds[row]] == kind; }),
                target)
                << "kind " << kind;
        }
    }
}

// Where there are no clusters, each window of the search holds rows of many cells.
TEST_P(SearchTest, RecallIsReachedWithoutClusters) {
    const Metric metric = GetParam();
    constexpr std::size_t queries = 40;
    Data data = clustered(20000 + queries, 24, 51, 1);
    data.n = 20000;
    MemoryIndex index(metric, data.rows.data(), data.n, data.dimension, {});
    const Calibration calibration = index.calibrate(300);
    for (const double target : {0.9, 0.99}) {
        for (const std::size_t rank : {100, 300, 1000}) {
            EXPECT_GE(filtered_recall(index, data, metric, options_for(target, calibration), rank,
                                      queries, [](std::size_t, std::size_t) { return true; }),
                      target)
                << "rank " << rank;
        }
    }
}

// Queries whose own kind has been deleted, with its rows still in their cells.
TEST_P(SearchTest, RecallIsReachedNearDeletedRows) {
    const Metric metric = GetParam();
    constexpr std::uint32_t deleted = 10;
    Data data = clustered(24000, 32, 31, 80);
    MemoryIndex index(metric, data.rows.data(), 20000, data.dimension, {});
    const Calibration calibration = index.calibrate(300);
    // Behind the rows, those of the others whose kind is one of the deleted become the queries.
    std::size_t queries = 0;
    for (std::size_t i = 20000; i < 24000 && queries < 100; ++i) {
        if (data.kinds[i] < deleted) {
            std::copy_n(data.rows.begin() + static_cast<long>(i * 32), 32,
                        data.rows.begin() + static_cast<long>((20000 + queries++) * 32));
        }
    }
    data.n = 20000;
    index.remove_if([&](std::uint32_t row) { return data.kinds[row] < deleted; });
    for (const double target : {0.9, 0.99}) {
        for (const std::size_t rank : {10, 100}) {
            EXPECT_GE(filtered_recall(
                          index, data, metric, options_for(target, calibration), rank, queries,
                          [&](std::size_t, std::size_t row) { return data.kinds[row] >= deleted; }),
                      target)
                << "rank " << rank;
        }
    }
}

// A walk to the end, as where nothing matches a filter, costs so many scans and no more, in however
// little memory.
// What storage may read ahead: the cells that are opened next, and the rows that come next.
TEST(Search, SaysWhatComesNext) {
    Data data = clustered(20001, 16, 43, 50);
    data.n = 20000;
    MemoryIndex::Options build;
    build.cells = 100;
    MemoryIndex index(Metric::l2, data.rows.data(), data.n, data.dimension, build);
    const Calibration calibration = index.calibrate(100);
    for (const double recall : {0.9, 1.0}) {
        index.expect_none();
        HeapArena memory;
        core::Arena arena = memory.arena();
        const float* vector = data.rows.data() + data.n * data.dimension;
        const Query query = prepare_query(arena, index.space(), {vector, data.dimension});
        const CellStore store = index.store();
        Search search(arena, query, index.directory(), store, options_for(recall, calibration),
                      core::Interrupt());
        RowAddress rows[20];
        EXPECT_EQ(search.upcoming(rows), 0u);
        SearchResult result{};
        ASSERT_TRUE(search.next(result));
        const std::uint64_t cells = search.work().cells;
        const std::size_t count = search.upcoming(rows);
        EXPECT_EQ(count, 20u);
        EXPECT_EQ(search.upcoming(std::span(rows).first(3)), 3u);
        std::set<std::vector<std::uint16_t>> said;
        search.upcoming(rows);
        for (const RowAddress& row : rows) {
            said.insert({row.tid[0], row.tid[1], row.tid[2]});
        }
        std::size_t hits = 0;
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_TRUE(search.next(result));
            hits += said.count({result.tid[0], result.tid[1], result.tid[2]});
        }
        // Rows of cells that are opened meanwhile may come between.
        EXPECT_GE(hits, search.work().cells == cells ? count : count / 2) << recall;
        EXPECT_EQ(index.unexpected(), 0u) << recall;
    }
}

TEST(Search, AWalkToTheEndIsBounded) {
    constexpr std::size_t n = 60000;
    Data data = clustered(n + 1, 8, 41, 50);
    data.n = n;
    MemoryIndex::Options build;
    build.cells = 100;
    MemoryIndex index(Metric::l2, data.rows.data(), data.n, data.dimension, build);
    const Calibration calibration = index.calibrate(100);
    for (const double recall : {0.5, 0.99, 1.0}) {
        for (const std::size_t budget : {std::size_t{1}, std::size_t{4} << 20}) {
            SearchOptions options = options_for(recall, calibration);
            options.budget = budget;
            HeapArena memory;
            core::Arena arena = memory.arena();
            const float* query = data.rows.data() + n * data.dimension;
            const Query prepared = prepare_query(arena, index.space(), {query, data.dimension});
            const CellStore store = index.store();
            Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
            SearchResult result{};
            double last = -HUGE_VAL;
            while (search.next(result)) {
                EXPECT_GE(result.value, last);
                last = result.value;
            }
            EXPECT_EQ(search.work().emitted, n);
            EXPECT_LE(search.work().rows, (budget == 1 ? 30 : 4) * n)
                << "recall " << recall << ", budget " << budget;
            EXPECT_LE(search.work().refined, (budget == 1 ? 30 : 6) * n)
                << "recall " << recall << ", budget " << budget;
            EXPECT_LE(memory.bytes(), std::size_t{8} << 20);
        }
    }
}

// Cells are read once where there is room for what their signs said, and it makes no difference.
TEST(Search, ALaterWindowReadsNoCellAgain) {
    constexpr std::size_t n = 20000;
    const Data data = clustered(n + 20, 24, 43, 50);
    MemoryIndex::Options build;
    build.cells = 100;
    MemoryIndex index(Metric::l2, data.rows.data(), n, data.dimension, build);
    const Calibration calibration = index.calibrate(100);
    const std::vector<std::uint32_t> cell_of = index.cells_of_rows(n);
    const CellStore store = index.store();
    for (std::size_t q = n; q < n + 20; ++q) {
        std::vector<std::pair<double, std::uint32_t>> found[2];
        for (const bool room : {true, false}) {
            SearchOptions options = options_for(0.99, calibration);
            options.budget = room ? std::size_t{4} << 20 : 1;
            HeapArena memory;
            core::Arena arena = memory.arena();
            const Query query = prepare_query(
                arena, index.space(), {data.rows.data() + q * data.dimension, data.dimension});
            Search search(arena, query, index.directory(), store, options, core::Interrupt());
            SearchResult result{};
            while (found[room].size() < 150 && search.next(result)) {
                found[room].emplace_back(result.value, MemoryIndex::number_of(result.tid));
            }
            EXPECT_EQ(search.work().rescans == 0, room);
            if (room) {
                EXPECT_LE(search.work().rows, n);
            } else {
                EXPECT_GT(search.work().rescans, 0u);
            }
        }
        EXPECT_EQ(found[0], found[1]);
    }
}

INSTANTIATE_TEST_SUITE_P(Metrics, SearchTest,
                         testing::Values(Metric::l2, Metric::cosine, Metric::inner_product));

TEST(Search, NullsDeadRowsAndOddQueries) {
    const Data data = clustered(500, 8, 1);
    std::vector<float> rows = data.rows;
    std::fill_n(rows.begin() + 8 * 7, 8, 0.0f);
    MemoryIndex index(Metric::cosine, rows.data(), data.n, 8, {});
    index.add_null(500);
    index.add_null(501);
    ASSERT_TRUE(index.remove(3));
    std::vector<float> zero(8, 0.0f);
    for (const int kind : {0, 1, 2}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Query query = kind == 0   ? prepare_query(arena, index.space(), {rows.data(), 8})
                            : kind == 1 ? prepare_query(arena, index.space(), {zero.data(), 8})
                                        : null_query(index.space());
        const CellStore store = index.store();
        Search search(arena, query, index.directory(), store, SearchOptions{}, core::Interrupt());
        SearchResult result{};
        std::set<std::uint32_t> seen;
        std::size_t nulls = 0;
        std::size_t undefined = 0;
        while (search.next(result)) {
            EXPECT_TRUE(seen.insert(MemoryIndex::number_of(result.tid)).second);
            nulls += result.is_null ? 1 : 0;
            undefined += std::isnan(result.value) ? 1 : 0;
            EXPECT_TRUE(!result.is_null || !result.recheck);
            if (nulls > 0) {
                EXPECT_TRUE(result.is_null);
            }
        }
        EXPECT_EQ(seen.size(), 501u);
        EXPECT_EQ(seen.count(3), 0u);
        EXPECT_EQ(nulls, kind == 2 ? 501u : 2u);
        EXPECT_EQ(undefined, kind == 0 ? 1u : kind == 1 ? 499u : 0u);
    }
}

TEST(Search, NoRows) {
    MemoryIndex index(Metric::l2, nullptr, 0, 3, {});
    HeapArena memory;
    core::Arena arena = memory.arena();
    const float q[3] = {1, 2, 3};
    const Query query = prepare_query(arena, index.space(), {q, 3});
    const CellStore store = index.store();
    Search search(arena, query, index.directory(), store, SearchOptions{}, core::Interrupt());
    SearchResult result{};
    EXPECT_FALSE(search.next(result));
    EXPECT_FALSE(search.next(result));
}

}  // namespace
}  // namespace vecdot::engine
