"""Nearest neighbours by another library, run by an interpreter that has it.

Run: PYTHON ann_peers.py LIBRARY FOLDER METRIC

Reads ``train.npy`` and ``test.npy`` (float32) in FOLDER, builds with one thread and asks for ten neighbours (METRIC is
"l2" or "inner_product") of every query at each setting of a grid of its own, all at once. Prints one JSON object a
line: the build's CPU-seconds first, then setting, CPU-seconds (the least of three) and the file in FOLDER with the rows
found. Knows nothing of this project.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

K = 10
BEAMS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400)


def hnswlib(train: np.ndarray, metric: str) -> object:
    import hnswlib as library

    index = library.Index(space="l2" if metric == "l2" else "ip", dim=train.shape[1])
    index.init_index(max_elements=len(train), M=16, ef_construction=200)
    index.add_items(train, num_threads=1)
    yield
    for beam in BEAMS:
        index.set_ef(beam)
        yield f"ef {beam}", lambda asked: index.knn_query(asked, K, num_threads=1)[0]


def usearch(train: np.ndarray, metric: str) -> object:
    from usearch.index import Index

    index = Index(ndim=train.shape[1], metric="l2sq" if metric == "l2" else "ip", connectivity=16, expansion_add=200)
    index.add(np.arange(len(train)), train, threads=1)
    yield
    for beam in BEAMS:
        index.expansion_search = beam
        yield f"expansion {beam}", lambda asked: index.search(asked, K, threads=1).keys


def voyager(train: np.ndarray, metric: str) -> object:
    import voyager as library

    space = library.Space.Euclidean if metric == "l2" else library.Space.InnerProduct
    index = library.Index(space, num_dimensions=train.shape[1], M=16, ef_construction=200)
    index.add_items(train, num_threads=1)
    yield
    for beam in BEAMS:
        yield f"ef {beam}", lambda asked, beam=beam: index.query(asked, K, num_threads=1, query_ef=beam)[0]


def svs(train: np.ndarray, metric: str) -> object:
    import svs as library

    alpha, kind = (1.2, library.DistanceType.L2) if metric == "l2" else (0.95, library.DistanceType.MIP)
    params = library.VamanaBuildParameters(alpha=alpha, graph_max_degree=64, window_size=128)
    index = library.Vamana.build(params, train, kind, num_threads=1)
    yield
    for beam in BEAMS:
        index.search_window_size = beam
        yield f"window {beam}", lambda asked: index.search(asked, K)[0]


def scann(train: np.ndarray, metric: str) -> object:
    from scann import scann_ops_pybind as library

    n_leaves = max(1, round(len(train) ** 0.5))
    build = library.builder(train, K, "squared_l2" if metric == "l2" else "dot_product").tree(
        num_leaves=n_leaves, num_leaves_to_search=8, training_sample_size=min(len(train), 250_000)
    )
    index = build.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()
    yield
    for leaves in (3, 4, 6, 8, 11, 16, 24, 40):
        for reorder in (20, 30, 40, 60, 100):
            yield (
                f"leaves {leaves}, reorder {reorder}",
                lambda asked, leaves=leaves, reorder=reorder: index.search_batched(
                    asked, K, leaves_to_search=leaves, pre_reorder_num_neighbors=reorder
                )[0],
            )


PACKAGES = {"svs": "scalable-vs"}
LIBRARIES = {work.__name__: work for work in (scann, hnswlib, svs, voyager, usearch)}


def main() -> None:
    library, folder, metric = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    train, test = np.load(folder / "train.npy"), np.load(folder / "test.npy")
    steps = LIBRARIES[library](train, metric)
    begun = time.process_time()
    next(steps)
    built = time.process_time() - begun
    print(json.dumps({"version": version(PACKAGES.get(library, library)), "build": built}), flush=True)
    for nth, (setting, search) in enumerate(steps):
        search(test[:50])
        seconds = []
        for _ in range(3):
            begun = time.process_time()
            found = search(test)
            seconds.append(time.process_time() - begun)
        np.save(folder / f"{library}-{nth}.npy", np.asarray(found).astype(np.int64))
        print(json.dumps({"setting": setting, "seconds": min(seconds), "rows": f"{library}-{nth}.npy"}), flush=True)


if __name__ == "__main__":
    main()
