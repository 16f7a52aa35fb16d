#include "engine/query.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

// Covers the rounding of float8 sums of up to 2¹⁵ terms, relative to the sum of magnitudes.
constexpr double float8_error = 0x1p-40;
constexpr int largest_step_count = 127 * 128;
// The lower half bytes of a refinement are 0 to 15, as good as evenly: <q', lower> is 7.5·Σq' with
// a standard deviation of 4.6·|q'|, of 7.5·|q'| if they were all 0 or 15. Four of the one are 2.5
// of the other.
constexpr double lower_deviations = 18.5;
// A refinement of 4 bits misses e = 0.107·|r| of a residual r (the grid of code.cpp), so the bound
// b of a squared distance lies 2·e·√b + e² below it. The 1-bit estimate's error is 1.51·|r|/√P: in
// such errors it is 0.142·√P·√b, and a little for e².
constexpr double refine_sigmas_over_root = 0.15;

constexpr float rest_steps = 256;
// Two planes are enough if they miss less than half of what refinements do: 0.007 of a row's
// distance from its centroid.
constexpr double local_part = 1.0 / 256;

float round_to_integer(float x) {
    return (x + 12582912.0f) - 12582912.0f;  // 1.5·2²³
}

// What two planes leave of the image, as a third one. Returns the squared length of what that one
// leaves, in steps.
double make_rest(core::Arena& arena, std::span<const float> image, float inverse, Query& query) {
    const std::span<std::int8_t> rest = arena.allocate<std::int8_t>(image.size());
    double lost = 0;
    std::int32_t sum = 0;
    std::int64_t size = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
        const float scaled = image[i] * inverse;
        const float left = scaled - round_to_integer(scaled);  // exact, at most ½
        const float r = std::min(round_to_integer(left * rest_steps), 127.0f);
        const double missed = static_cast<double>(left - r / rest_steps);
        rest[i] = static_cast<std::int8_t>(r);
        lost += missed * missed;
        sum += rest[i];
        size += std::abs(rest[i]);
    }
    query.rest = rest;
    query.rest_offset = 128 * sum;
    query.implied_rest = implied_lower * sum;
    // Of a dot with a refinement, whose elements are at most 127.
    query.lower_most = size * 127 / 256 + 1;
    return lost;
}

