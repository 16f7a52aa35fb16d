// The index engine in process, without a database: recall and speed at each setting, against the
// best fixed number of cells in hindsight.
//
//   engine_bench METRIC ROWS.fvecs QUERIES.fvecs TRUTH.ivecs [QUERY_COUNT [SETTING ...]]
//
// METRIC: l2, cosine, ip. Every row is a dimension (int32) and its elements (float4 or int32). Rows
// of TRUTH: the nearest rows of each query, at least 100. The queue of exact distances stands for
// the executor's, which is part of the time: the thread's processor time, not the clock's.
#include "workload.hpp"

using namespace vecdot;
using namespace vecdot::engine;

namespace {

struct Truth : Workload {
    std::vector<std::int32_t> truth;
    std::size_t truth_depth;
};

struct Outcome {
    double recall = 0;
    double microseconds = 0;
    double cells = 0;
    double rows = 0;
    double refined = 0;
    double reranked = 0;
    double rescans = 0;
    std::size_t wrong = 0;
};

// All queries to rank k. Ties with the k-th distance count as found.
Outcome run(const Truth& work, MemoryIndex& index, const SearchOptions& options, std::size_t k) {
    Outcome outcome;
    Pool pool;
    const CellStore store = index.store();
    std::vector<long> found(k);
    double hits = 0;
    double time = 0;
    for (std::size_t q = 0; q < work.query_count; ++q) {
        const float* query = work.query(q);
        std::size_t reranked = 0;
        auto value = [&](long row) {
            ++reranked;
            return work.value(query, work.row(row));
        };
        pool.reset();
        const double start = now();
        core::Arena arena = pool.arena();
        const Query prepared = prepare_query(arena, index.space(), {query, work.dimension},
                                             index.directory().mean_radius());
        Search search(arena, prepared, index.directory(), store, options, core::Interrupt());
        Executor executor(search, value);
        for (std::size_t i = 0; i < k; ++i) {
            found[i] = executor.next();
        }
        time += seconds_since(start);
        outcome.reranked += static_cast<double>(reranked);
        outcome.wrong += executor.wrong_order();
        outcome.cells += static_cast<double>(search.work().cells);
        outcome.rows += static_cast<double>(search.work().rows);
        outcome.refined += static_cast<double>(search.work().refined);
        outcome.rescans += static_cast<double>(search.work().rescans);
        const double last = value(work.truth[q * work.truth_depth + k - 1]);
        const double limit = last + 1e-12 * (1 + std::fabs(last));
        for (const long row : found) {
            hits += row >= 0 && value(row) <= limit ? 1 : 0;
        }
    }
    const double count = static_cast<double>(work.query_count);
    outcome.recall = hits / (count * static_cast<double>(k));
    outcome.microseconds = time / count * 1e6;
    outcome.cells /= count;
    outcome.rows /= count;
    outcome.refined /= count;
    outcome.reranked /= count;
    outcome.rescans /= count;
    return outcome;
}

// The nearest cells of all queries, and in which of them the true neighbours are.
class Hindsight {
  public:
    Hindsight(const Truth& work, MemoryIndex& index, std::size_t k)
        : needed_(index.cell_count() + 1),
          rows_within_(index.cell_count() + 1),
          wanted_(static_cast<double>(k * work.query_count)) {
        const std::vector<std::uint32_t> cell_of = index.cells_of_rows(work.n);
        std::vector<double> rows_of(index.cell_count() + 1);
        for (const std::uint32_t cell : cell_of) {
            ++rows_of[cell];
        }
        Pool pool;
        for (std::size_t q = 0; q < work.query_count; ++q) {
            pool.reset();
            core::Arena arena = pool.arena();
            const Query query =
                prepare_query(arena, index.space(), {work.query(q), work.dimension});
            std::vector<std::pair<double, std::uint32_t>> order;
            for (std::uint32_t c = 0; c < index.cell_count(); ++c) {
                order.emplace_back(kernels::active().floats.l2_squared(
                                       query.vector.data(), index.centroid(c), query.vector.size()),
                                   c);
            }
            std::sort(order.begin(), order.end());
            std::vector<std::size_t> rank(order.size());
            double rows = 0;
            for (std::size_t i = 0; i < order.size(); ++i) {
                rank[order[i].second] = i + 1;
                rows += rows_of[order[i].second];
                rows_within_[i + 1] += rows / static_cast<double>(work.query_count);
            }
            for (std::size_t i = 0; i < k; ++i) {
                const auto row = static_cast<std::size_t>(work.truth[q * work.truth_depth + i]);
                if (cell_of[row] < rank.size()) {
                    ++needed_[rank[cell_of[row]]];
                }
            }
        }
    }

