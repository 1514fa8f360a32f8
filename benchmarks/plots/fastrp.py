"""Plot docs/img/fastrp.png: how well FastRP of the Debian dependency graph tells a package's section.

Run: python benchmarks/plots/fastrp.py  (about three minutes)
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
import zstandard

from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp

mpl.use("agg")
ROOT = Path(__file__).parents[2]
DATA = ROOT / "data" / "debian"
WEIGHTS = {"Pre-Depends": 1.0, "Depends": 1.0, "Recommends": 0.5, "Suggests": 0.25, "Enhances": 0.25}
N_TRAIN, N_TEST, N_QUERIES = 6_000, 10_000, 2_000


def debian() -> tuple[CSRGraph, np.ndarray[Any, Any]]:
    """The undirected dependency graph, and every package's section as a number; Breaks and Conflicts are left out."""
    lines = zstandard.decompress((DATA / "packages.jsonl.zst").read_bytes()).decode().splitlines()
    packages = {package["_id"]: package["section"] for package in map(json.loads, lines)}
    arcs = pl.read_csv(zstandard.decompress((DATA / "dependencies.tsv.zst").read_bytes()), separator="\t")
    arcs = arcs.filter(pl.col("type").is_in(list(WEIGHTS)))
    names = sorted(packages, key=str.encode)
    row = {name: i for i, name in enumerate(names)}
    graph = CSRGraph.from_edges(
        arcs["src"].replace_strict(row).to_numpy(),
        arcs["dst"].replace_strict(row).to_numpy(),
        arcs["type"].replace_strict(WEIGHTS).to_numpy(),
        n_nodes=len(names),
        directed=False,
        self_loops="drop",
    )
    return graph, np.unique([packages[name] for name in names], return_inverse=True)[1]


def quality(graph: CSRGraph, section: np.ndarray[Any, Any], params: FastRPParams) -> tuple[float, float]:
    """Accuracy of logistic regression on unseen packages, and the share of the ten nearest in the same section."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    nodes = np.flatnonzero(graph.out_degree())
    np.random.default_rng(0).shuffle(nodes)
    train, test, query = np.split(nodes[: N_TRAIN + N_TEST + N_QUERIES], [N_TRAIN, N_TRAIN + N_TEST])
    embedding = fastrp(graph, params, n_threads=2)
    columns = scale(embedding.astype(np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hundred steps are enough to compare
        model = LogisticRegression(C=0.1, tol=1e-3).fit(columns[train], section[train])
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    likeness = unit[query] @ unit[nodes].T
    likeness[query[:, None] == nodes] = -2
    nearest = nodes[np.argpartition(-likeness, 10, axis=1)[:, :10]]
    return model.score(columns[test], section[test]), float(np.mean(section[nearest] == section[query][:, None]))


def main() -> None:
    from matplotlib import pyplot as plt

    graph, section = debian()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    lengths = [2, 3, 4, 5, 6, 8]
    for mode, marker in (("paper", "o"), ("gds", "s")):
        for beta, line in ((-0.6, "-"), (0.0, "--")):
            curve = []
            for length in lengths:
                weights = (0.0, *([1.0] * (length - 1)))
                params = FastRPParams(mode=mode, normalization_strength=beta, iteration_weights=weights, sparsity=3)
                curve.append(quality(graph, section, params))
                print(mode, beta, length, *(f"{value:.3f}" for value in curve[-1]))
            for axis, values in zip(axes, zip(*curve, strict=True), strict=True):
                axis.plot(lengths, values, line, marker=marker, label=f"{mode}, strength {beta:g}")
    share = np.bincount(section[graph.out_degree() > 0])
    axes[0].axhline(share.max() / share.sum(), color="grey", lw=1)
    axes[0].text(lengths[-1], share.max() / share.sum() + 0.01, "largest section", ha="right", color="grey")
    axes[0].set(
        title="Section from the embedding: accuracy", xlabel="hops, all but the first of weight 1", ylim=(0, 0.75)
    )
    axes[1].set(title="Ten nearest: share in the same section", xlabel="hops, all but the first of weight 1")
    axes[0].legend(fontsize=8, loc="center right")
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.savefig(ROOT / "docs" / "img" / "fastrp.png", dpi=110)


if __name__ == "__main__":
    main()
