"""vecdot's index on pgvector's own columns, vector and halfvec, beside HNSW on columns like them and beside vecdot's
own types: queries a second at a measured recall."""

import os
import statistics

import datasets
import psycopg2
import searchers
from contenders import Contender
from index_search import DATA, QUERIES, TARGET, TIMED, curves, report_points
from recall import speed_at
from searchers import K, SqlSearcher

SETTINGS = {"vecdot": ("vecdot.recall", [0.9, 0.95, 0.98, 0.99, 0.995, 0.998]),
            "pgvector": ("hnsw.ef_search", [10, 20, 40, 80, 160, 240, 400, 800, 1000])}
HALF = "_half"
BAR = 0.9  # of the speed on vecdot's own type


def prepare(contender, data):
    """Tables of vector and of halfvec, each with its index; a searcher for each."""
    setting, settings = SETTINGS["pgvector" if contender.name == "pgvector" else "vecdot"]
    searchers.prepare(contender, data)
    name = searchers.table(data)
    contender.run(f"DROP TABLE IF EXISTS {name}{HALF}")
    contender.run(f"CREATE TABLE {name}{HALF} AS SELECT id, v::halfvec({data.dimensions}) AS v FROM {name}")
    contender.run(f"VACUUM (FREEZE, ANALYZE) {name}{HALF}")
    searchers.build(contender, data, HALF, "halfvec")
    return [SqlSearcher(contender, data, setting, settings),
            SqlSearcher(contender, data, setting, settings, HALF, ">f2")]


def report_fetched(contenders, data):
    """What it costs to promise no more than operators that sum in float4: rows read from the table for ten."""
    lines = []
    for recall in [0.99, 1]:
        for contender in contenders:
            if contender.name == "pgvector":
                continue
            for suffix in ["", HALF]:
                index = f"{searchers.table(data)}{suffix}_index"
                contender.run(f"SET vecdot.recall = {recall}")
                (fetched,), = contender.run("SELECT fetched_rows FROM vecdot_index_recall(%s, %s, 200)", [index, K])
                contender.run("RESET vecdot.recall")
                lines.append({"name": contender.name + suffix.replace("_", " "), "recall": recall, "fetched": fetched})
    print("rows fetched a query, for ten:", flush=True)
    for line in lines:
        print(f"  {line['name']:<16}at {line['recall']:<5}{line['fetched']:>10.2f}", flush=True)
    return lines


def setting_by_setting(points, name, other):
    """The two do one work where their settings are equal: the median, over the settings, of how fast name is beside other;
    by elapsed and by processor time."""
    def of(searcher):
        return {point.setting: point for point in points if point.searcher.name == searcher}
    mine, its = of(name), of(other)
    both = [(mine[setting], its[setting]) for setting in mine if setting in its]
    return (statistics.median(getattr(a, kind) / getattr(b, kind) for a, b in both) for kind in ["speed", "cpu_speed"])


def measure(contenders, data, rounds):
    print(f"\n=== {data.name} {len(data.base)} x {data.dimensions}, {data.metric}; load {os.getloadavg()[0]:.1f}", flush=True)
    found = [searcher for contender in contenders for searcher in prepare(contender, data)]
    points, _ = curves(found, None, data, rounds)
    report_points(points)
    speeds, by_cpu = ({searcher.name: speed_at([(point.recall, getattr(point, kind)) for point in points
                                                if point.searcher is searcher], TARGET)
                       for searcher in found} for kind in ["speed", "cpu_speed"])
    lines = []
    print(f"queries/s at measured recall {TARGET}:", flush=True)
    for name, speed in speeds.items():
        print(f"  {name:<16}" + (f"{speed:>10.1f}" if speed else "  never reached"), flush=True)
    for suffix in ["", " half"]:
        column = "halfvec" if suffix else "vector"
        for what, other, bar in [(f"pgvector's {column}: vecdot's index / HNSW", "pgvector", None),
                                 (f"vecdot's index: on pgvector's {column} / on vecdot's own", "vecdot", BAR)]:
            if other == "vecdot":
                reached, cpu = setting_by_setting(points, "companion" + suffix, other + suffix)
            else:
                reached, cpu = (kind["companion" + suffix] / kind[other + suffix]
                                if kind["companion" + suffix] and kind[other + suffix] else None for kind in [speeds, by_cpu])
            if not reached:
                continue
            verdict = "" if bar is None else f"  bar >= {bar}: {'met' if reached >= bar else 'MISSED'}"
            print(f"  {what:<60}{reached:>8.3g} x ({cpu:.3g} x by CPU time){verdict}", flush=True)
            lines.append({"data": data.name, "what": what, "reached": reached, "by_cpu": cpu, "bar": bar})
    fetched = report_fetched(contenders, data)
    for searcher in found:
        searcher.close()
    for contender in contenders:
        contender.run(f"DROP TABLE IF EXISTS {searchers.table(data)}{HALF}")
        if contender.name != "pgvector":
            contender.run(f"DROP TABLE IF EXISTS {searchers.table(data)}")
    return {"data": data.name, "rows": len(data.base), "dimensions": data.dimensions, "metric": data.metric,
            "points": [point.line() for point in points], "speeds": speeds, "compared": lines, "fetched": fetched, "load": os.getloadavg()}


def main(contenders, rounds, directory):
    by_name = {contender.name: contender for contender in contenders}
    if "pgvector" not in by_name:
        print("companion: left out: there is no pgvector here (PGVECTOR_DESTDIR)")
        return []
    dsn = psycopg2.extensions.make_dsn(by_name["vecdot"].dsn, dbname="postgres")
    companion = Contender("companion", dsn)
    print(f"\nvecdot's index on pgvector's columns, ORDER BY v <op> $1 LIMIT {K}: recall of {QUERIES} held-out queries, "
          f"time of {TIMED} of them", flush=True)
    return [measure([by_name["vecdot"], companion, by_name["pgvector"]], data, rounds) for data in datasets.each(DATA)]
