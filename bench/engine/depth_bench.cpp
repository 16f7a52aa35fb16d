// Recall and work at deep ranks and under filters that the search knows nothing of.
//
//   depth_bench METRIC ROWS.fvecs QUERIES.fvecs [QUERIES [SETTING ...]]
//   depth_bench METRIC clusters|skewed|uniform:ROWS:DIMENSIONS[:CLUSTERS] [...]
//
// Each query is walked until every filter has had its rows; what has been found and scored by then
// is noted for each. Filters by kind: the rows are clustered in a hundred, in order of a query's
// distance to their middles.
#include "core/random.hpp"
#include "workload.hpp"

using namespace vecdot;
using namespace vecdot::engine;

namespace {

constexpr std::size_t kinds = 100;
constexpr std::size_t hidden_kinds = 20;

struct Case {
    const char* name;
    double share;  // of the rows, at random; 0: by kind
    std::size_t kinds_from;
    std::size_t kinds_to;
    std::size_t rank;
};

constexpr Case cases[] = {
    {"all", 1, 0, 0, 1},
    {"all", 1, 0, 0, 10},
    {"all", 1, 0, 0, 100},
    {"all", 1, 0, 0, 1000},
    {"all", 1, 0, 0, 10000},
    {"random 10 %", 0.1, 0, 0, 10},
    {"random 1 %", 0.01, 0, 0, 10},
    {"random 0.3 %", 0.003, 0, 0, 10},
    {"random 0.1 %", 0.001, 0, 0, 10},
    {"own kind", 0, 0, 1, 10},
    {"own kind", 0, 0, 1, 100},
    {"next kind", 0, 1, 2, 1},
    {"next kind", 0, 1, 2, 10},
    {"5th kind", 0, 5, 6, 10},
    {"20th kind", 0, 20, 21, 10},
    {"middle kind", 0, 50, 51, 10},
    {"middle kind", 0, 50, 51, 100},
    {"farthest kind", 0, kinds - 1, kinds, 1},
    {"farthest kind", 0, kinds - 1, kinds, 10},
    {"farthest kind", 0, kinds - 1, kinds, 100},
    {"all but 20 kinds", 0, hidden_kinds, kinds, 10},
    {"all but 20 kinds", 0, hidden_kinds, kinds, 100},
};
constexpr std::size_t case_count = std::size(cases);

// Rows and queries in Gaussian clusters; sizes all alike or by 1/√i.
void make_clusters(Workload& work, std::size_t clusters, bool skewed, double spread) {
    core::Random random(7);
    std::vector<double> ends(clusters);
    double sum = 0;
    for (std::size_t c = 0; c < clusters; ++c) {
        sum += skewed ? 1 / std::sqrt(static_cast<double>(c + 1)) : 1;
        ends[c] = sum;
    }
    std::vector<float> centres(clusters * work.dimension);
    for (float& x : centres) {
        x = static_cast<float>(random.normal());
    }
    auto fill = [&](std::vector<float>& rows, std::size_t n) {
        rows.resize(n * work.dimension);
        for (std::size_t i = 0; i < n; ++i) {
            const double at = random.uniform() * sum;
            const auto c = static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), at) -
                                                    ends.begin());
            for (std::size_t j = 0; j < work.dimension; ++j) {
                rows[i * work.dimension + j] =
                    centres[std::min(c, clusters - 1) * work.dimension + j] +
                    static_cast<float>(spread * random.normal());
            }
        }
    };
    fill(work.rows, work.n);
    fill(work.queries, work.query_count);
}

void make_rows(Workload& work, const std::string& name) {
    char kind[16] = "";
    std::size_t clusters = 750;
    std::sscanf(name.c_str(), "%15[a-z]:%zu:%zu:%zu", kind, &work.n, &work.dimension, &clusters);
    if (std::string(kind) == "uniform") {
        core::Random random(9);
        work.rows.resize(work.n * work.dimension);
        work.queries.resize(work.query_count * work.dimension);
        for (std::vector<float>* to : {&work.rows, &work.queries}) {
            for (float& x : *to) {
                x = static_cast<float>(random.uniform());
            }
        }
        return;
    }
    const bool skewed = std::string(kind) == "skewed";
    make_clusters(work, clusters, skewed, skewed ? 0.5 : 1);
}

struct Truth {
    double limit[case_count];  // the distance of the rank-th row
    std::size_t wanted[case_count];
};

struct Sums {
    double recall = 0;
    double rows = 0;
    double cells = 0;
    double emitted = 0;
    double rescans = 0;
};

