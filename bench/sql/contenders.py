"""The extensions under test, each in its schema of one database and on a connection of its own.

Their libraries define functions of the same names; a backend that has loaded both could call the
wrong ones.
"""

import io
import statistics
import time

import numpy
import psycopg2

OPERATORS = {"cosine": "<=>", "l2": "<->", "ip": "<#>", "l1": "<+>"}
EXTENSIONS = {"vecdot": "vecdot", "pgvector": "vector"}  # schema: extension


class Contender:
    def __init__(self, schema, dsn):
        self.name = schema
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.run(f"CREATE EXTENSION IF NOT EXISTS {EXTENSIONS[schema]} SCHEMA {schema}")
        self.run(f"SET search_path = {schema}")

    def run(self, sql, arguments=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else None

    def timed(self, sql, arguments=None):
        """(seconds, rows) as the client sees it."""
        start = time.perf_counter()
        rows = self.run(sql, arguments)
        return time.perf_counter() - start, rows

    def version(self):
        return self.run("SELECT extversion FROM pg_extension WHERE extname = %s", [EXTENSIONS[self.name]])[0][0]

    def load(self, table, rows, column_options=(), table_options=""):
        """table(id integer, v vector(n)) with the rows as 0, 1, …, loaded by binary COPY."""
        n = rows.shape[1]
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(f"CREATE TABLE {table} (id integer, v vector({n})) {table_options}")
        for option in column_options:
            self.run(f"ALTER TABLE {table} ALTER COLUMN v {option}")
        with self.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", BinaryRows(rows))
        self.run(f"VACUUM (FREEZE, ANALYZE) {table}")


class BinaryRows(io.RawIOBase):
    """Rows as PostgreSQL's binary COPY reads them, made as they are asked for."""

    def __init__(self, rows, block=2000):
        self.parts = self.blocks(rows, block)
        self.left = b""

    @staticmethod
    def blocks(rows, block):
        n = rows.shape[1]
        layout = numpy.dtype([("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i4"), ("v_bytes", ">i4"),
                              ("dimensions", ">i2"), ("unused", ">i2"), ("v", ">f4", n)])
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            out = numpy.zeros(len(part), layout)
            out["fields"] = 2
            out["id_bytes"] = 4
            out["id"] = numpy.arange(start, start + len(part))
            out["v_bytes"] = 4 + 4 * n
            out["dimensions"] = n
            out["v"] = part
            yield out.tobytes()
        yield b"\xff\xff"

    def read(self, size=-1):
        while size < 0 or len(self.left) < size:
            part = next(self.parts, None)
            if part is None:
                break
            self.left += part
        size = len(self.left) if size < 0 else size
        out, self.left = self.left[:size], self.left[size:]
        return out


def literal(vector):
    """As vector_out writes it: the shortest digits, whole numbers without a point."""
    return "[" + ",".join(str(x).removesuffix(".0") for x in vector.astype(numpy.float32)) + "]"


def connect(dsn):
    """vecdot, and pgvector where the server has it; both in one database."""
    contenders = [Contender("vecdot", dsn)]
    try:
        contenders.append(Contender("pgvector", dsn))
    except (psycopg2.errors.UndefinedFile, psycopg2.errors.FeatureNotSupported):
        pass  # pg_available_extensions does not look into Debian's extension_destdir
    return contenders


def interleaved(contenders, measure, rounds):
    """{name: median of measure(contender) over the rounds}; in every round each has its turn, the
    order reversed from round to round. One round before, for the caches, does not count."""
    results = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders if number % 2 else reversed(contenders):
            seconds = measure(contender)
            if number:
                results[contender.name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in results.items()}


class Report:
    """Lines of: what was measured, each contender's median, the ratio. Printed as they come."""

    def __init__(self, contenders, unit="ms", scale=1e3):
        self.names = [contender.name for contender in contenders]
        self.unit = unit
        self.scale = scale
        self.lines = []

    def head(self, title):
        print(f"\n{title} (median {self.unit})", flush=True)
        columns = self.names + (["pgvector/vecdot"] if len(self.names) > 1 else [])
        print(" " * 60 + "".join(f"{name:>16}" for name in columns), flush=True)

    def add(self, what, medians, per=1):
        cells = "".join(f"{medians[name] * self.scale / per:>16.4g}" for name in self.names)
        ratio = medians["pgvector"] / medians["vecdot"] if len(self.names) > 1 else None
        print(f"{what:<60}{cells}" + (f"{ratio:>15.2f}x" if ratio else ""), flush=True)
        self.lines.append({"what": what, "medians": medians, "ratio": ratio})
