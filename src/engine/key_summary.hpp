// What the keys of cells have in common: which cells may have rows that pass conditions on key
// columns, so that a search opens no others.
//
// Cells are numbered, and `summary_cells` of them are a group. Of each group and key column there
// are pages of `summary_page_bytes`: one of KeySpans, the range of the keys of each cell; then
// buckets of values, `summary_buckets` on a page, each of which has a bit for every cell that has a
// value of it. So a condition on one value reads 64 bytes a group, and what a new row changes is
// one bit and one span. NULL is the value of a bucket of its own, and in no span.
//
// A summary says "may have" or "has not", and must never be wrong in the latter. Spans only grow
// and bits are only set, however cells change and whatever cell takes a number over: so it may be
// read at any time, and adding a row to it twice, or in vain, does no harm. What is gone stays in
// it until all cells are written anew.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/key_filter.hpp"

namespace vecdot::engine {

// Of one cell: zeros where there is no key.
struct KeySpan {
    std::uint64_t least_inverted;  // ~least
    std::uint64_t greatest;
};

constexpr std::size_t summary_page_bytes = 8128;
constexpr std::size_t summary_cells = summary_page_bytes / sizeof(KeySpan);
constexpr std::size_t summary_buckets = summary_page_bytes / kernels::unit_bytes;
constexpr std::size_t summary_words = kernels::unit_bytes / sizeof(std::uint64_t);
static_assert(summary_cells <= summary_words * 64);

// Pages are numbered group after group, in a group column after column.
struct SummaryShape {
    std::uint32_t columns;
    std::uint32_t bucket_pages;  // of a group and column
    constexpr std::uint32_t column_pages() const { return 1 + bucket_pages; }
    constexpr std::uint32_t group_pages() const { return columns * column_pages(); }
    constexpr std::uint32_t buckets() const {
        return bucket_pages * static_cast<std::uint32_t>(summary_buckets);
    }
};

constexpr std::uint32_t most_summary_bucket_pages = 256;

// For so many rows in so many cells; 0 where there are so few cells that all may well be opened.
std::uint32_t summary_bucket_pages(std::uint64_t rows, std::uint64_t cells) noexcept;
// That have room for so many cells and for those that they are split into before all are written
// anew.
std::uint32_t summary_groups(std::uint64_t cells) noexcept;

// The bucket of a key: never changes, as it is on disk.
std::uint32_t summary_bucket(std::uint64_t key, bool is_null, std::uint32_t buckets) noexcept;

// Whether page number `page`, whose bytes these are, need not be changed for a row of this cell to
// be in the summary.
bool is_summed_up(const SummaryShape& shape, std::uint32_t page, const std::uint8_t* bytes,
                  std::uint32_t cell, const RowKeys& keys) noexcept;
// Changes it.
void sum_up(const SummaryShape& shape, std::uint32_t page, std::uint8_t* bytes, std::uint32_t cell,
            const RowKeys& keys) noexcept;
// Pages that sum_up() may change for a row of this cell, of a column: that of spans, and this one.
std::uint32_t summary_spans_page(const SummaryShape& shape, std::uint32_t cell,
                                 std::uint32_t column) noexcept;
std::uint32_t summary_bucket_page(const SummaryShape& shape, std::uint32_t cell,
                                  std::uint32_t column, const RowKeys& keys) noexcept;

// Whether the bits and spans of a page that belong to no cell are zero.
bool is_summary_page(const SummaryShape& shape, std::uint32_t page,
                     const std::uint8_t* bytes) noexcept;

// Copies bytes out of a page. May leave by longjmp.
struct SummaryReader {
    void* self;
    void (*read)(void* self, std::uint32_t page, std::size_t offset, std::size_t bytes,
                 std::uint8_t* to);
};

// Of a group's cells, a bit each, those that may have rows that pass.
void cells_that_may_pass(const SummaryShape& shape, const KeyFilter& filter, std::uint32_t group,
                         const SummaryReader& reader, std::uint64_t (&bits)[summary_words]);

}  // namespace vecdot::engine
