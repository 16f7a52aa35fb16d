// The float kernels per instruction set beside plain loops, faiss and a pure streaming load.
//
// A benchmark's name is kernel/place/implementation/dimensions. One call of a kernel takes a query
// and a row. From cache: the rows fit the first-level cache with the query. From memory: the rows
// are `memory_bytes` long, one after another, and every iteration goes through all of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#if __has_include(<faiss/utils/distances.h>)
#include <faiss/utils/distances.h>
#define VECDOT_BENCH_FAISS 1
#endif

#include "core/random.hpp"
#include "kernels/kernels.hpp"
#include "kernels/plain_loops.hpp"

namespace vecdot::kernels {
#if defined(__x86_64__)
extern const Kernels avx512_kernels;
#endif
}  // namespace vecdot::kernels

namespace {

using vecdot::kernels::FloatKernels;
using vecdot::kernels::InstructionSet;

constexpr std::size_t dimensions[] = {3, 100, 128, 384, 768, 1536, 4096};
constexpr std::size_t cache_bytes = std::size_t{24} << 10;
constexpr std::size_t memory_bytes = std::size_t{160} << 20;
// A datum's elements follow 8 bytes of header at an address that is a multiple of 8.
constexpr std::size_t datum_offset = 2;

const float* memory_block() {
    static const std::unique_ptr<float[], decltype(&std::free)> block = [] {
        const std::size_t count = memory_bytes / sizeof(float);
        auto* values = static_cast<float*>(std::aligned_alloc(4096, memory_bytes));
        vecdot::core::Random random(1);
        for (std::size_t i = 0; i < 4096; ++i) {
            values[i] = static_cast<float>(random.normal());
        }
        for (std::size_t i = 4096; i < count; ++i) {
            values[i] = values[i - 4096];
        }
        return std::unique_ptr<float[], decltype(&std::free)>(values, &std::free);
    }();
    return block.get();
}

// One iteration is a pass over count rows of n floats.
template <class Function>
void run(benchmark::State& state, Function function, const float* rows, std::size_t count,
         std::size_t n) {
    const std::vector<float> storage(memory_block() + 7, memory_block() + 7 + n + datum_offset);
    const float* query = storage.data() + datum_offset;
    for (auto _ : state) {
        const float* row = rows;
        for (std::size_t i = 0; i < count; ++i, row += n) {
            auto result = function(query, row, n);
            benchmark::DoNotOptimize(result);
        }
    }
    const auto calls = static_cast<double>(state.iterations()) * static_cast<double>(count);
    state.counters["ns"] =
        benchmark::Counter(calls * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Function>
void add(const std::string& kernel, const std::string& implementation, Function function) {
    for (const std::size_t n : dimensions) {
        const std::size_t row_bytes = n * sizeof(float);
        const std::size_t cached = std::clamp<std::size_t>(cache_bytes / row_bytes, 1, 64);
        const auto name = [&](const char* place) {
            return kernel + "/" + place + "/" + implementation + "/" + std::to_string(n);
        };
        benchmark::RegisterBenchmark(name("cache").c_str(), [=](benchmark::State& state) {
            run(state, function, memory_block() + datum_offset, cached, n);
        });
        benchmark::RegisterBenchmark(name("memory").c_str(), [=](benchmark::State& state) {
            run(state, function, memory_block() + datum_offset, memory_bytes / row_bytes - 1, n);
        })->Unit(benchmark::kMillisecond);
    }
}

void add_float_kernels(const std::string& name, const FloatKernels& kernels) {
    add("dot", name, kernels.dot);
    add("l2", name, kernels.l2_squared);
    add("l1", name, kernels.l1);
    add("cosine", name, kernels.cosine_sums);
    add("norm", name, [norm = kernels.norm_squared](const float*, const float* row, std::size_t n) {
        return norm(row, n);
    });
}

void add_comparisons() {
    using namespace vecdot::bench;
    add("dot", "plain", plain_dot);
    add("dot", "plain-float8", plain_wide_dot);
    add("l2", "plain", plain_l2_squared);
    add("l1", "plain", plain_l1);
    add("cosine", "plain", plain_cosine_sums);
    add("norm", "plain",
        [](const float*, const float* row, std::size_t n) { return plain_norm_squared(row, n); });
#if VECDOT_BENCH_FAISS
    add("dot", "faiss", [](const float* a, const float* b, std::size_t n) {
        return faiss::fvec_inner_product(a, b, n);
    });
    add("l2", "faiss",
        [](const float* a, const float* b, std::size_t n) { return faiss::fvec_L2sqr(a, b, n); });
#endif
    // The whole block in one call: as many bytes as the kernels' rows.
    benchmark::RegisterBenchmark("stream/memory/load/1", [](benchmark::State& state) {
        const std::size_t count = memory_bytes / sizeof(float);
        for (auto _ : state) {
            benchmark::DoNotOptimize(stream(memory_block(), count));
        }
        const auto floats = static_cast<double>(state.iterations()) * static_cast<double>(count);
        state.counters["ns"] = benchmark::Counter(
            floats * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    })->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    for (int i = 0; i < vecdot::kernels::instruction_set_count; ++i) {
        const auto set = static_cast<InstructionSet>(i);
        if (vecdot::kernels::is_supported(set)) {
            const vecdot::kernels::Kernels& kernels = *vecdot::kernels::table(set);
            add_float_kernels(kernels.name, kernels.floats);
        }
    }
#if defined(__x86_64__)
    // Where the table of AVX-512 holds narrower kernels: what was left out.
    if (vecdot::kernels::is_supported(InstructionSet::avx512)) {
        const FloatKernels& wide = vecdot::kernels::avx512_kernels.floats;
        if (wide.dot != vecdot::kernels::table(InstructionSet::avx512)->floats.dot) {
            add_float_kernels("512-bit", wide);
        }
    }
#endif
    add_comparisons();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
