#include "engine/key_filter.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/kernels.hpp"

namespace vecdot::engine {

namespace {

std::uint32_t nulls_of(const std::uint8_t* unit, std::size_t column) {
    std::uint32_t nulls;
    std::memcpy(&nulls, unit + column * sizeof nulls, sizeof nulls);
    return nulls;
}

bool is_among(const KeyCondition& condition, std::uint64_t key) {
    return condition.kind == KeyCondition::Kind::range ||
           std::binary_search(condition.list.begin(), condition.list.end(), key);
}

bool tells_of_null(const KeyCondition& condition) {
    return condition.kind == KeyCondition::Kind::is_null ||
           condition.kind == KeyCondition::Kind::is_not_null;
}

}  // namespace

void put_keys(std::uint8_t* units, std::size_t first, std::size_t count, std::size_t columns,
              std::size_t row, const RowKeys& keys) noexcept {
    for (std::size_t u = first; u < first + count; ++u) {
        std::uint8_t* unit = units + (u - first) * kernels::unit_bytes;
        if (u == 0) {
            for (std::size_t c = 0; c < columns; ++c) {
                const std::uint32_t bit = keys.nulls >> c & 1u;
                const std::uint32_t nulls = (nulls_of(unit, c) & ~(1u << row)) | bit << row;
                std::memcpy(unit + c * sizeof nulls, &nulls, sizeof nulls);
            }
        } else if ((u - 1) % key_units_of_column == row / keys_per_unit) {
            std::memcpy(unit + row % keys_per_unit * sizeof(std::uint64_t),
                        &keys.values[(u - 1) / key_units_of_column], sizeof(std::uint64_t));
        }
    }
}

void get_keys(const std::uint8_t* units, std::size_t columns, std::size_t row,
              RowKeys& keys) noexcept {
    keys = {};
    for (std::size_t c = 0; c < columns; ++c) {
        keys.nulls |= (nulls_of(units, c) >> row & 1u) << c;
        const std::size_t unit = 1 + c * key_units_of_column + row / keys_per_unit;
        std::memcpy(
            &keys.values[c],
            units + unit * kernels::unit_bytes + row % keys_per_unit * sizeof(std::uint64_t),
            sizeof(std::uint64_t));
    }
}

bool is_null_unit(const std::uint8_t* unit, std::size_t columns) noexcept {
    const std::uint8_t* rest = unit + columns * sizeof(std::uint32_t);
    return std::all_of(rest, unit + kernels::unit_bytes,
                       [](std::uint8_t byte) { return byte == 0; });
}

bool passes(const KeyFilter& filter, const RowKeys& keys) noexcept {
    if (filter.passes_none) {
        return false;
    }
    for (const KeyCondition& condition : filter.conditions) {
        const bool is_null = (keys.nulls >> condition.column & 1u) != 0;
        const std::uint64_t key = keys.values[condition.column];
        if (is_null != (condition.kind == KeyCondition::Kind::is_null) ||
            (!tells_of_null(condition) &&
             !(condition.least <= key && key <= condition.greatest && is_among(condition, key)))) {
            return false;
        }
    }
    return true;
}

KeyTest::KeyTest(const KeyFilter& filter, std::uint32_t rows, std::uint64_t* left_out) noexcept
    : filter_(&filter), rows_(rows), left_out_(left_out), block_units_(key_units(filter.columns)) {}

void KeyTest::units(const std::uint8_t* units, std::size_t count) noexcept {
    while (count > 0) {
        const std::size_t some = std::min(count, block_units_ - position_);
        test_units(units, some);
        units += some * kernels::unit_bytes;
        count -= some;
        position_ += some;
        if (position_ == block_units_) {
            finish_block();
            position_ = 0;
        }
    }
}

// The next units of the current block.
void KeyTest::test_units(const std::uint8_t* units, std::size_t count) noexcept {
    if (position_ == 0) {
        passing_ = filter_->passes_none ? 0 : ~0u;
        for (const KeyCondition& condition : filter_->conditions) {
            const std::uint32_t nulls = nulls_of(units, condition.column);
            passing_ &= condition.kind == KeyCondition::Kind::is_null ? nulls : ~nulls;
        }
    }
    for (const KeyCondition& condition : filter_->conditions) {
        const std::size_t column = 1 + condition.column * key_units_of_column;
        const std::size_t first = std::max(position_, column);
        const std::size_t end = std::min(position_ + count, column + key_units_of_column);
        if (passing_ != 0 && first < end && !tells_of_null(condition)) {
            test_column(condition, units + (first - position_) * kernels::unit_bytes,
                        first - column, end - first);
        }
    }
}

// Units `first` … first + count − 1 of the condition's column.
void KeyTest::test_column(const KeyCondition& condition, const std::uint8_t* units,
                          std::size_t first, std::size_t count) noexcept {
    const std::size_t shift = first * keys_per_unit;
    const std::uint32_t tested = (~0u >> (kernels::block_rows - count * keys_per_unit)) << shift;
    std::uint32_t within = kernels::active().codes.keys_within(units, count, condition.least,
                                                               condition.greatest - condition.least)
                           << shift;
    if (condition.kind == KeyCondition::Kind::list) {
        for (std::uint32_t left = within & passing_; left != 0; left &= left - 1) {
            const int row = std::countr_zero(left);
            std::uint64_t key;
            std::memcpy(&key, units + (static_cast<std::size_t>(row) - shift) * sizeof key,
                        sizeof key);
            within &= ~(static_cast<std::uint32_t>(!is_among(condition, key)) << row);
        }
    }
    passing_ &= within | ~tested;
}

void KeyTest::finish_block() noexcept {
    std::uint32_t out = ~passing_;
    if (rows_ - first_row_ < kernels::block_rows) {
        out &= (1u << (rows_ - first_row_)) - 1;
    }
    left_out_[first_row_ / 64] |= std::uint64_t{out} << (first_row_ % 64);
    left_out_rows_ += static_cast<std::uint32_t>(std::popcount(out));
    first_row_ += kernels::block_rows;
}

}  // namespace vecdot::engine