// Quantises query.vector (the image, within error) to two planes, or three.
void make_planes(core::Arena& arena, std::span<float> image, double error, double local,
                 Query& query) {
    const std::size_t n = image.size();
    float largest = 0;
    for (const float x : image) {
        largest = std::max(largest, std::fabs(x));
    }
    int exponent = -120;
    if (largest > 0) {
        exponent = std::max(exponent, static_cast<int>(std::ceil(std::log2(
                                          static_cast<double>(largest) / largest_step_count))));
        if (static_cast<double>(largest) > std::ldexp(largest_step_count, exponent)) {
            ++exponent;
        }
    }
    query.step = std::ldexp(1.0, exponent);
    const float step = static_cast<float>(query.step);
    const float inverse = static_cast<float>(std::ldexp(1.0, -exponent));
    // An element's rounding has a standard deviation of 0.29 steps.
    const bool is_fine =
        !(0.29 * query.step * std::sqrt(static_cast<double>(n)) <= local_part * local);
    const double rest_lost = is_fine ? make_rest(arena, image, inverse, query) : 0.0;
    const std::span<std::int8_t> high = arena.allocate<std::int8_t>(n);
    const std::span<std::int8_t> low = arena.allocate<std::int8_t>(n);
    const std::span<std::int8_t> table = arena.allocate<std::int8_t>(4 * n);
    // Sums of integers, all below 2³⁰, in loops that the compiler can make wide.
    std::int32_t sum = 0;
    std::int32_t high_sum = 0;
    std::int32_t positive = 0;
    std::int32_t high_squared = 0;
    std::int32_t low_squared = 0;
    double lost[8] = {};
    for (std::size_t i = 0; i < n; i += 8) {
        for (std::size_t k = 0; k < 8; ++k) {
            // Products with powers of two are exact.
            const float scaled = image[i + k] * inverse;
            const float rounded = round_to_integer(scaled);
            const std::int32_t v = static_cast<std::int32_t>(rounded);
            const std::int32_t h = (v + 64) >> 7;
            const std::int32_t l = v - 128 * h;
            high[i + k] = static_cast<std::int8_t>(h);
            low[i + k] = static_cast<std::int8_t>(l);
            const double difference = static_cast<double>(scaled - rounded);  // exact
            lost[k] += difference * difference;
            sum += v;
            high_sum += h;
            positive += v > 0 ? v : 0;
            high_squared += h * h;
            low_squared += l * l;
            image[i + k] = rounded * step;
        }
    }
    // At most 16,257·256 smallest steps: exact.
    for (std::size_t i = 0; i < n && is_fine; ++i) {
        image[i] += static_cast<float>(query.rest[i]) / rest_steps * step;
    }
    query.vector = image;
    query.high = high;
    query.low = low;
    query.table = table;
    query.table_step = kernels::active().codes.sign_table(image.data(), n, table.data());
    const double all_lost =
        ((lost[0] + lost[4]) + (lost[1] + lost[5])) + ((lost[2] + lost[6]) + (lost[3] + lost[7]));
    query.error =
        (std::sqrt(is_fine ? rest_lost : all_lost) * query.step + error) * (1 + float8_error);
    query.high_squared = high_squared;
    // The third plane is what the other two have lost, or less.
    query.high_error =
        (std::sqrt(static_cast<double>(low_squared)) + (is_fine ? 2 * std::sqrt(all_lost) : 0.0)) *
        query.step * (1 + float8_error);
    query.norm_squared = kernels::active().floats.norm_squared(image.data(), n);
    query.code_offset = 128 * std::int64_t{sum};
    query.high_offset = 128 * std::int64_t{high_sum};
    if (query.space->parameters().refine_bits == 4) {
        query.refine_sigmas =
            static_cast<float>(refine_sigmas_over_root * std::sqrt(static_cast<double>(n)));
        query.implied = {implied_lower * high_sum, implied_lower * (sum - 128 * high_sum)};
        query.lower_most += implied_lower * std::int64_t{sum};
        query.lower_likely = query.lower_most;
        return;
    }
    query.lower_likely =
        query.lower_most +
        std::min(15 * std::int64_t{positive},
                 static_cast<std::int64_t>(7.5 * static_cast<double>(sum) +
                                           lower_deviations * std::sqrt(query.norm_squared) /
                                               query.step));
    query.lower_most += 15 * std::int64_t{positive};
}

// A float4 sum of n products, in any order and with or without fused multiplications, is off by at
// most ((1 + u)^(n+1) − 1)·Σ|terms|, u = 2⁻²⁴: n + 2 roundings where the terms are squares of
// rounded differences. Twice that where cosines divide by two such norms.
double operator_error(const SpaceParameters& parameters) {
    return parameters.arithmetic == Arithmetic::float4
               ? 0x1p-24 * 1.01 * (static_cast<double>(parameters.dimension) + 8)
               : 0.0;
}

}  // namespace

