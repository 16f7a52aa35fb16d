"""How a query's time grows with the rows: ten times as many may take less than four times as long."""

import datasets
import searchers
from index_search import QUERIES, TIMED, Point
from recall import Answer

ROWS = [10_000, 100_000, 1_000_000]
SETTING = 0.99
BAR = 4


class AtSetting(searchers.SqlSearcher):
    def __init__(self, contender, data):
        super().__init__(contender, data, "vecdot.recall", [SETTING])


def main(contenders, rounds, _directory):
    vecdot = contenders[0]
    print(f"\nTime of a query as the table grows: vecdot.recall = {SETTING}, LIMIT {searchers.K}, synthetic 128-d",
          flush=True)
    points, lines = [], []
    for rows in ROWS:
        data = datasets.load("synthetic128", rows)
        if points and len(data.base) == len(points[-1].data.base):
            break  # BENCH_ROWS
        vecdot.load(searchers.table(data), data.base)
        built = searchers.build(vecdot, data)
        point = Point(AtSetting(vecdot, data), SETTING)
        point.data, point.built = data, built
        point.first(Answer(data, searchers.K, min(QUERIES, len(data.queries))))
        points.append(point)
    for number in range(rounds):
        for point in points if number % 2 else reversed(points):
            point.turn(TIMED)
    print(f"{'rows':>12}{'recall@10':>11}{'ms':>9}{'CPU ms':>9}{'build s':>9}{'growth':>9}{'by CPU':>9}", flush=True)
    for before, point in zip([None] + points, points):
        line = {"rows": len(point.data.base), "recall": point.recall, "ms": 1000 / point.speed,
                "cpu_ms": 1000 / (point.cpu_speed or float("nan")), "build_seconds": point.built["seconds"]}
        growth = ""
        if before:
            line["growth"] = before.speed / point.speed
            line["growth_cpu"] = (before.cpu_speed or 0) / (point.cpu_speed or float("nan"))
            growth = f"{line['growth']:>8.2f}x{line['growth_cpu']:>8.2f}x  bar < {BAR}: " + (
                "met" if line["growth"] < BAR else "MISSED")
        print(f"{line['rows']:>12}{line['recall']:>11.4f}{line['ms']:>9.3f}{line['cpu_ms']:>9.3f}"
              f"{line['build_seconds']:>9.1f}{growth}", flush=True)
        lines.append(line)
    for point in points:
        point.searcher.close()
        vecdot.run(f"DROP TABLE {searchers.table(point.data)}")
    return lines
