"""Plots of the benchmarks: every figure as PNG and as SVG."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot  # noqa: E402

COLOURS = {"vecdot": "#1f77b4", "pgvector": "#ff7f0e", "hnswlib": "#2ca02c"}


def save(figure, path):
    """Writes figure to path.png and path.svg."""
    figure.tight_layout()
    for ending in ["png", "svg"]:
        figure.savefig(f"{path}.{ending}", dpi=150)
    pyplot.close(figure)


def ratios(lines, title, path):
    """Bars of how many times as long as vecdot the other took; nothing if there was no other."""
    lines = [line for line in lines if line.get("ratio") and "medians" in line]
    if not lines:
        return
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.3 * len(lines)))
    axes.barh([line["what"] for line in lines], [line["ratio"] for line in lines], color=COLOURS["vecdot"])
    axes.axvline(1, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("pgvector's time / vecdot's time")
    axes.set_title(title)
    save(figure, path)
