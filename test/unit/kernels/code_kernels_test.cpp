// Every instruction set gives what the definitions in code_kernels.hpp say, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::kernels {
namespace {

class CodeKernelsTest : public testing::TestWithParam<int> {
  protected:
    void SetUp() override {
        const auto set = static_cast<InstructionSet>(GetParam());
        if (!is_supported(set)) {
            GTEST_SKIP() << "this machine lacks the instruction set";
        }
        kernel_ = &table(set)->codes;
    }

    std::vector<std::uint8_t> bytes(std::size_t n) {
        std::vector<std::uint8_t> x(n);
        for (auto& b : x) {
            b = static_cast<std::uint8_t>(random_.next());
        }
        return x;
    }

    std::vector<std::int8_t> signed_bytes(std::size_t n) {
        std::vector<std::int8_t> x(n);
        for (auto& b : x) {
            b = static_cast<std::int8_t>(static_cast<int>(random_.below(255)) - 127);
        }
        return x;
    }

    std::vector<float> floats(std::size_t n) {
        std::vector<float> x(n);
        for (auto& f : x) {
            f = static_cast<float>(random_.normal());
        }
        return x;
    }

    const CodeKernels* kernel_ = nullptr;
    core::Random random_{7};
};

TEST_P(CodeKernelsTest, ScansUnits) {
    for (const std::size_t count : {1, 4, 7, 48, 1004}) {
        const auto units = bytes(count * 64);
        auto entries = signed_bytes(count * 64);
        entries[0] = -127;
        std::vector<std::int32_t> sums(32, 5);
        std::vector<std::int32_t> expected(32, 5);
        for (std::size_t u = 0; u < count; ++u) {
            for (std::size_t v = 0; v < 32; ++v) {
                for (std::size_t g = 0; g < 4; ++g) {
                    const unsigned byte = units[64 * u + 4 * (v % 16) + g];
                    expected[v] += entries[64 * u + 16 * g + (v < 16 ? byte & 15 : byte >> 4)];
                }
            }
        }
        kernel_->scan_units(units.data(), entries.data(), count, sums.data());
        EXPECT_EQ(sums, expected) << count;
    }
}

TEST_P(CodeKernelsTest, BoundsABlock) {
    auto factors = floats(97);
    std::vector<std::int32_t> sums(32);
    for (auto& s : sums) {
        s = static_cast<std::int32_t>(random_.below(20000)) - 10000;
    }
    const BoundTerms terms{1.5f, 0.75f, 0.001f, 2.5f};
    // At an odd address, as on a page.
    std::vector<std::uint8_t> raw(4 * 96 + 1);
    std::memcpy(raw.data() + 1, factors.data(), 4 * 96);
    float bounds[32];
    const std::uint32_t below =
        kernel_->block_bounds(raw.data() + 1, sums.data(), terms, 0.3f, bounds);
    for (std::size_t v = 0; v < 32; ++v) {
        const float weighted = terms.add_weight * factors[v];
        const float sum = terms.sum_weight * static_cast<float>(sums[v]);
        const float product = factors[32 + v] * sum;
        const float loss = terms.error_weight * factors[64 + v];
        const float expected = ((terms.base + weighted) + product) - loss;
        EXPECT_EQ(bounds[v], expected);
        EXPECT_EQ(below >> v & 1, expected < 0.3f ? 1u : 0u);
    }
}

TEST_P(CodeKernelsTest, ScoresBlocks) {
    const BoundTerms terms{1.5f, 0.75f, 0.001f, 2.5f};
    for (const std::size_t sign_units : {4, 8, 13, 52, 1004}) {
        constexpr std::size_t blocks = 3;
        const std::size_t block = (sign_units + 6) * 64;
        auto units = bytes(blocks * block + 1);
        const auto entries = signed_bytes(sign_units * 64);
        for (std::size_t b = 0; b < blocks; ++b) {
            const auto factors = floats(96);
            std::memcpy(units.data() + 1 + b * block + sign_units * 64, factors.data(), 4 * 96);
        }
        std::vector<float> bounds(blocks * 32);
        std::uint32_t below[blocks];
        kernel_->score_blocks(units.data() + 1, blocks, sign_units, entries.data(), terms, 0.3f,
                              bounds.data(), below, Stream(units.data() + 1, nullptr));
        const CodeKernels& reference = table(InstructionSet::baseline)->codes;
        for (std::size_t b = 0; b < blocks; ++b) {
            std::int32_t sums[32] = {};
            float expected[32];
            const std::uint8_t* at = units.data() + 1 + b * block;
            reference.scan_units(at, entries.data(), sign_units, sums);
            EXPECT_EQ(below[b],
                      reference.block_bounds(at + sign_units * 64, sums, terms, 0.3f, expected));
            for (std::size_t v = 0; v < 32; ++v) {
                EXPECT_EQ(bounds[32 * b + v], expected[v]);
            }
        }
    }
}

TEST_P(CodeKernelsTest, SaysWhatIsWithinReach) {
    for (int round = 0; round < 200; ++round) {
        const std::size_t count = 1 + random_.below(32);
        std::vector<std::uint8_t> entries(count * entry_bytes + 1);
        std::vector<PlaneDots> dots(count);
        ReachTerms terms{2.5f, 1e-4f, 1.2f, 3000, -500};
        if (round % 4 == 3) {
            terms.base *= 1e-38f;
            terms.weight *= 1e-38f;
            terms.reach *= 1e-19f;
        }
        std::vector<bool> near(count);
        for (std::size_t r = 0; r < count; ++r) {
            float factors[3] = {static_cast<float>(0.01 * random_.uniform()),
                                static_cast<float>(random_.normal()),
                                static_cast<float>(0.1 * random_.uniform())};
            if (round % 4 == 3) {
                factors[1] *= 1e-38f;
                factors[2] *= 1e-19f;
            }
            if (round == 1 && r == 3) {
                factors[1] = HUGE_VALF;
                factors[2] = HUGE_VALF;
            }
            std::memcpy(entries.data() + 1 + r * entry_bytes + entry_factors, factors,
                        sizeof factors);
            dots[r] = {static_cast<std::int32_t>(random_.below(20000)) - 5000,
                       static_cast<std::int32_t>(random_.below(200000)) - 100000};
            const double dot =
                128.0 * (dots[r].high - terms.high_offset) + (dots[r].low - terms.low_offset);
            const double squared = static_cast<double>(terms.base) + factors[1] -
                                   static_cast<double>(terms.weight) * factors[0] * dot;
            const double reach = static_cast<double>(terms.reach) + factors[2];
            near[r] = !(squared > reach * reach);
        }
        const std::uint32_t within =
            kernel_->within_reach(entries.data() + 1, dots.data(), count, terms);
        EXPECT_EQ(within, table(InstructionSet::baseline)
                              ->codes.within_reach(entries.data() + 1, dots.data(), count, terms));
        EXPECT_EQ(std::uint64_t{within} >> count, 0u);
        std::size_t kept = 0;
        for (std::size_t r = 0; r < count; ++r) {
            EXPECT_TRUE(!near[r] || (within >> r & 1) != 0);
            kept += within >> r & 1;
        }
        if (round % 4 != 3 && count > 20) {
            EXPECT_LT(kept, count);  // it does say so of some
        }
    }
}

TEST_P(CodeKernelsTest, KeysWithin) {
    constexpr std::uint64_t most = ~std::uint64_t{0};
    constexpr std::uint64_t some[] = {0, 1, 7, 8, most >> 1, (most >> 1) + 1, most - 1, most};
    for (const std::uint64_t least : some) {
        for (const std::uint64_t width : some) {
            for (std::size_t units = 0; units <= 4; ++units) {
                std::vector<std::uint64_t> keys(8 * units);
                std::vector<std::uint8_t> stored(64 * units + 1);
                std::uint32_t wanted = 0;
                for (std::size_t i = 0; i < keys.size(); ++i) {
                    // Both ends and what is beside them.
                    const std::uint64_t ends[] = {least - 1, least, least + width,
                                                  least + width + 1};
                    keys[i] = i % 3 == 0 ? some[i % 8] : ends[i % 4];
                    wanted |= static_cast<std::uint32_t>(keys[i] - least <= width) << i;
                }
                std::copy_n(reinterpret_cast<const std::uint8_t*>(keys.data()), 64 * units,
                            stored.begin() + 1);
                EXPECT_EQ(kernel_->keys_within(stored.data() + 1, units, least, width), wanted);
            }
        }
    }
}

TEST_P(CodeKernelsTest, DotsOfBytes) {
    for (const std::size_t n : {64, 128, 832, 16064}) {
        auto rows = bytes(7 * n);
        auto high = signed_bytes(n);
        // The largest sums there can be.
        std::fill(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n), std::uint8_t{255});
        if (n == 16064) {
            std::fill(high.begin(), high.end(), std::int8_t{-127});
        }
        std::vector<std::int32_t> sums(7);
        kernel_->dot_rows(rows.data(), 7, n, high.data(), sums.data());
        for (std::size_t r = 0; r < 7; ++r) {
            std::int32_t h = 0;
            for (std::size_t i = 0; i < n; ++i) {
                h += rows[r * n + i] * high[i];
            }
            EXPECT_EQ(sums[r], h);
        }
    }
}