Query prepare_query(core::Arena& arena, const Space& space, core::VectorView q, double local) {
    Query query{};
    query.space = &space;
    query.kind = QueryKind::normal;
    const std::span<float> image = arena.allocate<float>(space.padded());
    const double scale = space.parameters().scale;
    double error = 0;
    if (space.metric() == Metric::inner_product) {
        // (q/|q|, 0); a zero query stays zero, all its values being 0.
        const std::size_t n = q.size();
        const double norm = std::sqrt(kernels::active().floats.norm_squared(q.data(), n));
        const double factor = norm > 0 ? 1 / norm : 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            image[i] = static_cast<float>(factor * static_cast<double>(q[i]));
        }
        std::fill(image.begin() + static_cast<std::ptrdiff_t>(n), image.end(), 0.0f);
        space.rotation().apply(image.data());
        error = norm > 0 ? (space.rotation().relative_error() + 0x1p-23 + float8_error) : 0.0;
        if (!space.is_summed_safely(norm * norm)) {
            query.kind = QueryKind::loose;
        }
        query.value_scale = norm / scale;
    } else {
        const RoutedRow routed = space.route(q, image.data());
        if (routed.kind != RowKind::normal) {
            query.kind =
                routed.kind == RowKind::undefined ? QueryKind::undefined : QueryKind::loose;
            std::fill(image.begin(), image.end(), 0.0f);
        }
        error = static_cast<double>(routed.error);
        query.value_scale = space.metric() == Metric::l2        ? 1 / scale
                            : space.metric() == Metric::hamming ? 1 / (scale * scale)
                                                                : 0.5;
    }
    query.operator_error = operator_error(space.parameters());
    make_planes(arena, image, error, local, query);
    return query;
}

Query null_query(const Space& space) {
    Query query{};
    query.space = &space;
    query.kind = QueryKind::null;
    return query;
}

Query prepare_row_query(core::Arena& arena, const Space& space, const float* rotated,
                        double local) {
    Query query{};
    query.space = &space;
    query.kind = QueryKind::normal;
    const std::span<float> image = arena.allocate<float>(space.padded());
    space.row_as_query(rotated, image.data());
    query.value_scale = 1;
    make_planes(arena, image, 0, local, query);
    return query;
}

double operator_value(const Query& query, double key) noexcept {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double error = query.operator_error;
    const double underflow =
        error > 0 ? 0x1p-126 * static_cast<double>(query.space->dimension()) : 0.0;
    switch (query.space->metric()) {
        case Metric::l2: {
            const double value = key > 0 ? std::sqrt(key) * query.value_scale * (1 - 0x1p-30) : 0.0;
            return error > 0 ? std::sqrt(std::max(0.0, value * value * (1 - error) - underflow))
                             : value;
        }
        case Metric::hamming:
            // Differing bits are counted: of a bound's fractions the operator knows nothing.
            return std::ceil(std::max(0.0, key * query.value_scale * (1 - 0x1p-30) - 0x1p-30));
        case Metric::cosine:
            // The operator clamps the cosine: its values are at least 0.
            return std::max(0.0,
                            key * 0.5 * (1 - 0x1p-30) - float8_error - 2 * error * (1 + error));
        case Metric::inner_product:
            break;
    }
    if (key == -infinity) {
        return -infinity;
    }
    return query.value_scale * ((key * 0.5 - 1) - float8_error - error * (1 + error)) - underflow;
}

void CellDistance::add(const float* centroid, std::size_t count) noexcept {
    if (query_->kind != QueryKind::normal) {
        return;
    }
    const kernels::FloatKernels& floats = kernels::active().floats;
    const float* q = query_->vector.data() + done_;
    distance_squared_ += floats.l2_squared(q, centroid, count);
    if (query_->space->metric() == Metric::inner_product) {
        dot_ += floats.dot(q, centroid, count);
        centroid_squared_ += floats.norm_squared(centroid, count);
    }
    done_ += count;
}

