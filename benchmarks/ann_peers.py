"""Nearest neighbours by another library, run by an interpreter that has it.

Run: PYTHON ann_peers.py LIBRARY FOLDER METRIC

Reads ``train.npy``, ``test.npy`` (float32) and ``true.npy`` (rows of the ten nearest) in FOLDER, builds with one thread
and asks for ten neighbours (METRIC is "l2" or "inner_product") of every query at each setting of a grid of its own, all
at once. Prints one JSON object a line: for each build its CPU-seconds, then setting, CPU-seconds (the least of three
runs, or of as many as take a fifth of a second) and the file in FOLDER with the rows found. Settings go from quick to
thorough; a build's sweep ends beyond recall .995. Knows nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

K = 10
BEAMS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 640, 1000)
ENOUGH = 0.995
LARGE = 60_000_000  # values from which on only one build of a library is tried: the first, but for
LARGE_BUILDS = {"usearch": "M 32", "svs": "R 64"}  # what was quickest on a tenth of the rows and builds in time
LEAVES, REORDERED = (3, 4, 6, 8, 11, 16, 24, 40, 64, 100, 160), (20, 30, 40, 60, 100, 200, 400)
LARGE_LEAVES, LARGE_REORDERED = (11, 16, 24, 40, 64, 100, 160, 250), (60, 100, 200, 400, 800)


def hnswlib(train: np.ndarray, metric: str, links: int) -> object:
    import hnswlib as library

    index = library.Index(space="l2" if metric == "l2" else "ip", dim=train.shape[1])
    index.init_index(max_elements=len(train), M=links, ef_construction=200)
    index.add_items(train, num_threads=1)
    yield
    for beam in BEAMS:
        index.set_ef(beam)
        yield f"ef {beam}", lambda asked: index.knn_query(asked, K, num_threads=1)[0]


def usearch(train: np.ndarray, metric: str, links: int) -> object:
    from usearch.index import Index

    index = Index(ndim=train.shape[1], metric="l2sq" if metric == "l2" else "ip", connectivity=links, expansion_add=200)
    index.add(np.arange(len(train)), train, threads=1)
    yield
    for beam in BEAMS:
        index.expansion_search = beam
        yield f"expansion {beam}", lambda asked: index.search(asked, K, threads=1).keys


def voyager(train: np.ndarray, metric: str, links: int) -> object:
    import voyager as library

    space = library.Space.Euclidean if metric == "l2" else library.Space.InnerProduct
    index = library.Index(space, num_dimensions=train.shape[1], M=links, ef_construction=200)
    index.add_items(train, num_threads=1)
    yield
    for beam in BEAMS:
        yield f"ef {beam}", lambda asked, beam=beam: index.query(asked, K, num_threads=1, query_ef=beam)[0]


def svs(train: np.ndarray, metric: str, links: int) -> object:
    import svs as library

    alpha, kind = (1.2, library.DistanceType.L2) if metric == "l2" else (0.95, library.DistanceType.MIP)
    params = library.VamanaBuildParameters(alpha=alpha, graph_max_degree=links, window_size=128)
    index = library.Vamana.build(params, train, kind, num_threads=1)
    yield
    for beam in BEAMS:
        index.search_window_size = beam
        yield f"window {beam}", lambda asked: index.search(asked, K)[0]


def diskannpy(train: np.ndarray, metric: str, links: int) -> object:
    import diskannpy as library

    folder, name = str(Path(sys.argv[2])), "l2" if metric == "l2" else "mips"
    alpha = 1.2 if metric == "l2" else 1.0
    library.build_memory_index(train, name, folder, 100, links, 1, alpha=alpha)
    index = library.StaticMemoryIndex(folder, 1, BEAMS[-1])
    yield
    for beam in BEAMS:
        yield f"complexity {beam}", lambda asked, beam=beam: index.batch_search(asked, K, beam, 1).identifiers


def scann(train: np.ndarray, metric: str, leaves_for_each: int) -> object:
    from scann import scann_ops_pybind as library

    n_leaves = max(1, round(leaves_for_each * len(train) ** 0.5))
    build = library.builder(train, K, "squared_l2" if metric == "l2" else "dot_product").tree(
        num_leaves=n_leaves, num_leaves_to_search=8, training_sample_size=min(len(train), 250_000)
    )
    index = build.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()
    yield
    large = train.size > LARGE
    for leaves in LARGE_LEAVES if large else LEAVES:
        for reorder in LARGE_REORDERED if large else REORDERED:
            yield (
                f"leaves {leaves}, reorder {reorder}",
                lambda asked, leaves=leaves, reorder=reorder: index.search_batched(
                    asked, K, leaves_to_search=leaves, pre_reorder_num_neighbors=reorder
                )[0],
            )


PACKAGES = {"svs": "scalable-vs"}
# Each with its builds: links of a point (leaves for each square root of the rows).
LIBRARIES = {
    "scann": (scann, {"": 1}),
    "hnswlib": (hnswlib, {"M 16": 16, "M 32": 32}),
    "svs": (svs, {"R 32": 32, "R 64": 64}),
    "voyager": (voyager, {"M 16": 16, "M 32": 32}),
    "usearch": (usearch, {"M 16": 16, "M 32": 32}),
    "diskannpy": (diskannpy, {"R 64": 64}),
}


def recall(found: np.ndarray, true: np.ndarray) -> float:
    """By row number, which is close enough to know when to stop."""
    return float((found[:, :, None] == true[:, None, :]).any(axis=2).mean())


def main() -> None:
    library, folder, metric = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    # Libraries that write in C write elsewhere.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(**what: object) -> None:
        print(json.dumps(what), file=out, flush=True)

    train, test, true = (np.load(folder / f"{name}.npy") for name in ("train", "test", "true"))
    work, builds = LIBRARIES[library]
    if train.size > LARGE:
        builds = {name: builds[name] for name in [LARGE_BUILDS.get(library, next(iter(builds)))]}
    for nth, (build, number) in enumerate(builds.items()):
        begun = time.process_time()
        steps = work(train, metric, number)
        next(steps)
        say(version=version(PACKAGES.get(library, library)), build=time.process_time() - begun)
        for step, (setting, search) in enumerate(steps):
            search(test[:50])
            seconds = []
            while len(seconds) < 3 or (sum(seconds) < 0.2 and len(seconds) < 50):
                begun = time.process_time()
                found = search(test)
                seconds.append(time.process_time() - begun)
            found = np.asarray(found).astype(np.int64)
            name = f"{library}-{nth}-{step}.npy"
            np.save(folder / name, found)
            say(setting=f"{build}, {setting}" if build else setting, seconds=min(seconds), rows=name)
            # scann's settings are a grid of two numbers: the last of a row tells most.
            if recall(found, true) >= ENOUGH and (library != "scann" or "reorder 100" in setting):
                break


if __name__ == "__main__":
    main()