    struct Cells {
        std::size_t count;
        double rows;  // in them
    };

    // The least fixed number of cells, nearest first, that holds this share of the neighbours.
    Cells at(double recall) const {
        double sum = 0;
        for (std::size_t c = 0; c < needed_.size(); ++c) {
            sum += needed_[c];
            if (sum >= recall * wanted_ - 1e-6) {
                return {c, rows_within_[c]};
            }
        }
        return {needed_.size() - 1, rows_within_.back()};
    }

  private:
    std::vector<double> needed_;  // neighbours in the c-th nearest cell
    std::vector<double> rows_within_;
    double wanted_;
};

// Rows scored at a measured recall: on the line through the points around it, of the rows'
// logarithm over that of what is missed.
double rows_at(const std::vector<Outcome>& curve, double recall) {
    for (std::size_t i = 0; i < curve.size(); ++i) {
        if (curve[i].recall < recall) {
            continue;
        }
        if (i == 0 || curve[i].recall >= 1) {
            return curve[i].rows;
        }
        const double from = std::log(1 - curve[i - 1].recall);
        const double to = std::log(1 - curve[i].recall);
        const double part = (std::log(1 - recall) - from) / (to - from);
        return std::exp(std::log(curve[i - 1].rows) +
                        part * (std::log(curve[i].rows) - std::log(curve[i - 1].rows)));
    }
    return std::nan("");
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) {
        std::fprintf(stderr,
                     "usage: %s l2|cosine|ip ROWS.fvecs QUERIES.fvecs TRUTH.ivecs "
                     "[QUERY_COUNT [SETTING ...]]\n",
                     arguments[0]);
        return 1;
    }
    kernels::select(kernels::best_supported());
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Truth work{};
    work.metric = metric_of(arguments[1]);
    work.rows = read_vectors<float>(arguments[2], work.n, work.dimension);
    std::size_t dimension = 0;
    work.queries = read_vectors<float>(arguments[3], work.query_count, dimension);
    std::size_t truths = 0;
    work.truth = read_vectors<std::int32_t>(arguments[4], truths, work.truth_depth);
    work.query_count = std::min<std::size_t>(
        {work.query_count, truths,
         count > 5 ? static_cast<std::size_t>(std::atol(arguments[5])) : std::size_t{200}});
    if (work.truth_depth < 100 || dimension != work.dimension) {
        std::fprintf(stderr, "the files do not fit together\n");
        return 1;
    }

    double start = now();
    MemoryIndex index(work.metric, work.rows.data(), work.n, work.dimension, {});
    const double build = seconds_since(start);
    start = now();
    const Calibration calibration = index.calibrate(Calibrator::enough);
    std::printf("%s: %zu rows, %zu dimensions, %zu queries, kernels %s, one thread\n", arguments[2],
                work.n, work.dimension, work.query_count, kernels::active().name);
    std::printf("build %.2f s (%zu cells), calibration %.2f s of %u queries; tau", build,
                index.cell_count(), seconds_since(start), calibration.queries);
    for (const auto& tau : calibration.tau) {
        std::printf(" %.3g/%.3g/%.3g", static_cast<double>(tau[0]), static_cast<double>(tau[1]),
                    static_cast<double>(tau[2]));
    }
    std::vector<double> settings;
    for (int i = 6; i < count; ++i) {
        settings.push_back(std::atof(arguments[i]));
    }
    if (settings.empty()) {
        settings = {0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0};
    }
    std::printf("\n%8s %4s %8s %9s %15s %15s %8s %8s %8s %6s\n", "setting", "rank", "recall",
                "queries/s", "cells/rows", "in hindsight", "refined", "exact", "rescans", "wrong");
    constexpr std::size_t ranks[] = {1, 10, 100};
    for (const std::size_t k : ranks) {
        const Hindsight hindsight(work, index, k);
        std::vector<Outcome> curve;
        for (const double setting : settings) {
            curve.push_back(run(work, index, options_for(setting, calibration), k));
            const Outcome& o = curve.back();
            // What would have found as much.
            const Hindsight::Cells best = hindsight.at(o.recall);
            std::printf("%8.4f %4zu %8.4f %9.0f %8.1f/%6.0f %8zu/%6.0f %8.0f %8.1f %8.2f %6zu\n",
                        setting, k, o.recall, 1e6 / o.microseconds, o.cells, o.rows, best.count,
                        best.rows, o.refined, o.reranked, o.rescans, o.wrong);
        }
        for (const double recall : {0.95, 0.99}) {
            std::printf("rank %zu, rows at a measured %.2f: %.0f, in hindsight %.0f\n", k, recall,
                        rows_at(curve, recall), hindsight.at(recall).rows);
        }
    }
    return 0;
}
