"""The contract of vecdot.recall: what is measured beside what was asked for, on every kind of data.

Ends with an error when a promise is broken. The index is built with default settings, or with the
options of BENCH_INDEX_OPTIONS.
"""

import json
import os
import statistics

import datasets
from contenders import INDEXES, OPERATORS, literal, opclass
from prepared import parameters
from recall import Answer, by_chance

DATA = ["glove", "glove-product", "glove-outside", "fashion", "mnist", "synthetic768", "uniform32", "duplicates64",
        "norms48"]
SETTINGS = [0.9, 0.95, 0.99, 0.9999, 1]
RANKS = [1, 10, 100]
QUERIES = int(os.environ.get("BENCH_QUERIES", "500"))
OPTIONS = os.environ.get("BENCH_INDEX_OPTIONS", "")
PAGES_QUERIES = 50
WORK_QUERIES = 20


def buffers(vecdot, statement, queries):
    """Buffers that the index scan touched in a query, index and table together: its median."""
    touched = []
    for query in queries[:PAGES_QUERIES]:
        plan = vecdot.run(f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {statement}", [literal(query)])[0][0]
        plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        touched.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    return statistics.median(touched)


def work(vecdot):
    """Cells opened and rows scored by their 1-bit codes in a query with LIMIT 10, the mean of rows of
    the table as queries."""
    return vecdot.run("SELECT cells, scored_rows FROM vecdot_index_recall('items_index', 10, %s)", [WORK_QUERIES])[0]


def verdict(setting, misses, wrong, queries, k):
    """What is wrong with the recall measured at a setting, or None."""
    if setting == 1:
        return f"{wrong} of {queries} answers are not the exact one" if wrong else None
    # Of so few misses one more or less is chance.
    if setting > 0.999:
        return "less than asked for" if by_chance(misses, queries * k * (1 - setting)) < 0.01 else None
    return "less than asked for" if misses > queries * k * (1 - setting) * (1 + 1e-9) else None


def measure(vecdot, data):
    """Lines for one data set, with its table `items` indexed."""
    operator = OPERATORS[data.metric]
    queries = min(QUERIES, len(data.queries))
    answer = Answer(data, max(RANKS), queries)
    asked = parameters(answer.queries)
    vecdot.run("SET enable_seqscan = off")
    connection = vecdot.prepared()
    connection.run("SET enable_seqscan = off")
    lines = []
    for k in RANKS:
        connection.prepare(f"nearest{k}", f"SELECT id FROM items ORDER BY v {operator} $1 LIMIT {k}")
    statement = f"SELECT id FROM items ORDER BY v {operator} %s LIMIT 10"
    plan = "\n".join(row[0] for row in vecdot.run(f"EXPLAIN {statement}", [literal(answer.queries[0])]))
    assert "VecdotSearch" in plan, plan
    for setting in SETTINGS:
        for runner in [vecdot, connection]:
            runner.run(f"SET vecdot.recall = {setting}")
        cells = ""
        line = {"data": data.name, "rows": len(data.base), "dimensions": data.dimensions, "metric": data.metric,
                "setting": setting, "queries": queries, "recall": {}, "ms": {}}
        for k in RANKS:
            seconds, found = connection.execute(f"nearest{k}", asked)
            misses, wrong = answer.misses(found, k)
            line["recall"][k] = (queries * k - misses) / (queries * k)
            line["ms"][k] = 1000 * seconds / queries
            broken = verdict(setting, misses, wrong, queries, k)
            if broken:
                line["broken"] = line.get("broken", "") + f"@{k}: {broken}; "
            cells += f"{line['recall'][k]:>9.5f}"
        line["buffers"] = buffers(vecdot, statement, answer.queries)
        line["cells"], line["scored_rows"] = work(vecdot)
        cells += f"{line['ms'][10]:>9.3f}{line['buffers']:>8.0f}{line['cells']:>7.0f}{line['scored_rows']:>8.0f}"
        print(f"{f'{data.name} {len(data.base)} x {data.dimensions} {operator}':<36}{setting:>7}{cells}  "
              f"{'BROKEN ' + line['broken'] if 'broken' in line else 'kept'}", flush=True)
        lines.append(line)
    connection.close()
    return lines


def main(contenders, _rounds, _directory):
    vecdot = contenders[0]
    vecdot.run("SET maintenance_work_mem = DEFAULT")
    print("\nRecall measured beside vecdot.recall, held-out queries, LIMIT 1, 10 and 100; the index built with "
          f"maintenance_work_mem = {vecdot.run('SHOW maintenance_work_mem')[0][0]}", flush=True)
    print(f"{'':<36}{'setting':>7}{'@1':>9}{'@10':>9}{'@100':>9}{'ms @10':>9}{'buffers':>8}{'cells':>7}{'rows':>8}", flush=True)
    lines = []
    for data in datasets.each(DATA):
        vecdot.load("items", data.base)
        seconds, _ = vecdot.timed(f"CREATE INDEX items_index ON items USING {INDEXES['vecdot']} (v {opclass(data.metric)})" +
                                  (f" WITH ({OPTIONS})" if OPTIONS else ""))
        size = vecdot.run("SELECT total_bytes FROM vecdot_index_info('items_index')")[0][0]
        print(f"{data.name}: built in {seconds:.1f} s, {size / 1e6:.1f} MB", flush=True)
        made = measure(vecdot, data)
        for line in made:
            line["build_seconds"] = seconds
            line["bytes"] = size
        lines += made
        vecdot.run("DROP TABLE items")
    broken = sum("broken" in line for line in lines)
    print(f"{len(lines) - broken} of {len(lines)} settings kept their promise" +
          (f"; BROKEN: {broken}" if broken else ""), flush=True)
    return lines
