"""The index where memory is short: time and pages read of a query, with buffers from more than index and table down to
a tenth of them, and what is not in them in the file cache or on disk."""

import glob
import json
import os
import pwd
import statistics
import subprocess

import psycopg2
import searchers
from contenders import OPERATORS
from index_search import DATA
from recall import Answer
from searchers import K

import datasets

SHARES = [1.2, 0.5, 0.1]  # of index and table
ASKED = 60  # queries, each once
WARMED = 200  # others before them
RECALL = 0.99
EF = [40, 80, 160, 320, 640, 1000]


def restart(contenders, megabytes):
    """The server anew with so much of shared_buffers; the file cache stays."""
    (directory,), = contenders[0].run("SHOW data_directory")
    (server,), = contenders[0].run("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
    for contender in contenders:
        contender.connection.close()
    command = [f"{server}/pg_ctl", "-D", directory, "-w", "-s", "-m", "fast", "-l", f"{directory}/memory.log",
               "-o", f"-c shared_buffers={megabytes}MB", "restart"]
    owner = pwd.getpwuid(os.stat(directory).st_uid).pw_name
    if os.geteuid() == 0:
        command = ["runuser", "-u", owner, "--"] + command
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)
    for contender in contenders:
        contender.connection = psycopg2.connect(contender.dsn)
        contender.connection.autocommit = True


def files(contender, name):
    """Of the index, the table and what the table has out of line."""
    (directory,), = contender.run("SHOW data_directory")
    rows = contender.run(
        "SELECT pg_relation_filepath(c) FROM (SELECT %s::regclass UNION SELECT indexrelid FROM pg_index WHERE indrelid = %s::regclass"
        " UNION SELECT reltoastrelid FROM pg_class WHERE oid = %s::regclass AND reltoastrelid > 0"
        " UNION SELECT indexrelid FROM pg_index WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = %s::regclass)) t(c)",
        [name] * 4)
    return [file for path, in rows for file in [f"{directory}/{path}"] + glob.glob(f"{directory}/{path}.*")]


def forget(paths):
    """Leaves nothing of the files in the file cache."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


class Asker:
    """One index with settings."""

    def __init__(self, label, contender, data, settings):
        self.label, self.contender, self.data, self.settings = label, contender, data, settings
        self.statement = f"SELECT id FROM {searchers.table(data)} ORDER BY v {OPERATORS[data.metric]} %s LIMIT {K}"

    def prepare(self):
        for setting in ["enable_seqscan = off", "jit = off"] + self.settings:
            self.contender.run(f"SET {setting}")

    def found(self, queries):
        self.prepare()
        return [[row[0] for row in self.contender.run(self.statement, [literal(query)])] for query in queries]

    def ask(self, query):
        """Milliseconds and pages that were not in the server's buffers."""
        (plan,), = self.contender.run(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {self.statement}", [literal(query)])
        plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]
        return plan["Execution Time"], plan["Plan"]["Shared Read Blocks"]


def literal(vector):
    return "[" + ",".join(repr(float(x)) for x in vector) + "]"


def ef_for(contender, data):
    """The least ef_search that reaches the recall, or the greatest."""
    answer = Answer(data, K, 200)
    for ef in EF:
        asker = Asker("", contender, data, [f"hnsw.ef_search = {ef}"])
        if answer.recall(asker.found(answer.queries), K) >= RECALL:
            break
    return ef


def measure(contenders, data):
    print(f"\n=== {data.name} {len(data.base)} x {data.dimensions}, {data.metric}", flush=True)
    for contender in contenders:
        searchers.prepare(contender, data)
        contender.run("CHECKPOINT")
    name = searchers.table(data)
    askers = [Asker("vecdot", contenders[0], data, [f"vecdot.recall = {RECALL}", "effective_io_concurrency = 16"]),
              Asker("vecdot, reading nothing ahead", contenders[0], data,
                    [f"vecdot.recall = {RECALL}", "effective_io_concurrency = 0"])]
    if len(contenders) > 1:
        ef = ef_for(contenders[1], data)
        askers.append(Asker(f"pgvector, ef_search {ef}", contenders[1], data, [f"hnsw.ef_search = {ef}"]))
    lines = []
    print(f"{'':<40}{'':<12}{'':>10}{'ms':>9}{'':>9}{'pages':>9}", flush=True)
    print(f"{'':<40}{'the rest':<12}{'buffers':>10}{'median':>9}{'95 %':>9}{'read':>9}", flush=True)
    for share in SHARES:
        for asker in askers:
            size, = asker.contender.run(f"SELECT (pg_table_size('{name}') + pg_table_size('{name}_index')) / 1048576")[0]
            buffers = max(1, round(share * float(size)))
            restart(contenders, buffers)
            asker.prepare()
            paths = files(asker.contender, name)
            for query in data.queries[ASKED:ASKED + WARMED]:
                asker.ask(query)
            for rest in ["file cache", "disk"]:
                times, pages = [], []
                for query in data.queries[:ASKED]:
                    if rest == "disk":
                        forget(paths)
                    milliseconds, read = asker.ask(query)
                    times.append(milliseconds)
                    pages.append(read)
                times.sort()
                line = {"data": data.name, "what": asker.label, "share": share, "buffers_mb": buffers, "rest": rest,
                        "ms": statistics.median(times), "ms_95": times[int(0.95 * len(times))],
                        "pages": statistics.fmean(pages)}
                lines.append(line)
                print(f"{asker.label:<40}{rest:<12}{share:>6} x  {line['ms']:>9.2f}{line['ms_95']:>9.2f}{line['pages']:>9.0f}", flush=True)
    for contender in contenders:
        contender.run(f"DROP TABLE {name}")
    return lines


def main(contenders, _rounds, _directory):
    print(f"\nMemory: LIMIT {K} at recall {RECALL}; shared_buffers as a share of index and table, the rest in the file cache or on disk",
          flush=True)
    return [line for data in datasets.each(DATA) for line in measure(contenders, data)]
