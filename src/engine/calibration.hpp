// What a recall setting costs on this index: thresholds of the stopping rule, learnt from rows that
// play queries in the emission loop itself, at ranks 1, 10 and 100.
#pragma once

#include <cstdint>

#include "core/interrupt.hpp"
#include "engine/store.hpp"

namespace vecdot::engine {

// Stored in the index's meta page. All zero = never calibrated: everything is opened.
struct Calibration {
    static constexpr std::size_t targets = 8;
    static constexpr double recall[targets] = {0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999};

    static constexpr std::size_t rank_count = 3;
    static constexpr std::uint32_t ranks[rank_count] = {1, 10, 100};

    std::uint32_t queries;            // it was learnt from; 0: none
    float remote;                     // 19 of 20 queries have at most this Search::remoteness()
    std::uint64_t rows;               // the index had
    double tau[targets][rank_count];  // each column growing
};

// The threshold for the rank-th row (from 1), given those of Calibration::ranks: between them by
// the rank's logarithm.
double tau_of_rank(const double* tau, std::uint64_t rank) noexcept;

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

    // What the constructor takes from its arena.
    static constexpr std::size_t bytes(std::size_t queries) {
        return queries *
                   (depth * (sizeof(Neighbour) + 1) + 2 * sizeof(double) + sizeof(std::uint32_t)) +
               5 * 64;
    }

    // arena: for up to queries × 2.8 kB.
    Calibrator(core::Arena& arena, std::size_t queries);

    // rotated: image of a sampled row (of route() or decode_row()), normal rows only. Runs a search
    // of the whole index in scratch. Ignored when queries have been observed already.
    void observe(core::Arena scratch, const Space& space, const float* rotated,
                 const CellDirectory& directory, const CellStore& store, core::Interrupt interrupt);

    // The same for query number slot < queries, in any order and by several processes, each with a
    // Calibrator whose arena hands out the same zeroed memory of theirs; one of them then calls
    // gather() and finish().
    void observe_slot(std::size_t slot, core::Arena scratch, const Space& space,
                      const float* rotated, const CellDirectory& directory, const CellStore& store,
                      core::Interrupt interrupt);
    void gather();

    Calibration finish(std::uint64_t rows, Metric metric);

  private:
    struct Reached {
        double recall;
        double error;  // standard error of recall
    };

    void weigh_remote(float* remote);
    static_assert(depth <= 256);  // places are bytes
    std::size_t emitted_of(std::size_t query, std::size_t rank, const double* taus) const;
    Reached reached(std::size_t rank, const double* tau) const;
    // r, t: numbers of a rank and of a target.
    bool enough_at(std::size_t r, std::size_t t, double least, const double* tau) const;
    // Makes it true.
    void raise(std::size_t r, std::size_t t, double least, double* tau) const;

    std::span<Neighbour> neighbours_;  // queries × depth, by distance
    std::span<std::uint8_t> by_gap_;   // their places, by gap
    std::span<double> remoteness_;     // a query
    std::span<double> factor_;         // remote_factor() a query
    std::span<std::uint32_t> found_;   // a query
    std::size_t capacity_;
    std::size_t count_ = 0;
};

}  // namespace vecdot::engine
