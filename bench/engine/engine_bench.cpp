// The index engine in process, without a database: recall and speed at each setting, against the
// best fixed number of cells in hindsight.
//
//   engine_bench METRIC ROWS.fvecs QUERIES.fvecs TRUTH.ivecs [QUERY_COUNT [SETTING]]
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

struct Hindsight {
    std::size_t cells;
    double rows;  // in them
};

// The least fixed number of cells, nearest first, that holds the share of the true neighbours.
Hindsight hindsight(const Truth& work, MemoryIndex& index, std::size_t k, double target) {
    const std::vector<std::uint32_t> cell_of = index.cells_of_rows(work.n);
    std::vector<std::size_t> needed(index.cell_count() + 1);
    std::vector<double> rows_of(index.cell_count() + 1);
    for (const std::uint32_t cell : cell_of) {
        ++rows_of[cell];
    }
    std::vector<double> rows_within(index.cell_count() + 1);
    Pool pool;
    for (std::size_t q = 0; q < work.query_count; ++q) {
        pool.reset();
        core::Arena arena = pool.arena();
        const Query query = prepare_query(arena, index.space(), {work.query(q), work.dimension});
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
            rows_within[i + 1] += rows / static_cast<double>(work.query_count);
        }
        for (std::size_t i = 0; i < k; ++i) {
            const auto row = static_cast<std::size_t>(work.truth[q * work.truth_depth + i]);
            if (cell_of[row] < rank.size()) {
                ++needed[rank[cell_of[row]]];
            }
        }
    }
    double sum = 0;
    for (std::size_t c = 0; c < needed.size(); ++c) {
        sum += static_cast<double>(needed[c]);
        if (sum >= target * static_cast<double>(k * work.query_count)) {
            return {c, rows_within[c]};
        }
    }
    return {index.cell_count(), rows_within.back()};
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) {
        std::fprintf(stderr,
                     "usage: %s l2|cosine|ip ROWS.fvecs QUERIES.fvecs TRUTH.ivecs "
                     "[QUERY_COUNT]\n",
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
    std::printf("\n%8s %4s %8s %9s %15s %15s %8s %8s %8s %6s\n", "setting", "rank", "recall",
                "queries/s", "cells/rows", "in hindsight", "refined", "exact", "rescans", "wrong");
    for (const double setting : {0.9, 0.95, 0.99, 0.999, 0.9999, 1.0}) {
        if (count > 6 && setting != std::atof(arguments[6])) {
            continue;
        }
        const SearchOptions options = options_for(setting, calibration);
        for (const std::size_t k : {1, 10, 100}) {
            const Outcome o = run(work, index, options, k);
            const Hindsight best = hindsight(work, index, k, setting);
            std::printf("%8.4f %4zu %8.4f %9.0f %8.1f/%6.0f %8zu/%6.0f %8.0f %8.1f %8.2f %6zu\n",
                        setting, k, o.recall, 1e6 / o.microseconds, o.cells, o.rows, best.cells,
                        best.rows, o.refined, o.reranked, o.rescans, o.wrong);
        }
    }
    return 0;
}
