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
void drain(MemoryIndex& index, const Data& data, Metric metric, const float* query,
           const SearchOptions& options, std::size_t expected) {
    HeapArena memory;
    core::Arena arena = memory.arena();
    const Query prepared = prepare_query(arena, index.space(), {query, data.dimension});
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
                drain(index, data, metric, query.data(), options, data.n);
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
        const Query prepared = prepare_query(arena, index.space(), {query, 40});
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
