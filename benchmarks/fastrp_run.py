"""One run of our FastRP in a process of its own, for `benchmarks.bench_fastrp`.

Kernels are loaded from their cache by a small graph before the clock starts; the memory of the large one is touched
for the first time inside it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

from benchmarks.fastrp_peers import BETA, DIM, WEIGHTS, print_cost
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp


def params_of(precision: str) -> FastRPParams:
    return FastRPParams(
        dim=DIM,
        iteration_weights=WEIGHTS,
        normalization_strength=BETA,
        precision=precision,  # type: ignore[arg-type]
    )


def graph_in(folder: Path) -> CSRGraph:
    indptr, indices = (np.load(folder / f"{part}.npy") for part in ("indptr", "indices"))
    return CSRGraph(indptr=indptr, indices=indices, directed=False, check=False)


def main(precision: str, folder: str, n_threads: str, warm: str) -> None:
    graph, params = graph_in(Path(folder)), params_of(precision)
    ring = np.arange(64)
    small = CSRGraph.from_edges(ring, (ring + 1) % 64, directed=False)
    fastrp(small, dataclasses.replace(params, sparsity=20.0))
    out = np.zeros((graph.n_nodes, DIM), dtype=np.float32) if warm == "warm" else None
    if out is not None:
        fastrp(graph, params, out=out, n_threads=int(n_threads))
    print_cost(lambda: fastrp(graph, params, out=out, n_threads=int(n_threads)))


if __name__ == "__main__":
    main(*sys.argv[1:])
