"""DeepWalk, as a peer, in its matrix form: what infinitely many walks would factorise.

Source: Qiu, Dong, Ma, Li, Wang, Tang, *Network Embedding as Matrix Factorization: Unifying DeepWalk, LINE, PTE, and
node2vec*, WSDM 2018, algorithm 4: window 10, one negative sample, 256 eigenpairs. It forms a dense n × n matrix, so it
is for small graphs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg

from foundation.seeds import stream
from graph.csr import CSRGraph

Float64s = npt.NDArray[np.float64]

WINDOW, NEGATIVES, RANK = 10, 1, 256
MOST_NODES = 12_000


def netmf(graph: CSRGraph, dim: int, seed: int = 0) -> Float64s:
    """Embed every node, float64 (n_nodes, dim)."""
    adjacency = scipy.sparse.csr_array(graph.to_scipy().astype(np.float64))
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    root = np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    normal = scipy.sparse.diags_array(root) @ adjacency @ scipy.sparse.diags_array(root)
    start = stream(seed, "benchmarks.netmf").random(graph.n_nodes)
    values, vectors = scipy.sparse.linalg.eigsh(normal, k=RANK, which="LA", v0=start)
    powers = np.sum([values**i for i in range(1, WINDOW + 1)], axis=0) / WINDOW
    half = (root[:, None] * vectors * np.sqrt(np.maximum(powers, 0))).astype(np.float32)
    walks = half @ half.T
    walks *= degree.sum() / NEGATIVES
    np.maximum(walks, 1, out=walks)
    np.log(walks, out=walks)
    left, found, _ = scipy.sparse.linalg.svds(walks, k=dim, v0=start.astype(np.float32))
    order = np.argsort(-found)
    return np.asarray(left[:, order] * np.sqrt(found[order]), dtype=np.float64)
