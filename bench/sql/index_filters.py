"""WHERE: recall and time of a search with a filter, for filters independent of, with and against the query.

Each row has a topic (the nearest of 100 rows drawn at random) and a random number r. A filter of a share of the rows
is r < share (independent), or the topics nearest to the query (with), or farthest from it (against), until they have
that share, and below one topic a part of that by r. The filter's columns have btrees beside the index; or the filter
is an expression that no index knows; or the columns are keys of the index, where it can have such. Of the ways that
the search chooses from each is forced as well.

BENCH_FILTER_QUERIES (20) held-out queries. BENCH_FILTER_ALL=1 forces the ways at every setting, not only at 0.99.
"""

import collections
import io
import math
import os
import statistics

import datasets
import numpy
import psycopg2
from contenders import INDEXES, OPERATORS, literal, opclass

DATA = ["glove", "fashion", "synthetic768", "clusters64"]
SETTINGS = [0.9, 0.95, 0.99, 1]
RANKS = [1, 10, 100, 1000]
SHARES = [0.5, 0.1, 0.01, 0.001, 0.0001]
KINDS = ["independent", "with", "against"]
QUERIES = int(os.environ.get("BENCH_FILTER_QUERIES", "20"))
FORCED = SETTINGS if os.environ.get("BENCH_FILTER_ALL") else [0.99]
FORCED_QUERIES = 6
FORCED_RANKS = [10, 100]
TOPICS = 100
GRAIN = 100_000  # values of r
WAYS = ["last", "index", "first"]
# The filter's columns as a query writes them.
ACCESS = {"btree": ("topic", "r"), "expression": ("(topic + 0)", "(r + 0)"), "key": ("topic", "r")}
PGVECTOR_ORDERS = ["strict_order", "relaxed_order"]


class Filtered:
    """The rows' topics and numbers, and what the filters let pass."""

    def __init__(self, data):
        self.data = data
        random = numpy.random.default_rng(7)
        self.centres = data.base[random.choice(len(data.base), TOPICS, replace=False)]
        self.topic = numpy.empty(len(data.base), numpy.int32)
        for start in range(0, len(data.base), 20_000):
            block = data.base[start : start + 20_000]
            self.topic[start : start + len(block)] = datasets.nearest(self.centres, block, 1, data.metric)[0][:, 0]
        self.r = random.integers(0, GRAIN, len(data.base)).astype(numpy.int32)
        self.sizes = numpy.bincount(self.topic, minlength=TOPICS)

    def predicate(self, kind, share, query):
        """(topics or None, the number that r is to be below)."""
        if kind == "independent":
            return None, max(1, round(share * GRAIN))
        order = numpy.argsort(datasets.distances(self.centres, query, self.data.metric), kind="stable")
        if kind == "against":
            order = order[::-1]
        # An empty topic is none.
        order = [topic for topic in order if self.sizes[topic] > 0]
        wanted = share * len(self.topic)
        reached = numpy.cumsum(self.sizes[order])
        count = int(numpy.searchsorted(reached, wanted)) + 1
        below = math.ceil(GRAIN * wanted / reached[count - 1])
        return sorted(int(topic) for topic in order[:count]), max(1, min(GRAIN, below))

    def passing(self, topics, below):
        mask = self.r < below
        return mask if topics is None else mask & numpy.isin(self.topic, topics)

    @staticmethod
    def where(access, topics, below):
        topic, r = ACCESS[access]
        parts = [] if topics is None else [f"{topic} = ANY ('{{{','.join(map(str, topics))}}}')"]
        return " AND ".join(parts + [f"{r} < {below}"])


class Case:
    """One query with one filter, and how near its k-th row is."""

    def __init__(self, filtered, query, distances, kind, share):
        self.query = query
        self.distances = distances
        self.topics, self.below = filtered.predicate(kind, share, query)
        self.mask = filtered.passing(self.topics, self.below)
        self.nearest = numpy.sort(distances[self.mask])

    def recall(self, ids, k):
        """Rows at the distance of the k-th count, whichever they are."""
        wanted = min(k, len(self.nearest))
        if wanted == 0:
            return 1.0 if not ids else 0.0
        found = numpy.array(sorted(set(ids)), numpy.int64)
        limit = self.nearest[wanted - 1]
        right = self.mask[found] & (self.distances[found] <= limit + 1e-6 * (1 + abs(limit)))
        return min(int(right.sum()), wanted) / wanted


def load(contender, filtered, table):
    contender.load("vectors", filtered.data.base)
    contender.run("DROP TABLE IF EXISTS attributes")
    contender.run("CREATE TABLE attributes (id integer, topic integer, r integer)")
    rows = enumerate(zip(filtered.topic.tolist(), filtered.r.tolist()))
    text = "".join(f"{i}\t{topic}\t{r}\n" for i, (topic, r) in rows)
    with contender.connection.cursor() as cursor:
        cursor.copy_expert("COPY attributes FROM STDIN", io.StringIO(text))
    contender.run(f"DROP TABLE IF EXISTS {table}")
    contender.run(f"CREATE TABLE {table} AS SELECT id, topic, r, v FROM vectors JOIN attributes USING (id) ORDER BY id")
    contender.run("DROP TABLE vectors, attributes")
    contender.run(f"CREATE INDEX ON {table} (topic)")
    contender.run(f"CREATE INDEX ON {table} (r)")


