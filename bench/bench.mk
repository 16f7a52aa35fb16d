# The kernels' benchmark program; bench/README.md says what its figures mean.
BENCH = $(FREE)/bench
BENCH_OUT = $(BUILD)/bench
bench_objects = $(patsubst bench/%.cpp,$(BENCH)/%.o,$(wildcard bench/kernels/*.cpp))
bench_faiss = $(if $(wildcard /usr/include/faiss/utils/distances.h),-lfaiss -lblas -fopenmp)
KERNEL_BENCH_FLAGS ?= --benchmark_min_time=0.01 --benchmark_repetitions=7 \
	--benchmark_enable_random_interleaving=true

$(BENCH)/kernels/plain_loops.o: bench_flags = -Ofast -march=native -ffp-contract=fast
$(BENCH)/%.o: bench/%.cpp Makefile bench/bench.mk
	@mkdir -p $(@D)
	$(CXX) $(VECDOT_CXXFLAGS) $(bench_flags) -Isrc -Ibench -MMD -MP -c -o $@ $<

$(BENCH)/kernel_bench: $(bench_objects) $(ARCHIVE)
	$(CXX) $(VECDOT_CXXFLAGS) -o $@ $^ -lbenchmark $(bench_faiss) -lpthread

bench-kernels: $(BENCH)/kernel_bench
	@mkdir -p $(BENCH_OUT)
	$(BENCH)/kernel_bench $(KERNEL_BENCH_FLAGS) --benchmark_out=$(BENCH_OUT)/kernels.json >$(BENCH_OUT)/kernels.log
	python3 bench/kernels/summary.py $(BENCH_OUT)/kernels.json

# The index engine in process. Usage: build/free/bench/engine_bench METRIC ROWS QUERIES TRUTH.
$(BENCH)/engine/engine_bench.o: bench_flags = -Itest/unit
$(BENCH)/engine_bench: $(BENCH)/engine/engine_bench.o $(ARCHIVE)
	$(CXX) $(VECDOT_CXXFLAGS) -o $@ $^

$(BENCH)/engine/depth_bench.o: bench_flags = -Itest/unit
$(BENCH)/depth_bench: $(BENCH)/engine/depth_bench.o $(ARCHIVE)
	$(CXX) $(VECDOT_CXXFLAGS) -o $@ $^

bench-engine: $(BENCH)/engine_bench $(BENCH)/depth_bench
.PHONY: bench-engine
