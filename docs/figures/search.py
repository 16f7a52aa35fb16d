"""Draws search.svg, the figure of docs/how-it-works.md: what a search reads, on points of a plane.

Usage: /usr/bin/python3 docs/figures/search.py (needs numpy and matplotlib; writes beside itself).
"""

import pathlib

import matplotlib
import numpy
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

INK, SOFT, QUERY, FOUND, OPENED = "#22262c", "#9aa0a6", "#c43e30", "#1e7848", "#dbe7f6"
K = 6


def lloyd(points, centroids, rounds=25):
    for _ in range(rounds):
        owner = numpy.argmin(((points[:, None] - centroids) ** 2).sum(2), axis=1)
        centroids = numpy.array([points[owner == i].mean(0) for i in range(len(centroids))])
    return centroids, owner


def plane(axes):
    random = numpy.random.default_rng(5)
    centres = random.uniform(0, 10, (9, 2))
    points = centres[random.integers(0, 9, 520)] + random.normal(size=(520, 2))
    centroids, owner = lloyd(points, points[random.choice(520, 18, replace=False)])
    query = numpy.array([5.6, 5.2])
    order = numpy.argsort(((centroids - query) ** 2).sum(1))
    nearest = numpy.argsort(((points - query) ** 2).sum(1))[:K]
    reach = ((points[nearest[-1]] - query) ** 2).sum() ** 0.5
    opened = order[:4]

    x, y = numpy.meshgrid(numpy.linspace(0, 10, 161), numpy.linspace(0, 10, 161))
    grid = numpy.stack([x, y], -1)
    cells = numpy.argmin(((grid[:, :, None] - centroids) ** 2).sum(3), axis=2)
    for i in opened:
        axes.contourf(x, y, cells == i, [0.5, 1.5], colors=[OPENED])
    for i in range(len(centroids)):
        axes.contour(x, y, cells == i, [0.5], colors=["#c8ccd2"], linewidths=0.8)
    inside = numpy.isin(owner, opened)
    axes.scatter(*points[~inside].T, s=5, color="#c8ccd2")
    axes.scatter(*points[inside].T, s=6, color="#5b7fb0")
    axes.scatter(*centroids.T, s=26, marker="+", color=INK, linewidths=1)
    axes.scatter(*points[nearest].T, s=30, facecolors="none", edgecolors=FOUND, linewidths=1.6)
    axes.add_patch(Circle(query, reach, fill=False, color=QUERY, linewidth=1.1, linestyle="--"))
    axes.scatter(*query, s=90, marker="*", color=QUERY, zorder=5)
    for n, i in enumerate(opened):
        axes.annotate(str(n + 1), centroids[i] + (0.14, 0.14), color=INK, fontsize=9, weight="bold")
    axes.set(xlim=(0, 10), ylim=(0, 10), xticks=[], yticks=[], aspect="equal")
    axes.set_title("cells are opened in the order of their distance", fontsize=10, color=INK)
    axes.set_xlabel(
        "★ query   + centroid   ○ the nearest rows   - - as far as the last of them\n"
        "shaded: opened cells, in this order; the others are never read",
        fontsize=8,
        color=INK,
    )


def funnel(axes):
    stages = [
        ("centroids, 8 bits a dimension", "which cells, in which order", 9.2),
        ("opened cells: signs, 1 bit a dimension", "an estimate for each row, 32 rows at a time", 7.4),
        ("promising rows: 8 bits a dimension", "a proven lower bound of the distance", 6.2),
        ("the table: the nearest rows", "the operator's own distance; exact order", 5.2),
    ]
    y = 8.3
    for i, (what, gives, width) in enumerate(stages):
        box = FancyBboxPatch(
            (5 - width / 2, y - 0.62),
            width,
            1.24,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor=["#eef2f7", OPENED, "#d5ecdf", "#f8ddd8"][i],
            edgecolor="#c8ccd2",
        )
        axes.add_patch(box)
        axes.text(5, y + 0.14, what, ha="center", fontsize=8.6, color=INK, weight="bold")
        axes.text(5, y - 0.4, gives, ha="center", fontsize=8, color=INK)
        if i < 3:
            axes.add_patch(
                FancyArrowPatch((5, y - 0.7), (5, y - 1.36), arrowstyle="-|>", mutation_scale=10, color=SOFT)
            )
        y -= 2.1
    axes.text(5, 0.9, "each step reads fewer rows, more of each", ha="center", fontsize=8, color=INK)
    axes.set(xlim=(-0.6, 10.6), ylim=(0, 10), xticks=[], yticks=[])
    axes.set_title("what is read of a row, from coarse to exact", fontsize=10, color=INK)
    for side in axes.spines.values():
        side.set_visible(False)


def main():
    matplotlib.rcParams["svg.hashsalt"] = "vecdot"  # the same ids in every run
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    matplotlib.rcParams["font.family"] = "DejaVu Sans"
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10.4, 5.6), width_ratios=(1, 1.1))
    plane(left)
    funnel(right)
    figure.tight_layout()
    path = pathlib.Path(__file__).with_name("search.svg")
    figure.savefig(path, metadata={"Date": None})
    return path


if __name__ == "__main__":
    print(main())
