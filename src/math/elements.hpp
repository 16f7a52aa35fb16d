// Functions of one vector, element by element or over its elements.
#pragma once

#include <cstddef>

#include "core/span.hpp"

namespace vecdot::math {

// Every function here reads n >= 1 finite elements at any address and computes in float8; out has
// as many elements as x.

// e^(xᵢ/t) / Σⱼ e^(xⱼ/t), with the maximum subtracted first, so that nothing overflows. t > 0 and
// finite; t towards 0 makes it the arg max, large t uniform.
void softmax(const float* x, double temperature, core::MutableVectorView out);

// xᵢ/t − ln Σⱼ e^(xⱼ/t); what is below float4's range becomes its lowest value.
void log_softmax(const float* x, double temperature, core::MutableVectorView out);

// 1 / (1 + e^(−xᵢ)), without overflow on either side.
void sigmoid(const float* x, core::MutableVectorView out);

// max(0, xᵢ)
void relu(const float* x, core::MutableVectorView out);

// Where the largest or smallest element is, from 0; the first of several.
std::size_t arg_max(const float* x, std::size_t n);
std::size_t arg_min(const float* x, std::size_t n);

// Σ xᵢ
double element_sum(const float* x, std::size_t n);

}  // namespace vecdot::math
