#!/usr/bin/env python3
"""Runs the SQL benchmarks on a server: run.py DSN OUTPUT_DIRECTORY [name ...].

Each benchmark is a module of this directory with main(contenders, rounds, directory) -> lines for
the JSON file; a new one is added to BENCHMARKS. A line with "broken" is a promise that was not kept:
the run ends with an error after all the others.
"""

import importlib
import json
import os
import pathlib
import platform
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import datasets  # noqa: E402
import plot  # noqa: E402
from contenders import connect  # noqa: E402

BENCHMARKS = {"io": "text_io", "scan": "exact_scan", "index": "index_search", "companion": "index_companion",
              "recall": "index_recall", "filters": "index_filters", "growth": "index_growth",
              "dml": "index_dml", "memory": "index_memory", "clients": "index_clients",
              "partitions": "index_partitions", "shards": "index_shards", "linalg": "linalg"}
ALONE = {"recall", "growth", "dml", "partitions", "shards", "linalg"}  # vecdot has no other beside it


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    dsn, output = sys.argv[1:3]
    names = sys.argv[3:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark is called {' or '.join(unknown)}; there are: kernels {' '.join(BENCHMARKS)}")
    rounds = int(os.environ.get("BENCH_ROUNDS", "7"))
    contenders = connect(dsn, ["vecdot"] if set(names) <= ALONE else ["vecdot", "pgvector"])
    server = contenders[0].run("SELECT version()")[0][0].split(" on ")[0]
    versions = ", ".join(f"{contender.name} {contender.version()}" for contender in contenders)
    print(f"{server}; {versions}; {processor()}, {os.cpu_count()} CPUs; {rounds} interleaved rounds")
    if len(contenders) == 1 and not set(names) <= ALONE:
        print("(the server has no extension \"vector\": nothing to compare with)")
    broken = []
    for name in names:
        try:
            lines = importlib.import_module(BENCHMARKS[name]).main(contenders, rounds, output)
        except datasets.Missing as missing:
            print(f"{name}: left out: {missing}", flush=True)
            continue
        with open(f"{output}/{name}.json", "w") as file:
            json.dump({"server": server, "versions": versions, "cpu": processor(), "rounds": rounds,
                       "lines": lines}, file, indent=1)
        broken += [name for line in lines if "broken" in line]
        plot.ratios(lines, f"{name}: {versions}, {processor()}", f"{output}/{name}")
    if broken:
        sys.exit(f"{len(broken)} promises broken: see {', '.join(sorted(set(broken)))} above")


if __name__ == "__main__":
    main()
