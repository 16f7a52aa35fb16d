"""Draws the comparison of examples/compare.sql, from its table on standard input (CSV with a header:
method, milliseconds, times as fast, agreement), into a PNG file. Usage: chart.py FILE."""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def main():
    rows = list(csv.reader(sys.stdin))[1:]
    methods = [row[0] for row in rows]
    times = [float(row[1]) for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 3.2))
    bars = axes.barh(methods, times, color=["#9aa0a6"] + ["#2654a0"] * (len(rows) - 1))
    for bar, row in zip(bars, rows):
        axes.text(
            bar.get_width() * 1.06,
            bar.get_y() + bar.get_height() / 2,
            f"{float(row[1]):.2f} ms, {100 * float(row[3]):.1f} % of the scan's neighbours",
            va="center",
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlim(min(times) / 2, max(times) * 30)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds a query, median of 50 (logarithmic)")
    axes.set_title("The ten nearest of 60,000 pictures of 784 numbers, one process", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=130)


if __name__ == "__main__":
    main()
