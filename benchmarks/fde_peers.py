"""Encoders of other packages on the same documents, in an interpreter that has them.

Run by `benchmarks.bench_fde`; knows nothing of this project. Prints one line of JSON, documents per CPU-second by
name, and writes every package's products of queries and documents to a file beside its input.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
REPEATS = 3
N_SLOW = 60  # documents for packages that take milliseconds for each


def rate(work: Callable[[], object], n_docs: int) -> float:
    laps = []
    for _ in range(REPEATS):
        begun = time.process_time()
        work()
        laps.append(time.process_time() - begun)
    return n_docs / float(np.median(laps))


def main() -> None:
    folder = Path(sys.argv[1])
    given = dict(np.load(folder / "tokens.npz"))
    documents = [given["rows"][a:b] for a, b in itertools.pairwise(given["offsets"])]
    queries = [given["query_rows"][a:b] for a, b in itertools.pairwise(given["query_offsets"])]
    dim, found = documents[0].shape[1], {}
    if importlib.util.find_spec("muvera"):
        from muvera import Muvera

        peer = Muvera(dimension=dim, projection_type="ams_sketch", projection_dimension=16)
        found["muvera-python 0.2 (Rust)"] = rate(lambda: peer.encode_documents(documents), len(documents))
        products = np.asarray(peer.encode_queries(queries)) @ np.asarray(peer.encode_documents(documents)).T
        np.save(folder / "muvera-python 0.2 (Rust).npy", products)
    few = documents[:N_SLOW]
    if importlib.util.find_spec("fastembed"):
        from fastembed.postprocess import Muvera as Fastembed

        fastembed = Fastembed(dim=dim)
        found["fastembed"] = rate(lambda: [fastembed.process_document(tokens) for tokens in few], len(few))
        encoded = np.stack([fastembed.process_document(tokens) for tokens in documents])
        np.save(folder / "fastembed.npy", np.stack([fastembed.process_query(q) for q in queries]) @ encoded.T)
    if importlib.util.find_spec("pymuvera"):
        found["pymuvera"] = pymuvera(folder, few, documents, queries, dim)
    print(json.dumps(found))


def pymuvera(folder: Path, few: list[Array], documents: list[Array], queries: list[Array], dim: int) -> float:
    from pymuvera import MUVERAEncoder, ProjectionType

    peer = MUVERAEncoder(
        dimension=dim,
        num_simhash_projections=5,
        num_repetitions=20,
        projection_type=ProjectionType.AMS_SKETCH,
        projection_dimension=16,
        fill_empty_partitions=True,
    )
    encoded = np.stack([peer.encode_document(tokens) for tokens in documents])
    np.save(folder / "pymuvera.npy", np.stack([peer.encode_query(tokens) for tokens in queries]) @ encoded.T)
    return rate(lambda: [peer.encode_document(tokens) for tokens in few], len(few))


main()
