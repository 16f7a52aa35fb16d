#include "engine/key_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.hpp"

namespace vecdot::engine {
namespace {

constexpr std::uint64_t most = ~std::uint64_t{0};

std::vector<RowKeys> random_keys(std::size_t rows, std::size_t columns, core::Random& random) {
    constexpr std::uint64_t special[] = {0, 1, std::uint64_t{1} << 63, most - 1, most};
    std::vector<RowKeys> keys(rows);
    for (RowKeys& row : keys) {
        for (std::size_t c = 0; c < columns; ++c) {
            if (random.below(5) == 0) {
                row.nulls |= 1u << c;
            } else {
                row.values[c] = random.below(4) == 0 ? special[random.below(5)] : random.below(20);
            }
        }
    }
    return keys;
}

std::vector<std::uint8_t> blocks_of(const std::vector<RowKeys>& keys, std::size_t columns) {
    const std::size_t units = key_units(columns);
    const std::size_t blocks = (keys.size() + kernels::block_rows - 1) / kernels::block_rows;
    // Whatever a page was before: each row's own bits are written, set or not.
    std::vector<std::uint8_t> bytes(blocks * units * kernels::unit_bytes, 0xff);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        std::uint8_t* block = bytes.data() + i / kernels::block_rows * units * kernels::unit_bytes;
        // In two pieces, as a page's border cuts them.
        const std::size_t cut = i % (units + 1);
        put_keys(block, 0, cut, columns, i % kernels::block_rows, keys[i]);
        put_keys(block + cut * kernels::unit_bytes, cut, units - cut, columns,
                 i % kernels::block_rows, keys[i]);
    }
    return bytes;
}

struct Conditions {
    std::vector<KeyCondition> conditions;
    std::vector<std::vector<std::uint64_t>> lists;
};

Conditions random_conditions(std::size_t columns, core::Random& random) {
    Conditions made;
    const std::size_t count = 1 + random.below(3);
    made.lists.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        KeyCondition condition{};
        condition.column = static_cast<std::uint32_t>(random.below(columns));
        condition.kind = static_cast<KeyCondition::Kind>(random.below(4));
        const std::uint64_t bounds[] = {0, random.below(20), most};
        condition.least = bounds[random.below(2)];
        condition.greatest = std::max(condition.least, bounds[1 + random.below(2)]);
        if (condition.kind == KeyCondition::Kind::list) {
            made.lists[i] = {random.below(20), random.below(20), most};
            std::sort(made.lists[i].begin(), made.lists[i].end());
            condition.list = made.lists[i];
            condition.least = made.lists[i].front();
            condition.greatest = made.lists[i].back();
        }
        made.conditions.push_back(condition);
    }
    return made;
}

// As WHERE says it.
bool meets(const KeyCondition& condition, const RowKeys& keys) {
    const bool is_null = (keys.nulls >> condition.column & 1u) != 0;
    const std::uint64_t key = keys.values[condition.column];
    switch (condition.kind) {
        case KeyCondition::Kind::is_null:
            return is_null;
        case KeyCondition::Kind::is_not_null:
            return !is_null;
        case KeyCondition::Kind::range:
            return !is_null && key >= condition.least && key <= condition.greatest;
        case KeyCondition::Kind::list:
            return !is_null && std::find(condition.list.begin(), condition.list.end(), key) !=
                                   condition.list.end();
    }
    return false;
}

TEST(KeyFilter, KeysComeBackFromTheirBlock) {
    core::Random random(1);
    for (std::size_t columns = 1; columns <= most_key_columns; ++columns) {
        const std::vector<RowKeys> keys = random_keys(77, columns, random);
        const std::vector<std::uint8_t> bytes = blocks_of(keys, columns);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const std::size_t block = i / kernels::block_rows * key_units(columns);
            RowKeys read;
            get_keys(bytes.data() + block * kernels::unit_bytes, columns, i % kernels::block_rows,
                     read);
            EXPECT_EQ(read.nulls, keys[i].nulls);
            EXPECT_TRUE(std::equal(read.values, read.values + most_key_columns, keys[i].values));
        }
    }
}