TEST_P(CodeKernelsTest, DotsOfHalfBytes) {
    for (const std::size_t n : {64, 128, 192, 832, 16064, 16384}) {
        auto rows = bytes(7 * n / 2 + 1);
        auto high = signed_bytes(n);
        auto low = signed_bytes(n);
        // The largest sums there can be.
        std::fill(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n / 2),
                  std::uint8_t{255});
        if (n == 16064) {
            std::fill(high.begin(), high.end(), std::int8_t{-128});
            std::fill(low.begin(), low.end(), std::int8_t{127});
        }
        for (const std::size_t count : {1, 3, 4, 7}) {
            for (const std::size_t shift : {0, 1}) {
                std::vector<PlaneDots> dots(count, PlaneDots{-1, -1});
                kernel_->dot_nibbles(rows.data() + shift, count, n, high.data(), low.data(),
                                     dots.data());
                std::vector<PlaneDots> again(count);
                kernel_->scan_nibbles(rows.data() + shift, count, n, high.data(), low.data(),
                                      again.data(), Stream(rows.data() + n, rows.data()));
                for (std::size_t r = 0; r < count; ++r) {
                    std::int32_t h = 0;
                    std::int32_t l = 0;
                    for (std::size_t i = 0; i < n; ++i) {
                        const std::uint8_t byte = rows[shift + r * n / 2 + i / 64 * 32 + i % 32];
                        const int code = i % 64 < 32 ? byte & 15 : byte >> 4;
                        h += code * high[i];
                        l += code * low[i];
                    }
                    EXPECT_EQ(dots[r].high, h);
                    EXPECT_EQ(dots[r].low, l);
                    EXPECT_EQ(again[r].high, h);
                    EXPECT_EQ(again[r].low, l);
                }
            }
        }
    }
}

