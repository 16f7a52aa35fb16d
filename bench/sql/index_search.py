"""The index beside pgvector's HNSW and hnswlib: build, size, queries a second at a measured recall."""

import os
import statistics

import datasets
import plot
import searchers
from recall import Answer, speed_at
from searchers import K, Hnswlib, SequentialScan, SqlSearcher

DATA = ["glove", "synthetic768", "fashion"]
TARGET = 0.99
QUERIES = int(os.environ.get("BENCH_QUERIES", "500"))  # for recall
TIMED = 200  # the first of them, for time
SCANS = 3  # sequential scans in a round
BUILDS = 3
LEAST = 0.25  # seconds that a turn lasts at least

# What is to be reached (how many times as fast; for the size: at most that share).
BARS = {
    "glove": {"pgvector": 20, "hnswlib": 3, "recall 1": 40, "recall 0.9999": 60, "build": 30},
    "synthetic768": {"pgvector": 8, "hnswlib": 2, "recall 1": 30, "recall 0.9999": 60, "build": 12, "size": 0.25},
    "fashion": {"pgvector": 8, "hnswlib": 1, "recall 1": 40, "recall 0.9999": 60},
}


class Point:
    """A searcher at a setting: its recall, and its times of each round."""

    def __init__(self, searcher, setting):
        self.searcher = searcher
        self.setting = setting
        self.recall = None
        self.seconds = []
        self.cpu = []
        self.passes = 1

    def first(self, answer):
        """The round that doesn't count: fills the caches and gives the recall."""
        self.searcher.set(self.setting)
        seconds, _, found = self.searcher.search(len(answer.queries))
        self.recall = answer.recall(found, K)
        self.passes = max(1, min(20, round(LEAST * len(found) / max(seconds, 1e-9) / TIMED)))

    def turn(self, count):
        self.searcher.set(self.setting)
        wall = cpu = 0
        for _ in range(self.passes):
            seconds, used, found = self.searcher.search(count)
            wall += seconds
            cpu += used
        self.seconds.append(wall / len(found) / self.passes)
        self.cpu.append(cpu / len(found) / self.passes)

    @property
    def speed(self):
        return 1 / statistics.median(self.seconds)

    @property
    def cpu_speed(self):
        """Queries in a second of processor time: of the server's process, without the client's."""
        used = statistics.median(self.cpu)
        return 1 / used if used else None

    def line(self):
        return {"who": self.searcher.name, "setting": self.setting, "recall": self.recall, "speed": self.speed,
                "cpu_speed": self.cpu_speed}


def curves(all_searchers, scan, data, rounds):
    """Points of every searcher at every setting, measured in interleaved rounds; the sequential
    scan's median seconds."""
    answer = Answer(data, K, min(QUERIES, len(data.queries)))
    points = []
    for searcher in all_searchers:
        for setting in searcher.settings:
            point = Point(searcher, setting)
            point.first(answer)
            points.append(point)
            if not searcher.name.startswith("vecdot") and point.recall >= 0.9995:
                break
    # Settings of one place have their turns one after the other, so that what the machine does meanwhile hits them alike.
    turns = sorted(points, key=lambda point: point.searcher.settings.index(point.setting))
    scans, scan_cpu = [], []
    for number in range(rounds):
        for point in turns if number % 2 else reversed(turns):
            point.turn(min(TIMED, len(answer.queries)))
        if scan:
            seconds, cpu, found = scan.search(SCANS)
            scans.append(seconds / len(found))
            scan_cpu.append(cpu / len(found))
    return points, (statistics.median(scans), statistics.median(scan_cpu)) if scans else None


def report_builds(builds):
    print(f"{'build and size':<26}{'s':>10}{'CPU s':>10}{'index MB':>10}{'table MB':>10}", flush=True)
    for name, built in builds.items():
        sizes = "".join(f"{built[key] / 1e6:>10.1f}" if key in built else f"{'':>10}" for key in ["bytes", "table_bytes"])
        print(f"{name:<26}{built['seconds']:>10.2f}{built['cpu']:>10.2f}{sizes}  {built['date']}", flush=True)


def report_points(points):
    print(f"\n{'':<12}{'setting':>9}{'recall@10':>11}{'queries/s':>11}{'per CPU s':>11}", flush=True)
    for point in points:
        print(f"{point.searcher.name:<15}{point.setting:>6}{point.recall:>11.4f}{point.speed:>11.1f}"
              f"{point.cpu_speed or float('nan'):>11.1f}", flush=True)