class Bench {
  public:
    Bench(const Workload& work, std::size_t queries) : work_(work), queries_(queries) {
        label();
        find_truth();
    }

    void run(MemoryIndex& index, const SearchOptions& options, std::size_t deepest, Sums* sums) {
        Pool pool;
        const CellStore store = index.store();
        for (std::size_t q = 0; q < queries_; ++q) {
            pool.reset();
            core::Arena arena = pool.arena();
            const float* query = work_.query(q);
            auto value = [&](long row) { return work_.value(query, work_.row(row)); };
            const Query prepared = prepare_query(arena, index.space(), {query, work_.dimension});
            Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
            Executor executor(search, value);
            std::size_t seen[case_count] = {};
            std::size_t hits[case_count] = {};
            std::size_t open = 0;
            for (std::size_t c = 0; c < case_count; ++c) {
                open += truth_[q].wanted[c] > 0 ? 1 : 0;
            }
            for (std::size_t walked = 0; open > 0 && walked < deepest; ++walked) {
                const long row = executor.next();
                if (row < 0) {
                    break;
                }
                const double distance = value(row);
                for (std::size_t c = 0; c < case_count; ++c) {
                    if (seen[c] == truth_[q].wanted[c] || !passes(q, c, row)) {
                        continue;
                    }
                    hits[c] += distance <= truth_[q].limit[c] ? 1 : 0;
                    if (++seen[c] == truth_[q].wanted[c]) {
                        --open;
                        sums[c].recall +=
                            static_cast<double>(hits[c]) / static_cast<double>(seen[c]);
                        sums[c].rows += static_cast<double>(search.work().rows);
                        sums[c].cells += static_cast<double>(search.work().cells);
                        sums[c].emitted += static_cast<double>(search.work().emitted);
                        sums[c].rescans += static_cast<double>(search.work().rescans);
                    }
                }
            }
            wrong_ += executor.wrong_order();
        }
    }

    std::size_t queries() const { return queries_; }
    std::size_t wrong() const { return wrong_; }

  private:
    bool passes(std::size_t q, std::size_t c, long row) const {
        const auto i = static_cast<std::size_t>(row);
        if (cases[c].share >= 1) {
            return true;
        }
        if (cases[c].share > 0) {
            return lot_[i] < cases[c].share;
        }
        const std::size_t place = place_[q * kinds + kind_[i]];
        return place >= cases[c].kinds_from && place < cases[c].kinds_to;
    }

    void label() {
        const std::size_t padded = padded_dimension(Metric::l2, work_.dimension);
        auto padded_rows = [&](const std::vector<float>& from, std::size_t n) {
            std::vector<float> rows(n * padded);
            for (std::size_t i = 0; i < n; ++i) {
                double norm = 0;
                for (std::size_t j = 0; j < work_.dimension; ++j) {
                    const float x = from[i * work_.dimension + j];
                    rows[i * padded + j] = x;
                    norm += static_cast<double>(x) * static_cast<double>(x);
                }
                if (work_.metric == Metric::cosine && norm > 0) {
                    const auto scale = static_cast<float>(1 / std::sqrt(norm));
                    for (std::size_t j = 0; j < work_.dimension; ++j) {
                        rows[i * padded + j] *= scale;
                    }
                }
            }
            return rows;
        };
        const std::vector<float> rows = padded_rows(work_.rows, work_.n);
        const std::vector<float> queries = padded_rows(work_.queries, queries_);
        KmeansOptions options{};
        options.clusters = kinds;
        options.seed = 77;
        const std::size_t sample = std::min<std::size_t>(work_.n, 20000);
        std::vector<float> middles =
            train_kmeans(rows.data(), sample, padded, options, core::Interrupt());
        middles.resize(kinds * padded);
        const CentroidTable table(middles.data(), kinds, padded);
        kind_.resize(work_.n);
        table.assign(rows.data(), work_.n, kind_.data(), nullptr);
        std::vector<std::size_t> sizes(kinds);
        for (const std::uint32_t kind : kind_) {
            ++sizes[kind];
        }
        core::Random random(78);
        lot_.resize(work_.n);
        for (double& x : lot_) {
            x = random.uniform();
        }
        place_.resize(queries_ * kinds);
        for (std::size_t q = 0; q < queries_; ++q) {
            std::vector<std::pair<double, std::size_t>> order;
            for (std::size_t k = 0; k < kinds; ++k) {
                const double away = sizes[k] == 0 ? HUGE_VAL
                                                  : kernels::active().floats.l2_squared(
                                                        queries.data() + q * padded,
                                                        middles.data() + k * padded, padded);
                order.emplace_back(away, k);
            }
            std::sort(order.begin(), order.end());
            for (std::size_t k = 0; k < kinds; ++k) {
                place_[q * kinds + order[k].second] = k;
            }
        }
    }

