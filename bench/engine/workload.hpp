// What the engine's benchmarks share: files of vectors, the operators' distances, the thread's
// time.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include "engine/memory_store.hpp"

namespace vecdot::engine {

// The processor's time of this one thread, so that a shared machine counts less.
inline double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

inline double seconds_since(double start) {
    return now() - start;
}

// Every row is a dimension (int32) and its elements (float4 or int32).
template <typename T>
std::vector<T> read_vectors(const char* path, std::size_t& n, std::size_t& dimension) {
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr) {
        std::fprintf(stderr, "could not open \"%s\"\n", path);
        std::exit(1);
    }
    std::vector<T> values;
    std::int32_t d = 0;
    n = 0;
    while (std::fread(&d, sizeof d, 1, file) == 1) {
        dimension = static_cast<std::size_t>(d);
        values.resize(values.size() + dimension);
        if (std::fread(values.data() + n * dimension, sizeof(T), dimension, file) != dimension) {
            std::fprintf(stderr, "\"%s\" is cut short\n", path);
            std::exit(1);
        }
        ++n;
    }
    std::fclose(file);
    return values;
}

struct Workload {
    Metric metric;
    std::vector<float> rows;
    std::vector<float> queries;
    std::size_t n;
    std::size_t dimension;
    std::size_t query_count;

    const float* row(long i) const { return rows.data() + static_cast<std::size_t>(i) * dimension; }
    const float* query(std::size_t i) const { return queries.data() + i * dimension; }

    double value(const float* a, const float* b) const {
        const kernels::FloatKernels& f = kernels::active().floats;
        if (metric == Metric::l2) {
            return std::sqrt(f.l2_squared(a, b, dimension));
        }
        if (metric == Metric::inner_product) {
            return -f.dot(a, b, dimension);
        }
        const kernels::CosineSums s = f.cosine_sums(a, b, dimension);
        return 1 - std::clamp(s.ab / std::sqrt(s.aa * s.bb), -1.0, 1.0);
    }
};

inline Metric metric_of(const std::string& name) {
    return name == "l2" ? Metric::l2 : name == "cosine" ? Metric::cosine : Metric::inner_product;
}

// Memory for one search after another.
class Pool {
  public:
    core::Arena arena() { return core::Arena(allocate, this); }
    void reset() { used_ = 0; }

  private:
    static void* allocate(void* owner, std::size_t bytes) {
        auto* self = static_cast<Pool*>(owner);
        const std::size_t start = self->used_;
        self->used_ += (bytes + 63) / 64 * 64;
        return self->used_ <= size ? self->memory_.get() + start : nullptr;
    }

    struct Free {
        void operator()(std::byte* p) const { std::free(p); }
    };
    static constexpr std::size_t size = std::size_t{256} << 20;
    std::unique_ptr<std::byte, Free> memory_{static_cast<std::byte*>(std::aligned_alloc(64, size))};
    std::size_t used_ = 0;
};

}  // namespace vecdot::engine
