"""FastRP beside the same formulas in SciPy, on an R-MAT graph; and how much of a planted partition it finds.

Run: python benchmarks/bench_fastrp.py [scale]
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse

from benchmarks.bench import print_table
from benchmarks.rmat import rmat
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp, initial_panel

PARAMS = {
    mode: FastRPParams(mode=mode, dim=256, iteration_weights=(1.0, 0.7, 2.0), normalization_strength=-0.6)
    for mode in ("paper", "gds")
}


def scipy_fastrp(graph: CSRGraph, params: FastRPParams, projection: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The formulas with sparse matrix products, in the precision of ``projection`` (sparse in the first product)."""
    real = projection.dtype
    degree = np.maximum(graph.out_weight(), 1)  # no weights here, so this changes isolated nodes only
    step = scipy.sparse.diags_array((1 / degree).astype(real)) @ graph.to_scipy().astype(real)
    power: Any = scipy.sparse.csr_array(projection)
    if params.mode == "paper":
        power = scipy.sparse.diags_array((degree**params.normalization_strength).astype(real)) @ power
    out = np.zeros(projection.shape, dtype=real)
    for weight in params.iteration_weights:
        power = step @ power
        power = power.toarray() if scipy.sparse.issparse(power) else power
        norms = np.linalg.norm(power, axis=1, keepdims=True)
        unit = np.divide(power, norms, out=np.zeros_like(power), where=norms > 0)
        out += real.type(weight) * unit
        power = unit if params.mode == "gds" else power
    return out


def median_cost(fn: Callable[[], object], repeats: int = 3) -> tuple[float, float, float]:
    """User, system and wall seconds. System time is mostly the first touch of fresh memory: the machine's, not ours."""
    costs = []
    for _ in range(repeats):
        before = os.times()
        fn()
        after = os.times()
        costs.append((after.user - before.user, after.system - before.system, after.elapsed - before.elapsed))
    user, system, wall = (statistics.median(column) for column in zip(*costs, strict=True))
    return user, system, wall


def purity(params: FastRPParams) -> float:
    """Share of the 10 nearest by cosine that lie in the node's own part of a planted partition of 50 x 40 nodes."""
    network = nx.planted_partition_graph(50, 40, 0.15, 0.004, seed=1)
    embedding = fastrp(CSRGraph.from_networkx(network), params).astype(np.float64)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -1)
    nearest = np.argpartition(-likeness, 10, axis=1)[:, :10]
    return float(np.mean(nearest // 40 == np.arange(len(unit))[:, None] // 40))


def main(scale: int = 16) -> None:
    graph = rmat(scale)
    print(f"R-MAT scale {scale}: {graph.n_nodes} nodes, {graph.n_edges} arcs; dim 256, three powers; medians of 3\n")
    rows = []
    for mode, params in PARAMS.items():
        start = initial_panel(graph, params, 0, params.dim)
        exact = scipy_fastrp(graph, params, start.astype(np.float64))
        ways: dict[str, Callable[[], np.ndarray[Any, Any]]] = {
            "purlieu, 1 thread": lambda p=params: fastrp(graph, p),
            "purlieu, 2 threads": lambda p=params: fastrp(graph, p, n_threads=2),
            "scipy, float32": lambda p=params, s=start: scipy_fastrp(graph, p, s),
        }
        found = {name: way() for name, way in ways.items()}  # compiles, outside the clock
        cost = {name: median_cost(way) for name, way in ways.items()}
        for name, (user, system, wall) in cost.items():
            peer = cost["scipy, float32"]
            rows.append(
                {
                    "mode": mode,
                    "program": name,
                    "user s": user,
                    "system s": system,
                    "wall s": wall,
                    "user ratio": peer[0] / user,
                    "CPU ratio": (peer[0] + peer[1]) / (user + system),
                    "largest error": float(np.abs(found[name] - exact).max()),
                    "purity@10": purity(params) if name == "purlieu, 1 thread" else "",
                }
            )
    print_table(rows)
    print(
        "\nRatio: scipy / this; CPU is user + system. Largest error: against the same formulas in float64. purity@10:"
    )
    print("share of the ten nearest in the node's own part of a planted partition (50 parts of 40 nodes; chance 0.02).")
    print("The scipy rows start from a ready projection; ours draw it inside the clock.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
