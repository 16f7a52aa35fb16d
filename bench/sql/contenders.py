"""The extensions under test, each in a database of its own on one server.

Their libraries define functions of the same names; a backend that has loaded both could call the
wrong ones. And a server that is kept (BENCH_KEEP) can be given a new vecdot while pgvector's tables
and indexes stay.
"""

import io
import os
import statistics
import time

import numpy
import psycopg2
from prepared import Connection

OPERATORS = {"cosine": "<=>", "l2": "<->", "ip": "<#>", "l1": "<+>"}
# The contender's name: its extension. "companion" is vecdot's index on pgvector's types.
EXTENSIONS = {"vecdot": "vecdot", "pgvector": "vector", "companion": "vecdot_pgvector"}
INDEXES = {"vecdot": "vecdot", "pgvector": "hnsw", "companion": "vecdot"}  # the access method


def opclass(metric, column="vector"):
    return f"{column}_{metric}_ops"


class Contender:
    def __init__(self, name, dsn):
        self.name = name
        database = f"bench_{name}"
        keep = name == "pgvector" and os.environ.get("BENCH_KEEP")
        maintenance = psycopg2.connect(dsn)
        maintenance.autocommit = True
        with maintenance.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            exists = cursor.fetchone()
            if exists and not keep:
                cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")
            if not exists or not keep:
                cursor.execute(f"CREATE DATABASE {database}")
        maintenance.close()
        self.dsn = psycopg2.extensions.make_dsn(dsn, dbname=database)
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True
        self.run(f"CREATE EXTENSION IF NOT EXISTS {EXTENSIONS[name]} CASCADE")

    def prepared(self):
        """A connection for prepared statements, whose plans don't change after five executions."""
        connection = Connection(self.dsn)
        connection.run("SET plan_cache_mode = force_generic_plan")
        connection.run("SET max_parallel_workers_per_gather = 0")
        return connection

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

    def cpu(self):
        """Seconds of processor time that this backend and all that have ended on this server used:
        taken before and after, the cost of a statement with its parallel workers."""
        def fields(pid):
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()

        backend = fields(self.run("SELECT pg_backend_pid()")[0][0])
        postmaster = fields(backend[1])
        ticks = sum(map(int, backend[11:13])) + sum(map(int, postmaster[13:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def load(self, table, rows, column_options=(), table_options=""):
        """table(id integer, v vector(n)) with the rows as 0, 1, …, loaded by binary COPY."""
        n = rows.shape[1]
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(f"CREATE TABLE {table} (id integer, v vector({n})) {table_options}")
        for option in column_options:
            self.run(f"ALTER TABLE {table} ALTER COLUMN v {option}")
        self.copy(table, rows)
        self.run(f"VACUUM (FREEZE, ANALYZE) {table}")

    def copy(self, table, rows, first=0):
        """The rows, numbered from `first`, by binary COPY."""
        with self.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", BinaryRows(rows, first))


class BinaryRows(io.RawIOBase):
    """Rows as PostgreSQL's binary COPY reads them, made as they are asked for."""

    def __init__(self, rows, first=0, block=2000):
        self.parts = self.blocks(rows, first, block)
        self.left = b""

    @staticmethod
    def blocks(rows, first, block):
        n = rows.shape[1]
        layout = numpy.dtype([("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i4"), ("v_bytes", ">i4"),
                              ("dimensions", ">i2"), ("unused", ">i2"), ("v", ">f4", n)])
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            out = numpy.zeros(len(part), layout)
            out["fields"] = 2
            out["id_bytes"] = 4
            out["id"] = first + numpy.arange(start, start + len(part))
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


def connect(dsn, names=("vecdot", "pgvector")):
    """The contenders; pgvector only where the server has it."""
    contenders = []
    for name in names:
        try:
            contenders.append(Contender(name, dsn))
        except (psycopg2.errors.UndefinedFile, psycopg2.errors.FeatureNotSupported):
            # pg_available_extensions does not look into Debian's extension_destdir.
            if name != "pgvector":
                raise
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
