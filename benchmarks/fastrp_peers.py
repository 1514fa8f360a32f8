"""One program, one graph, one process: three powers of 256 columns by SciPy, the Rust package `fastrp` or pycleora.

Run by `benchmarks.bench_fastrp` with whichever interpreter has the package; knows nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

DIM, WEIGHTS, BETA = 256, (1.0, 0.7, 2.0), -0.6


def scipy_fastrp(graph: scipy.sparse.csr_array) -> np.ndarray[Any, Any]:
    """The paper's formulas in float32, sparse in the first product."""
    n = graph.shape[0]
    degree = np.maximum(np.diff(graph.indptr), 1).astype(np.float32)
    step = graph.copy()
    step.data = np.repeat(1 / degree, np.diff(graph.indptr)).astype(np.float32)
    rng, s = np.random.default_rng(0), np.sqrt(n)
    n_entries = rng.binomial(n * DIM, 1 / s)
    where = rng.integers(0, n * DIM, n_entries)
    values = rng.choice(np.array([-1, 1], dtype=np.float32), n_entries) * np.float32(np.sqrt(s / DIM))
    rows = where // DIM
    power: Any = scipy.sparse.csr_array((values * degree[rows] ** BETA, (rows, where % DIM)), shape=(n, DIM))
    out = np.zeros((n, DIM), dtype=np.float32)
    for weight in WEIGHTS:
        power = step @ power
        if scipy.sparse.issparse(power):
            power = power.toarray()
        norms = np.sqrt(np.einsum("ij,ij->i", power, power))[:, None]
        out += weight * np.divide(power, norms, out=np.zeros_like(power), where=norms > 0)
    return out


def prepared(name: str, graph: scipy.sparse.csr_array, n_threads: int) -> Callable[[], Any]:
    """What is timed; building a library's own graph is not."""
    if name == "scipy":
        return lambda: scipy_fastrp(graph)
    if name == "fastrp":
        from fastrp import FastRP

        return lambda: FastRP(DIM, weights=[0.0, *WEIGHTS], seed=0, undirected=False).fit_transform(graph)
    from pycleora import SparseMatrix

    coo = scipy.sparse.triu(graph).tocoo()
    lines = (f"{a} {b}" for a, b in zip(coo.coords[0].tolist(), coo.coords[1].tolist(), strict=True))
    matrix = SparseMatrix.from_iterator(lines, "complex::reflexive::node")
    return lambda: matrix.embed_fast(DIM, len(WEIGHTS), propagation="left", num_workers=n_threads)


def peak_memory() -> float:
    """Most MiB this process ever held; of this program alone, unlike what getrusage says of a child."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def print_cost(run: Callable[[], Any]) -> None:
    """One line of JSON: seconds, the process's peak memory, and a number by which results can be told apart."""
    before = os.times()
    found = run()
    after = os.times()
    cost = {"user": after.user - before.user, "system": after.system - before.system}
    more = {
        "wall": after.elapsed - before.elapsed,
        "peak_mib": peak_memory(),
        "mean_square": float(np.vdot(found, found)) / len(found),
    }
    print(json.dumps(cost | more))


def main(name: str, folder: str, n_threads: str) -> None:
    indptr, indices = (np.load(Path(folder) / f"{part}.npy") for part in ("indptr", "indices"))
    data = np.ones(indices.size, dtype=np.float32)
    n = indptr.size - 1
    graph = scipy.sparse.csr_array((data, indices, indptr.astype(np.int32)), shape=(n, n))
    run = prepared(name, graph, int(n_threads))
    print_cost(run)


if __name__ == "__main__":
    main(*sys.argv[1:])
