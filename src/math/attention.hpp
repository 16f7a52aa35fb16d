// Attention: softmax(q·k s) weighted means of values, after "Attention Is All You Need" (Vaswani et
// al. 2017). The streaming form keeps one running maximum and sum (Milakov & Gimelshein 2018,
// "Online normalizer calculation for softmax"; FlashAttention, Dao et al. 2022).
#pragma once

#include <cstddef>
#include <span>

#include "core/arena.hpp"
#include "core/interrupt.hpp"
#include "core/span.hpp"
#include "math/rows.hpp"

namespace vecdot::math {

// 1/√d, the scale that the paper gives dot products of d terms.
double default_scale(std::size_t dimensions);

// Σᵢ e^(sᵢ) vᵢ / Σᵢ e^(sᵢ) over a stream of scores sᵢ and values vᵢ, in float8 and in memory that
// does not grow with the stream. The order of the rows changes the result only by float8 rounding.
class OnlineAttention {
  public:
    // sums: as many as the values have elements; zeroed here.
    explicit OnlineAttention(std::span<double> sums);

    // value has as many elements as sums, at any address. An infinite score (a product beyond
    // float8) counts as the largest finite one of its sign. NaN is not allowed.
    void add(double score, const float* value);

    // As if other's rows had been added here. other must have the same number of elements.
    void merge(const OnlineAttention& other);

    // The weighted mean; at least one row must have been added.
    void finish(core::MutableVectorView out) const;

    std::size_t dimensions() const { return sums_.size(); }
    std::span<const double> sums() const { return sums_; }
    std::span<double> sums() { return sums_; }

    // Σ e^(sᵢ − reference) and the reference: what a state is made of beside sums().
    struct Scale {
        double reference;
        double weight;
    };
    Scale scale() const { return scale_; }
    void set_scale(Scale scale) { scale_ = scale; }

  private:
    void move_reference(double reference);

    std::span<double> sums_;
    Scale scale_;
};

// softmaxⱼ(s q·kⱼ) for the rows kⱼ of keys, each of as many elements as query. out: keys.rows.
void attention_weights(const float* query, Rows keys, double scale, core::MutableVectorView out);

// sᵢⱼ = (qᵢ·kⱼ) scale; out: queries.rows × keys.rows, row by row, in float8.
void attention_scores(Rows queries, Rows keys, double scale, std::span<double> out,
                      core::Interrupt interrupt);

struct AttentionShape {
    bool causal = false;
    std::size_t heads = 1;
};

// Multi-head scaled dot-product attention without learnt projections: the columns are cut into
// heads equal slices, each slice attends on its own with the scale 1/√(columns/heads), and the
// results stand side by side again. Causal: query i sees the keys up to i + keys.rows −
// queries.rows, so that the last query sees every key (which needs queries.rows <= keys.rows).
// Shapes: queries n×d, keys m×d, values m×e, out n×e; heads divides d and e.
void attention(Rows queries, Rows keys, Rows values, AttentionShape shape,
               core::MatrixView<float> out, core::Arena arena, core::Interrupt interrupt);

}  // namespace vecdot::math
