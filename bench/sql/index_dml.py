"""What the index costs those who write, and whether it stays as good when it is written to."""

import dataclasses
import statistics
import time

import datasets
import searchers
from index_search import QUERIES, TIMED, Point
from recall import Answer

SETTINGS = [0.9, 0.95, 0.99]
COPIED = 20_000  # rows that are copied into the finished index
UPDATED = 2_000  # in a round
INSERT_BAR, UPDATE_BAR = 5000, 5
BARS = {"filled by COPY": 1.5, "filled one by one": 1.3, "all rows replaced": 1.2}  # time of a search, of the built index's
P999_BAR, LONGEST_BAR = 10, 50  # ms, of an INSERT


def verdict(met):
    return "met" if met else "MISSED"


def inserts(vecdot, data, rounds):
    """Rows a second that COPY inserts into a table with an index of nearly all the rows."""
    first = max(len(data.base) - COPIED, len(data.base) // 2)
    table = searchers.table(data)
    vecdot.load(table, data.base[:first])
    searchers.build(vecdot, data)
    part = (len(data.base) - first) // rounds
    rates, cpus = [], []
    for number in range(rounds):
        start = first + number * part
        before, cpu = time.perf_counter(), vecdot.cpu()
        vecdot.copy(table, data.base[start : start + part], start)
        rates.append(part / (time.perf_counter() - before))
        cpus.append(part / max(vecdot.cpu() - cpu, 1e-9))
    rate, by_cpu = statistics.median(rates), statistics.median(cpus)
    print(f"COPY into an index of {first} rows: {rate:.0f} rows/s ({by_cpu:.0f} per CPU s), bar >= {INSERT_BAR}: "
          f"{verdict(rate >= INSERT_BAR)}", flush=True)
    vecdot.run(f"DROP TABLE {table}")
    return {"what": "COPY into an index, rows/s", "reached": rate, "by_cpu": by_cpu, "bar": INSERT_BAR}


# Each row a transaction; its time measured inside the server, with the commit of the one before.
FILL = """CREATE OR REPLACE PROCEDURE fill_one_by_one(source text, target text) LANGUAGE plpgsql AS $$
DECLARE
    r record;
    before timestamptz;
BEGIN
    FOR r IN EXECUTE format('SELECT id, v FROM %I ORDER BY id', source) LOOP
        before := clock_timestamp();
        EXECUTE format('INSERT INTO %I VALUES ($1, $2)', target) USING r.id, r.v;
        COMMIT;
        INSERT INTO latencies VALUES (r.id, 1000 * extract(epoch FROM clock_timestamp() - before));
    END LOOP;
END $$"""


def fill_one_by_one(vecdot, table, rows):
    """Fills an empty table, which has an index, by single INSERTs, and says how long they take."""
    vecdot.load("latency_source", rows)
    vecdot.run("DROP TABLE IF EXISTS latencies")
    vecdot.run("CREATE UNLOGGED TABLE latencies (n integer, ms float4)")
    vecdot.run(FILL)
    vecdot.run("SET synchronous_commit = off")
    cpu = vecdot.cpu()
    seconds, _ = vecdot.timed(f"CALL fill_one_by_one('latency_source', '{table}')")
    cpu = vecdot.cpu() - cpu
    vecdot.run("RESET synchronous_commit")
    mean, p99, p999, longest, long = vecdot.run(
        "SELECT avg(ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), percentile_cont(0.999) WITHIN GROUP (ORDER BY ms), "
        f"max(ms), count(*) FILTER (WHERE ms > {LONGEST_BAR}) FROM latencies")[0]
    met = p999 <= P999_BAR and longest <= LONGEST_BAR
    print(f"INSERT, {len(rows)} rows one by one into an empty index, ms: mean {mean:.3f}, p99 {p99:.2f}, p99.9 {p999:.2f}, "
          f"longest {longest:.1f}, {long} above {LONGEST_BAR}; {seconds:.0f} s, {cpu:.0f} s CPU; "
          f"bar p99.9 <= {P999_BAR}, longest <= {LONGEST_BAR}: {verdict(met)}", flush=True)
    vecdot.run("DROP TABLE latencies, latency_source")
    return {"what": "INSERT one by one, ms", "rows": len(rows), "mean": mean, "p99": p99, "p999": p999, "longest": longest,
            "above_bar": long, "seconds": seconds, "cpu": cpu, "bar": LONGEST_BAR}


def updates(vecdot, data, rounds):
    """A non-HOT UPDATE that leaves the vector alone, with our index and with a btree on the vector."""
    tables = {"vecdot": "USING vecdot (v)", "btree": "USING btree (v)", "no index": None}
    for table, index in tables.items():
        name = table.replace(" ", "_")
        vecdot.load(name, data.base)
        vecdot.run(f"CREATE INDEX ON {name} (id)")
        if index:
            vecdot.run(f"CREATE INDEX ON {name} {index}")
    took = {table: [] for table in tables}
    cpu = {table: [] for table in tables}
    count = min(UPDATED, len(data.base) // (rounds + 1))
    for number in range(rounds + 1):
        for table in tables if number % 2 else reversed(tables):
            before = vecdot.cpu()
            # The column id is indexed and changes: never a HOT update.
            seconds, _ = vecdot.timed(
                f"UPDATE {table.replace(' ', '_')} SET id = id + 10000000 WHERE id >= %s AND id < %s",
                [number * count, (number + 1) * count])
            if number:
                took[table].append(seconds)
                cpu[table].append(vecdot.cpu() - before)
    seconds = {table: statistics.median(values) for table, values in took.items()}
    used = {table: sum(values) for table, values in cpu.items()}
    for table in tables:
        print(f"UPDATE of another column, {table} on the vector: {1e6 * seconds[table] / count:>8.1f} µs a row "
              f"({1e6 * used[table] / count / rounds:.1f} µs CPU)", flush=True)
        vecdot.run(f"DROP TABLE {table.replace(' ', '_')}")
    ratio = seconds["vecdot"] / seconds["btree"]
    print(f"  vecdot / btree: {ratio:.2f} x ({used['vecdot'] / max(used['btree'], 1e-9):.2f} x by CPU time), "
          f"bar <= {UPDATE_BAR}: {verdict(ratio <= UPDATE_BAR)}", flush=True)
    return {"what": "UPDATE, vecdot / btree", "reached": ratio, "bar": UPDATE_BAR,
            "microseconds": {table: 1e6 * value / count for table, value in seconds.items()}}


class Modulo(searchers.SqlSearcher):
    """Ids that updates have raised by multiples of 10,000,000 are what they were."""

    def search(self, count):
        seconds, cpu, found = super().search(count)
        return seconds, cpu, [[number % 10_000_000 for number in ids] for ids in found]


def grown(vecdot, data, rounds):
    """An index built at once, some filled from empty, and one whose rows were all replaced."""
    tables = {"built": dataclasses.replace(data, name=f"{data.name}-built"),
              "filled by COPY": dataclasses.replace(data, name=f"{data.name}-filled"),
              "filled one by one": dataclasses.replace(data, name=f"{data.name}-one-by-one"),
              "all rows replaced": dataclasses.replace(data, name=f"{data.name}-replaced")}
    sizes = {}
    answer = Answer(data, searchers.K, min(QUERIES, len(data.queries)))
    points, lines = [], []
    for what, named in tables.items():
        table = searchers.table(named)
        vecdot.load(table, data.base[:0] if what.startswith("filled") else data.base)
        searchers.build(vecdot, named)
        if what == "filled by COPY":
            vecdot.copy(table, data.base)
            vecdot.run(f"VACUUM ANALYZE {table}")
        if what == "filled one by one":
            lines.append(fill_one_by_one(vecdot, table, data.base))
        if what == "all rows replaced":
            vecdot.run(f"UPDATE {table} SET id = id + 10000000")
            vecdot.run(f"VACUUM ANALYZE {table}")
        sizes[what] = vecdot.run(f"SELECT pg_table_size('{table}_index')")[0][0]
        searcher = Modulo(vecdot, named, "vecdot.recall", SETTINGS)
        for setting in SETTINGS:
            point = Point(searcher, setting)
            point.what = what
            point.first(answer)
            points.append(point)
    for number in range(rounds):
        for point in points if number % 2 else reversed(points):
            point.turn(min(TIMED, len(answer.queries)))
    fresh = {point.setting: point for point in points if point.what == "built"}
    print(f"{'index':<20}{'setting':>8}{'recall@10':>11}{'ms':>9}{'CPU ms':>9}{'MB':>8}{'time/built':>11}", flush=True)
    for point in points:
        base = fresh[point.setting]
        ratio, by_cpu = base.speed / point.speed, (base.cpu_speed or 0) / (point.cpu_speed or float("nan"))
        size = sizes[point.what] / sizes["built"]
        line = {"what": f"index {point.what}", "setting": point.setting, "recall": point.recall,
                "ms": 1000 / point.speed, "ratio_to_built": ratio, "by_cpu": by_cpu, "bytes": sizes[point.what]}
        note = ""
        if point.what != "built":
            bar = BARS[point.what]
            note = f" ({by_cpu:.2f} x by CPU time) bar <= {bar}: {verdict(ratio <= bar)}"
            if point.what == "all rows replaced":
                note += f"; size {size:.2f} x: {verdict(size <= bar)}"
        if point.recall < point.setting:
            line["broken"] = "less recall than asked for"
            note += " BROKEN " + line["broken"]
        print(f"{point.what:<20}{point.setting:>8}{point.recall:>11.4f}{line['ms']:>9.3f}"
              f"{1000 / (point.cpu_speed or float('nan')):>9.3f}{line['bytes'] / 1e6:>8.1f}{ratio:>11.2f}x{note}",
              flush=True)
        lines.append(line)
    for named in tables.values():
        vecdot.run(f"DROP TABLE {searchers.table(named)}")
    return lines


def main(contenders, rounds, _directory):
    vecdot = contenders[0]
    data = datasets.load("glove")
    print(f"\nWriting: {data.name} {len(data.base)} x {data.dimensions}, {data.metric}", flush=True)
    lines = [inserts(vecdot, data, rounds), updates(vecdot, data, rounds)]
    return lines + grown(vecdot, data, rounds)
