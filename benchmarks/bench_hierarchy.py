"""Planted trees of communities: which levels each linkage recovers; and how long a tree over many communities takes.

Run: python benchmarks/bench_hierarchy.py  (with PURLIEU_PEERS also Paris of scikit-network)
Bottom-up methods start from the same communities: those found by the Bethe-Hessian, or pieces of the planted leaves, of
very unequal sizes, to show the linkage alone. ARI of every level, mean over draws; D above 1 says that the level can be
recovered exactly at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.cluster.hierarchy as scipy_trees
import scipy.sparse
from scipy.spatial.distance import squareform

from benchmarks.bench import median_seconds, print_table
from benchmarks.planted_trees import TREES, PlantedTree
from benchmarks.rmat import rmat
from clustering.bethe_hessian import BetheHessianParams, spectral_communities
from clustering.evaluation import adjusted_rand_index
from clustering.hierarchy import hierarchy
from graph.csr import CSRGraph

Matrix = scipy.sparse.csr_array
Labels = npt.NDArray[np.integer]
DRAWS = 10
PATIENCE = 60  # seconds for a peer


class Tree(NamedTuple):
    """How to cut it, and its share of merges that are denser than one below them."""

    cut: Callable[[int], Labels]
    inverted: float


def densities(links: Matrix, labels: Labels) -> npt.NDArray[np.float64]:
    """Of every two communities."""
    members = scipy.sparse.csr_array((np.ones(labels.size), (labels, np.arange(labels.size))))
    sizes = np.bincount(labels).astype(float)
    return np.asarray((members @ links @ members.T).toarray() / np.outer(sizes, sizes))


def bottom_up(links: Matrix, labels: Labels) -> Tree:
    tree = hierarchy(links, labels)
    return Tree(lambda k: tree.cut(n_communities=min(k, tree.n_communities))[labels], float(tree.n_inversions))


def of_scipy(method: str) -> Callable[[Matrix, Labels], Tree]:
    """SciPy's linkage on 1 - density / highest; every community weighs one, whatever its nodes."""

    def grow(links: Matrix, labels: Labels) -> Tree:
        density = densities(links, labels)
        np.fill_diagonal(density, 0)
        linkage = scipy_trees.linkage(squareform(density.max() - density, checks=False), method)
        return Tree(lambda k: scipy_trees.fcluster(linkage, k, "maxclust")[labels], 0.0)

    return grow


def top_down(links: Matrix) -> Tree:
    """Halved again and again by the Bethe-Hessian, until its second eigenvalue is not negative."""
    n_nodes = links.shape[0]
    levels = [np.zeros(n_nodes, dtype=np.int64)]
    across: dict[int, float] = {}
    inverted = splits = 0
    todo = [(0, np.arange(n_nodes))]
    n_labels = 1
    while todo:
        labels, following = levels[-1].copy(), []
        for label, nodes in todo:
            if nodes.size < 4:
                continue
            part = links[nodes][:, nodes]
            halves = spectral_communities(part, BetheHessianParams(n_communities=2))
            if halves.values[1] >= 0 or halves.n_communities < 2:
                continue
            density = densities(part, halves.labels)[0, 1]
            splits += 1
            inverted += density < across.get(label, 0.0)
            for half in range(2):
                members = nodes[halves.labels == half]
                labels[members] = n_labels
                across[n_labels] = density
                following.append((n_labels, members))
                n_labels += 1
        levels.append(labels)
        todo = following

    def cut(k: int) -> Labels:
        """The level with the number of communities nearest to ``k``."""
        return min(levels, key=lambda labels: abs(np.unique(labels).size - k))

    return Tree(cut, inverted / max(splits, 1))


def recovery(planted: PlantedTree, draws: int = DRAWS) -> list[dict[str, object]]:
    """A row per method."""
    leaf = planted.leaf_of_nodes()
    truth = [leaf // planted.branches ** (planted.depth - level) for level in range(1, planted.depth + 1)]
    scores: dict[str, list[list[float]]] = {}
    for seed in range(draws):
        links = planted.draw(seed)
        flat = spectral_communities(links, BetheHessianParams()).labels
        trees = {"top-down": top_down(links)}
        for start, labels in (("flat", flat), ("pieces", planted.pieces_of_nodes(seed))):
            trees[f"edge density, {start}"] = bottom_up(links, labels)
            for name in ("average", "single") if labels.max() > 0 else ():
                trees[f"SciPy {name}, {start}"] = of_scipy(name)(links, labels)
        for name, tree in trees.items():
            levels = [adjusted_rand_index(tree.cut(int(known.max()) + 1), known) for known in truth]
            scores.setdefault(name, []).append([*levels, tree.inverted, float(flat.max() + 1)])
    rows: list[dict[str, object]] = []
    for name, found in scores.items():
        mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))
        row: dict[str, object] = {"tree": planted.name, "method": name}
        for level in range(planted.depth):
            row[f"level {level + 1}"] = f"{mean[level]:.3f} ± {error[level]:.3f}"
        row |= {"inverted": float(mean[-2]), "flat k": float(mean[-1])}
        rows.append(row)
    divergence: dict[str, object] = {"tree": planted.name, "method": "D"}
    divergence |= {f"level {q + 1}": planted.above_threshold(q + 1) for q in range(planted.depth)}
    return [{**divergence, "inverted": "", "flat k": ""}, *rows]


def speed() -> list[dict[str, object]]:
    """Seconds of trees in which every node is a community of its own: no method needs a square matrix but SciPy's."""
    rng = np.random.default_rng(0)
    n = 100_000
    star = np.stack((np.zeros(n - 1, dtype=np.int64), np.arange(1, n)))
    shapes = {
        "star": CSRGraph.from_edges(*star, directed=False),
        "random, 200,000 links": CSRGraph.from_edges(
            *rng.integers(0, n, (2, 200_000)), n_nodes=n, directed=False, duplicates="sum", self_loops="drop"
        ),
        "R-MAT 17": rmat(17, edge_factor=4),
    }
    hierarchy(scipy.sparse.csr_array(np.ones((3, 3), dtype=np.float32)), np.arange(3))  # compiles
    rows: list[dict[str, object]] = []
    for name, graph in shapes.items():
        links = graph.to_scipy()
        labels = np.arange(links.shape[0])
        row: dict[str, object] = {
            "graph": name,
            "communities": links.shape[0],
            "linked pairs": links.nnz // 2,
            "seconds": median_seconds(lambda links=links, labels=labels: hierarchy(links, labels)),
        }
        if peers := os.environ.get("PURLIEU_PEERS"):
            row["Paris (scikit-network)"] = paris(peers, links)
        rows.append(row)
    return rows


def paris(peers: str, links: Matrix) -> float | str:
    """Seconds in an interpreter that has scikit-network; it merges by density too, nodes weighing their degree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "links.npz"
        scipy.sparse.save_npz(path, links)
        command = [peers, str(Path(__file__).with_name("hierarchy_peers.py")), str(path)]
        try:
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return f"> {PATIENCE}"
    return float(json.loads(done.stdout)["paris"])


def main() -> None:
    for planted in TREES:
        print_table(recovery(planted))
        print()
    print_table(speed())


if __name__ == "__main__":
    main()
