#include "engine/key_summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "core/random.hpp"

namespace vecdot::engine {
namespace {

constexpr std::uint64_t most = ~std::uint64_t{0};

// In memory, page after page.
struct Summary {
    SummaryShape shape;
    std::uint32_t groups;
    std::vector<std::uint8_t> bytes;
    std::size_t reads = 0;

    Summary(std::uint32_t columns, std::uint32_t bucket_pages, std::uint32_t group_count)
        : shape{columns, bucket_pages},
          groups(group_count),
          bytes(std::size_t{group_count} * shape.group_pages() * summary_page_bytes, 0) {}

    std::uint32_t pages() const { return groups * shape.group_pages(); }
    std::uint8_t* page(std::uint32_t number) { return bytes.data() + number * summary_page_bytes; }

    void add(std::uint32_t cell, const RowKeys& keys) {
        for (std::uint32_t c = 0; c < shape.columns; ++c) {
            for (const std::uint32_t number :
                 {summary_spans_page(shape, cell, c), summary_bucket_page(shape, cell, c, keys)}) {
                sum_up(shape, number, page(number), cell, keys);
            }
        }
    }

    bool has(std::uint32_t cell, const RowKeys& keys) {
        bool has = true;
        for (std::uint32_t number = 0; number < pages(); ++number) {
            has = has && is_summed_up(shape, number, page(number), cell, keys);
        }
        return has;
    }

    static void read(void* self, std::uint32_t number, std::size_t offset, std::size_t size,
                     std::uint8_t* to) {
        Summary& summary = *static_cast<Summary*>(self);
        ASSERT_LT(number, summary.pages());
        ASSERT_LE(offset + size, summary_page_bytes);
        std::copy_n(summary.page(number) + offset, size, to);
        ++summary.reads;
    }