    void find_truth() {
        truth_.resize(queries_);
        std::vector<double> values(work_.n);
        std::vector<double> mine;
        for (std::size_t q = 0; q < queries_; ++q) {
            for (std::size_t i = 0; i < work_.n; ++i) {
                values[i] = work_.value(work_.query(q), work_.row(static_cast<long>(i)));
            }
            for (std::size_t c = 0; c < case_count; ++c) {
                mine.clear();
                for (std::size_t i = 0; i < work_.n; ++i) {
                    if (passes(q, c, static_cast<long>(i))) {
                        mine.push_back(values[i]);
                    }
                }
                const std::size_t wanted = std::min(cases[c].rank, mine.size());
                truth_[q].wanted[c] = wanted;
                if (wanted > 0) {
                    std::nth_element(mine.begin(), mine.begin() + static_cast<long>(wanted) - 1,
                                     mine.end());
                    const double last = mine[wanted - 1];
                    truth_[q].limit[c] = last + 1e-12 * (1 + std::fabs(last));
                }
            }
        }
    }

    const Workload& work_;
    std::size_t queries_;
    std::vector<std::uint32_t> kind_;
    std::vector<double> lot_;
    std::vector<std::size_t> place_;
    std::vector<Truth> truth_;
    std::size_t wrong_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        std::fprintf(stderr, "usage: %s l2|cosine|ip ROWS.fvecs QUERIES.fvecs|MADE [QUERIES ...]\n",
                     arguments[0]);
        return 1;
    }
    kernels::select(kernels::best_supported());
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Workload work{};
    work.metric = metric_of(arguments[1]);
    work.query_count = 200;
    int next = 3;
    const std::string source = arguments[2];
    if (source.find(':') != std::string::npos) {
        make_rows(work, source);
    } else {
        std::size_t dimension = 0;
        work.rows = read_vectors<float>(arguments[2], work.n, work.dimension);
        work.queries = read_vectors<float>(arguments[3], work.query_count, dimension);
        next = 4;
    }
    std::size_t queries = 50;
    if (next < count) {
        queries = static_cast<std::size_t>(std::atol(arguments[next++]));
    }
    queries = std::min(queries, work.query_count);
    std::vector<double> settings;
    for (; next < count; ++next) {
        settings.push_back(std::atof(arguments[next]));
    }
    if (settings.empty()) {
        settings = {0.9, 0.99, 0.9999};
    }
    const char* deep = std::getenv("DEPTH");
    const std::size_t deepest =
        deep == nullptr ? work.n : static_cast<std::size_t>(std::atol(deep));

    double start = now();
    MemoryIndex index(work.metric, work.rows.data(), work.n, work.dimension, {});
    const double build = seconds_since(start);
    start = now();
    const Calibration calibration = index.calibrate(Calibrator::enough);
    std::printf(
        "%s: %zu rows, %zu dimensions, %zu cells, %zu queries; build %.1f s, calibration "
        "%.2f s\n",
        source.c_str(), work.n, work.dimension, index.cell_count(), queries, build,
        seconds_since(start));
    for (std::size_t t = 0; t < Calibration::targets; ++t) {
        std::printf(" %.4g:", Calibration::recall[t]);
        for (const auto tau : calibration.tau[t]) {
            std::printf(" %.3g", static_cast<double>(tau));
        }
    }
    Bench bench(work, queries);
    std::printf("\n%-18s %6s", "filter", "rank");
    std::vector<std::vector<Sums>> sums;
    for (const double setting : settings) {
        std::printf(" | %6.4g: recall rows/cells/emitted", setting);
        sums.emplace_back(case_count);
        SearchOptions options = options_for(setting, calibration);
        bench.run(index, options, deepest, sums.back().data());
    }
    std::printf("\n");
    for (std::size_t c = 0; c < case_count; ++c) {
        std::printf("%-18s %6zu", cases[c].name, cases[c].rank);
        for (const auto& of : sums) {
            const double n = static_cast<double>(queries);
            std::printf(" | %6.4f %8.0f %5.0f %7.0f %5.1f", of[c].recall / n, of[c].rows / n,
                        of[c].cells / n, of[c].emitted / n, of[c].rescans / n);
        }
        std::printf("\n");
    }
    std::printf("out of order: %zu\n", bench.wrong());
    return 0;
}
