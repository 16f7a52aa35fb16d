// Keys beside the rows, and conditions on them: what WHERE says of key columns, tested before a
// row is scored.
//
// A key is a number of 8 bytes, ordered as the values of its column are, or at least equal for
// equal values. Keys of 32 rows are a block of units of 64 bytes: one that says which are NULL
// (32 bits a column, the rest is zero), then four for each column, with 8 rows' keys each. It may
// be cut between any two units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/code_kernels.hpp"

namespace vecdot::engine {

constexpr std::size_t most_key_columns = 8;

// Of one row.
struct RowKeys {
    std::uint64_t values[most_key_columns];  // 0 where NULL
    std::uint32_t nulls;                     // a bit a column
};

constexpr std::size_t keys_per_unit = kernels::unit_bytes / sizeof(std::uint64_t);
constexpr std::size_t key_units_of_column = kernels::block_rows / keys_per_unit;

// Of a block.
constexpr std::size_t key_units(std::size_t columns) {
    return columns == 0 ? 0 : 1 + columns * key_units_of_column;
}

// Writes the keys of row `row` of a block into its units first ... first + count − 1; units is
// where the first of them is.
void put_keys(std::uint8_t* units, std::size_t first, std::size_t count, std::size_t columns,
              std::size_t row, const RowKeys& keys) noexcept;

// Reads them from a whole block.
void get_keys(const std::uint8_t* units, std::size_t columns, std::size_t row,
              RowKeys& keys) noexcept;

// Whether the first unit of a block has zeros where it is to have them.
bool is_null_unit(const std::uint8_t* unit, std::size_t columns) noexcept;

struct KeyCondition {
    enum class Kind : std::uint8_t { is_null, is_not_null, range, list };
    std::uint32_t column;
    Kind kind;
    // Keys from least to greatest pass, of a list those that are also in it.
    std::uint64_t least;
    std::uint64_t greatest;
    std::span<const std::uint64_t> list;  // ascending
};

// Rows pass that meet all conditions. NULL meets is_null alone.
struct KeyFilter {
    std::uint32_t columns;  // of the index
    std::span<const KeyCondition> conditions;
    bool passes_none;  // a condition that is never met
};

// Whether a row passes.
bool passes(const KeyFilter& filter, const RowKeys& keys) noexcept;

// Tests the rows of one cell, block after block, as their keys' units go by. Storage calls units()
// with consecutive ones, cut anywhere between two.
class KeyTest {
  public:
    // left_out: of rows bits, and up to the end of the block of the last; set for those that don't
    // pass.
    KeyTest(const KeyFilter& filter, std::uint32_t rows, std::uint64_t* left_out) noexcept;

    // Never throws or allocates.
    void units(const std::uint8_t* units, std::size_t count) noexcept;

    // Rows that don't pass, when all units have gone by.
    std::uint32_t left_out_rows() const { return left_out_rows_; }

  private:
    void test_units(const std::uint8_t* units, std::size_t count) noexcept;
    void test_column(const KeyCondition& condition, const std::uint8_t* units, std::size_t first,
                     std::size_t count) noexcept;
    void finish_block() noexcept;

    const KeyFilter* filter_;
    std::uint32_t rows_;
    std::uint64_t* left_out_;
    std::size_t block_units_;
    std::size_t position_ = 0;  // units of the current block that have gone by
    std::uint32_t first_row_ = 0;
    std::uint32_t passing_ = 0;  // of the current block
    std::uint32_t left_out_rows_ = 0;
};

}  // namespace vecdot::engine
