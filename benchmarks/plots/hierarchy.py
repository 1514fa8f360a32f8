"""Plot docs/img/hierarchy.png: the tree of Debian's sections, merged by the density of dependencies.

Run: python -m benchmarks.plots.hierarchy  (a few seconds)
"""

from __future__ import annotations

import json
import math

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import scipy.cluster.hierarchy as scipy_trees
import scipy.sparse
import zstandard
from matplotlib import pyplot as plt

from benchmarks.debian import ROOT, debian_graph
from clustering.hierarchy import hierarchy

mpl.use("agg")
LEAST = 100  # packages of a section


def sections() -> tuple[scipy.sparse.csr_array, npt.NDArray[np.int64], list[str]]:
    """Dependencies among packages of the larger sections, each of weight 1; every package's section; their names."""
    graph = debian_graph("undirected")
    lines = zstandard.decompress((ROOT / "data" / "debian" / "packages.jsonl.zst").read_bytes()).splitlines()
    given = {package["_id"]: package["section"].split("/")[-1] for package in map(json.loads, lines)}
    named = [given.get(name, "") for name in graph.node_ids.take(range(graph.n_nodes))]
    names, section, counts = np.unique(named, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((counts[section] >= LEAST) & (names[section] != ""))
    left, section = np.unique(section[kept], return_inverse=True)
    links = graph.to_scipy()[kept][:, kept]
    links.data = np.ones(links.nnz)
    return links, section, [str(names[i]) for i in left]


def main() -> None:
    links, section, names = sections()
    tree = hierarchy(links, section)
    figure, axis = plt.subplots(figsize=(6.4, 8.4), layout="constrained")
    labels = [f"{name} ({nodes:,})" for name, nodes in zip(names, tree.sizes, strict=False)]
    scipy_trees.dendrogram(tree.linkage, labels=labels, orientation="right", ax=axis, color_threshold=math.log(20))
    ticks = [1, 10, 100, 1000]
    axis.set_xticks(np.log(ticks), [f"{tree.density[0] / tick:.1g}" for tick in ticks])
    axis.set(xlabel="dependencies per pair of packages at the merge", title="Sections of Debian (packages)")
    axis.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "img" / "hierarchy.png", dpi=110)


if __name__ == "__main__":
    main()
