// Searches with a filter in the store: the rows that pass it, and no others, at the recall asked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/random.hpp"
#include "engine/memory_store.hpp"

namespace vecdot::engine {
namespace {

constexpr std::size_t rows = 9000;
constexpr std::size_t dimension = 24;
constexpr std::size_t clusters = 30;
constexpr std::size_t queries = 40;

struct Data {
    std::vector<float> rows;
    std::vector<std::uint32_t> cluster_of;
};

Data make_data() {
    core::Random random(5);
    std::vector<float> centres(clusters * dimension);
    for (float& c : centres) {
        c = static_cast<float>(random.normal() * 1.5);
    }
    Data data;
    for (std::size_t i = 0; i < rows + queries; ++i) {
        const std::size_t c = random.below(clusters);
        data.cluster_of.push_back(static_cast<std::uint32_t>(c));
        for (std::size_t j = 0; j < dimension; ++j) {
            data.rows.push_back(centres[c * dimension + j] + static_cast<float>(random.normal()));
        }
    }
    return data;
}

double distance(Metric metric, const float* a, const float* b) {
    const kernels::FloatKernels& f = kernels::active().floats;
    return metric == Metric::l2 ? std::sqrt(f.l2_squared(a, b, dimension))
                                : -f.dot(a, b, dimension);
}

// The distances of the k nearest that a search finds, as the search node gathers them.
std::vector<double> gather(MemoryIndex& index, const Data& data, Metric metric, const float* query,
                           double local, SearchOptions options, std::size_t k,
                           SearchWork* work = nullptr) {
    HeapArena memory;
    core::Arena arena = memory.arena();
    const Query prepared = prepare_query(arena, index.space(), {query, dimension}, local);
    const CellStore store = index.store();
    options.late_at_once = true;
    Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
    std::vector<double> nearest;
    SearchResult result{};
    while (search.next(result)) {
        if (nearest.size() == k && result.value >= nearest.front()) {
            break;
        }
        const float* row = data.rows.data() + MemoryIndex::number_of(result.tid) * dimension;
        nearest.push_back(distance(metric, row, query));
        std::push_heap(nearest.begin(), nearest.end());
        if (nearest.size() > k) {
            std::pop_heap(nearest.begin(), nearest.end());
            nearest.pop_back();
        }
    }
    std::sort_heap(nearest.begin(), nearest.end());
    if (work != nullptr) {
        *work = search.work();
    }
    return nearest;
}

struct Filter {
    const char* name;
    // query: a row, or from `rows` on a query.
    bool (*passes)(const Data& data, std::uint32_t row, std::size_t query);
};

constexpr Filter filters[] = {
    {"a half", [](const Data&, std::uint32_t row, std::size_t) { return row % 2 == 0; }},
    {"a tenth", [](const Data&, std::uint32_t row, std::size_t) { return row % 10 == 3; }},
    {"a hundredth", [](const Data&, std::uint32_t row, std::size_t) { return row % 100 == 7; }},
    {"seven rows", [](const Data&, std::uint32_t row, std::size_t) { return row % 1280 == 9; }},
    {"none", [](const Data&, std::uint32_t, std::size_t) { return false; }},
    {"the query's cluster",
     [](const Data& data, std::uint32_t row, std::size_t query) {
         return data.cluster_of[row] == data.cluster_of[query];
     }},
    {"another cluster",
     [](const Data& data, std::uint32_t row, std::size_t query) {
         return data.cluster_of[row] == (data.cluster_of[query] + 7) % clusters;
     }},
    {"all but the query's cluster",
     [](const Data& data, std::uint32_t row, std::size_t query) {
         return data.cluster_of[row] != data.cluster_of[query];
     }},
};

class SearchFilter : public testing::TestWithParam<Metric> {};

TEST_P(SearchFilter, ExactlyTheRowsThatPassAtTheRecallAsked) {
    const Metric metric = GetParam();
    const Data data = make_data();
    for (const std::uint32_t bits : {8u, 4u}) {
        MemoryIndex::Options made{};
        made.cells = 90;
        made.refine_bits = bits;
        MemoryIndex index(metric, data.rows.data(), rows, dimension, made);
        const Calibration calibration = index.calibrate(300);
        const double local = index.directory().mean_radius();
        for (const Filter& filter : filters) {
            std::size_t found[2] = {};
            std::size_t wanted[2] = {};
            for (std::size_t q = rows; q < rows + queries; ++q) {
                const float* query = data.rows.data() + q * dimension;
                const auto passes = [&](std::uint32_t row) { return filter.passes(data, row, q); };
                index.set_filter(passes);
                index.know_cells(q % 2 == 0);
                std::vector<double> truth;
                for (std::uint32_t row = 0; row < rows; ++row) {
                    if (passes(row)) {
                        truth.push_back(
                            distance(metric, data.rows.data() + row * dimension, query));
                    }
                }
                std::sort(truth.begin(), truth.end());
                for (const std::size_t k : {std::size_t{10}, std::size_t{200}}) {
                    std::vector<double> nearest(
                        truth.begin(),
                        truth.begin() + static_cast<std::ptrdiff_t>(std::min(k, truth.size())));
                    EXPECT_EQ(
                        gather(index, data, metric, query, local, options_for(1, calibration), k),
                        nearest)
                        << filter.name;
                    const double targets[] = {0.9, 0.99};
                    for (int t = 0; t < 2; ++t) {
                        const std::vector<double> got =
                            gather(index, data, metric, query, local,
                                   options_for(targets[t], calibration), k);
                        ASSERT_EQ(got.size(), nearest.size()) << filter.name;
                        wanted[t] += nearest.size();
                        found[t] += static_cast<std::size_t>(std::count_if(
                            got.begin(), got.end(), [&](double d) { return d <= nearest.back(); }));
                    }
                }
            }
            EXPECT_GE(static_cast<double>(found[0]), 0.9 * static_cast<double>(wanted[0]))
                << filter.name;
            EXPECT_GE(static_cast<double>(found[1]), 0.985 * static_cast<double>(wanted[1]))
                << filter.name;
        }
        index.set_filter(nullptr);
    }
}

// The query's own narrow cluster is left out and shares its cell with another, whose rows pass and
// are as far as those of many cells. They are not the first of the rows, as chance would have it,
// but the hundredth.
TEST(SearchFilterRank, RowsBehindThoseLeftOutAreNotThoughtNear) {
    constexpr std::size_t count = 12000;
    constexpr std::size_t d = 48;
    constexpr std::size_t narrow = 150;
    constexpr std::size_t asked = 120;
    core::Random random(11);
    std::vector<float> centres(narrow * d);
    for (float& c : centres) {
        c = static_cast<float>(random.normal());
    }
    std::vector<float> values;
    for (std::size_t i = 0; i < count + asked; ++i) {
        for (std::size_t j = 0; j < d; ++j) {
            values.push_back(centres[i % narrow * d + j] +
                             0.15f * static_cast<float>(random.normal()));
        }
    }
    MemoryIndex::Options made{};
    made.cells = narrow / 2;
    MemoryIndex index(Metric::l2, values.data(), count, d, made);
    const Calibration calibration = index.calibrate(300);
    const double local = index.directory().mean_radius();
    for (const std::size_t k : {std::size_t{1}, std::size_t{10}}) {
        std::size_t found = 0;
        for (std::size_t q = count; q < count + asked; ++q) {
            // Half of the clusters pass, never its own.
            const auto passes = [q](std::uint32_t row) {
                return row % narrow != q % narrow && row % narrow % 2 == 0;
            };
            index.set_filter(passes);
            index.know_cells(q % 2 == 0);
            const kernels::FloatKernels& f = kernels::active().floats;
            const float* query = values.data() + q * d;
            std::vector<double> truth;
            for (std::uint32_t row = 0; row < count; ++row) {
                if (passes(row)) {
                    truth.push_back(f.l2_squared(values.data() + row * d, query, d));
                }
            }
            std::nth_element(truth.begin(), truth.begin() + static_cast<std::ptrdiff_t>(k - 1),
                             truth.end());
            HeapArena memory;
            core::Arena arena = memory.arena();
            const Query prepared = prepare_query(arena, index.space(), {query, d}, local);
            const CellStore store = index.store();
            SearchOptions options = options_for(0.9, calibration);
            options.late_at_once = true;
            Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
            std::vector<double> nearest;
            SearchResult result{};
            while (search.next(result) &&
                   !(nearest.size() == k && result.value * result.value >= nearest.front())) {
                nearest.push_back(
                    f.l2_squared(values.data() + MemoryIndex::number_of(result.tid) * d, query, d));
                std::push_heap(nearest.begin(), nearest.end());
                if (nearest.size() > k) {
                    std::pop_heap(nearest.begin(), nearest.end());
                    nearest.pop_back();
                }
            }
            found += static_cast<std::size_t>(
                std::count_if(nearest.begin(), nearest.end(),
                              [&](double value) { return value <= truth[k - 1]; }));
        }
        EXPECT_GE(static_cast<double>(found), 0.9 * static_cast<double>(k * asked)) << k;
    }
}

// A search to its end, which meets each of them once.
TEST_P(SearchFilter, EveryRowOnce) {
    const Metric metric = GetParam();
    const Data data = make_data();
    MemoryIndex index(metric, data.rows.data(), rows, dimension, {});
    const float* query = data.rows.data() + rows * dimension;
    for (const std::uint32_t step : {1u, 3u, 50u, 1000u, 20000u}) {
        index.set_filter([step](std::uint32_t row) { return row % step == 0; });
        index.know_cells(step >= 50);
        for (const double recall : {0.5, 1.0}) {
            for (const bool is_null : {false, true}) {
                HeapArena memory;
                core::Arena arena = memory.arena();
                const Query prepared =
                    is_null ? null_query(index.space())
                            : prepare_query(arena, index.space(), {query, dimension}, 1);
                const CellStore store = index.store();
                Search search(arena, prepared, index.directory(), store,
                              options_for(recall, Calibration{}), core::Interrupt());
                std::set<std::uint32_t> seen;
                SearchResult result{};
                double last = -HUGE_VAL;
                while (search.next(result)) {
                    const std::uint32_t row = MemoryIndex::number_of(result.tid);
                    EXPECT_EQ(row % step, 0u);
                    EXPECT_TRUE(seen.insert(row).second);
                    EXPECT_GE(result.value, last);
                    last = result.value;
                }
                EXPECT_EQ(seen.size(), (rows + step - 1) / step);
            }
        }
    }
}

// Cells of which it is known that no row passes cost nothing, and change nothing.
TEST_P(SearchFilter, CellsWithoutRowsAreNotOpened) {
    const Metric metric = GetParam();
    const Data data = make_data();
    MemoryIndex index(metric, data.rows.data(), rows, dimension, {});
    const Calibration calibration = index.calibrate(300);
    const std::vector<std::uint32_t> cell_of = index.cells_of_rows(rows);
    for (std::uint32_t start = 0; start < 10; ++start) {
        const auto passes = [start](std::uint32_t row) { return row % 1000 == start; };
        index.set_filter(passes);
        std::set<std::uint32_t> cells;
        for (std::uint32_t row = start; row < rows; row += 1000) {
            cells.insert(cell_of[row]);
        }
        const float* query = data.rows.data() + (rows + start) * dimension;
        for (const double recall : {0.9, 1.0}) {
            for (const std::size_t k : {std::size_t{3}, rows}) {
                const SearchOptions options = options_for(recall, calibration);
                SearchWork without;
                SearchWork with;
                index.know_cells(false);
                const auto expected = gather(index, data, metric, query, 1, options, k, &without);
                index.know_cells(true);
                EXPECT_EQ(gather(index, data, metric, query, 1, options, k, &with), expected);
                EXPECT_EQ(with.all_cells, without.all_cells);
                EXPECT_LE(with.cells, cells.size());
                if (k == rows) {
                    EXPECT_EQ(with.cells, cells.size());
                    EXPECT_EQ(without.cells, without.all_cells);
                }
            }
        }
    }
}

// Where one row in a hundred passes hardly any code is read for the others.
TEST(SearchFilterWork, CodesOfRowsLeftOutAreNotRead) {
    const Data data = make_data();
    MemoryIndex index(Metric::l2, data.rows.data(), rows, dimension, {});
    const Calibration calibration = index.calibrate(300);
    const float* query = data.rows.data() + rows * dimension;
    index.set_filter([](std::uint32_t row) { return row % 100 == 7; });
    SearchWork work;
    gather(index, data, Metric::l2, query, 1, options_for(1, calibration), 10, &work);
    EXPECT_LT(work.refined + work.rows, 2 * rows / 100);
    gather(index, data, Metric::l2, query, 1, options_for(0.9, calibration), 10, &work);
    EXPECT_LT(work.refined + work.rows, 2 * rows / 100);
    // More than there are: nor are the addresses of the others in the end.
    gather(index, data, Metric::l2, query, 1, options_for(0.9, calibration), rows, &work);
    EXPECT_EQ(work.emitted, rows / 100);
    EXPECT_LE(index.walks(), rows / 100);
}

INSTANTIATE_TEST_SUITE_P(Metrics, SearchFilter, testing::Values(Metric::l2, Metric::inner_product));

}  // namespace
}  // namespace vecdot::engine
