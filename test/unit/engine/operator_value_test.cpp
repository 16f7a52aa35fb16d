// No bound may exceed what the operator itself gives, however it rounds: rows chosen to provoke it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "engine/code.hpp"
#include "engine/store.hpp"
#include "heap_arena.hpp"

namespace vecdot::engine {
namespace {

// Ways in which a float4 operator may sum.
enum class Order { forward, backward, lanes, fused, pairwise };
constexpr Order orders[] = {Order::forward, Order::backward, Order::lanes, Order::fused,
                            Order::pairwise};

template <typename Term>
float pairwise(std::size_t begin, std::size_t end, const Term& term) {
    if (end - begin == 1) {
        const auto [a, b] = term(begin);
        return a * b;
    }
    const std::size_t middle = begin + (end - begin) / 2;
    return pairwise(begin, middle, term) + pairwise(middle, end, term);
}

// Σ a·b over the pairs that term(i) gives, in float4.
template <typename Term>
float float4_sum(std::size_t n, Order order, const Term& term) {
    float sum = 0;
    float lanes[8] = {};
    switch (order) {
        case Order::forward:
            for (std::size_t i = 0; i < n; ++i) {
                const auto [a, b] = term(i);
                sum += a * b;
            }
            return sum;
        case Order::backward:
            for (std::size_t i = n; i-- > 0;) {
                const auto [a, b] = term(i);
                sum += a * b;
            }
            return sum;
        case Order::lanes:
            for (std::size_t i = 0; i < n; ++i) {
                const auto [a, b] = term(i);
                lanes[i % 8] += a * b;
            }
            for (const float lane : lanes) {
                sum += lane;
            }
            return sum;
        case Order::fused:
            for (std::size_t i = 0; i < n; ++i) {
                const auto [a, b] = term(i);
                sum = std::fma(a, b, sum);
            }
            return sum;
        case Order::pairwise:
            break;
    }
    return pairwise(0, n, term);
}

double float4_operator(Metric metric, const std::vector<float>& a, const std::vector<float>& b,
                       Order order) {
    struct Pair {
        float a, b;
    };
    const std::size_t n = a.size();
    const auto products = [](const std::vector<float>& x, const std::vector<float>& y) {
        return [&x, &y](std::size_t i) { return Pair{x[i], y[i]}; };
    };
    switch (metric) {
        case Metric::l2: {
            const auto squares = [&](std::size_t i) { return Pair{a[i] - b[i], a[i] - b[i]}; };
            return std::sqrt(static_cast<double>(float4_sum(n, order, squares)));
        }
        case Metric::inner_product:
            return -static_cast<double>(float4_sum(n, order, products(a, b)));
        default:
            break;
    }
    const double ab = static_cast<double>(float4_sum(n, order, products(a, b)));
    const double aa = static_cast<double>(float4_sum(n, order, products(a, a)));
    const double bb = static_cast<double>(float4_sum(n, order, products(b, b)));
    return 1 - std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

double float8_operator(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
    const kernels::FloatKernels& floats = kernels::active().floats;
    switch (metric) {
        case Metric::l2:
            return std::sqrt(floats.l2_squared(a.data(), b.data(), a.size()));
        case Metric::hamming:
            return floats.l2_squared(a.data(), b.data(), a.size());
        case Metric::inner_product:
            return -floats.dot(a.data(), b.data(), a.size());
        case Metric::cosine:
            break;
    }
    const kernels::CosineSums s = floats.cosine_sums(a.data(), b.data(), a.size());
    return 1 - std::clamp(s.ab / std::sqrt(s.aa * s.bb), -1.0, 1.0);
}

enum class Rows { random, copies, tiny_residuals, near, offset, long_and_short, huge, minute };
constexpr Rows kinds[] = {Rows::random, Rows::copies,         Rows::tiny_residuals, Rows::near,
                          Rows::offset, Rows::long_and_short, Rows::huge,           Rows::minute};

std::vector<float> make_row(core::Random& random, Rows kind, const std::vector<float>& base) {
    std::vector<float> row(base.size());
    double size = 1;
    double share = 0;  // of the base
    switch (kind) {
        case Rows::random:
            break;
        case Rows::copies:
            size = 0;
            share = 1;
            break;
        case Rows::tiny_residuals:
            size = 1e-6;
            share = 1;
            break;
        case Rows::near:
            // Cosine distances of the size of float4's rounding.
            size = 1e-3;
            share = 1;
            break;
        case Rows::offset:
            size = 1e-3;
            share = 1000;
            break;
        case Rows::long_and_short:
            size = std::exp(3 * random.normal());
            break;
        case Rows::huge:
            size = 1e17;
            break;
        case Rows::minute:
            size = 1e-21;
            break;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = static_cast<float>(share * static_cast<double>(base[i]) + size * random.normal());
    }
    return row;
}

class OperatorValue : public testing::TestWithParam<std::tuple<Metric, Arithmetic>> {};

TEST_P(OperatorValue, NeverAboveTheOperatorsResult) {
    const auto [metric, arithmetic] = GetParam();
    core::Random random(17);
    std::size_t compared = 0;
    std::size_t useful = 0;
    for (const std::size_t n : {1, 2, 3, 16, 100, 769, 16000}) {
        for (const Rows kind : kinds) {
            std::vector<float> base(n);
            for (float& x : base) {
                x = static_cast<float>(random.normal());
            }
            const std::size_t count = n > 1000 ? 6 : 30;
            std::vector<std::vector<float>> rows;
            std::vector<double> norms;
            for (std::size_t i = 0; i < count; ++i) {
                rows.push_back(make_row(random, kind, base));
                norms.push_back(
                    std::sqrt(kernels::active().floats.norm_squared(rows.back().data(), n)));
            }
            HeapArena memory;
            core::Arena arena = memory.arena();
            SpaceParameters parameters{metric, static_cast<std::uint32_t>(n), 5,
                                       choose_scale(metric, norms)};
            parameters.arithmetic = arithmetic;
            const Space space(arena, parameters, {});
            const std::size_t p = space.padded();
            std::vector<std::vector<float>> images(count, std::vector<float>(p));
            std::vector<RoutedRow> routed;
            for (std::size_t i = 0; i < count; ++i) {
                routed.push_back(space.route(rows[i], images[i].data()));
            }
            for (std::size_t q = 0; q < count; ++q) {
                const Query query = prepare_query(arena, space, rows[q]);
                for (std::size_t i = 0; i < count && query.kind == QueryKind::normal; ++i) {
                    if (routed[i].kind != RowKind::normal && routed[i].kind != RowKind::long_row) {
                        continue;
                    }
                    // Residuals from next to nothing to the whole row.
                    std::vector<float> centroid = images[(i + q) % count];
                    if (routed[(i + q) % count].kind != routed[i].kind) {
                        centroid.assign(p, 0);
                    }
                    std::vector<std::uint8_t> signs(sign_bytes(p));
                    std::vector<std::uint8_t> code(p);
                    std::vector<std::uint8_t> planes(p);
                    EncodedRow encoded{};
                    encoded.signs = signs.data();
                    encoded.refinement = code.data();
                    encode_row(space, images[i].data(), routed[i].error, centroid.data(), encoded);
                    split_refinement(p, code.data(), planes.data(), planes.data() + plane_bytes(p));
                    CellDistance distance(query);
                    distance.add(centroid.data(), p);
                    RefineBatch batch{};
                    batch.query = &query;
                    batch.upper(0, 0, planes.data(), plane_bytes(p));
                    batch.lower(0, 0, planes.data() + plane_bytes(p), plane_bytes(p));
                    const CellDistance::Refined refined =
                        distance.refine(encoded.refine, batch.dots[0], batch.rest[0],
                                        routed[i].kind == RowKind::long_row);
                    const double bound = operator_value(query, refined.bound);
                    EXPECT_FALSE(std::isnan(bound));
                    const double exact = float8_operator(metric, rows[i], rows[q]);
                    EXPECT_LE(bound, exact) << "n " << n << " rows " << static_cast<int>(kind);
                    if (arithmetic == Arithmetic::float4) {
                        for (const Order order : orders) {
                            const double result = float4_operator(metric, rows[i], rows[q], order);
                            EXPECT_FALSE(bound > result)
                                << bound - result << " over " << result << ", n " << n << " rows "
                                << static_cast<int>(kind) << " order " << static_cast<int>(order);
                        }
                    }
                    ++compared;
                    useful += bound > 0.5 * exact - 0.5 * std::fabs(exact) && exact != 0 ? 1 : 0;
                }
            }
        }
    }
    EXPECT_GT(compared, 10000u);
    EXPECT_GT(useful, compared / 8);
}

std::string name_of(const testing::TestParamInfo<OperatorValue::ParamType>& info) {
    static const char* const metric[] = {"L2", "Cosine", "InnerProduct"};
    return std::string(metric[static_cast<int>(std::get<0>(info.param))]) +
           (std::get<1>(info.param) == Arithmetic::float4 ? "Float4" : "Float8");
}

INSTANTIATE_TEST_SUITE_P(Everything, OperatorValue,
                         testing::Combine(testing::Values(Metric::l2, Metric::cosine,
                                                          Metric::inner_product),
                                          testing::Values(Arithmetic::float8, Arithmetic::float4)),
                         name_of);

// Bits as elements 0 and 1: their squared distance is the number that differ, and a proven bound of
// it is rounded up to the next one.
TEST(HammingValue, IsTheNumberOfBitsThatDiffer) {
    core::Random random(3);
    for (const std::size_t n : {1, 7, 64, 1000}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Space space(arena, {Metric::hamming, static_cast<std::uint32_t>(n), 9, 0.25}, {});
        std::vector<float> a(n);
        for (float& x : a) {
            x = static_cast<float>(random.below(2));
        }
        const Query query = prepare_query(arena, space, a);
        for (std::size_t differ = 0; differ <= n; ++differ) {
            const double key = static_cast<double>(differ) * 0.25 * 0.25;
            EXPECT_EQ(operator_value(query, key), static_cast<double>(differ));
            if (differ > 1) {
                EXPECT_EQ(operator_value(query, key * (1 - 1e-6)), static_cast<double>(differ));
                EXPECT_EQ(
                    operator_value(query, (static_cast<double>(differ) - 1) / 16 * (1 + 1e-8)),
                    static_cast<double>(differ));
            }
        }
    }
}

}  // namespace
}  // namespace vecdot::engine
