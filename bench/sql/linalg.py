"""The aggregates and functions of linear algebra against what bounds them, in processor time and in
elapsed time: pca beside numpy on one core, attention beside the sum of the products that it needs,
linear beside ten dot products."""

import os
import statistics
import subprocess
import sys
import time

import numpy

import datasets
from contenders import literal

COMPONENTS = 50
CLASSES = 10

# A process of its own, since BLAS reads its number of threads when it is loaded.
NUMPY = """
import ctypes, sys, time, numpy
x = numpy.load(sys.argv[1]).astype(numpy.float64)
def covariance_and_eigh():
    mean = x.mean(0)
    # Without a centred copy of x, which would cost as much again; whole numbers lose nothing by it.
    values, vectors = numpy.linalg.eigh((x.T @ x - len(x) * numpy.outer(mean, mean)) / (len(x) - 1))
    return values[::-1][:int(sys.argv[2])], vectors[:, ::-1][:, :int(sys.argv[2])]
libraries = [line.split()[-1] for line in open("/proc/self/maps") if "libopenblas" in line]
name = "a BLAS that is not OpenBLAS"
if libraries:
    library = ctypes.CDLL(libraries[0])
    library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
    name = f"{' '.join(library.openblas_get_config().decode().split()[:2])} {library.openblas_get_corename().decode()}"
print(name, flush=True)
for line in sys.stdin:
    start, processor = time.perf_counter(), time.process_time()
    values, vectors = covariance_and_eigh()
    print(time.perf_counter() - start, time.process_time() - processor, *values[:10].tolist(), flush=True)
"""


class Numpy:
    def __init__(self, path):
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        # An OpenBLAS that is older than the processor takes it for one without AVX.
        flags = set(next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split())
        if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags:
            environment.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
        elif {"avx2", "fma"} <= flags:
            environment.setdefault("OPENBLAS_CORETYPE", "Haswell")
        self.process = subprocess.Popen([sys.executable, "-c", NUMPY, path, str(COMPONENTS)], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.library = self.process.stdout.readline().strip()
        self.values = None

    def __call__(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        elapsed, processor, *self.values = map(float, self.process.stdout.readline().split())
        return elapsed, processor

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Query:
    """(elapsed, processor) seconds of a query; the processor time is that of the backend, without workers."""

    def __init__(self, contender, sql, workers=0):
        self.contender, self.sql, self.workers = contender, sql, workers
        self.backend = contender.run("SELECT pg_backend_pid()")[0][0]
        self.rows = None

    def processor(self):
        with open(f"/proc/{self.backend}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def __call__(self):
        self.contender.run(f"SET max_parallel_workers_per_gather = {self.workers}")
        before, start = self.processor(), time.perf_counter()
        self.rows = self.contender.run(self.sql)
        return time.perf_counter() - start, self.processor() - before


class Table:
    def __init__(self, rounds):
        self.rounds, self.lines = rounds, []
        print(f"\n{'Linear algebra (median ms)':<58}{'elapsed':>10}{'processor':>10}{'ratio':>8}{'processor':>10}", flush=True)

    def compare(self, what, reference, sides):
        """sides: {name: measure}; each beside reference, (name, measure)."""
        sides = dict([reference, *sides.items()])
        times = {name: [] for name in sides}
        for number in range(self.rounds + 1):
            order = list(sides.items())
            for name, measure in order if number % 2 else reversed(order):
                seconds = measure()
                if number:
                    times[name].append(seconds)
        medians = {name: [statistics.median(part) for part in zip(*seconds)] for name, seconds in times.items()}
        print(what, flush=True)
        base = medians[reference[0]]
        for name, (elapsed, processor) in medians.items():
            parallel = getattr(sides[name], "workers", 0) > 0
            cells = f"  {name:<56}{elapsed * 1e3:>10.0f}" + ("" if parallel else f"{processor * 1e3:>10.0f}")
            if name != reference[0]:
                cells = f"{cells:<78}{elapsed / base[0]:>7.2f}x" + ("" if parallel else f"{processor / base[1]:>9.2f}x")
                self.lines.append({"what": f"{what}: {name}", "elapsed": elapsed, "processor": None if parallel else processor,
                                   "reference": {"name": reference[0], "elapsed": base[0], "processor": base[1]}})
            print(cells, flush=True)


def close(a, b, tolerance):
    assert abs(a / b - 1) < tolerance, (a, b)


def main(contenders, rounds, directory):
    vecdot = contenders[0]
    data = datasets.load("fashion")
    rows, d = data.base.shape
    # In the row: what is out of line costs more to fetch than all of this.
    vecdot.load("items", data.base, (), "WITH (toast_tuple_target = 8160)")
    vecdot.run("SET jit = off")
    vecdot.run("SELECT count(v) FROM items")
    table = Table(rounds)

    path = f"{directory}/linalg-rows.npy"
    numpy.save(path, data.base)
    reference = Numpy(path)
    sql = f"SELECT (m).explained_variance FROM (SELECT pca(v, {COMPONENTS}) AS m FROM items) t"
    pca = Query(vecdot, sql)
    table.compare(f"{rows} x {d}: covariance and {COMPONENTS} eigenvectors",
                  (f"numpy, one core ({reference.library})", reference),
                  {f"pca(v, {COMPONENTS})": pca, f"pca(v, {COMPONENTS}), two workers": Query(vecdot, sql, 2)})
    for ours, theirs in zip(pca.rows[0][0], reference.values):
        close(ours, theirs, 1e-9)
    reference.end()
    os.unlink(path)

    query = literal(data.queries[0])
    vecdot.run(f"ALTER TABLE items ADD COLUMN small vector({CLASSES}) DEFAULT '[{','.join('1' * CLASSES)}]'")
    scale = 1 / (d * 255)
    table.compare(f"{rows} x {d}: one query", ("sum(query @ key)", Query(vecdot, f"SELECT sum('{query}'::vector @ v) FROM items")),
                  {f"attention, values of {CLASSES} dimensions": Query(vecdot, f"SELECT attention('{query}', v, small, {scale}) FROM items"),
                   f"attention, values of {d} dimensions (the keys)": Query(vecdot, f"SELECT attention('{query}', v, v, {scale}) FROM items")})

    weights = [literal(data.queries[i] / 255) for i in range(CLASSES)]
    products = ", ".join(f"v @ '{w}'" for w in weights)
    matrix = "ARRAY[" + ", ".join(f"'{w}'" for w in weights) + "]::vector[]"
    bias = "[" + ",".join("0" * CLASSES) + "]"
    ten = Query(vecdot, f"SELECT sum(greatest({products})) FROM items")
    linear = Query(vecdot, f"SELECT sum(element_max(linear(v, {matrix}, '{bias}'))::float8) FROM items")
    vecdot.run("DROP TABLE IF EXISTS layer")
    vecdot.run(f"CREATE TABLE layer AS SELECT {matrix} AS weights, '{bias}'::vector AS bias")
    stored = Query(vecdot, "SELECT sum(element_max(linear(v, weights, bias))::float8) FROM items, layer")
    table.compare(f"{rows} x {d}: a linear layer of {CLASSES} x {d}", (f"{CLASSES} dot products", ten),
                  {"linear, weights in the query": linear, "linear, weights from a table": stored})
    close(linear.rows[0][0], ten.rows[0][0], 1e-6)
    close(stored.rows[0][0], ten.rows[0][0], 1e-6)
    vecdot.run("DROP TABLE items, layer")
    return table.lines
