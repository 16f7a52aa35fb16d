// Fisher's linear discriminant (1936; for several classes Rao 1948): the classifier that is optimal
// when every class is a normal distribution around its own mean with a common covariance. One pass,
// no iteration, no learning rate: means and covariance are all it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/arena.hpp"
#include "core/interrupt.hpp"
#include "core/span.hpp"
#include "math/scatter.hpp"

namespace vecdot::math {

// The statistics of labelled rows.
class Discriminant {
  public:
    struct Class {
        std::int32_t label;
        std::uint64_t rows;
        double* sum;  // dimensions() elements
    };

    Discriminant(std::size_t dimensions, core::Arena arena) : scatter_(dimensions, arena) {}

    void add(const float* x, std::int32_t label, core::Arena arena, core::Interrupt interrupt);
    void flush(core::Interrupt interrupt) { scatter_.flush(interrupt); }
    void merge(const Discriminant& other, core::Arena arena);

    // The class of that label, made if there is none; ascending by label in classes().
    Class& class_of(std::int32_t label, core::Arena arena);

    std::size_t dimensions() const { return scatter_.dimensions(); }
    std::span<Class> classes() { return classes_.first(count_); }
    std::span<const Class> classes() const { return classes_.first(count_); }
    Scatter& scatter() { return scatter_; }
    const Scatter& scatter() const { return scatter_; }

  private:
    Scatter scatter_;
    std::span<Class> classes_;
    std::size_t count_ = 0;
};

struct LinearModel {
    core::MatrixView<double> weights;  // C×d, in the order of the labels
    std::span<double> bias;            // C
};

// What fit() allocates.
std::size_t discriminant_bytes(std::size_t dimensions, std::size_t classes);

// w_c = S⁻¹ (mean_c − mean),  b_c = ln(n_c / n) − ½ (mean_c − mean)·w_c − mean·w_c, so that
// softmax(w x + b) is the posterior probability of the classes. S is the covariance within the
// classes (divisor n − C), shrunk towards a sphere of the same total variance:
// (1 − shrinkage) S + shrinkage tr(S)/d I, with 0 <= shrinkage <= 1. Where nothing varies within
// the classes S is the identity, which makes it the nearest mean. Throws data_exception if S is
// singular. statistics must be flushed and have at least one row.
LinearModel fit(const Discriminant& statistics, double shrinkage, core::Arena arena,
                core::Interrupt interrupt);

}  // namespace vecdot::math
