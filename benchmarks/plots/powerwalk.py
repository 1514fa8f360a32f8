"""Plot docs/img/powerwalk.png: what each kind of index is worth, and how distance falls with all that makes one.

Run: python -m benchmarks.plots.powerwalk  (some three minutes)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from benchmarks.debian import ROOT, debian_graph
from benchmarks.rmat import rmat
from benchmarks.walk_graphs import wiki_vote
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.powerwalk.choice import Measured, exact, measure_all, prepare
from graph.powerwalk.hubs import choose_hubs, hub_vectors
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import held_out, mean, measure

mpl.use("agg")
KINDS = [
    ("push alone", "k--", False, False, False, False),
    ("walks", "C1-", False, True, False, False),
    ("background", "C2-", False, False, True, False),
    ("hubs", "C0--", True, False, False, False),
    ("hubs, background", "C3-", True, False, True, False),
    ("sweeps", "C4--", False, False, False, True),
    ("sweeps, background", "C4-", False, False, True, True),
]
N_SOURCES = 24


def frontier(graph: CSRGraph) -> list[Measured]:
    """Every candidate on held-out sources."""
    material = prepare(graph, PowerWalkParams(), n_threads=2)
    sources = [source for source, _ in zip(held_out(graph, 0), range(N_SOURCES), strict=False)]
    return measure_all(material, exact(graph, sources, material.params, 2), drop=False)


def draw_frontier(axis: Any, title: str, found: Sequence[Measured]) -> None:
    """Missed precision against work, the best of each kind so far."""
    for name, style, *kind in KINDS:
        mine = sorted(
            (one.quality.work, max(1 - one.quality.precision, 1e-3))
            for one in found
            if [one.candidate.n_hubs > 0, one.candidate.walks, one.candidate.background, one.candidate.sweeps > 0]
            == kind
        )
        best = np.minimum.accumulate([missed for _, missed in mine]) if mine else []
        axis.step([work for work, _ in mine], best, style, where="post", label=name)
    axis.axhline(0.03, color="gray", linewidth=0.7)
    axis.set(title=title, xscale="log", yscale="log", xlabel="work of a query, microseconds", ylim=(9e-4, 0.6))


def distances(graph: CSRGraph) -> dict[str, tuple[list[float], list[float]]]:
    """Mean L1 distance by number of walks, hubs and entries, the rest held fixed."""
    layout, params = Layout.of(graph, 0.85), PowerWalkParams()
    sources = [source for source, _ in zip(held_out(graph, 0), range(N_SOURCES), strict=False)]
    truth = np.array([rank for _, rank in exact(graph, sources, params, 2)])
    effort = QueryParams(rmax=1e-4, cut=1e-7)
    hubs = hub_vectors(
        layout, choose_hubs(layout, 4096), damping=0.85, rmax=1e-6, n_threads=2,
        max_entries=np.full(4096, 4096, dtype=np.int32),
    )  # fmt: skip

    def distance(**parts: Any) -> float:
        index = PowerWalkIndex(graph, parts.pop("params", params), layout=layout, **parts)
        return mean(measure(index, parts.get("effort", effort), sources, truth)).l1

    walks, counts, entries = [4, 16, 64, 256], [0, 64, 256, 1024, 4096], [16, 64, 256, 1024, 4096]
    pushes = [1e-3, 1e-4, 1e-5, 1e-6]
    by_walks = []
    for n_walks in walks:
        some = PowerWalkParams(method="powerwalk", n_walks=n_walks)
        by_walks.append(distance(params=some, fingerprints=fingerprints(graph, some, n_threads=2)))
    return {
        "1 / rmax": (
            [1 / rmax for rmax in pushes],
            [distance(effort=QueryParams(rmax=rmax, cut=rmax / 100)) for rmax in pushes],
        ),
        "walks a node": (list(map(float, walks)), by_walks),
        "hubs": ([max(n, 16) for n in counts], [distance(hubs=hubs.first(n, 4096) if n else None) for n in counts]),
        "entries a hub": (list(map(float, entries)), [distance(hubs=hubs.first(4096, n)) for n in entries]),
    }


def main() -> None:
    """Write the picture."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), constrained_layout=True)
    graphs = [
        ("R-MAT 17", rmat(17)),
        ("wiki-Vote, directed", wiki_vote()),
        ("Debian, undirected", debian_graph("undirected")),
    ]
    for axis, (title, graph) in zip(axes[0], graphs, strict=True):
        if graph is not None:
            draw_frontier(axis, title, frontier(graph))
    axes[0, 0].set_ylabel("1 - precision@50")
    axes[0, 0].legend(fontsize=8)
    found = distances(rmat(15))
    for axis, names in zip(axes[1], [("1 / rmax",), ("walks a node",), ("hubs", "entries a hub")], strict=True):
        for name in names:
            axis.plot(*found[name], "-o", markersize=3, label=name)
        axis.set(title=f"R-MAT 15: by {' and '.join(names)}", xscale="log", yscale="log", xlabel=names[-1])
        axis.legend(fontsize=8)
    axes[1, 0].set_ylabel("mean L1 distance")
    for axis in axes.flat:
        axis.grid(alpha=0.3)
    figure.savefig(ROOT / "docs" / "img" / "powerwalk.png", dpi=72)


if __name__ == "__main__":
    main()
