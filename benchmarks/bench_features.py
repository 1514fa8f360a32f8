"""Reading node features, beside a bare read of the same file by polars. Run: ``make bench`` or this file."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from foundation.ids import StringIds
from graph.features import read_features

N_NODES, N_FEATURES, REPEATS = 200_000, 32, 3
BARE: dict[str, Callable[[Path], pl.DataFrame]] = {
    "parquet": pl.read_parquet,
    "csv": lambda path: pl.read_csv(path, infer_schema_length=None),
    "jsonl": lambda path: pl.read_ndjson(path),
}


def seconds(read: Callable[..., object], *given: object) -> float:
    """Median wall time of ``read(*given)``."""
    took = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        read(*given)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def main() -> None:
    names = [f"node{node:07d}" for node in range(N_NODES)]
    ids, values = StringIds.from_sorted(names), np.random.default_rng(0).normal(3, 2, (N_NODES, N_FEATURES))
    columns = {f"c{column}": values[:, column] for column in range(N_FEATURES)}
    frame = pl.DataFrame({"id": names, **columns}).sample(fraction=1, shuffle=True, seed=1)
    wanted = (values - values.mean(axis=0)) / values.std(axis=0)
    print(f"{N_NODES:,} nodes in random order, {N_FEATURES} columns of numbers; medians of {REPEATS}")
    print(f"{'file':>8}  {'MB':>6}  {'read, s':>8}  {'polars alone, s':>15}  {'ratio':>5}  largest error")
    with tempfile.TemporaryDirectory() as folder:
        writers = {"parquet": frame.write_parquet, "csv": frame.write_csv, "jsonl": frame.write_ndjson}
        for kind, write in writers.items():
            path = Path(folder) / f"features.{kind}"
            write(path)
            error = float(np.abs(read_features(path, ids).values - wanted).max())
            ours, bare = seconds(read_features, path, ids), seconds(BARE[kind], path)
            size = path.stat().st_size / 1e6
            print(f"{kind:>8}  {size:6.0f}  {ours:8.2f}  {bare:15.2f}  {ours / bare:5.1f}  {error:.0e}")


if __name__ == "__main__":
    main()
