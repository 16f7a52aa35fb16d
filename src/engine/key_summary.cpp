#include "engine/key_summary.hpp"

#include <algorithm>
#include <cstring>

namespace vecdot::engine {

namespace {

// All of fewer cells are opened sooner than pages of a summary are worth their room.
constexpr std::uint64_t least_cells = 16;
// At most so many buckets for each row of a cell: one in eight of the cells without a value is then
// opened for it. Of few cells more may be.
constexpr std::uint64_t most_buckets_a_row = 8;
constexpr std::uint64_t few_cells = 32;
// Of a condition with more values only the range is looked at.
constexpr std::uint64_t most_values = 64;

// What a page is of.
struct Part {
    std::uint32_t group;
    std::uint32_t column;
    std::uint32_t page;  // 0: spans
};

Part part_of(const SummaryShape& shape, std::uint32_t page) {
    const std::uint32_t of_group = page % shape.group_pages();
    return {page / shape.group_pages(), of_group / shape.column_pages(),
            of_group % shape.column_pages()};
}

std::uint32_t first_page(const SummaryShape& shape, std::uint32_t group, std::uint32_t column) {
    return group * shape.group_pages() + column * shape.column_pages();
}

bool is_null(const RowKeys& keys, std::uint32_t column) {
    return (keys.nulls >> column & 1u) != 0;
}

std::uint32_t bucket_of(const SummaryShape& shape, const RowKeys& keys, std::uint32_t column) {
    return summary_bucket(keys.values[column], is_null(keys, column), shape.buckets());
}

std::uint32_t page_of_bucket(std::uint32_t bucket) {
    return 1 + bucket / static_cast<std::uint32_t>(summary_buckets);
}

// The word of a bucket's bits that has the cell's.
std::size_t word_offset(std::uint32_t bucket, std::uint32_t cell) {
    return bucket % summary_buckets * kernels::unit_bytes +
           cell % summary_cells / 64 * sizeof(std::uint64_t);
}

std::uint64_t bit_of(std::uint32_t cell) {
    return std::uint64_t{1} << (cell % summary_cells % 64);
}

template <typename T>
T read(const std::uint8_t* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

// The word or span that sum_up() changes for a row, and what it makes of it: calls
// visit(offset, value of now, value then), unless the page has nothing of the row.
template <typename Bytes, typename Visit>
void visit_change(const SummaryShape& shape, std::uint32_t page, Bytes* bytes, std::uint32_t cell,
                  const RowKeys& keys, Visit&& visit) {
    const Part part = part_of(shape, page);
    if (part.group != cell / summary_cells) {
        return;
    }
    if (part.page == 0) {
        if (!is_null(keys, part.column)) {
            const std::uint64_t key = keys.values[part.column];
            Bytes* at = bytes + cell % summary_cells * sizeof(KeySpan);
            const KeySpan span = read<KeySpan>(at);
            visit(at, span,
                  KeySpan{std::max(span.least_inverted, ~key), std::max(span.greatest, key)});
        }
        return;
    }
    const std::uint32_t bucket = bucket_of(shape, keys, part.column);
    if (page_of_bucket(bucket) == part.page) {
        Bytes* at = bytes + word_offset(bucket, cell);
        const std::uint64_t word = read<std::uint64_t>(at);
        visit(at, word, word | bit_of(cell));
    }
}

// The cells of a bucket are added to bits.
void add_bucket(std::uint32_t first, std::uint32_t bucket, const SummaryReader& reader,
                std::uint64_t (&bits)[summary_words]) {
    std::uint64_t found[summary_words];
    reader.read(reader.self, first + page_of_bucket(bucket),
                bucket % summary_buckets * kernels::unit_bytes, sizeof found,
                reinterpret_cast<std::uint8_t*>(found));
    for (std::size_t i = 0; i < summary_words; ++i) {
        bits[i] |= found[i];
    }
}

// Cells whose keys' span meets the condition's.
void add_spans(std::uint32_t first, const KeyCondition& condition, const SummaryReader& reader,
               std::uint64_t (&bits)[summary_words]) {
    constexpr std::size_t some = summary_cells / 4;
    static_assert(summary_cells % some == 0);
    std::uint8_t bytes[some * sizeof(KeySpan)];
    for (std::size_t start = 0; start < summary_cells; start += some) {
        reader.read(reader.self, first, start * sizeof(KeySpan), sizeof bytes, bytes);
        for (std::size_t i = 0; i < some; ++i) {
            const KeySpan span = read<KeySpan>(bytes + i * sizeof span);
            const bool meets =
                ~span.least_inverted <= condition.greatest && condition.least <= span.greatest;
            bits[(start + i) / 64] |= std::uint64_t{meets} << ((start + i) % 64);
        }
    }
}

// Cells that may have rows that meet the condition are added to bits.
void add_condition(const SummaryShape& shape, std::uint32_t group, const KeyCondition& condition,
                   const SummaryReader& reader, std::uint64_t (&bits)[summary_words]) {
    const std::uint32_t first = first_page(shape, group, condition.column);
    switch (condition.kind) {
        case KeyCondition::Kind::is_null:
            add_bucket(first, summary_bucket(0, true, shape.buckets()), reader, bits);
            return;
        case KeyCondition::Kind::is_not_null:
            std::fill_n(bits, summary_words, ~std::uint64_t{0});
            return;
        case KeyCondition::Kind::list:
            if (condition.list.size() <= most_values) {
                for (const std::uint64_t key : condition.list) {
                    add_bucket(first, summary_bucket(key, false, shape.buckets()), reader, bits);
                }
                return;
            }
            break;
        case KeyCondition::Kind::range:
            // The keys themselves, where these are few.
            if (condition.greatest - condition.least < most_values) {
                for (std::uint64_t i = 0; i <= condition.greatest - condition.least; ++i) {
                    add_bucket(first, summary_bucket(condition.least + i, false, shape.buckets()),
                               reader, bits);
                }
                return;
            }
            break;
    }
    add_spans(first, condition, reader, bits);
}

}  // namespace

std::uint32_t summary_bucket_pages(std::uint64_t rows, std::uint64_t cells) noexcept {
    if (cells < least_cells) {
        return 0;
    }
    const std::uint64_t buckets_a_row =
        std::clamp(cells / few_cells, std::uint64_t{1}, most_buckets_a_row);
    const std::uint64_t pages = rows / cells * buckets_a_row / summary_buckets + 1;
    return static_cast<std::uint32_t>(std::min(pages, std::uint64_t{most_summary_bucket_pages}));
}

std::uint32_t summary_groups(std::uint64_t cells) noexcept {
    return static_cast<std::uint32_t>((cells + cells / 3 + summary_cells - 1) / summary_cells);
}

std::uint32_t summary_bucket(std::uint64_t key, bool is_null, std::uint32_t buckets) noexcept {
    if (is_null) {
        return 0;
    }
    key = (key ^ key >> 33) * 0xff51afd7ed558ccdu;
    key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53u;
    return static_cast<std::uint32_t>(1 + ((key >> 32) * (buckets - 1) >> 32));
}

bool is_summed_up(const SummaryShape& shape, std::uint32_t page, const std::uint8_t* bytes,
                  std::uint32_t cell, const RowKeys& keys) noexcept {
    bool same = true;
    visit_change(shape, page, bytes, cell, keys,
                 [&same](const std::uint8_t*, const auto& now, const auto& then) {
                     same = std::memcmp(&now, &then, sizeof now) == 0;
                 });
    return same;
}

void sum_up(const SummaryShape& shape, std::uint32_t page, std::uint8_t* bytes, std::uint32_t cell,
            const RowKeys& keys) noexcept {
    visit_change(shape, page, bytes, cell, keys,
                 [](std::uint8_t* at, const auto&, const auto& then) {
                     std::memcpy(at, &then, sizeof then);
                 });
}

std::uint32_t summary_spans_page(const SummaryShape& shape, std::uint32_t cell,
                                 std::uint32_t column) noexcept {
    return first_page(shape, cell / static_cast<std::uint32_t>(summary_cells), column);
}

std::uint32_t summary_bucket_page(const SummaryShape& shape, std::uint32_t cell,
                                  std::uint32_t column, const RowKeys& keys) noexcept {
    return summary_spans_page(shape, cell, column) + page_of_bucket(bucket_of(shape, keys, column));
}

bool is_summary_page(const SummaryShape& shape, std::uint32_t page,
                     const std::uint8_t* bytes) noexcept {
    if (part_of(shape, page).page == 0) {
        return true;
    }
    constexpr std::uint64_t unused = ~std::uint64_t{0} << (summary_cells % 64);
    for (std::size_t bucket = 0; bucket < summary_buckets; ++bucket) {
        const std::uint8_t* last = bytes + (bucket + 1) * kernels::unit_bytes - sizeof unused;
        if ((read<std::uint64_t>(last) & unused) != 0) {
            return false;
        }
    }
    return true;
}

void cells_that_may_pass(const SummaryShape& shape, const KeyFilter& filter, std::uint32_t group,
                         const SummaryReader& reader, std::uint64_t (&bits)[summary_words]) {
    std::fill_n(bits, summary_words, filter.passes_none ? 0 : ~std::uint64_t{0});
    if (filter.passes_none) {
        return;
    }
    for (const KeyCondition& condition : filter.conditions) {
        std::uint64_t some[summary_words] = {};
        add_condition(shape, group, condition, reader, some);
        for (std::size_t i = 0; i < summary_words; ++i) {
            bits[i] &= some[i];
        }
    }
}

}  // namespace vecdot::engine
