"""Many sessions at once: queries a second of all of them together."""

import re
import subprocess
import tempfile

import datasets
import searchers
from contenders import OPERATORS
from index_search import DATA
from searchers import K

CLIENTS = [1, 2, 8, 32]
SECONDS = 5
SETTINGS = {"vecdot": "vecdot.recall = 0.99", "pgvector": "hnsw.ef_search = 100"}


def queries_a_second(contender, script, clients):
    (server,), = contender.run("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
    said = subprocess.run([f"{server}/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(SECONDS),
                           "-f", script, contender.dsn], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE).group(1))


def measure(contenders, data):
    name = searchers.table(data)
    print(f"\n=== {data.name} {len(data.base)} x {data.dimensions}, {data.metric}", flush=True)
    print(f"{'':<12}{'sessions':>10}{'queries/s':>12}{'of one':>10}", flush=True)
    lines = []
    for contender in contenders:
        searchers.prepare(contender, data)
        contender.load(f"{name}_asked", data.queries[:200])
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            # The rows of load() have the numbers 0, 1, ...
            script.write(f"\\set id random(0, 199)\nSELECT id FROM {name} ORDER BY v {OPERATORS[data.metric]} "
                         f"(SELECT v FROM {name}_asked WHERE id = :id) LIMIT {K};\n")
            script.flush()
            (database,), = contender.run("SELECT current_database()")
            for setting in [SETTINGS[contender.name], "max_parallel_workers_per_gather = 0", "enable_seqscan = on"]:
                contender.run(f"ALTER DATABASE {database} SET {setting.replace(' = ', ' TO ')}")
            for clients in CLIENTS:
                speed = queries_a_second(contender, script.name, clients)
                lines.append({"data": data.name, "what": contender.name, "sessions": clients, "speed": speed})
                alone = next(line["speed"] for line in lines if line["what"] == contender.name)
                print(f"{contender.name:<12}{clients:>10}{speed:>12.1f}{speed / alone:>8.2f} x", flush=True)
        contender.run(f"DROP TABLE {name}, {name}_asked")
    return lines


def main(contenders, _rounds, _directory):
    print(f"\nMany sessions, LIMIT {K}: " + ", ".join(f"{contender.name} with {SETTINGS[contender.name]}" for contender in contenders),
          flush=True)
    return [line for data in datasets.each(DATA) for line in measure(contenders, data)]