TEST_P(CodeKernelsTest, NearestInPanels) {
    constexpr std::size_t n = 128;
    constexpr std::size_t count = 3;
    constexpr std::size_t queries = 11;
    const auto panels = bytes(count * n * 16);
    const auto query = signed_bytes(queries * n);
    const auto norm = floats(count * 16);
    const auto weight = floats(count * 16);
    const auto scale = floats(queries);
    std::vector<std::int32_t> offset(queries);
    for (auto& o : offset) {
        o = static_cast<std::int32_t>(random_.below(100000));
    }
    std::vector<float> best(16 * queries);
    std::vector<std::uint32_t> index(16 * queries);
    kernel_->nearest_in_panels(panels.data(), count, n, norm.data(), weight.data(), query.data(),
                               scale.data(), offset.data(), queries, best.data(), index.data());
    for (std::size_t q = 0; q < queries; ++q) {
        for (std::size_t c = 0; c < 16; ++c) {
            float least = HUGE_VALF;
            std::uint32_t where = 0;
            for (std::size_t p = 0; p < count; ++p) {
                std::int32_t sum = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    sum += panels[p * n * 16 + i / 4 * 64 + 4 * c + i % 4] * query[q * n + i];
                }
                const std::size_t r = 16 * p + c;
                const float product = (weight[r] * scale[q]) * static_cast<float>(sum - offset[q]);
                const float value = norm[r] - product;
                if (value < least) {
                    least = value;
                    where = static_cast<std::uint32_t>(r);
                }
            }
            EXPECT_EQ(best[16 * q + c], least);
            EXPECT_EQ(index[16 * q + c], where);
        }
    }
}