kernels::BoundTerms CellDistance::terms(float sigmas, double limit) const noexcept {
    // The table's rounding adds a variance of P/4·step²/12 to <signs, q'>, which relates to
    // error² by at most 3.
    const double table = static_cast<double>(query_->table_step) *
                         static_cast<double>(query_->table_step) *
                         static_cast<double>(query_->vector.size()) / 16;
    double spread = distance_squared_;
    double base = distance_squared_;
    double weight = 1;
    if (query_->space->metric() == Metric::inner_product) {
        // Any multiple t of the centroid may be taken from q' before the signs estimate the rest;
        // this one leaves the least.
        weight = centroid_squared_ > 0 ? dot_ / centroid_squared_ : 0.0;
        spread = std::max(0.0, query_->norm_squared - weight * dot_);
        base = 2 - 2 * dot_;
    }
    float refine_error = 0;
    if (query_->refine_sigmas > 0 && limit < std::numeric_limits<double>::infinity()) {
        // Bound (2) of README.md has |q| = 1 in place of the distance.
        const double key =
            query_->space->metric() == Metric::inner_product ? std::min(limit, 1.0) : limit;
        refine_error = query_->refine_sigmas * static_cast<float>(std::sqrt(std::max(0.0, key)));
    }
    spread = std::sqrt(spread + table + query_->error * query_->error);
    return {static_cast<float>(base), static_cast<float>(weight), query_->table_step,
            sigmas * static_cast<float>(spread) + refine_error};
}

CellDistance::Refined CellDistance::refine(const RefineFactors& factors, kernels::PlaneDots dots,
                                           std::int32_t rest, bool long_row) const noexcept {
    const Query& query = *query_;
    const std::int64_t dot =
        128 * static_cast<std::int64_t>(dots.high) + dots.low - query.code_offset;
    const double add = static_cast<double>(factors.add);
    const double error = static_cast<double>(factors.error);
    const double whole =
        static_cast<double>(dot) + static_cast<double>(rest - query.rest_offset) / rest_steps;
    const double product = static_cast<double>(factors.scale) * query.step * whole;
    const double squared = distance_squared_ + add - 2 * product;  // |q' − x̂|², or a little less
    const double slack =
        float8_error * (distance_squared_ + std::fabs(add) + 2 * std::fabs(product));
    Refined refined{std::max(0.0, squared), 0};
    if (!long_row) {
        const double distance =
            std::sqrt(std::max(0.0, squared - slack)) * (1 - 0x1p-50) - (error + query.error);
        refined.bound = distance > 0 ? distance * distance * (1 - 0x1p-50) : 0.0;
    }
    if (query.space->metric() == Metric::inner_product) {
        const double inner = dot_ + product;  // <q', x̂>
        const double length = std::sqrt(std::max(
            0.0, centroid_squared_ + add + 0x1p-20 * (centroid_squared_ + std::fabs(add))));
        // What the operator may be off is relative to the row's length: operator_value() takes M
        // for it, which long rows exceed.
        const double rounding = long_row ? query.operator_error * (1 + query.operator_error) : 0.0;
        const double direct =
            2 - 2 * inner - 2 * (error * (1 + 0x1p-30) + query.error * length) -
            2 * rounding * (length + error) -
            2 * float8_error *
                (1 + centroid_squared_ + std::fabs(product) + std::fabs(dot_) + length);
        if (long_row) {
            refined.estimate = 2 - 2 * inner;
            refined.bound = direct;
        } else {
            refined.bound = std::max(refined.bound, direct);
        }
    }
    return refined;
}

kernels::ReachTerms CellDistance::reach(double threshold, bool long_rows,
                                        bool proven) const noexcept {
    const Query& query = *query_;
    // A row beyond this has |q' − x̂| − e_q − e_x > √threshold: bound (1) of README.md, which holds
    // under each metric for all but long rows.
    const double limit = (std::sqrt(std::max(0.0, threshold)) + query.error) * (1 + 0x1p-20);
    const std::int64_t lower = proven ? query.lower_most : query.lower_likely;
    kernels::ReachTerms terms;
    terms.base = static_cast<float>(distance_squared_);
    terms.weight = static_cast<float>(2 * query.step);
    terms.reach =
        long_rows ? std::numeric_limits<float>::infinity() : static_cast<float>(limit + 1e-30);
    // The greatest dot that the lower half bytes leave possible, rounded up to a multiple of 128.
    terms.high_offset = static_cast<std::int32_t>(query.high_offset - ((lower + 127) >> 7));
    terms.low_offset = static_cast<std::int32_t>(query.code_offset - 128 * query.high_offset);
    return terms;
}

}  // namespace vecdot::engine
