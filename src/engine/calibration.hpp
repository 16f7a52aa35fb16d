// What a recall setting costs on this index: thresholds of the stopping rule, learnt from rows that
// play queries in the emission loop itself, at ranks from 1 to 31,623.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/interrupt.hpp"
#include "engine/store.hpp"

namespace vecdot::engine {

// Stored in the index's meta page. All zero = never calibrated: everything is opened.
struct Calibration {
    static constexpr std::size_t targets = 8;
    static constexpr double recall[targets] = {0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999};

    static constexpr std::size_t rank_count = 8;
    static constexpr std::uint32_t ranks[rank_count] = {1, 10, 100, 316, 1000, 3162, 10000, 31623};
    // The first of them are learnt together, from the nearest rows one by one; the others, deep
    // ones, each from the rows around it, of a sample.
    static constexpr std::size_t near_ranks = 3;

    std::uint32_t queries;           // it was learnt from; 0: none
    float remote;                    // 19 of 20 queries have at most this Search::remoteness()
    std::uint64_t rows;              // the index had
    float tau[targets][rank_count];  // each column growing
};

// The threshold for the rank-th row (from 1), given those of Calibration::ranks: between them by
// the rank's logarithm.
double tau_of_rank(const double* tau, std::uint64_t rank) noexcept;

// How many rows' cells a search that has emitted so many rows has opened at least, whatever the
// thresholds say: rows_per_rank for each emitted row, which cost less to score than that row does,
// with what the executor does with it. Until it is sure of a hundred rows, for which thresholds do,
// there are none.
constexpr std::uint64_t behind_near_ranks = 125;
constexpr std::uint64_t rows_due(std::uint64_t rank, std::uint32_t rows_per_rank) {
    return rank > behind_near_ranks ? std::min(rank, 2 * (rank - behind_near_ranks)) * rows_per_rank
                                    : 0;
}

// What the reach of a query is multiplied with: 1, or more where its Search::remoteness() is beyond
// what rows that play queries have.
double remote_factor(double remoteness, double remote) noexcept;

// Learns from one query after another. Usage: for each sampled row: reset the scratch memory,
// observe(); at the end finish().
class Calibrator {
    struct Neighbour {
        double gap;    // d² − d₀² of its cell
        double reach;  // Search::reach() of its distance
    };

  public:
    // Rows a query is followed for, and the most queries that are of use.
    static constexpr std::size_t depth = 160;
    static constexpr std::size_t enough = 600;
    // One query of so many is followed once more, through so many rows of a sample, one row of
    // step_for() the rows.
    static constexpr std::size_t deep_every = 6;
    static constexpr std::size_t deep_depth = 640;

    // What the constructor takes from its arena.
    static constexpr std::size_t bytes(std::size_t queries) {
        return queries *
                   (depth * (sizeof(Neighbour) + 1) + 2 * sizeof(double) + sizeof(std::uint32_t)) +
               deep_queries(queries) * (deep_depth * sizeof(float) + sizeof(std::uint32_t)) +
               7 * 64;
    }

    // arena: for up to queries × 3.3 kB. rows: of the index.
    Calibrator(core::Arena& arena, std::size_t queries, std::uint64_t rows);

    // rotated: image of a sampled row (of route() or decode_row()), normal rows only. Runs a search
    // of the whole index in scratch. Ignored when queries have been observed already.
    void observe(core::Arena scratch, const Space& space, const float* rotated,
                 const CellDirectory& directory, const CellStore& store, core::Interrupt interrupt);

    // For query number `number` < queries, in any order and by several processes, each with a
    // Calibrator whose arena hands out the same zeroed memory of theirs; one of them then calls
    // gather() and finish().
    void observe_number(std::size_t number, core::Arena scratch, const Space& space,
                        const float* rotated, const CellDirectory& directory,
                        const CellStore& store, core::Interrupt interrupt);
    void gather();

    Calibration finish(std::uint64_t rows, Metric metric);

  private:
    static constexpr std::size_t deep_queries(std::size_t queries) {
        return (queries + deep_every - 1) / deep_every;
    }
    static std::uint32_t step_for(std::uint64_t rows);

    struct Reached {
        double recall;
        double error;  // standard error of recall
    };

    void follow(std::size_t number, core::Arena& scratch, const Query& query, double own_key,
                const CellDirectory& directory, const CellStore& store, core::Interrupt interrupt);
    void follow_deep(std::size_t number, core::Arena& scratch, const Query& query,
                     const CellDirectory& directory, const CellStore& store,
                     core::Interrupt interrupt);
    void weigh_remote(float* remote);
    static_assert(depth <= 256);  // places are bytes
    std::size_t emitted_of(std::size_t query, std::size_t rank, const double* taus) const;
    Reached reached(std::size_t rank, const double* tau) const;
    // r, t: numbers of a rank and of a target.
    bool enough_at(std::size_t r, std::size_t t, double least, const double* tau) const;
    // Makes it true.
    void raise(std::size_t r, std::size_t t, double least, const double* most, double* tau) const;
    // Thresholds of the near ranks for each target.
    void raise_near(double least, double (*taus)[Calibration::rank_count]) const;
    bool has_rows_around(std::size_t r) const;
    Reached reached_around(std::size_t r, const double* tau) const;
    void raise_deep(std::size_t r, std::size_t t, double least, double* tau) const;

    std::span<Neighbour> neighbours_;  // queries × depth, by distance
    std::span<std::uint8_t> by_gap_;   // their places, by gap
    std::span<double> remoteness_;     // a query
    std::span<double> factor_;         // remote_factor() a query
    std::span<std::uint32_t> found_;   // a query
    std::span<float> needs_;           // deep queries × deep_depth: the threshold that a row needs
    std::span<std::uint32_t> deep_found_;
    std::uint32_t step_;
    std::size_t capacity_;
    std::size_t count_ = 0;
};

}  // namespace vecdot::engine