TEST_P(CodeKernelsTest, QuantisesAndMakesTables) {
    constexpr std::size_t n = 192;
    auto x = floats(n);
    x[0] = 0.5f / 32;  // halves go to even
    x[1] = 1.5f / 32;
    x[2] = -2.5f / 32;
    x[3] = 1e30f;
    x[4] = -1e30f;
    std::vector<std::uint8_t> codes(n);
    kernel_->quantise(x.data(), n, 32, codes.data());
    for (std::size_t i = 0; i < n; ++i) {
        const double value = std::nearbyint(std::clamp(x[i] * 32.0, -127.0, 127.0));
        EXPECT_EQ(codes[i], static_cast<int>(value) + 128) << i;
    }
    EXPECT_EQ(kernel_->largest(x.data(), n), 1e30f);
    std::vector<std::int8_t> centred(n);
    std::vector<float> back(n);
    kernel_->dequantise(codes.data(), n, 0.25f, back.data());
    std::int32_t total = 0;
    for (std::size_t i = 0; i < n; ++i) {
        EXPECT_EQ(back[i], 0.25f * static_cast<float>(codes[i] - 128));
        total += codes[i] - 128;
    }
    EXPECT_EQ(kernel_->centre(codes.data(), n, centred.data()), total);
    for (std::size_t i = 0; i < n; ++i) {
        EXPECT_EQ(centred[i], codes[i] - 128);
    }
    auto q = floats(n);
    std::vector<std::int8_t> entries(4 * n);
    const float step = kernel_->sign_table(q.data(), n, entries.data());
    int largest = 0;
    for (std::size_t i = 0; i < n; i += 4) {
        for (unsigned e = 0; e < 16; ++e) {
            double sum = 0;
            for (unsigned k = 0; k < 4; ++k) {
                sum += (e >> k & 1) != 0 ? static_cast<double>(q[i + k])
                                         : -static_cast<double>(q[i + k]);
            }
            const int entry = entries[4 * i + e];
            EXPECT_NEAR(entry * static_cast<double>(step), sum, 0.5001 * static_cast<double>(step));
            largest = std::max(largest, std::abs(entry));
        }
    }
    EXPECT_EQ(largest, 127);
    std::fill(q.begin(), q.end(), 0.0f);
    EXPECT_EQ(kernel_->sign_table(q.data(), n, entries.data()), 0.0f);
    EXPECT_EQ(entries, std::vector<std::int8_t>(4 * n, 0));
}

TEST_P(CodeKernelsTest, Hadamard) {
    for (const std::size_t n : {64, 128, 256, 512, 1024, 8192}) {
        const auto x = floats(n);
        auto fast = x;
        kernel_->hadamard(fast.data(), n, 0.25f);
        auto slow = x;
        for (std::size_t h = 1; h < n; h *= 2) {
            for (std::size_t i = 0; i < n; ++i) {
                if ((i & h) == 0) {
                    const float a = slow[i];
                    const float b = slow[i + h];
                    slow[i] = a + b;
                    slow[i + h] = a - b;
                }
            }
        }
        for (auto& f : slow) {
            f *= 0.25f;
        }
        EXPECT_EQ(fast, slow) << n;
        auto mixed = x;
        kernel_->mix_halves(mixed.data(), n, 0.5f);
        EXPECT_EQ(mixed[1], (x[1] + x[n / 2 + 1]) * 0.5f);
        EXPECT_EQ(mixed[n / 2 + 1], (x[1] - x[n / 2 + 1]) * 0.5f);
    }
}

INSTANTIATE_TEST_SUITE_P(Sets, CodeKernelsTest, testing::Range(0, instruction_set_count));

}  // namespace
}  // namespace vecdot::kernels
