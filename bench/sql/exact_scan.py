"""ORDER BY v <op> $1 LIMIT 10 by sequential scan: one backend, tables in shared buffers."""

import itertools

import datasets
from contenders import OPERATORS, Report, interleaved, literal

# How a row is stored: column options, table options. Only 768-d rows have a choice: smaller ones
# stay in the row anyway, and 784-d shows the same.
STORAGE = {
    "default": ((), ""),
    "STORAGE MAIN": (("SET STORAGE MAIN",), ""),
    "toast_tuple_target 8160": ((), "WITH (toast_tuple_target = 8160)"),
}


def check(contender, query, data, operator, metric):
    """The scan must find the true neighbours; ids may differ only among equal distances."""
    if metric != data.metric:
        return
    ids, distances = data.truth(k=10, queries=20)
    for i in range(3):
        rows = contender.run(query.replace("SELECT id", f"SELECT id, v {operator} %s"),
                             [literal(data.queries[i])] * 2)
        found = [distance for _, distance in rows]
        # pgvector sums in float4.
        tolerance = 1e-4 * (1 + abs(distances[i][-1]))
        assert max(abs(a - b) for a, b in zip(found, distances[i])) < tolerance, (contender.name, i)


def measure(contenders, report, data, label, metric, rounds):
    operator = OPERATORS[metric]
    query = f"SELECT id FROM items ORDER BY v {operator} %s LIMIT 10"
    for contender in contenders:
        check(contender, query, data, operator, metric)
    numbers = {contender.name: itertools.count() for contender in contenders}

    def scan(contender):
        vector = data.queries[next(numbers[contender.name]) % len(data.queries)]
        return contender.timed(query, [literal(vector)])[0]

    report.add(label, interleaved(contenders, scan, rounds))


def main(contenders, rounds, _directory):
    report = Report(contenders)
    report.head("Exact scan, ORDER BY v <op> $1 LIMIT 10")
    for contender in contenders:
        contender.run("SET max_parallel_workers_per_gather = 0")
    for data in datasets.each(["glove", "fashion", "synthetic768"]):
        metrics = ["l2"] if data.metric == "l2" else ["cosine", "l2", "ip"]
        for storage, (column, table) in STORAGE.items():
            if storage != "default" and data.dimensions != 768:
                continue
            for contender in contenders:
                contender.load("items", data.base, column, table)
            for metric in metrics if storage == "default" else metrics[:1]:
                label = f"{data.name} {len(data.base)} x {data.dimensions} {OPERATORS[metric]}"
                measure(contenders, report, data, f"{label} {storage if storage != 'default' else ''}".strip(),
                        metric, rounds)
            for contender in contenders:
                contender.run("DROP TABLE items")
    return report.lines