    bool may_pass(const KeyFilter& filter, std::uint32_t cell) {
        std::uint64_t bits[summary_words];
        cells_that_may_pass(shape, filter, cell / summary_cells, {this, read}, bits);
        return (bits[cell % summary_cells / 64] >> (cell % summary_cells % 64) & 1) != 0;
    }
};

RowKeys random_row(std::size_t columns, core::Random& random) {
    constexpr std::uint64_t special[] = {0, 1, std::uint64_t{1} << 63, most - 1, most};
    RowKeys row{};
    for (std::size_t c = 0; c < columns; ++c) {
        if (random.below(8) == 0) {
            row.nulls |= 1u << c;
        } else {
            row.values[c] = random.below(9) == 0 ? special[random.below(5)] : random.below(3000);
        }
    }
    return row;
}

KeyCondition random_condition(std::size_t columns, core::Random& random,
                              std::vector<std::uint64_t>& list) {
    KeyCondition condition{};
    condition.column = static_cast<std::uint32_t>(random.below(columns));
    condition.kind = static_cast<KeyCondition::Kind>(random.below(4));
    const std::uint64_t starts[] = {0, random.below(3000), most - random.below(3)};
    constexpr std::uint64_t widths[] = {0, 1, 63, 64, 500, most};
    condition.least = starts[random.below(3)];
    condition.greatest =
        condition.least + std::min(widths[random.below(6)], most - condition.least);
    if (condition.kind == KeyCondition::Kind::list) {
        for (std::size_t i = 0, count = 1 + random.below(random.below(10) == 0 ? 200 : 5);
             i < count; ++i) {
            list.push_back(random.below(3000));
        }
        std::sort(list.begin(), list.end());
        condition.list = list;
        condition.least = list.front();
        condition.greatest = list.back();
    }
    return condition;
}

// A cell with a row that passes is never taken for one without; of the others most are.
TEST(KeySummary, DeniesNoRowThatIsThere) {
    core::Random random(3);
    std::size_t with = 0;
    std::size_t without = 0;
    std::size_t denied = 0;
    for (int round = 0; round < 150; ++round) {
        const std::size_t columns = 1 + random.below(most_key_columns);
        Summary summary(static_cast<std::uint32_t>(columns),
                        1 + static_cast<std::uint32_t>(random.below(3)), 3);
        constexpr std::uint32_t cells[] = {0, 1, 63, 64, 507, 508, 1000, 1523};
        std::vector<std::vector<RowKeys>> rows(std::size(cells));
        for (std::size_t i = 0; i < std::size(cells); ++i) {
            for (std::size_t n = random.below(30); n > 0; --n) {
                rows[i].push_back(random_row(columns, random));
                summary.add(cells[i], rows[i].back());
                EXPECT_TRUE(summary.has(cells[i], rows[i].back()));
            }
        }
        for (std::uint32_t number = 0; number < summary.pages(); ++number) {
            EXPECT_TRUE(is_summary_page(summary.shape, number, summary.page(number)));
        }
        for (int conditions = 0; conditions < 40; ++conditions) {
            std::vector<std::uint64_t> lists[2];
            std::vector<KeyCondition> made;
            for (std::size_t i = 0; i <= random.below(2); ++i) {
                made.push_back(random_condition(columns, random, lists[i]));
            }
            const KeyFilter filter{static_cast<std::uint32_t>(columns), made, false};
            for (std::size_t i = 0; i < std::size(cells); ++i) {
                const bool any = std::any_of(rows[i].begin(), rows[i].end(),
                                             [&](const auto& row) { return passes(filter, row); });
                const bool may = summary.may_pass(filter, cells[i]);
                EXPECT_TRUE(may || !any);
                (any ? with : without) += 1;
                denied += may ? 0 : 1;
            }
        }
    }
    EXPECT_GT(with, 5000u);
    EXPECT_GT(without, 20000u);
    EXPECT_GT(denied, without * 2 / 3);
}

TEST(KeySummary, NothingPassesWhatIsNeverMet) {
    Summary summary(1, 1, 1);
    summary.add(5, {{7}, 0});
    const KeyFilter never{1, {}, true};
    EXPECT_FALSE(summary.may_pass(never, 5));
    EXPECT_EQ(summary.reads, 0u);
}

// One value costs a read a group; a range of many is told by spans, one of few by its values.
TEST(KeySummary, WhatIsRead) {
    Summary summary(2, 4, 2);
    for (std::uint32_t cell = 0; cell < 1016; ++cell) {
        summary.add(cell, {{cell / 10 * 1000, 0}, 0});
        summary.add(cell, {{cell / 10 * 1000 + 900, 0}, 0});
    }
    const auto count = [&](KeyCondition condition) {
        std::uint32_t cells = 0;
        const KeyFilter filter{2, {&condition, 1}, false};
        for (std::uint32_t group = 0; group < 2; ++group) {
            std::uint64_t bits[summary_words];
            cells_that_may_pass(summary.shape, filter, group, {&summary, Summary::read}, bits);
            for (std::uint32_t i = 0; i < summary_cells; ++i) {
                cells += static_cast<std::uint32_t>(bits[i / 64] >> (i % 64) & 1);
            }
        }
        return cells;
    };
    using Kind = KeyCondition::Kind;
    const std::uint32_t one = count({0, Kind::range, 5000, 5000, {}});
    EXPECT_EQ(summary.reads, 2u);
    EXPECT_GE(one, 10u);
    EXPECT_LT(one, 100u);
    // Within the span of ten cells, and no key of any.
    EXPECT_LT(count({0, Kind::range, 5400, 5402, {}}), 100u);
    EXPECT_EQ(count({0, Kind::range, 5400, 5500, {}}), 10u);
    EXPECT_EQ(count({0, Kind::range, 100901, most, {}}), 6u);
    EXPECT_EQ(count({0, Kind::range, 101901, most, {}}), 0u);
    EXPECT_EQ(count({0, Kind::is_null, 0, 0, {}}), 0u);
    EXPECT_EQ(count({0, Kind::is_not_null, 0, 0, {}}), 1016u);
}

// A change is a bit or a span, wherever it is repeated.
TEST(KeySummary, OnlyGrows) {
    Summary summary(1, 2, 1);
    summary.add(9, {{500}, 0});
    EXPECT_TRUE(summary.has(9, {{500}, 0}));
    EXPECT_FALSE(summary.has(9, {{501}, 0}));
    EXPECT_FALSE(summary.has(8, {{500}, 0}));
    EXPECT_FALSE(summary.has(9, {{0}, 1}));
    const std::vector<std::uint8_t> before = summary.bytes;
    summary.add(9, {{500}, 0});
    EXPECT_EQ(summary.bytes, before);
    summary.add(9, {{0}, 1});
    EXPECT_TRUE(summary.has(9, {{0}, 1}));
    EXPECT_FALSE(summary.has(9, {{0}, 0}));
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_EQ(before[i] & ~summary.bytes[i], 0);
    }
}

TEST(KeySummary, BitsOfNoCell) {
    Summary summary(1, 1, 1);
    summary.page(1)[126 * 64 + 63] = 0x0f;
    EXPECT_TRUE(is_summary_page(summary.shape, 1, summary.page(1)));
    summary.page(1)[126 * 64 + 63] = 0x10;
    EXPECT_FALSE(is_summary_page(summary.shape, 1, summary.page(1)));
}

TEST(KeySummary, AsManyPagesAsRowsCallFor) {
    EXPECT_EQ(summary_bucket_pages(100, 15), 0u);
    EXPECT_EQ(summary_bucket_pages(100, 16), 1u);
    EXPECT_EQ(summary_bucket_pages(2000, 31), 1u);
    EXPECT_EQ(summary_bucket_pages(340000, 1166), 19u);
    EXPECT_EQ(summary_bucket_pages(most / 16, 16), most_summary_bucket_pages);
    EXPECT_EQ(summary_groups(16), 1u);
    EXPECT_EQ(summary_groups(381), 1u);
    EXPECT_EQ(summary_groups(382), 2u);
    for (const std::uint32_t buckets : {127u, 2032u}) {
        std::set<std::uint32_t> seen;
        for (std::uint64_t key = 0; key < 50 * std::uint64_t{buckets}; ++key) {
            seen.insert(summary_bucket(key, false, buckets));
        }
        // All but that of NULL.
        EXPECT_EQ(seen.size(), buckets - 1);
        EXPECT_EQ(*seen.begin(), 1u);
        EXPECT_EQ(*seen.rbegin(), buckets - 1);
        EXPECT_EQ(summary_bucket(0, true, buckets), 0u);
    }
}

// What is on disk.
TEST(KeySummary, Golden) {
    EXPECT_EQ(summary_bucket(0, false, 127), 1u);
    EXPECT_EQ(summary_bucket(1, false, 127), 89u);
    EXPECT_EQ(summary_bucket(0x8000000000000007, false, 2032), 1556u);
    EXPECT_EQ(summary_bucket(most, false, 2032), 799u);
    // The second cell of the second group: its spans are on page 6, buckets on 7 and 8; of the
    // second column on 9 to 11.
    Summary summary(2, 2, 2);
    summary.add(509, {{0x1122334455667788, 0}, 2});
    ASSERT_EQ(summary_bucket(0x1122334455667788, false, 254), 86u);
    std::vector<std::uint8_t> wanted(summary.bytes.size(), 0);
    constexpr std::uint8_t span[] = {0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
                                     0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    std::copy(std::begin(span), std::end(span), wanted.begin() + 6 * 8128 + 16);
    wanted[7 * 8128 + 86 * 64] = 2;
    wanted[10 * 8128] = 2;
    EXPECT_TRUE(summary.bytes == wanted);
}

}  // namespace
}  // namespace vecdot::engine
