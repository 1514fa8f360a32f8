"""Random walks by another library, run by an interpreter that has it.

Run: PYTHON walk_peers.py LIBRARY FOLDER P Q N_WALKS LENGTH

Reads ``indptr.npy`` and ``indices.npy`` of an undirected graph in FOLDER and walks from N_WALKS of its nodes. Prints
one JSON object: the library's version, steps and CPU-seconds, one thread, compiled. Only the walking itself is timed,
not what the libraries then do to make lists of strings. Knows nothing of this project.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def pecanpy(indptr: np.ndarray, indices: np.ndarray, starts: np.ndarray, length: int, p: float, q: float) -> tuple:
    from numba_progress import ProgressBar
    from pecanpy import pecanpy as node2vec

    kind = node2vec.FirstOrderUnweighted if p == q == 1 else node2vec.SparseOTF
    graph = kind(p=p, q=q, workers=1, random_state=0)
    graph.indptr, graph.indices = indptr.astype(np.uint32), indices.astype(np.uint32)
    graph.data = np.ones(indices.size, dtype=np.float32)
    graph.set_node_ids(None, implicit_ids=True, num_nodes=indptr.size - 1)
    move, can_move = graph.get_move_forward(), graph.get_has_nbrs()

    def walk(rows: np.ndarray) -> tuple:
        with ProgressBar(total=rows.size, disable=True) as progress:
            begun = time.process_time()
            walks = graph._random_walks(rows.size, length, 0, rows, can_move, move, progress)
            return int(walks[:, -1].sum()) - rows.size, time.process_time() - begun

    walk(starts[:2].astype(np.uint32))
    return walk(starts.astype(np.uint32))


def pycleora(indptr: np.ndarray, indices: np.ndarray, starts: np.ndarray, length: int, p: float, q: float) -> tuple:
    from pycleora.algorithms import _random_walks

    # It walks from the first rows: let those be the nodes that the others walk from.
    order = np.concatenate([starts, np.setdiff1d(np.arange(indptr.size - 1), starts)])
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    rows = [place[indices[indptr[node] : indptr[node + 1]]].tolist() for node in order]
    weights = [[1.0] * len(row) for row in rows]
    begun = time.process_time()
    walks = _random_walks(rows, weights, starts.size, 1, length, p, q, 0)
    return sum(len(walk) - 1 for walk in walks), time.process_time() - begun


def main() -> None:
    library, folder, p, q, n_walks, length = sys.argv[1:]
    indptr, indices = np.load(Path(folder) / "indptr.npy"), np.load(Path(folder) / "indices.npy")
    walking = np.flatnonzero(np.diff(indptr))
    starts = np.random.default_rng(0).choice(walking, min(int(n_walks), walking.size), replace=False)
    walk = {"pecanpy": pecanpy, "pycleora": pycleora}[library]
    steps, seconds = walk(indptr, indices, starts, int(length), float(p), float(q))
    print(json.dumps({"version": version(library), "steps": steps, "seconds": seconds}))


if __name__ == "__main__":
    main()
