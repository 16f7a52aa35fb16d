"""Plots of the benchmarks: every figure as PNG and as SVG."""

import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot  # noqa: E402

COLOURS = {"vecdot": "#1f77b4", "vecdot in row": "#17becf", "pgvector": "#ff7f0e", "hnswlib": "#2ca02c"}


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


def nines(recall):
    """Recall as the eye wants it: 0.9, 0.99 and 0.999 at equal distances; 1 stands for 0.99995."""
    return -math.log10(max(1 - recall, 5e-5))


def curves(lines, path):
    """Queries a second over recall, a panel for each data set: the points that no other of the same
    contender beats in both."""
    figure, panels = pyplot.subplots(1, len(lines), figsize=(5.5 * len(lines), 4.5), squeeze=False)
    for line, axes in zip(lines, panels[0]):
        for name in dict.fromkeys(point["who"] for point in line["points"]):
            points = [(point["recall"], point["speed"]) for point in line["points"] if point["who"] == name]
            points = sorted(p for p in points if not any(q[0] >= p[0] and q[1] > p[1] for q in points))
            axes.plot([nines(recall) for recall, _ in points], [speed for _, speed in points], "o-",
                      color=COLOURS[name], label="hnswlib, in process" if name == "hnswlib" else name)
        if line["scan_seconds"]:
            axes.axhline(1 / line["scan_seconds"], color=COLOURS["pgvector"], linestyle=":",
                         label="pgvector, sequential scan")
        ticks = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1]
        axes.set_xticks([nines(tick) for tick in ticks], [str(tick) for tick in ticks])
        axes.set_yscale("log")
        axes.grid(which="both", alpha=0.2)
        axes.set_xlabel("recall@10, measured")
        axes.set_ylabel("queries/s, one connection")
        axes.set_title(f"{line['data']} {line['rows']} x {line['dimensions']}, {line['metric']}")
        axes.legend()
    save(figure, path)