def build(contender, data, table, columns=""):
    contender.run("SET maintenance_work_mem = '2GB'")
    seconds, _ = contender.timed(
        f"CREATE INDEX {table}_v ON {table} USING {INDEXES[contender.name]} (v {opclass(data.metric)}{columns})")
    contender.run(f"VACUUM (FREEZE, ANALYZE) {table}")
    print(f"  {contender.name}: {table}{columns} built in {seconds:.1f} s", flush=True)


def processor_seconds(pid):
    """What a process has used so far, to the nanosecond."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def ask(contender, table, data, cases, access, k):
    """A search for each case: (recalls, seconds of the server's processor time, planning included, which another load
    of the machine disturbs least)."""
    recalls, seconds = [], []
    pid = contender.connection.get_backend_pid()
    for number, case in enumerate(cases[:1] + cases):
        where = Filtered.where(access, case.topics, case.below)
        order = f"v {OPERATORS[data.metric]} '{literal(case.query)}'"
        sql = f"SELECT id FROM {table} WHERE {where} ORDER BY {order} LIMIT {k}"
        before = processor_seconds(pid)
        rows = contender.run(sql)
        took = processor_seconds(pid) - before
        # The first one warms up.
        if number:
            seconds.append(took)
            recalls.append(case.recall([row[0] for row in rows], k))
    return recalls, seconds


def error_of(recalls, cases, k):
    """The standard error of the mean recall."""
    if len(recalls) < 2:
        return 1.0
    rows = sum(min(k, max(len(case.nearest), 1)) for case in cases)
    mean = statistics.fmean(recalls)
    return max(statistics.stdev(recalls) / math.sqrt(len(recalls)), math.sqrt(max(mean * (1 - mean), 1e-12) / rows))


def measure_ways(vecdot, table, data, cases, access, k, line):
    """What each way costs by itself, and the search's own choice on the same queries."""
    few = cases[:FORCED_QUERIES]
    times = {}
    for way in WAYS:
        if way == "index" and access != "btree":
            continue
        vecdot.run(f"SET vecdot.filter_way = {way}")
        times[way] = 1000 * statistics.fmean(ask(vecdot, table, data, few, access, k)[1])
    vecdot.run("RESET vecdot.filter_way")
    chosen = 1000 * statistics.fmean(ask(vecdot, table, data, few, access, k)[1])
    best = min(times, key=times.get)
    line.update({"ways_ms": times, "chosen_ms": chosen, "best": best, "over_best": chosen / times[best]})


def measure_vecdot(vecdot, table, data, cases, access, kind, share):
    lines = []
    for k in RANKS:
        for setting in SETTINGS:
            vecdot.run(f"SET vecdot.recall = {setting}")
            recalls, seconds = ask(vecdot, table, data, cases, access, k)
            line = {"data": data.name, "who": "vecdot", "access": access, "kind": kind, "share": share, "k": k,
                    "setting": setting, "recall": statistics.fmean(recalls), "ms": 1000 * statistics.fmean(seconds),
                    "queries": len(cases)}
            if line["recall"] < setting - 2 * error_of(recalls, cases, k):
                line["broken"] = "less than asked for"
            if setting in FORCED and k in FORCED_RANKS:
                measure_ways(vecdot, table, data, cases, access, k, line)
            lines.append(line)
    return lines


def measure_pgvector(pgvector, data, cases, kind, share):
    """With its iterative scan, which is to return all rows that were asked for."""
    lines = []
    for order in PGVECTOR_ORDERS:
        pgvector.run(f"SET hnsw.iterative_scan = {order}")
        for k in FORCED_RANKS:
            pgvector.run(f"SET hnsw.ef_search = {max(100, k)}")
            recalls, seconds = ask(pgvector, "items", data, cases, "btree", k)
            lines.append({"data": data.name, "who": f"pgvector {order}", "access": "btree", "kind": kind,
                          "share": share, "k": k, "setting": None, "recall": statistics.fmean(recalls), "ms": 1000 * statistics.fmean(seconds),
                          "queries": len(cases)})
    return lines


def show(lines):
    """The line of a filter, at ten rows."""
    ten = [line for line in lines if line["k"] == 10]
    own = [line for line in ten if line["who"] == "vecdot"]
    cells = "".join(f"{line['recall']:>7.3f}{line['ms']:>9.2f}" for line in own)
    forced = [line for line in own if "over_best" in line]
    for line in forced[-1:]:
        cells += f"{line['over_best']:>7.2f} x {line['best']:<6}"
    for line in ten:
        if line["who"] != "vecdot":
            cells += f"{line['recall']:>7.3f}{line['ms']:>9.2f}"
    print(f"  {own[0]['access']:<11}{own[0]['kind']:<12}{own[0]['share']:>7.2%}{cells}", flush=True)