def compare(data, points, scan, builds):
    """Lines of the bars: what, reached, bar, the same by processor time."""
    lines = []
    bars = BARS.get(data.name.split("-")[0], {})

    def add(what, reached, bar, cpu=None, at_most=False):
        if reached is None:
            return
        met = None if bar is None else (reached <= bar if at_most else reached >= bar)
        verdict = "" if met is None else f"  bar {'<=' if at_most else '>='} {bar}: {'met' if met else 'MISSED'}"
        by_cpu = f" ({cpu:.3g} x by CPU time)" if cpu else ""
        print(f"  {what:<84}{reached:>8.3g} x{by_cpu}{verdict}", flush=True)
        lines.append({"data": data.name, "what": what, "reached": reached, "by_cpu": cpu, "bar": bar, "met": met})

    def at(name, kind):
        mine = [point for point in points if point.searcher.name == name]
        if kind == "cpu_speed" and any(point.cpu_speed is None for point in mine):
            return None
        return speed_at([(point.recall, getattr(point, kind)) for point in mine], TARGET)

    own, own_cpu = at("vecdot", "speed"), at("vecdot", "cpu_speed")
    if own:
        print(f"\nqueries/s at measured recall {TARGET}:\n  {'vecdot':<12}{own:>10.1f}", flush=True)
    for other in ["pgvector", "hnswlib"]:
        speed, cpu = at(other, "speed"), at(other, "cpu_speed")
        at_least = ""
        if own and not speed and any(point.searcher.name == other for point in points):
            # It doesn't get there: its fastest of the best that it reaches.
            last = max((point for point in points if point.searcher.name == other),
                       key=lambda point: (point.recall, point.speed))
            speed, cpu, at_least = last.speed, last.cpu_speed, f" (which ends at {last.recall:.4f}: at least)"
        if speed and own:
            print(f"  {other:<12}{speed:>10.1f}{at_least}", flush=True)
            add(f"queries/s at measured recall {TARGET}, vecdot / {other}{at_least}", own / speed, bars.get(other),
                own_cpu / cpu if own_cpu and cpu else None)
    in_row, in_row_cpu = (at("vecdot in row", kind) for kind in ["speed", "cpu_speed"])
    if in_row:
        print(f"  vecdot with the vectors in their rows{in_row:>10.1f}", flush=True)
        for other in ["pgvector", "hnswlib"]:
            speed, cpu = at(other, "speed"), at(other, "cpu_speed")
            if speed:
                add(f"the same with vecdot's vectors in their rows, vecdot / {other}", in_row / speed, None,
                    in_row_cpu / cpu if in_row_cpu and cpu else None)
    for point in points:
        if scan and point.searcher.name == "vecdot" and point.setting in (1, 0.9999):
            add(f"setting {point.setting} (measured {point.recall:.5f}) / pgvector's sequential scan",
                scan[0] * point.speed, bars.get(f"recall {point.setting}"), scan[1] * (point.cpu_speed or 0))
    if "pgvector" in builds:
        mine, theirs = builds["vecdot"], builds["pgvector"]
        add(f"build with {searchers.WORKERS} workers, pgvector's time / vecdot's",
            theirs["seconds"] / mine["seconds"], bars.get("build"), theirs["cpu"] / mine["cpu"])
        add("index size, vecdot's / pgvector's", mine["bytes"] / theirs["bytes"], bars.get("size"), at_most=True)
    return lines


def measure(contenders, data, rounds):
    print(f"\n=== {data.name} {len(data.base)} x {data.dimensions}, {data.metric}; load {os.getloadavg()[0]:.1f}",
          flush=True)
    by_name = {contender.name: contender for contender in contenders}
    builds, found = {}, []
    vecdot, pgvector = by_name["vecdot"], by_name.get("pgvector")
    builds["vecdot"] = searchers.prepare(vecdot, data)
    if pgvector:
        builds["pgvector"] = searchers.prepare(pgvector, data)
    again = [builds["vecdot"]] + [searchers.build(vecdot, data) for _ in range(BUILDS - 1)]
    builds["vecdot"] = dict(again[-1], **{key: statistics.median(built[key] for built in again)
                                          for key in ["seconds", "cpu"]})
    found.append(SqlSearcher(vecdot, data, "vecdot.recall", searchers.VECDOT))
    if searchers.prepare_in_row(vecdot, data):
        found.append(SqlSearcher(vecdot, data, "vecdot.recall", searchers.VECDOT, searchers.IN_ROW))
    sequential = None
    if pgvector:
        found.append(SqlSearcher(pgvector, data, "hnsw.ef_search", searchers.HNSW))
        sequential = SequentialScan(pgvector, data)
    module = searchers.hnswlib()
    if module:
        found.append(Hnswlib(data, module))
        builds["hnswlib in process"] = found[-1].built
    report_builds(builds)
    points, scan = curves(found, sequential, data, rounds) if rounds else ([], None)
    if points:
        report_points(points)
        alone, alone_cpu = searchers.seconds_without_search(vecdot, data, TIMED)
        print(f"a statement without a search{1 / alone:>15.1f}{1 / alone_cpu if alone_cpu else 0:>11.1f}", flush=True)
    if scan:
        print(f"pgvector's sequential scan{1 / scan[0]:>17.2f}{1 / scan[1] if scan[1] else 0:>11.2f}", flush=True)
    compared = compare(data, points, scan, builds)
    for searcher in found + ([sequential] if sequential else []):
        searcher.close()
    vecdot.run(f"DROP TABLE IF EXISTS {searchers.table(data)}, {searchers.table(data)}{searchers.IN_ROW}")
    return {"data": data.name, "rows": len(data.base), "dimensions": data.dimensions, "metric": data.metric,
            "builds": builds, "points": [point.line() for point in points], "scan_seconds": scan[0] if scan else None,
            "compared": compared, "load": os.getloadavg()}


def main(contenders, rounds, directory):
    print(f"\nThe index, ORDER BY v <op> $1 LIMIT {K}: one connection, prepared statements, recall of {QUERIES} "
          f"held-out queries, time of {TIMED} of them", flush=True)
    lines = [measure(contenders, data, rounds) for data in datasets.each(DATA)]
    if rounds and lines:
        plot.curves(lines, f"{directory}/index")
    missed = [line for one in lines for line in one["compared"] if line["met"] is False]
    print(f"\n{len(missed)} bars missed" + "".join(
        f"\n  {line['data']}: {line['what']}: {line['reached']:.3g}, bar {line['bar']}" for line in missed), flush=True)
    return lines
