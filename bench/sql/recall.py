"""How much of the true answer a search found, and curves of recall against queries a second."""

import math

import numpy

import datasets


class Answer:
    """The exact answer of a data set's first queries, to hold others against."""

    def __init__(self, data, k, queries):
        self.data = data
        self.queries = data.queries[:queries]
        _, self.distances = data.truth(k, queries)

    def misses(self, found, k):
        """(rows missing from the k nearest over all queries, queries whose answer is not the exact
        one). `found` has the ids for each query. A row as near as the k-th nearest counts whoever it
        is: with ties there is more than one right answer."""
        missing = wrong = 0
        for ids, query, truth in zip(found, self.queries, self.distances):
            assert len(ids) == min(k, len(self.data.base)), f"{len(ids)} rows for LIMIT {k}"
            assert len(set(ids)) == len(ids), "the same row twice"
            distances = datasets.distances(self.data.base[ids], query, self.data.metric)
            # The operators sum in float64 too, in another order.
            slack = 1e-9 * max(1.0, abs(truth[k - 1])) if math.isfinite(truth[k - 1]) else 0
            missing += int((distances > truth[k - 1] + slack).sum())
            with numpy.errstate(invalid="ignore"):
                exact = (numpy.abs(distances - truth[:k]) <= slack) | (distances == truth[:k])
            wrong += not exact.all()
        return missing, wrong

    def recall(self, found, k):
        asked = len(found) * k
        return (asked - self.misses(found, k)[0]) / asked


def speed_at(points, recall):
    """Queries a second at a measured recall: the best of the points (recall, queries/s) that reach
    it, or between the two neighbours of a curve that surrounds it, a straight line of log(queries/s)
    over log(1 - recall). None if nothing reaches it."""
    reaching = [speed for reached, speed in points if reached >= recall]
    if not reaching:
        return None
    best = max(reaching)

    def nines(x):
        return -math.log10(max(1 - x, 1e-5))

    # Only points that no other beats in both.
    frontier = sorted(p for p in points if not any(q[0] >= p[0] and q[1] > p[1] for q in points))
    for (r0, s0), (r1, s1) in zip(frontier, frontier[1:]):
        if r0 < recall <= r1:
            share = (nines(recall) - nines(r0)) / (nines(r1) - nines(r0))
            best = max(best, math.exp(math.log(s0) + share * (math.log(s1) - math.log(s0))))
    return best


def by_chance(misses, expected):
    """The probability of at least that many misses where so many are expected (Poisson)."""
    below = sum(math.exp(-expected + i * math.log(expected) - math.lgamma(i + 1)) for i in range(misses))
    return max(0.0, 1 - below)
