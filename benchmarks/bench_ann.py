"""Nearest neighbours of the Debian packages' embeddings: ours beside FAISS as it comes and scikit-learn. One thread.

Run: python benchmarks/bench_ann.py  (about a minute)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.bench import median_seconds, print_table
from benchmarks.debian import debian_graph
from graph.fastrp import FastRPParams, fastrp
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.index import ANNIndex, ANNParams
from vectors.metrics import faiss_threads

N_QUERIES, K = 500, 10


def embedding(dim: int = 256) -> npt.NDArray[np.float32]:
    """As config/debian.toml makes it."""
    params = FastRPParams(
        mode="gds", dim=dim, iteration_weights=(0.0, 1.0, 1.0, 1.0, 1.0, 1.0), normalization_strength=-0.6
    )
    return fastrp(debian_graph("undirected"), params)


def unit_rows(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    made = make()
    return made, time.process_time() - start


def main() -> None:
    vectors = embedding()
    rows = np.sort(np.random.default_rng(1).choice(len(vectors), N_QUERIES, replace=False))
    queries = vectors[rows]
    # A first small build and search compile the kernels outside the clock.
    ANNIndex.build(vectors[:2000], kind="flat").search(queries, K, exclude=rows)
    (_, true), truth_seconds = timed(lambda: exact_top_k(vectors, queries, K, metric="cosine", exclude=rows))
    table: list[dict[str, object]] = []

    def add(
        name: str, built: float, search: Callable[[npt.NDArray[Any]], npt.NDArray[np.int64]], megabytes: float
    ) -> None:
        found = search(queries)
        # Peers know no exclusion: ask for one more and drop the query's own row.
        own = found == rows[:, None]
        own[~own.any(axis=1), -1] = True
        if found.shape[1] > K:
            found = found[~own].reshape(N_QUERIES, K)
        values = exact_values(vectors, queries, found, metric="cosine")
        batch = median_seconds(lambda: search(queries), clock=time.process_time) / N_QUERIES
        single = median_seconds(lambda: [search(queries[i : i + 1]) for i in range(20)], clock=time.process_time) / 20
        table.append(
            {
                "index": name,
                "build CPU-s": built,
                "recall@10": round(float((values >= true[:, K - 1 :]).mean()), 4),
                "µs a query, batch": 1e6 * batch,
                "µs alone": 1e6 * single,
                "MB": megabytes,
            }
        )

    def ours(index: ANNIndex) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.int64]]:
        return lambda asked: index.search(asked, K, exclude=rows[: len(asked)])[0]

    cases = [
        ("flat", 0.95, "float32"),
        ("hnsw", 0.9, "float32"),
        ("hnsw", 0.95, "float32"),
        ("hnsw", 0.95, "int8"),
        ("auto", 0.99, "float32"),
    ]
    for kind, recall, storage in cases:
        params = ANNParams(kind=kind, recall=recall, storage=storage)  # type: ignore[arg-type]
        index, seconds = timed(lambda params=params: ANNIndex.build(vectors, params))  # type: ignore[misc]
        measured = index.measured
        assert measured is not None
        beam = f"ef {measured.ef_search}" if measured.ef_search else "scan"
        add(f"purlieu {kind} {storage}, asked {recall}: {beam}", seconds, ours(index), measured.n_bytes / 1e6)

    unit = unit_rows(vectors)
    params = ANNParams()
    with faiss_threads(1) as faiss, threadpool_limits(1):
        plain = faiss.IndexHNSWFlat(unit.shape[1], params.m, faiss.METRIC_INNER_PRODUCT)
        plain.hnsw.efConstruction = params.ef_construction
        _, seconds = timed(lambda: plain.add(unit))

        def walk(ef_search: int) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.int64]]:
            beam = faiss.SearchParametersHNSW(efSearch=ef_search)
            return lambda asked: np.asarray(plain.search(asked, K + 1, params=beam)[1])

        for ef_search in (12, 64, 256):
            add(
                f"FAISS HNSW, same m and ef_construction, ef {ef_search}",
                seconds,
                walk(ef_search),
                plain_size(unit, params.m),
            )
        flat = faiss.IndexFlatIP(unit.shape[1])
        _, seconds = timed(lambda: flat.add(unit))
        add("FAISS flat", seconds, lambda asked: np.asarray(flat.search(asked, K + 1)[1]), unit.nbytes / 1e6)

        from sklearn.neighbors import NearestNeighbors

        brute, seconds = timed(lambda: NearestNeighbors(metric="cosine", algorithm="brute").fit(vectors))
        add(
            "scikit-learn brute",
            seconds,
            lambda asked: brute.kneighbors(asked, K + 1, return_distance=False),
            unit.nbytes / 1e6,
        )

    n, dim = vectors.shape
    print(f"{n} × {dim} FastRP vectors, cosine, {N_QUERIES} rows as queries, own row left out, one thread, CPU time;")
    print(f"builds of ours include measuring recall; exact truth of all queries took {truth_seconds:.2f} s\n")
    print_table(table)


def plain_size(unit: npt.NDArray[np.float32], m: int) -> float:
    return unit.shape[0] * (4 * unit.shape[1] + 4 * (2 * m + m / (m - 1)) + 12) / 1e6


if __name__ == "__main__":
    main()
