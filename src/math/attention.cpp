#include "math/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/kernels.hpp"

namespace vecdot::math {

namespace {

// The reference follows the maximum only when it lags this far behind: a factor of e^300 costs
// float8 no accuracy, and scores that rise row by row don't rescale the sums each time.
constexpr double lag = 300;

// A million products where vectors are as long as can be.
constexpr std::size_t keys_between_polls = 64;

double finite(double score) {
    constexpr double largest = std::numeric_limits<double>::max();
    return std::clamp(score, -largest, largest);
}

}  // namespace

double default_scale(std::size_t dimensions) {
    return 1 / std::sqrt(static_cast<double>(dimensions));
}

OnlineAttention::OnlineAttention(std::span<double> sums)
    : sums_(sums), scale_{-std::numeric_limits<double>::infinity(), 0} {
    std::fill(sums_.begin(), sums_.end(), 0.0);
}

void OnlineAttention::move_reference(double reference) {
    const double factor = scale_.weight == 0 ? 0 : std::exp(scale_.reference - reference);
    for (double& sum : sums_) {
        sum *= factor;
    }
    scale_ = {reference, scale_.weight * factor};
}

void OnlineAttention::add(double score, const float* value) {
    score = finite(score);
    if (score - scale_.reference > lag) {
        move_reference(score);
    }
    const double weight = std::exp(score - scale_.reference);
    scale_.weight += weight;
    kernels::active().floats.accumulate(sums_.data(), weight, value, sums_.size());
}

void OnlineAttention::merge(const OnlineAttention& other) {
    if (other.scale_.weight == 0) {
        return;
    }
    if (other.scale_.reference > scale_.reference) {
        move_reference(other.scale_.reference);
    }
    const double factor = std::exp(other.scale_.reference - scale_.reference);
    scale_.weight += factor * other.scale_.weight;
    for (std::size_t i = 0; i < sums_.size(); ++i) {
        sums_[i] += factor * other.sums_[i];
    }
}

void OnlineAttention::finish(core::MutableVectorView out) const {
    for (std::size_t i = 0; i < sums_.size(); ++i) {
        out[i] = static_cast<float>(sums_[i] / scale_.weight);
    }
}

void attention_weights(const float* query, Rows keys, double scale, core::MutableVectorView out) {
    const auto dot = kernels::active().floats.dot;
    const auto score = [&](std::size_t j) {
        return finite(dot(query, keys.row[j], keys.columns) * scale);
    };
    double top = score(0);
    for (std::size_t j = 1; j < keys.rows; ++j) {
        top = std::max(top, score(j));
    }
    double sum = 0;
    for (std::size_t j = 0; j < keys.rows; ++j) {
        sum += std::exp(score(j) - top);
    }
    for (std::size_t j = 0; j < keys.rows; ++j) {
        out[j] = static_cast<float>(std::exp(score(j) - top) / sum);
    }
}

void attention_scores(Rows queries, Rows keys, double scale, std::span<double> out,
                      core::Interrupt interrupt) {
    const auto dot = kernels::active().floats.dot;
    for (std::size_t i = 0; i < queries.rows; ++i) {
        for (std::size_t j = 0; j < keys.rows; ++j) {
            if (j % keys_between_polls == 0) {
                interrupt.poll();
            }
            out[i * keys.rows + j] = dot(queries.row[i], keys.row[j], keys.columns) * scale;
        }
    }
}

void attention(Rows queries, Rows keys, Rows values, AttentionShape shape,
               core::MatrixView<float> out, core::Arena arena, core::Interrupt interrupt) {
    const auto dot = kernels::active().floats.dot;
    const std::size_t key_width = keys.columns / shape.heads;
    const std::size_t value_width = values.columns / shape.heads;
    const double scale = default_scale(key_width);
    const std::span<double> sums = arena.allocate<double>(value_width);
    for (std::size_t i = 0; i < queries.rows; ++i) {
        const std::size_t seen = shape.causal ? keys.rows - queries.rows + i + 1 : keys.rows;
        for (std::size_t h = 0; h < shape.heads; ++h) {
            OnlineAttention online(sums);
            const float* query = queries.row[i] + h * key_width;
            for (std::size_t j = 0; j < seen; ++j) {
                if (j % keys_between_polls == 0) {
                    interrupt.poll();
                }
                online.add(dot(query, keys.row[j] + h * key_width, key_width) * scale,
                           values.row[j] + h * value_width);
            }
            online.finish(out.row(i).subspan(h * value_width, value_width));
        }
    }
}

}  // namespace vecdot::math
