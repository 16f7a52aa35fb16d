#include "math/elements.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace vecdot::math {

namespace {

// x may start at any address.
double element(const float* x, std::size_t i) {
    float value;
    std::memcpy(&value, reinterpret_cast<const char*>(x) + i * sizeof value, sizeof value);
    return static_cast<double>(value);
}

// Σ e^((xᵢ − top)/t): at least 1.
double sum_of_exponentials(const float* x, std::size_t n, double top, double temperature) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += std::exp((element(x, i) - top) / temperature);
    }
    return sum;
}

}  // namespace

void softmax(const float* x, double temperature, core::MutableVectorView out) {
    const double top = element(x, arg_max(x, out.size()));
    const double sum = sum_of_exponentials(x, out.size(), top, temperature);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<float>(std::exp((element(x, i) - top) / temperature) / sum);
    }
}

void log_softmax(const float* x, double temperature, core::MutableVectorView out) {
    constexpr double lowest = std::numeric_limits<float>::lowest();
    const double top = element(x, arg_max(x, out.size()));
    const double log_sum = std::log(sum_of_exponentials(x, out.size(), top, temperature));
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] =
            static_cast<float>(std::max(lowest, (element(x, i) - top) / temperature - log_sum));
    }
}

void sigmoid(const float* x, core::MutableVectorView out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double value = element(x, i);
        const double small = std::exp(-std::fabs(value));
        out[i] = static_cast<float>((value < 0 ? small : 1) / (1 + small));
    }
}

void relu(const float* x, core::MutableVectorView out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<float>(std::max(0.0, element(x, i)));
    }
}

std::size_t arg_max(const float* x, std::size_t n) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < n; ++i) {
        if (element(x, i) > element(x, best)) {
            best = i;
        }
    }
    return best;
}

std::size_t arg_min(const float* x, std::size_t n) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < n; ++i) {
        if (element(x, i) < element(x, best)) {
            best = i;
        }
    }
    return best;
}

double element_sum(const float* x, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += element(x, i);
    }
    return sum;
}

}  // namespace vecdot::math
