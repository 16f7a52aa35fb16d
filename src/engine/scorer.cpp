#include "engine/scorer.hpp"

#include <cstring>

namespace vecdot::engine {

SignScorer::SignScorer(const Query& query, const kernels::BoundTerms& terms, std::uint32_t rows,
                       float cut, Take take, void* self, float* kept) noexcept
    : table_(query.table.data()),
      terms_(terms),
      rows_(rows),
      cut_(cut),
      take_(take),
      self_(self),
      kept_(kept),
      sign_units_(query.vector.size() / kernels::unit_dimensions) {}

void SignScorer::units(const std::uint8_t* units, std::size_t count,
                       const std::uint8_t* ahead) noexcept {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    const std::size_t block = sign_units_ + factor_units;
    const kernels::Stream stream(units + count * kernels::unit_bytes, ahead);
    while (count > 0 && first_row_ < rows_) {
        if (position_ == 0 && count >= block) {
            const std::size_t blocks = std::min(count / block, some_blocks);
            score_blocks(units, blocks, stream);
            units += blocks * block * kernels::unit_bytes;
            count -= blocks * block;
            continue;
        }
        if (position_ < sign_units_) {
            const std::size_t run = std::min(count, sign_units_ - position_);
            kernel.scan_units(units, table_ + position_ * kernels::unit_bytes, run, sums_);
            position_ += run;
            units += run * kernels::unit_bytes;
            count -= run;
            continue;
        }
        const std::size_t done = position_ - sign_units_;
        if (done == 0 && count >= factor_units) {
            finish_block(units);
            units += factor_units * kernels::unit_bytes;
            count -= factor_units;
            continue;
        }
        const std::size_t run = std::min(count, factor_units - done);
        std::memcpy(factors_ + done * kernels::unit_bytes, units, run * kernels::unit_bytes);
        position_ += run;
        units += run * kernels::unit_bytes;
        count -= run;
        if (done + run == factor_units) {
            finish_block(factors_);
        }
    }
}

void SignScorer::score_blocks(const std::uint8_t* units, std::size_t blocks,
                              const kernels::Stream& stream) noexcept {
    alignas(64) float own[some_blocks * kernels::block_rows];
    float* bounds = kept_ != nullptr ? kept_ + first_row_ : own;
    std::uint32_t below[some_blocks];
    const std::size_t left = (rows_ - first_row_ + kernels::block_rows - 1) / kernels::block_rows;
    blocks = std::min(blocks, left);
    kernels::active().codes.score_blocks(units, blocks, sign_units_, table_, terms_, cut_, bounds,
                                         below, stream);
    for (std::size_t b = 0; b < blocks; ++b) {
        give(below[b], bounds + b * kernels::block_rows);
    }
}

// Hands on the rows of the block that begins at first_row_.
void SignScorer::give(std::uint32_t below, const float* bounds) noexcept {
    const std::uint32_t left = rows_ - first_row_;
    if (left < kernels::block_rows) {
        below &= (1u << left) - 1;
    }
    if (below != 0) {
        take_(self_, first_row_, below, bounds);
    }
    first_row_ += kernels::block_rows;
}

void SignScorer::finish_block(const std::uint8_t* factors) noexcept {
    alignas(64) float own[kernels::block_rows];
    float* bounds = kept_ != nullptr ? kept_ + first_row_ : own;
    const std::uint32_t below =
        kernels::active().codes.block_bounds(factors, sums_, terms_, cut_, bounds);
    give(below, bounds);
    position_ = 0;
    std::memset(sums_, 0, sizeof sums_);
}

RefinementScorer::RefinementScorer(const Query& query, const CellDistance& distance,
                                   std::uint32_t rows, bool long_rows, double threshold,
                                   const std::uint64_t* skip, kernels::PlaneDots* dots,
                                   Survivor* survivors) noexcept
    : query_(&query),
      terms_(distance.reach(threshold, long_rows, true)),
      rows_(rows),
      skip_(skip),
      dots_(dots),
      survivors_(survivors) {}

void RefinementScorer::upper(const std::uint8_t* nibbles, std::size_t bytes,
                             const std::uint8_t* ahead) noexcept {
    const kernels::CodeKernels& kernel = kernels::active().codes;
    const std::size_t n = query_->high.size();
    const std::size_t row_bytes = plane_bytes(n);
    const kernels::Stream stream(nibbles + bytes, ahead);
    while (bytes > 0 && scored_ < rows_) {
        if (offset_ == 0 && bytes >= row_bytes) {
            const std::size_t some = std::min<std::size_t>(bytes / row_bytes, rows_ - scored_);
            kernels::PlaneDots* dots = dots_ + scored_;
            kernel.scan_nibbles(nibbles, some, n, query_->high.data(), query_->low.data(), dots,
                                stream);
            for (std::size_t i = 0; i < some; ++i) {
                dots[i] = {16 * dots[i].high, 16 * dots[i].low};
            }
            scored_ += static_cast<std::uint32_t>(some);
            nibbles += some * row_bytes;
            bytes -= some * row_bytes;
            continue;
        }
        const std::size_t piece = std::min(bytes, row_bytes - offset_);
        kernels::PlaneDots part;
        kernel.scan_nibbles(nibbles, 1, 2 * piece, query_->high.data() + 2 * offset_,
                            query_->low.data() + 2 * offset_, &part, stream);
        kernels::PlaneDots& dots = dots_[scored_];
        if (offset_ == 0) {
            dots = {0, 0};
        }
        dots.high += 16 * part.high;
        dots.low += 16 * part.low;
        offset_ += piece;
        nibbles += piece;
        bytes -= piece;
        if (offset_ == row_bytes) {
            offset_ = 0;
            ++scored_;
        }
    }
}

void RefinementScorer::entries(const RowEntry* entries, std::size_t count) noexcept {
    count = std::min<std::size_t>(count, scored_ - entries_done_);
    visit_within(entries, dots_ + entries_done_, count, terms_, [&](std::size_t i) {
        const std::uint32_t number = entries_done_ + static_cast<std::uint32_t>(i);
        if ((skip_[number / 64] >> (number % 64) & 1) == 0) {
            survivors_[survivor_count_++] = {number, entries[i]};
        }
    });
    entries_done_ += static_cast<std::uint32_t>(count);
}

}  // namespace vecdot::engine
