"""What a search over many partitions costs beside what it costs in each of them."""

import statistics
import time

import datasets
from contenders import OPERATORS, opclass
from prepared import parameters
from recall import Answer
from searchers import BUILD_MEMORY, K, WORKERS, seconds_without_search, table

DATA = ["glove", "synthetic768"]
PARTITIONS = [1, 16, 128, 1024]
SETTING = 0.99
QUERIES = 200  # for recall
TIMED = 20  # the first of them, for time
BAR = 1.5


def make(vecdot, data, count):
    """A table of `count` partitions, rows spread by chance, so that each has some of the nearest. Seconds of the build."""
    name = table(data)
    vecdot.run(f"DROP TABLE IF EXISTS {name}")
    vecdot.run(f"CREATE TABLE {name} (id integer, v vector({data.dimensions})) PARTITION BY HASH (id)")
    for number in range(count):
        vecdot.run(f"CREATE TABLE {name}_{number} PARTITION OF {name} FOR VALUES WITH (MODULUS {count}, REMAINDER {number})")
    vecdot.copy(name, data.base)
    vecdot.run(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
    vecdot.run(f"SET max_parallel_maintenance_workers = {WORKERS}")
    seconds, _ = vecdot.timed(f"CREATE INDEX ON {name} USING vecdot (v {opclass(data.metric)})")
    vecdot.run(f"VACUUM (ANALYZE) {name}")
    return seconds


class Statements:
    """A connection with the query on the whole prepared, and the one on each partition."""

    def __init__(self, vecdot, data, count):
        self.connection = vecdot.prepared()
        self.connection.run("SET enable_seqscan = off")
        self.connection.run(f"SET vecdot.recall = {SETTING}")
        name = table(data)
        query = f"SELECT id FROM %s ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}"
        self.connection.prepare("whole", query % name)
        self.parts = [f"part{number}" for number in range(count)]
        for number, part in enumerate(self.parts):
            self.connection.prepare(part, query % f"{name}_{number}")

    def run(self, name, asked):
        """(seconds, processor seconds, ids for each)."""
        before = self.connection.cpu()
        seconds, found = self.connection.execute(name, asked)
        return seconds, self.connection.cpu() - before, found

    def run_parts(self, asked):
        """Each query in all partitions before the next one, as the whole has them: of a partition that has just been asked
        another question more would lie in the processor's caches."""
        before = self.connection.cpu()
        seconds = sum(self.connection.execute(part, [query])[0] for query in asked for part in self.parts)
        return seconds, self.connection.cpu() - before


def first_query(vecdot, data, asked):
    """Seconds of the first search of a new session, planning and reading the directories included, and of the second."""
    took = []
    for _ in range(3):
        connection = vecdot.prepared()
        connection.run("SET enable_seqscan = off")
        start = time.perf_counter()
        connection.prepare("whole", f"SELECT id FROM {table(data)} ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}")
        connection.execute("whole", asked[:1])
        took.append(time.perf_counter() - start)
        connection.close()
    return statistics.median(took)


def measure(vecdot, data, count, rounds):
    build = make(vecdot, data, count)
    answer = Answer(data, K, min(QUERIES, len(data.queries)))
    statements = Statements(vecdot, data, count)
    asked = parameters(answer.queries)
    # Small partitions the planner would rather scan; what its own choice takes is measured by itself.
    vecdot.run("SET enable_seqscan = off")
    plan = "\n".join(row[0] for row in vecdot.run(
        f"EXPLAIN SELECT id FROM {table(data)} ORDER BY v {OPERATORS[data.metric]} %s LIMIT {K}",
        ["[" + ",".join(["1"] * data.dimensions) + "]"]))
    assert plan.count("VecdotSearch") == count, plan[:2000]
    recall = answer.recall(statements.run("whole", asked)[2], K)
    some = asked[:TIMED]
    own_choice = vecdot.prepared()
    own_choice.prepare("whole", f"SELECT id FROM {table(data)} ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}")
    own_choice.execute("whole", some)
    statements.run_parts(some)
    nothing, nothing_cpu = seconds_without_search(vecdot, data, 100)
    whole, parts = [], []
    for number in range(rounds):
        # In turns; the client's share and that of an empty statement are taken off the parts, of which there are many.
        for turn in (0, 1) if number % 2 else (1, 0):
            if turn:
                seconds, cpu, _ = statements.run("whole", some)
                whole.append((seconds / len(some), cpu / len(some)))
            else:
                seconds, cpu = statements.run_parts(some)
                parts.append((seconds / len(some) - count * nothing, cpu / len(some) - count * nothing_cpu))
    line = {"data": data.name, "partitions": count, "recall": recall, "build_seconds": build,
            "ms": 1e3 * statistics.median(x[0] for x in whole), "cpu_ms": 1e3 * statistics.median(x[1] for x in whole),
            "parts_ms": 1e3 * statistics.median(x[0] for x in parts),
            "parts_cpu_ms": 1e3 * statistics.median(x[1] for x in parts),
            "own_choice_ms": 1e3 * statistics.median(own_choice.execute("whole", some)[0] / len(some) for _ in range(rounds)),
            "first_ms": 1e3 * first_query(vecdot, data, asked)}
    own_choice.close()
    line["reached"], line["by_cpu"], line["bar"] = line["ms"] / line["parts_ms"], line["cpu_ms"] / line["parts_cpu_ms"], BAR
    line["what"] = f"{data.name}, {count} partitions: the whole / the sum of its parts"
    if recall < SETTING:
        line["broken"] = "less recall than asked for"
    statements.connection.close()
    return line


def main(contenders, rounds, _directory):
    vecdot = contenders[0]
    lines = []
    for data in datasets.each(DATA):
        print(f"\nPartitions: {data.name} {len(data.base)} x {data.dimensions}, {data.metric}, vecdot.recall = {SETTING}, "
              f"LIMIT {K}", flush=True)
        print(f"{'partitions':>10}{'recall@10':>11}{'ms':>9}{'CPU ms':>9}{'parts ms':>10}{'CPU ms':>9}{'whole/parts':>13}"
              f"{'planner ms':>12}{'first ms':>10}{'build s':>9}", flush=True)
        for count in PARTITIONS:
            line = measure(vecdot, data, count, rounds)
            print(f"{count:>10}{line['recall']:>11.4f}{line['ms']:>9.3f}{line['cpu_ms']:>9.3f}{line['parts_ms']:>10.3f}"
                  f"{line['parts_cpu_ms']:>9.3f}{line['reached']:>8.2f} x   {line['own_choice_ms']:>11.3f}{line['first_ms']:>10.1f}{line['build_seconds']:>9.1f}"
                  f"  ({line['by_cpu']:.2f} x by CPU time) bar <= {BAR}: {'met' if line['reached'] <= BAR else 'MISSED'}"
                  + (" BROKEN " + line["broken"] if "broken" in line else ""), flush=True)
            lines.append(line)
        vecdot.run(f"DROP TABLE {table(data)}")
    return lines
