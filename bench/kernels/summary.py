#!/usr/bin/env python3
"""Prints the medians of kernel_bench's JSON as tables, and their ratios to what they are measured by.

usage: summary.py kernels.json
"""
import collections
import json
import statistics
import sys

ORDER = ["baseline", "avx2", "avx512", "512-bit", "plain", "plain-float8", "faiss"]
OURS = ORDER[:4]
SHORT = {"plain-float8": "plain-f8"}


def medians(path):
    """{(kernel, place, implementation, dimensions): median ns of a call}, and the context."""
    with open(path) as file:
        report = json.load(file)
    runs = collections.defaultdict(list)
    for run in report["benchmarks"]:
        if run["run_type"] == "iteration":
            kernel, place, implementation, dimensions = run["run_name"].split("/")[:4]
            # An inverted rate per 1e9: nanoseconds a call.
            runs[kernel, place, implementation, int(dimensions)].append(run["ns"])
    return {key: statistics.median(values) for key, values in runs.items()}, report["context"]


def table(title, groups, rows):
    """groups: (heading, columns); rows: (name, cells)."""
    width = 10
    print(f"\n{title}")
    if any(heading for heading, _ in groups):
        print(" " * 5 + "".join(f"{heading:>{width}}" + " " * width * (len(columns) - 1)
                                for heading, columns in groups))
    print(f"{'dims':>5}" + "".join(f"{column:>{width}}" for _, columns in groups for column in columns))
    for name, cells in rows:
        print(f"{name:>5}" + "".join(f"{cell:>{width}}" for cell in cells))


def main():
    times, context = medians(sys.argv[1])
    dimensions = sorted({key[3] for key in times if key[0] != "stream"})
    stream = times.get(("stream", "memory", "load", 1))
    print(f"{context['num_cpus']} CPUs at {context['mhz_per_cpu']} MHz, {context['date']}")
    if stream:
        print(f"pure streaming load from memory: {4 / stream:.1f} GB/s")

    for kernel in ["dot", "l2", "cosine", "l1", "norm"]:
        for place in ["cache", "memory"]:
            here = {key[2:]: time for key, time in times.items() if key[:2] == (kernel, place)}
            names = [name for name in ORDER if any((name, n) in here for n in dimensions)]
            if not names:
                continue
            table(f"{kernel}, from {place}: median ns a call", [("", [SHORT.get(name, name)]) for name in names],
                  [(n, [f"{here[name, n]:.1f}" if (name, n) in here else "" for name in names])
                   for n in dimensions])

            others = [name for name in names if name not in OURS]
            load = place == "memory" and stream
            groups = [(name, ["/" + SHORT.get(other, other) for other in others] + (["/load"] if load else []))
                      for name in names if name in OURS]
            rows = []
            for n in dimensions:
                cells = []
                for name, _ in groups:
                    mine = here.get((name, n))
                    cells += [f"{here[other, n] / mine:.2f}" if mine and (other, n) in here else ""
                              for other in others]
                    cells += [f"{100 * stream * n / mine:.0f} %" if mine else ""] if load else []
                rows.append((n, cells))
            if others or load:
                table(f"{kernel}, from {place}: times as fast as" + (", share of the streaming load" if load else ""),
                      groups, rows)


if __name__ == "__main__":
    main()
