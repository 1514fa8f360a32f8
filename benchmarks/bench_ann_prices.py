"""What a query's parts take on this machine, beside the prices that the choice of an index counts with.

Run: python benchmarks/bench_ann_prices.py  (about a minute)

One thread, CPU time. Only the proportions between the rows matter to the choice (`vectors.ann.cost`), which never
looks at a clock itself; this is where the prices come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.bench import median_seconds, print_table
from vectors.ann.build import DistinctRows, index_rows
from vectors.ann.cost import _CENTROID, _PRODUCT, list_cost, rescored_cost, scan_cost, walk_cost
from vectors.ann.effort import Effort
from vectors.ann.forms import LISTED, Storage
from vectors.ann.params import ANNParams
from vectors.ann.shard import Shard
from vectors.kernels.lists import nearest_lists, project
from vectors.metrics import Float32s, faiss_threads

N, N_QUERIES, K = 60_000, 500, 10


def rows_of(n: int, dim: int, storage: Storage) -> Float32s:
    """Gaussian clusters; whole numbers up to 255 where bytes are to be stored."""
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((300, dim), dtype=np.float32)
    rows = centres[draw.integers(0, 300, n)] + draw.standard_normal((n, dim), dtype=np.float32)
    return np.clip(rows * 25 + 128, 0, 255).round().astype(np.float32) if storage == "uint8" else rows


def nanoseconds(work: Callable[[], object], n: int) -> float:
    """Of one of ``n`` things that ``work`` does; compiled before."""
    work()
    return 1e9 * median_seconds(work, clock=time.process_time) / n


def main() -> None:
    table: list[dict[str, object]] = []

    def add(what: str, found: float, counted: float) -> None:
        table.append({"": what, "µs": found / 1000, "counted µs": counted / 1000, "ratio": found / counted})

    low, wide = rows_of(N_QUERIES, 128, "float32"), rows_of(N_QUERIES, 784, "float32")
    matrix, centres = rows_of(784, 128, "float32"), np.ascontiguousarray(rows_of(256, 128, "float32").T)
    out, half = np.empty((N_QUERIES, 128), np.float32), np.zeros(256, np.float32)
    lists, values = np.empty((N_QUERIES, 12), np.int64), np.empty((N_QUERIES, 12), np.float32)
    add("project 784 × 128", nanoseconds(lambda: project(wide, matrix, out), N_QUERIES), _PRODUCT * 784 * 128)
    choose = nanoseconds(lambda: nearest_lists(low, centres, half, True, lists, values), N_QUERIES)
    add("nearest 12 of 256 centroids", choose, _PRODUCT * 256 * 128 + _CENTROID * 256)

    storages: tuple[Storage, ...] = ("float32", "uint8")
    for storage in storages:
        vectors = rows_of(N, 784, storage)
        given = DistinctRows(start=0, rows=vectors, ids=np.arange(N), copies=np.zeros((0, 2), dtype=np.int64))
        queries = vectors[:: N // N_QUERIES][:N_QUERIES].copy()
        params = ANNParams(metric="l2", m=16)
        for kind in LISTED:
            shard = Shard.from_built(index_rows(given, kind, "float32", params))
            assert shard.lists is not None
            for n_probe, k_factor in ((4, 4), (12, 8), (12, 25)):
                effort = Effort(n_probe=n_probe, k_factor=k_factor)
                with faiss_threads(1):
                    found = nanoseconds(partial(shard.nearest, queries, K, effort), N_QUERIES)
                read = shard.lists.sizes[shard.lists.nearest(queries, n_probe)[1]].sum(axis=1).mean()
                counted = list_cost(
                    shard.lists.form, 784, storage, N, n_probe=n_probe, n_read=float(read), n_rescored=K * k_factor
                )
                add(f"{kind} of {storage}, {n_probe} lists, k_factor {k_factor}", found, counted)
        draw = np.random.default_rng(1)
        positions = draw.integers(0, N, (N_QUERIES, 200))
        found = nanoseconds(partial(shard.vectors.best, positions, queries, K), N_QUERIES)
        add(f"score 200 rows of {storage} again", found, rescored_cost(200, 784, storage, N))

    narrow = rows_of(20_000, 96, "float32")
    given = DistinctRows(start=0, rows=narrow, ids=np.arange(20_000), copies=np.zeros((0, 2), dtype=np.int64))
    for kind in ("flat", "hnsw"):
        shard = Shard.from_built(index_rows(given, kind, "float32", ANNParams(metric="l2")))  # type: ignore[arg-type]
        with faiss_threads(1):
            if kind == "flat":
                alone = nanoseconds(partial(shard.search, narrow[:1], K, Effort()), 1)
                add("scan 20,000 × 96 for one query", alone, scan_cost(20_000, 96, "float32"))
                continue
            for beam in (20, 80, 320):
                effort = Effort(ef_search=beam)
                found = nanoseconds(partial(shard.search, narrow[:N_QUERIES], K, effort), N_QUERIES)
                add(f"walk through 20,000 × 96, beam {beam}", found, walk_cost(20_000, 96, "float32", beam))
    print_table(table)


if __name__ == "__main__":
    main()
