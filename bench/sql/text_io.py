"""Text input and output: the functions by themselves, and COPY."""

import datasets
from contenders import Report, interleaved, literal

ROWS = {"synthetic768": 20_000, "glove": 100_000, "fashion": 20_000}


LITERALS = 50


def functions(contenders, report, data, rounds, repeats):
    """The casts by themselves. MATERIALIZED keeps the planner from folding them, and the values in
    memory; there are enough of them that the processor can't learn their digits by heart."""
    texts = [literal(query) for query in data.queries[:LITERALS]]
    source = f"FROM x, generate_series(1, {repeats})"

    def read(contender):
        return contender.timed(
            f"WITH x AS MATERIALIZED (SELECT unnest(%s) AS t) SELECT count(t::vector) {source}", [texts])[0]

    def write(contender):
        return contender.timed(
            f"WITH x AS MATERIALIZED (SELECT unnest(%s)::vector AS v) SELECT sum(octet_length(v::text)) {source}",
            [texts])[0]

    calls = LITERALS * repeats
    report.add(f"{data.name}: vector_in", interleaved(contenders, read, rounds), calls)
    report.add(f"{data.name}: vector_out", interleaved(contenders, write, rounds), calls)


def copies(contenders, report, data, rounds, directory):
    """COPY of many rows; `WHERE false` reads them and keeps none, so it is the input alone."""
    rows = min(ROWS[data.name.split("-")[0]], len(data.base))
    path = f"{directory}/{data.name}.copy"
    with open(path, "w") as file:
        for i in range(rows):
            file.write(f"{i}\t{literal(data.base[i])}\n")
    for contender in contenders:
        contender.load("copied", data.base[:rows])
        contender.run("DROP TABLE IF EXISTS target")
        contender.run(f"CREATE UNLOGGED TABLE target (id integer, v vector({data.dimensions}))")

    def read(contender):
        return contender.timed(f"COPY target FROM '{path}' WHERE false")[0]

    def load(contender):
        contender.run("TRUNCATE target")
        return contender.timed(f"COPY target FROM '{path}'")[0]

    def write(contender):
        return contender.timed("COPY copied TO '/dev/null'")[0]

    report.add(f"{data.name}: COPY FROM, input alone, a row", interleaved(contenders, read, rounds), rows)
    report.add(f"{data.name}: COPY FROM into a table, a row", interleaved(contenders, load, rounds), rows)
    report.add(f"{data.name}: COPY TO, a row", interleaved(contenders, write, rounds), rows)
    for contender in contenders:
        contender.run("DROP TABLE copied, target")


def main(contenders, rounds, directory):
    report = Report(contenders, "µs", 1e6)
    report.head("Text input and output")
    for data in datasets.each(["synthetic768", "glove", "fashion"]):
        repeats = 1000 if data.dimensions < 200 else 200
        functions(contenders, report, data, rounds, repeats)
        copies(contenders, report, data, rounds, directory)
    return report.lines
