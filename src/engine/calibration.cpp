// The stopping rule's thresholds. A query is followed through the whole index once, which gives the
// distance of its nearest rows and how far away their cells are; what the emission loop would have
// emitted under a threshold is then played through for as many thresholds as it takes.
#include "engine/calibration.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/search.hpp"

namespace vecdot::engine {

namespace {

// Cut of the 1-bit estimate for each of Calibration::recall, and what it loses of the nearest rows
// (measured on GloVe, whose codes of 100 dimensions are the hardest case: more than elsewhere).
constexpr float sigmas_of[Calibration::targets] = {1.4f, 1.4f, 1.5f, 1.7f, 1.9f, 2.1f, 3.0f, 4.0f};
constexpr double cut_loss[Calibration::targets] = {0.01,  0.008,  0.006,  0.004,
                                                   0.002, 0.0015, 0.0002, 0};

// What rows_due() is given.
constexpr double rows_per_rank_of[Calibration::targets] = {32, 64, 128, 144, 160, 192, 256, 256};

// The margin over a target, in standard errors of the sample, and its limits as shares of what may
// be lost. It is for the sample's chance, and for queries from outside, which are a little harder
// than rows: the centroids were learnt from these; under inner product they tell less.
constexpr double margin_errors = 2;
constexpr double least_margin = 0.1;
constexpr double least_margin_inner_product = 0.2;
constexpr double most_margin = 0.7;

constexpr std::size_t first_ranks = 3;
// The last of the near ranks, and how far the rows around a deep one reach: to the middle between
// two.
constexpr std::size_t near = Calibration::near_ranks - 1;
constexpr double around = 1.78;

// Thresholds that open next to nothing and all.
constexpr double lowest_tau = 0x1p-12;
constexpr double highest_tau = 0x1p12;
constexpr double precision = 1.01;
constexpr double most_over_earlier = 4;

// Fewer queries than this say nothing about a share of 1 %.
constexpr std::size_t fewest_queries = 50;

}  // namespace

Calibrator::Calibrator(core::Arena& arena, std::size_t queries, std::uint64_t rows)
    : neighbours_(arena.allocate<Neighbour>(queries * depth)),
      by_gap_(arena.allocate<std::uint8_t>(queries * depth)),
      remoteness_(arena.allocate<double>(queries)),
      factor_(arena.allocate<double>(queries)),
      found_(arena.allocate<std::uint32_t>(queries)),
      needs_(arena.allocate<float>(deep_queries(queries) * deep_depth)),
      deep_found_(arena.allocate<std::uint32_t>(deep_queries(queries))),
      step_(step_for(rows)),
      capacity_(queries) {}

// A sample that leads to where rows_due() opens everything at usual settings; a power of two.
std::uint32_t Calibrator::step_for(std::uint64_t rows) {
    const std::uint64_t deepest = 2 * behind_near_ranks + rows / 64;
    return static_cast<std::uint32_t>(std::bit_ceil(
        std::clamp<std::uint64_t>((deepest + deep_depth - 1) / deep_depth, 1, 1u << 20)));
}

void Calibrator::observe(core::Arena scratch, const Space& space, const float* rotated,
                         const CellDirectory& directory, const CellStore& store,
                         core::Interrupt interrupt) {
    if (count_ < capacity_) {
        observe_number(count_, scratch, space, rotated, directory, store, interrupt);
        count_ += found_[count_] > 0 ? 1 : 0;
    }
}

void Calibrator::gather() {
    count_ = 0;
    for (std::size_t q = 0; q < capacity_; ++q) {
        if (found_[q] > 0) {
            std::copy_n(neighbours_.data() + q * depth, found_[q],
                        neighbours_.data() + count_ * depth);
            std::copy_n(by_gap_.data() + q * depth, found_[q], by_gap_.data() + count_ * depth);
            remoteness_[count_] = remoteness_[q];
            found_[count_++] = found_[q];
        }
    }
}

void Calibrator::observe_number(std::size_t number, core::Arena scratch, const Space& space,
                                const float* rotated, const CellDirectory& directory,
                                const CellStore& store, core::Interrupt interrupt) {
    const Query query = prepare_row_query(scratch, space, rotated, directory.mean_radius());
    const double own_key =
        kernels::active().floats.l2_squared(query.vector.data(), rotated, query.vector.size());
    follow(number, scratch, query, own_key, directory, store, interrupt);
    if (number % deep_every == 0) {
        follow_deep(number, scratch, query, directory, store, interrupt);
    }
}

// The nearest rows.
void Calibrator::follow(std::size_t number, core::Arena& scratch, const Query& query,
                        double own_key, const CellDirectory& directory, const CellStore& store,
                        core::Interrupt interrupt) {
    SearchOptions options;
    options.by_estimate = true;
    options.sigmas = 2.4f;
    std::fill_n(options.tau, Calibration::rank_count, std::numeric_limits<double>::infinity());
    options.window = depth + 16;
    Search* search = scratch.create<Search>(scratch, query, directory, store, options, interrupt);
    Neighbour* mine = neighbours_.data() + number * depth;
    std::size_t found = 0;
    // Under inner product the row itself has a distance as any other.
    const double own_margin =
        query.space->metric() == Metric::inner_product ? 0x1p-16 * std::fabs(2 - own_key) : -1;
    SearchResult result{};
    while (found < depth && search->next(result)) {
        if (!result.recheck) {
            break;  // the finite distances are over
        }
        // The row itself, and what the codes can't tell from it: a query from outside has no such
        // neighbours. Loose rows are everybody's.
        if (!(result.key > 0) || std::fabs(result.estimate - own_key) <= own_margin) {
            continue;
        }
        mine[found++] = {result.gap, std::max(0.0, result.estimate)};
    }
    found_[number] = static_cast<std::uint32_t>(found);
    remoteness_[number] = search->remoteness();
    std::sort(mine, mine + found, [](const Neighbour& a, const Neighbour& b) {
        return a.reach != b.reach ? a.reach < b.reach : a.gap < b.gap;
    });
    std::uint8_t* by_gap = by_gap_.data() + number * depth;
    for (std::size_t i = 0; i < found; ++i) {
        mine[i].reach = search->reach(mine[i].reach);
        by_gap[i] = static_cast<std::uint8_t>(i);
    }
    std::sort(by_gap, by_gap + found, [mine](std::uint8_t a, std::uint8_t b) {
        return mine[a].gap != mine[b].gap ? mine[a].gap < mine[b].gap : a < b;
    });
}

// The nearest rows of a sample, i.e. every step-th of all, with what the rule would have measured
// when it came to each.
void Calibrator::follow_deep(std::size_t number, core::Arena& scratch, const Query& query,
                             const CellDirectory& directory, const CellStore& store,
                             core::Interrupt interrupt) {
    SearchOptions options;
    options.by_estimate = true;
    options.sigmas = 2.4f;
    std::fill_n(options.tau, Calibration::rank_count, std::numeric_limits<double>::infinity());
    options.window = deep_depth + 16;
    options.sample_step = step_;
    options.leaves_used_up = true;
    Search* search = scratch.create<Search>(scratch, query, directory, store, options, interrupt);
    float* needs = needs_.data() + number / deep_every * deep_depth;
    std::uint32_t found = 0;
    SearchResult result{};
    while (found < deep_depth && search->next(result) && result.recheck) {
        if (!std::isfinite(result.key)) {
            continue;  // a loose row
        }
        needs[found++] = result.gap > 0 ? static_cast<float>(result.gap / result.reach) : 0.0f;
    }
    deep_found_[number / deep_every] = found;
}

// How many of the nearest `rank` rows come among the first `rank` that the loop emits with this
// threshold. A row not followed is taken to be as near as the last one that was, which opens too
// few cells rather than too many.
std::size_t Calibrator::emitted_of(std::size_t query, std::size_t rank, const double* taus) const {
    const Neighbour* mine = neighbours_.data() + query * depth;
    const std::uint8_t* by_gap = by_gap_.data() + query * depth;
    const std::size_t found = found_[query];
    double open = 0;         // cells within this gap are open
    std::size_t closed = 0;  // the first of by_gap that is not
    std::size_t from = 0;    // rows before it have been emitted, or are late
    std::size_t hits = 0;
    while (closed < found && mine[by_gap[closed]].gap <= open) {
        ++closed;
    }
    for (std::size_t emitted = 0; emitted < rank && closed < found; ++emitted) {
        std::size_t next = from;
        while (next < found && mine[next].gap > open) {
            ++next;
        }
        while (closed < found) {
            const double gap = mine[by_gap[closed]].gap;
            if (gap > taus[emitted] * factor_[query] * mine[std::min(next, found - 1)].reach) {
                break;
            }
            open = gap;
            for (; closed < found && mine[by_gap[closed]].gap <= open; ++closed) {
                if (by_gap[closed] >= from) {
                    next = std::min<std::size_t>(next, by_gap[closed]);
                }
            }
        }
        if (next == found) {
            return hits;
        }
        from = next + 1;
        hits += next < rank ? 1 : 0;
    }
    // Where all are open, the rest comes in order.
    return closed == found ? hits + rank - std::min(from, rank) : hits;
}

Calibrator::Reached Calibrator::reached(std::size_t rank, const double* tau) const {
    double taus[Calibration::ranks[near]];
    for (std::size_t i = 0; i < rank; ++i) {
        taus[i] = tau_of_rank(tau, i + 1);
    }
    double sum = 0;
    double square = 0;
    for (std::size_t q = 0; q < count_; ++q) {
        const std::size_t wanted = std::min<std::size_t>(rank, found_[q]);
        const double share =
            static_cast<double>(emitted_of(q, wanted, taus)) / static_cast<double>(wanted);
        sum += share;
        square += share * share;
    }
    const double n = static_cast<double>(count_);
    const double mean = sum / n;
    return {mean, std::sqrt(std::max(0.0, square / n - mean * mean) / n)};
}

// What is asked for lies above the target by what the 1-bit cut loses and what the sample's chance
// may hide. Of a single row the sample says too little: the first three stand for it.
bool Calibrator::enough_at(std::size_t r, std::size_t t, double least, const double* tau) const {
    const double target = Calibration::recall[t];
    const double allowed = 1 - target;
    auto reaches = [&](const Reached& got, double errors) {
        return got.recall >=
               target + cut_loss[t] +
                   std::clamp(errors * got.error, least * allowed, most_margin * allowed);
    };
    if (r > 0) {
        return reaches(reached(Calibration::ranks[r], tau), margin_errors);
    }
    double flat[Calibration::rank_count];
    std::fill_n(flat, Calibration::rank_count, tau[0]);
    return reaches(reached(first_ranks, flat), margin_errors) && reaches(reached(1, flat), 0);
}

void Calibrator::weigh_remote(float* remote) {
    std::copy_n(remoteness_.begin(), count_, factor_.begin());
    const auto at = factor_.begin() + static_cast<std::ptrdiff_t>(count_ * 95 / 100);
    std::nth_element(factor_.begin(), at, factor_.begin() + static_cast<std::ptrdiff_t>(count_));
    *remote = static_cast<float>(*at);
    for (std::size_t q = 0; q < count_; ++q) {
        factor_[q] = remote_factor(remoteness_[q], static_cast<double>(*remote));
    }
}

// Where the ranks before emit rows from far behind, whose place nearer ones then miss, this rank's
// threshold can make up for that only by opening everything, and already at the rank after theirs.
// So it stays within a few times theirs, or what would do for all ranks alike, and theirs grow
// where that is not enough. most: what is enough for the next target, and so for this one.
void Calibrator::raise(std::size_t r, std::size_t t, double least, const double* most,
                       double* tau) const {
    double trial[Calibration::rank_count];
    // The lowest value, to a fraction, that is enough; high where none below is.
    auto lowest_enough = [&](double low, double high, auto set) {
        auto enough = [&](double value) {
            set(value);
            return enough_at(r, t, least, trial);
        };
        for (double step = 2; low * step < high; step *= step) {
            if (enough(low * step)) {
                high = low * step;
                break;
            }
            low *= step;
        }
        while (high > low * precision) {
            const double middle = std::sqrt(low * high);
            (enough(middle) ? high : low) = middle;
        }
        set(high);
        return high;
    };
    std::copy_n(tau, Calibration::rank_count, trial);
    auto set_own = [&](double value) { trial[r] = value; };
    if (r == 0) {
        tau[0] = lowest_enough(tau[0], most[0], set_own);
        return;
    }
    double own = std::min(most[r], most_over_earlier * tau[r - 1]);
    set_own(own);
    if (!enough_at(r, t, least, trial)) {
        const double alike = lowest_enough(tau[0], most[r], [&](double value) {
            std::fill_n(trial, Calibration::rank_count, value);
        });
        own = std::min(most[r], std::max(own, most_over_earlier * alike));
        std::copy_n(tau, r, trial);
        set_own(own);
        if (!enough_at(r, t, least, trial)) {
            lowest_enough(tau[0], most[r], [&](double value) {
                for (std::size_t i = 0; i < r; ++i) {
                    trial[i] = std::max(tau[i], std::min(value, most[i]));
                }
            });
            std::copy_n(trial, r, tau);
        }
    }
    tau[r] = lowest_enough(tau[r - 1], std::max(most[r], tau[r - 1]), set_own);
}

// From the last target to the first. In the other direction a low one would pass on what it alone
// needs: where the first ranks are met by what is nearest, rank 100 of the same target opens
// everything to make up for the rows that have come before.
void Calibrator::raise_near(double least, double (*taus)[Calibration::rank_count]) const {
    double most[Calibration::rank_count];
    std::fill_n(most, Calibration::rank_count, highest_tau);
    for (std::size_t t = Calibration::targets; t-- > 0;) {
        double* tau = taus[t];
        std::fill_n(tau, Calibration::rank_count, lowest_tau);
        for (std::size_t r = 0; r <= near; ++r) {
            // Not less than the rank before: for a query that is a row, its copies take the first
            // ranks, have no reach and open nothing.
            tau[r] = r > 0 ? tau[r - 1] : lowest_tau;
            if (!enough_at(r, t, least, tau)) {
                raise(r, t, least, most, tau);
            }
        }
        std::copy_n(tau, near + 1, most);
    }
}

bool Calibrator::has_rows_around(std::size_t r) const {
    return std::any_of(deep_found_.begin(), deep_found_.end(), [&](std::uint32_t found) {
        return static_cast<double>(found) * step_ > Calibration::ranks[r] / around;
    });
}

// The share of the rows around a deep rank whose cells are open when it is their turn. What went
// before is not asked for: whoever reads so far with a filter wants the rows from here.
Calibrator::Reached Calibrator::reached_around(std::size_t r, const double* tau) const {
    const double rank = Calibration::ranks[r];
    const auto place = [&](double at) {
        return static_cast<std::size_t>(std::max(0.0, at / step_ - 0.5));
    };
    const std::size_t from = place(rank / around);
    const std::size_t to = std::min(deep_depth, place(rank * around) + 1);
    double taus[deep_depth];
    for (std::size_t i = from; i < to; ++i) {
        const double at = std::min(rank, (static_cast<double>(i) + 0.5) * step_);
        taus[i] = tau_of_rank(tau, static_cast<std::uint64_t>(std::max(1.0, at)));
    }
    double sum = 0;
    double square = 0;
    double n = 0;
    for (std::size_t number = 0; number < deep_found_.size(); ++number) {
        const std::size_t end = std::min<std::size_t>(to, deep_found_[number]);
        if (end <= from) {
            continue;
        }
        const float* needs = needs_.data() + number * deep_depth;
        std::size_t open = 0;
        for (std::size_t i = from; i < end; ++i) {
            open += static_cast<double>(needs[i]) <= taus[i] ? 1 : 0;
        }
        const double share = static_cast<double>(open) / static_cast<double>(end - from);
        sum += share;
        square += share * share;
        ++n;
    }
    const double mean = sum / n;
    return {mean, std::sqrt(std::max(0.0, square / n - mean * mean) / n)};
}

void Calibrator::raise_deep(std::size_t r, std::size_t t, double least, double* tau) const {
    if (!has_rows_around(r)) {
        return;
    }
    const double allowed = 1 - Calibration::recall[t];
    auto enough = [&](double value) {
        std::fill_n(tau + r, Calibration::rank_count - r, value);
        const Reached got = reached_around(r, tau);
        return got.recall >=
               Calibration::recall[t] + cut_loss[t] +
                   std::clamp(margin_errors * got.error, least * allowed, most_margin * allowed);
    };
    double low = tau[r];
    double high = highest_tau;
    if (enough(low)) {
        return;
    }
    while (high > low * precision) {
        const double middle = std::sqrt(low * high);
        (enough(middle) ? high : low) = middle;
    }
    tau[r] = high;
}

Calibration Calibrator::finish(std::uint64_t rows, Metric metric) {
    const double least =
        metric == Metric::inner_product ? least_margin_inner_product : least_margin;
    Calibration calibration{};
    if (count_ < fewest_queries) {
        return calibration;
    }
    calibration.queries = static_cast<std::uint32_t>(count_);
    calibration.rows = rows;
    weigh_remote(&calibration.remote);
    double taus[Calibration::targets][Calibration::rank_count];
    raise_near(least, taus);
    double floor[Calibration::rank_count] = {};
    for (std::size_t t = 0; t < Calibration::targets; ++t) {
        // One rank after another: what the ranks before open, this one finds open.
        double* tau = taus[t];
        for (std::size_t r = near + 1; r < Calibration::rank_count; ++r) {
            tau[r] = std::max(floor[r], tau[r - 1]);
            raise_deep(r, t, least, tau);
        }
        std::copy_n(tau, Calibration::rank_count, floor);
        // What hundreds of queries never lose may still be lost once in ten thousand.
        const bool is_rare = (1 - Calibration::recall[t]) * static_cast<double>(count_) * 100 < 10;
        for (std::size_t r = 0; r < Calibration::rank_count; ++r) {
            calibration.tau[t][r] = static_cast<float>(is_rare ? 1.5 * tau[r] : tau[r]);
        }
    }
    return calibration;
}

double remote_factor(double remoteness, double remote) noexcept {
    constexpr double most = 4;
    if (!(remoteness > remote)) {
        return 1;
    }
    const double ratio = remoteness / remote;
    return std::min(most, ratio * std::sqrt(ratio));
}

double tau_of_rank(const double* tau, std::uint64_t rank) noexcept {
    constexpr std::size_t last = Calibration::rank_count - 1;
    if (rank >= Calibration::ranks[last]) {
        return tau[last];
    }
    std::size_t i = 1;
    while (Calibration::ranks[i] < rank) {
        ++i;
    }
    if (!(tau[i] < std::numeric_limits<double>::infinity())) {
        return tau[i];
    }
    const double from =
        i == near + 1 ? double{behind_near_ranks} : static_cast<double>(Calibration::ranks[i - 1]);
    const double to = static_cast<double>(Calibration::ranks[i]);
    const double part = std::log(static_cast<double>(rank) / from) / std::log(to / from);
    return tau[i - 1] + (tau[i] - tau[i - 1]) * std::max(0.0, part);
}

SearchOptions options_for(double recall, const Calibration& calibration) {
    SearchOptions options;
    if (recall >= 1) {
        options.exact = true;
        std::fill_n(options.tau, Calibration::rank_count, std::numeric_limits<double>::infinity());
        return options;
    }
    // The next target above, or between two of them by the logarithm of what may be lost.
    constexpr std::size_t last = Calibration::targets - 1;
    const double wanted = std::clamp(recall, Calibration::recall[0], Calibration::recall[last]);
    std::size_t upper = 0;
    while (upper < last && Calibration::recall[upper] < wanted) {
        ++upper;
    }
    const std::size_t lower = upper > 0 ? upper - 1 : 0;
    double part = 1;
    if (upper > lower) {
        const double from = std::log(1 - Calibration::recall[lower]);
        const double to = std::log(1 - Calibration::recall[upper]);
        part = (std::log(1 - wanted) - from) / (to - from);
    }
    options.sigmas =
        static_cast<float>(sigmas_of[lower] + part * (static_cast<double>(sigmas_of[upper]) -
                                                      static_cast<double>(sigmas_of[lower])));
    options.remote = static_cast<double>(calibration.remote);
    options.rows_per_rank = static_cast<std::uint32_t>(
        rows_per_rank_of[lower] + part * (rows_per_rank_of[upper] - rows_per_rank_of[lower]));
    if (calibration.queries == 0) {
        std::fill_n(options.tau, Calibration::rank_count, std::numeric_limits<double>::infinity());
        return options;
    }
    for (std::size_t r = 0; r < Calibration::rank_count; ++r) {
        const double from = std::log(static_cast<double>(calibration.tau[lower][r]));
        const double to = std::log(static_cast<double>(calibration.tau[upper][r]));
        options.tau[r] = std::exp(from + part * (to - from));
    }
    return options;
}

}  // namespace vecdot::engine