TEST(KeyFilter, NullUnit) {
    std::vector<std::uint8_t> unit(kernels::unit_bytes, 0);
    std::fill_n(unit.begin(), 12, 0xff);
    EXPECT_TRUE(is_null_unit(unit.data(), 3));
    EXPECT_FALSE(is_null_unit(unit.data(), 2));
    unit.back() = 1;
    EXPECT_FALSE(is_null_unit(unit.data(), 3));
}

// Each row on its own, and all of a cell in pieces, against a plain loop.
TEST(KeyFilter, LeavesOutWhatConditionsDo) {
    core::Random random(2);
    std::size_t passing = 0;
    std::size_t tested = 0;
    for (int round = 0; round < 2000; ++round) {
        const std::size_t columns = 1 + random.below(most_key_columns);
        const std::size_t rows = 1 + random.below(150);
        const std::vector<RowKeys> keys = random_keys(rows, columns, random);
        const std::vector<std::uint8_t> bytes = blocks_of(keys, columns);
        const Conditions made = random_conditions(columns, random);
        const KeyFilter filter{static_cast<std::uint32_t>(columns), made.conditions,
                               round % 50 == 0};
        std::vector<std::uint64_t> left_out(rows / 64 + 1, 0);
        KeyTest test(filter, static_cast<std::uint32_t>(rows), left_out.data());
        const std::size_t units = bytes.size() / kernels::unit_bytes;
        for (std::size_t u = 0; u < units;) {
            const std::size_t piece = std::min<std::size_t>(1 + random.below(40), units - u);
            test.units(bytes.data() + u * kernels::unit_bytes, piece);
            u += piece;
        }
        std::uint32_t out = 0;
        for (std::size_t i = 0; i < rows; ++i) {
            const bool wanted =
                !filter.passes_none &&
                std::all_of(made.conditions.begin(), made.conditions.end(),
                            [&](const KeyCondition& one) { return meets(one, keys[i]); });
            EXPECT_EQ(passes(filter, keys[i]), wanted);
            EXPECT_EQ((left_out[i / 64] >> (i % 64) & 1) == 0, wanted) << "row " << i;
            out += wanted ? 0 : 1;
            passing += wanted ? 1 : 0;
        }
        EXPECT_EQ(test.left_out_rows(), out);
        // Nothing behind the last row.
        if (rows % 64 != 0) {
            EXPECT_EQ(left_out[rows / 64] >> (rows % 64), 0u);
        }
        tested += rows;
    }
    // Both happen often.
    EXPECT_GT(passing, tested / 10);
    EXPECT_LT(passing, tested / 2);
}

// What is on disk.
TEST(KeyFilter, Golden) {
    std::vector<std::uint8_t> block(key_units(2) * kernels::unit_bytes, 0);
    ASSERT_EQ(key_units(2), 9u);
    put_keys(block.data(), 0, 9, 2, 13, {{0x1122334455667788, 0}, 2});
    put_keys(block.data(), 0, 9, 2, 31, {{0, 0x99}, 1});
    for (std::size_t i = 0; i < block.size(); ++i) {
        constexpr std::uint8_t key[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
        // Row 13: NULL in the second column, 31 in the first.
        const std::size_t first = 2 * 64 + 5 * 8;
        const std::uint8_t wanted = i == 3                          ? 0x80
                                    : i == 5                        ? 0x20
                                    : i >= first && i < first + 8   ? key[i - first]
                                    : i == (1 + 4 + 3) * 64 + 7 * 8 ? 0x99
                                                                    : 0;
        EXPECT_EQ(block[i], wanted) << "byte " << i;
    }
}

}  // namespace
}  // namespace vecdot::engine