def heads(has_pgvector):
    print(f"  {'':<30}" + "".join(f"{f'at {setting}':>16}" for setting in SETTINGS) + f"{'over best way':>16}" +
          ("".join(f"{order:>16}" for order in PGVECTOR_ORDERS) if has_pgvector else ""), flush=True)


def measure(contenders, data):
    print(f"\n=== {data.name} {len(data.base)} x {data.dimensions}, {data.metric}; recall and ms of processor time, LIMIT 10; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    filtered = Filtered(data)
    vecdot = contenders["vecdot"]
    pgvector = contenders.get("pgvector")
    tables = {"btree": "items", "expression": "items"}
    load(vecdot, filtered, "items")
    build(vecdot, data, "items")
    vecdot.run("DROP TABLE IF EXISTS items_key")
    vecdot.run("CREATE TABLE items_key AS SELECT * FROM items ORDER BY id")
    try:
        build(vecdot, data, "items_key", ", topic, r")
        tables["key"] = "items_key"
    except psycopg2.Error as error:
        print(f"  without key columns: {str(error).splitlines()[0]}", flush=True)
    for contender in filter(None, [vecdot, pgvector]):
        contender.run("SET max_parallel_workers_per_gather = 0")
    if pgvector:
        load(pgvector, filtered, "items")
        build(pgvector, data, "items")
        pgvector.run("SET hnsw.max_scan_tuples = 2147483647")
        pgvector.run("SET hnsw.scan_mem_multiplier = 100")
    queries = data.queries[:QUERIES]
    distances = [datasets.distances(data.base, query, data.metric) for query in queries]
    heads(pgvector is not None)
    lines = []
    for kind in KINDS:
        for share in SHARES:
            cases = [Case(filtered, query, away, kind, share) for query, away in zip(queries, distances)]
            for access, table in tables.items():
                made = measure_vecdot(vecdot, table, data, cases, access, kind, share)
                if pgvector and access == "btree":
                    made += measure_pgvector(pgvector, data, cases[:FORCED_QUERIES], kind, share)
                show(made)
                lines += made
    for contender in filter(None, [vecdot, pgvector]):
        contender.run("DROP TABLE IF EXISTS items, items_key")
    return lines


def beside_pgvector(lines):
    """pgvector's time over ours at 1 % of the rows, where our recall is no less."""
    own = {(line["data"], line["kind"], line["k"]): line for line in lines
           if line["who"] == "vecdot" and line["access"] == "btree" and line["setting"] == 0.99 and line["share"] == 0.01}
    found = collections.defaultdict(list)
    for line in lines:
        mine = own.get((line["data"], line["kind"], line["k"])) if line["share"] == 0.01 else None
        if line["who"] != "vecdot" and mine and mine["recall"] >= line["recall"]:
            found[line["who"]].append(line["ms"] / mine["ms"])
    return found


def name_of(line):
    return f"{line['data']} {line['access']} {line['kind']} {line['share']:.2%} LIMIT {line['k']} at {line['setting']}"


def judge(lines):
    own = [line for line in lines if line["who"] == "vecdot"]
    broken = [line for line in own if "broken" in line]
    print(f"\nrecall as asked (within two standard errors): {len(own) - len(broken)} of {len(own)}", flush=True)
    for line in broken:
        print(f"  BROKEN: {name_of(line)}: {line['recall']:.4f}", flush=True)
    ratios = sorted(line["over_best"] for line in own if "over_best" in line)
    over = [line for line in own if line.get("over_best", 0) > 2]
    if ratios:
        print(f"over the best of the three ways: median {statistics.median(ratios):.2f} (bar 1.2), "
              f"at most {ratios[-1]:.2f} (bar 2), {len(over)} of {len(ratios)} beyond 2", flush=True)
    for line in over:
        ways = {way: round(ms, 2) for way, ms in line["ways_ms"].items()}
        print(f"  {line['over_best']:.2f} x: {name_of(line)}: {line['chosen_ms']:.2f} ms, ways {ways}", flush=True)
    for who, times in beside_pgvector(lines).items():
        print(f"at 1 % of the rows {who} takes, where its recall is no better, {min(times):.1f} to {max(times):.1f} "
              f"times as long (median {statistics.median(times):.1f}; bar 10; {len(times)} cases)", flush=True)


def main(contenders, _rounds, _directory):
    by_name = {contender.name: contender for contender in contenders}
    print(f"\nWHERE: {QUERIES} held-out queries, LIMIT {', '.join(map(str, RANKS))}", flush=True)
    lines = []
    for data in datasets.each(DATA):
        lines += measure(by_name, data)
    judge(lines)
    return lines
