"""A table whose parts lie on other servers, behind postgres_fdw: as docs/shards.md says."""

import os
import statistics

import datasets
import psycopg2
from contenders import OPERATORS, Contender, opclass
from prepared import parameters
from recall import Answer
from searchers import BUILD_MEMORY, K, WORKERS, table

DATA = ["glove", "synthetic768"]
SHARDS = [1, 2, 4]
SETTING = 0.99
QUERIES = 200
TIMED = 50


def connect_coordinator(vecdot, servers):
    """Foreign servers on the coordinator, which ends up with none of an earlier run's."""
    vecdot.run("CREATE EXTENSION IF NOT EXISTS postgres_fdw")
    for number, shard in enumerate(servers):
        dsn = psycopg2.extensions.parse_dsn(shard.dsn)
        vecdot.run(f"DROP SERVER IF EXISTS shard{number} CASCADE")
        vecdot.run(f"CREATE SERVER shard{number} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{dsn['host']}', "
                   f"dbname '{dsn['dbname']}', extensions 'vecdot', async_capable 'true', batch_size '1000')")
        vecdot.run(f"CREATE USER MAPPING FOR CURRENT_USER SERVER shard{number} OPTIONS (user '{dsn['user']}')")


def make(vecdot, servers, data):
    """The table on the first servers, filled through the coordinator. Seconds of the load."""
    name, columns = table(data), f"(id integer, v vector({data.dimensions}))"
    vecdot.run(f"DROP TABLE IF EXISTS {name}")
    vecdot.run(f"CREATE TABLE {name} {columns} PARTITION BY HASH (id)")
    for number, shard in enumerate(servers):
        shard.run(f"DROP TABLE IF EXISTS {name}")
        shard.run(f"CREATE TABLE {name} {columns}")
        vecdot.run(f"CREATE FOREIGN TABLE {name}_{number} PARTITION OF {name} FOR VALUES WITH (MODULUS {len(servers)}, "
                   f"REMAINDER {number}) SERVER shard{number} OPTIONS (table_name '{name}')")
    seconds, _ = vecdot.timed("SELECT 1")
    before = os.times().elapsed
    vecdot.copy(name, data.base)
    seconds = os.times().elapsed - before
    for shard in servers:
        shard.run(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
        shard.run(f"SET max_parallel_maintenance_workers = {WORKERS}")
        shard.run(f"CREATE INDEX ON {name} USING vecdot (v {opclass(data.metric)}) WITH (recall = {SETTING})")
        shard.run(f"VACUUM (ANALYZE) {name}")
    vecdot.run(f"ANALYZE {name}")
    return seconds


def forms(data, count):
    """The two statements of the page, and what one shard does for itself."""
    name, distance = table(data), f"v {OPERATORS[data.metric]} $1"
    parts = " UNION ALL ".join(f"(SELECT id, {distance} AS d FROM {name}_{number} ORDER BY {distance} LIMIT {K})"
                               for number in range(count))
    return {"a LIMIT for each shard": f"SELECT id FROM ({parts}) x ORDER BY d LIMIT {K}",
            "the partitioned table": f"SELECT id FROM {name} ORDER BY {distance} LIMIT {K}"}


def measure(vecdot, servers, data, rounds):
    count = len(servers)
    load = make(vecdot, servers, data)
    answer = Answer(data, K, min(QUERIES, len(data.queries)))
    asked = parameters(answer.queries)
    alone = []
    for shard in servers:
        connection = shard.prepared()
        connection.prepare("own", f"SELECT id FROM {table(data)} ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}")
        connection.execute("own", asked)
        alone.append(statistics.median(connection.execute("own", asked[:TIMED])[0] / TIMED for _ in range(rounds)))
        connection.close()
    lines = []
    for form, statement in forms(data, count).items():
        connection = vecdot.prepared()
        connection.prepare("form", statement)
        recall = answer.recall(connection.execute("form", asked)[1], K)
        timed = TIMED if form.startswith("a LIMIT") else 10
        ms = 1e3 * statistics.median(connection.execute("form", asked[:timed])[0] / timed for _ in range(rounds))
        connection.close()
        line = {"data": data.name, "shards": count, "form": form, "recall": recall, "ms": ms,
                "slowest_ms": 1e3 * max(alone), "sum_ms": 1e3 * sum(alone), "load_rows_per_second": len(data.base) / load}
        if recall < SETTING:
            line["broken"] = "less recall than asked for"
        print(f"{count:>7}  {form:<24}{recall:>11.4f}{ms:>9.3f}{line['slowest_ms']:>14.3f}{line['sum_ms']:>9.3f}"
              f"{line['load_rows_per_second']:>11.0f}" + (" BROKEN " + line["broken"] if "broken" in line else ""), flush=True)
        lines.append(line)
    return lines


def main(contenders, rounds, _directory):
    vecdot = contenders[0]
    servers = [Contender("vecdot", dsn) for dsn in os.environ["BENCH_SHARDS"].split(";")]
    connect_coordinator(vecdot, servers)
    lines = []
    for data in datasets.each(DATA):
        print(f"\nShards: {data.name} {len(data.base)} x {data.dimensions}, {data.metric}, recall = {SETTING}, LIMIT {K}; "
              f"all servers on this machine with {os.cpu_count()} CPUs", flush=True)
        print(f"{'shards':>7}  {'':<24}{'recall@10':>11}{'ms':>9}{'slowest alone':>14}{'sum':>9}{'rows/s in':>11}", flush=True)
        for count in SHARDS:
            lines += measure(vecdot, servers[:count], data, rounds)
        vecdot.run(f"DROP TABLE {table(data)}")
    return lines
