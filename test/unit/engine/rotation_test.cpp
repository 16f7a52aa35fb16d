#include "engine/rotation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.hpp"
#include "engine/gaussian.hpp"
#include "golden.hpp"
#include "heap_arena.hpp"
#include "kernels/kernels.hpp"

namespace vecdot::engine {
namespace {

TEST(Rotation, KeepsLengthsAndInverts) {
    core::Random random(1);
    for (const std::size_t p : {64, 128, 192, 448, 768, 832, 1536, 4096, 16064}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Rotation rotation(arena, p, 42);
        std::vector<float> one(p, 0.0f);
        one[p / 3] = 1;
        for (std::vector<float> x : {gaussian(random, p, 1), one, std::vector<float>(p, 1.0f)}) {
            const kernels::FloatKernels& f = kernels::active().floats;
            const double norm = std::sqrt(f.norm_squared(x.data(), p));
            std::vector<float> y = x;
            rotation.apply(y.data());
            EXPECT_NEAR(std::sqrt(f.norm_squared(y.data(), p)), norm,
                        norm * rotation.relative_error());
            // No coordinate stands out, whatever went in.
            float largest = 0;
            for (const float value : y) {
                largest = std::max(largest, std::fabs(value));
            }
            EXPECT_LT(largest, 7 * norm / std::sqrt(static_cast<double>(p))) << p;
            rotation.invert(y.data());
            EXPECT_LE(std::sqrt(f.l2_squared(x.data(), y.data(), p)),
                      norm * 2 * rotation.relative_error());
        }
    }
}

TEST(Rotation, SameBitsEverywhere) {
    core::Random random(2);
    for (const std::size_t p : {64, 128, 832}) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        const Rotation rotation(arena, p, 7);
        const std::vector<float> x = gaussian(random, p, 1);
        std::vector<float> expected;
        for (int set = 0; set < kernels::instruction_set_count; ++set) {
            const auto instructions = static_cast<kernels::InstructionSet>(set);
            if (!kernels::is_supported(instructions)) {
                continue;
            }
            kernels::select(instructions);
            std::vector<float> y = x;
            rotation.apply(y.data());
            if (expected.empty()) {
                expected = y;
            }
            EXPECT_EQ(0, std::memcmp(y.data(), expected.data(), p * sizeof(float)));
        }
        const Rotation other(arena, p, 8);
        std::vector<float> y = x;
        other.apply(y.data());
        EXPECT_NE(y, expected);
    }
    kernels::select(kernels::best_supported());
}

// What stored codes are codes of: the bits of a rotated vector may never change.
TEST(Rotation, Golden) {
    const auto hash = [](std::size_t p, std::uint64_t seed) {
        HeapArena memory;
        core::Arena arena = memory.arena();
        std::vector<float> x(p);
        for (std::size_t i = 0; i < p; ++i) {
            x[i] = static_cast<float>(i * i * 7 % 101) / 16 - 3;
        }
        Rotation(arena, p, seed).apply(x.data());
        return hash_of(x.data(), p * sizeof(float));
    };
    EXPECT_EQ(hash(64, 0), 0xf387d696ee750cau);
    EXPECT_EQ(hash(128, 42), 0xa6b9f7a094c98a06u);
    EXPECT_EQ(hash(192, 42), 0xff8bfbf333e817bfu);
    EXPECT_EQ(hash(768, 42), 0x477fd4dfe6dadf26u);
    EXPECT_EQ(hash(16064, 7), 0x490be634c7e38ce8u);
}

}  // namespace
}  // namespace vecdot::engine
