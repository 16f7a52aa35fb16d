"""The indexes under test, each as something that is set to a setting and asked queries one by one."""

import importlib
import json
import os
import time

from contenders import INDEXES, OPERATORS, opclass
from prepared import parameters

K = 10
VECDOT = [0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1]  # vecdot.recall
HNSW = [10, 20, 40, 80, 120, 160, 240, 400, 800, 1000]  # hnsw.ef_search (1000 is its limit), hnswlib's ef
M, EF_CONSTRUCTION = 16, 64  # pgvector's defaults
WORKERS = 2
BUILD_MEMORY = "2GB"  # so that pgvector's graphs stay in memory


def table(data):
    return data.name.replace("-", "_")


def build(contender, data, suffix="", column="vector"):
    """The contender's index on the data's table; what it took: wall-clock seconds, processor
    seconds, bytes."""
    name = table(data) + suffix
    contender.run(f"DROP INDEX IF EXISTS {name}_index")
    contender.run(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
    contender.run(f"SET max_parallel_maintenance_workers = {WORKERS}")
    before = contender.cpu()
    seconds, _ = contender.timed(
        f"CREATE INDEX {name}_index ON {name} USING {INDEXES[contender.name]} (v {opclass(data.metric, column)})")
    cpu = contender.cpu() - before
    size = contender.run(f"SELECT pg_table_size('{name}_index'), pg_table_size('{name}')")[0]
    return {"seconds": seconds, "cpu": cpu, "bytes": size[0], "table_bytes": size[1],
            "date": time.strftime("%Y-%m-%d %H:%M"), "load": os.getloadavg()[0]}


def kept(contender, data):
    """What build() gave when the index that is still there was built, or None."""
    name = f"{table(data)}_index"
    if os.environ.get("BENCH_REBUILD"):
        return None
    comment = contender.run("SELECT obj_description(to_regclass(%s), 'pg_class')", [name])[0][0]
    return json.loads(comment) if comment else None


def prepare(contender, data):
    """Table and index, kept ones if there are any."""
    built = kept(contender, data)
    if built:
        return built
    # Only the index is to be built anew if the table is complete.
    name = table(data)
    if not contender.run("SELECT obj_description(to_regclass(%s), 'pg_class')", [name])[0][0]:
        contender.load(name, data.base)
        contender.run(f"COMMENT ON TABLE {name} IS 'complete'")
    built = build(contender, data)
    contender.run(f"COMMENT ON INDEX {name}_index IS %s", [json.dumps(built)])
    return built


IN_ROW = "_in_row"


def prepare_in_row(contender, data):
    """The table once more, with its vectors in their rows, and an index on it. False where they are anyway."""
    if not 500 <= data.dimensions <= 2000:
        return False
    name = table(data) + IN_ROW
    contender.load(name, data.base, (), "WITH (toast_tuple_target = 8160)")
    contender.run(f"CREATE INDEX {name}_index ON {name} USING {INDEXES[contender.name]} (v {opclass(data.metric)})")
    return True


class SqlSearcher:
    """vecdot or pgvector through a prepared statement."""

    def __init__(self, contender, data, setting, settings, suffix="", elements=">f4"):
        self.name = contender.name + suffix.replace("_", " ")
        self.setting = setting
        self.settings = settings
        self.connection = contender.prepared()
        name = table(data) + suffix
        statement = f"SELECT id FROM {name} ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}"
        self.connection.run("SET enable_seqscan = off")
        self.connection.prepare("nearest", statement)
        contender.run("SET enable_seqscan = off")
        ones = "[" + ",".join(["1"] * data.dimensions) + "]"
        plan = "\n".join(row[0] for row in contender.run(f"EXPLAIN {statement.replace('$1', '%s')}", [ones]))
        # vecdot's node names its index, a scan of pgvector's is one.
        assert f"Index: {name}_index" in plan or f"Index Scan using {name}_index" in plan, plan
        self.asked = parameters(data.queries, elements)

    def set(self, value):
        self.connection.run(f"SET {self.setting} = {value}")

    def search(self, count):
        """Asks the first `count` queries: (seconds, processor seconds, ids for each)."""
        before = self.connection.cpu()
        seconds, found = self.connection.execute("nearest", self.asked[:count])
        return seconds, self.connection.cpu() - before, found

    def close(self):
        self.connection.close()


def seconds_without_search(contender, data, count):
    """(seconds, processor seconds) of a statement that takes the vector and looks for nothing: client and server."""
    connection = contender.prepared()
    connection.prepare("nothing", "SELECT vector_dims($1::vector)")
    asked = parameters(data.queries[:count])
    connection.execute("nothing", asked)
    before = connection.cpu()
    seconds, _ = connection.execute("nothing", asked)
    cpu = connection.cpu() - before
    connection.close()
    return seconds / len(asked), cpu / len(asked)


class SequentialScan(SqlSearcher):
    """The same without an index."""

    def __init__(self, contender, data):
        self.name = f"{contender.name} without index"
        self.connection = contender.prepared()
        self.connection.run("SET enable_indexscan = off")
        self.connection.prepare(
            "nearest", f"SELECT id FROM {table(data)} ORDER BY v {OPERATORS[data.metric]} $1 LIMIT {K}")
        self.asked = parameters(data.queries)


class Hnswlib:
    """hnswlib in this process, one thread, all queries in one call: what an index costs without a
    database around it."""

    name = "hnswlib"
    settings = HNSW + [1600]

    def __init__(self, data, module):
        self.data = data
        self.index = module.Index(space=data.metric, dim=data.dimensions)
        directory = os.environ.get("BENCH_KEEP")
        path = f"{directory}/{table(data)}.hnswlib"
        if directory and os.path.exists(f"{path}.json") and not os.environ.get("BENCH_REBUILD"):
            with open(f"{path}.json") as file:
                self.built = json.load(file)
            self.index.load_index(path, max_elements=len(data.base))
        else:
            self.index.init_index(max_elements=len(data.base), ef_construction=EF_CONSTRUCTION, M=M)
            start, cpu = time.perf_counter(), time.process_time()
            self.index.add_items(data.base, num_threads=WORKERS)
            self.built = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu,
                          "date": time.strftime("%Y-%m-%d %H:%M")}
            if directory:
                self.index.save_index(path)
                with open(f"{path}.json", "w") as file:
                    json.dump(self.built, file)
        self.index.set_num_threads(1)

    def set(self, value):
        self.index.set_ef(value)

    def search(self, count):
        queries = self.data.queries[:count]
        start, cpu = time.perf_counter(), time.process_time()
        labels, _ = self.index.knn_query(queries, k=K, num_threads=1)
        return time.perf_counter() - start, time.process_time() - cpu, labels.tolist()

    def close(self):
        self.index = None


def hnswlib():
    """The Python package hnswlib (PyPI), or None after saying that it isn't there."""
    try:
        return importlib.import_module("hnswlib")
    except ImportError:
        print("(skipped: hnswlib in process; the Python package hnswlib 0.8 is not installed: pip install hnswlib, "
              "and BENCH_PYTHON names the interpreter that has it)")
        return None
