"""Plot docs/img/ann.png: recall against queries a second, with equal rows kept once and as FAISS takes them.

Run: python benchmarks/plots/ann.py  (about a minute)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.bench_ann import embedding, unit_rows
from vectors.ann.build import build_shards
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.index import ANNIndex, ANNParams
from vectors.ann.shard import Shard
from vectors.metrics import faiss_threads

mpl.use("agg")
BEAMS = (11, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
Point = tuple[int, float, float]


def frontier(
    search: Callable[[int], npt.NDArray[np.int64]],
    true: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    own: npt.NDArray[np.int64],
) -> list[Point]:
    """(beam, recall@10, queries a CPU-second) of every beam."""
    points = []
    for beam in BEAMS:
        seconds = []
        for _ in range(3):
            start = time.process_time()
            found = search(beam)
            seconds.append(time.process_time() - start)
        is_own = found == own[:, None]
        is_own[~is_own.any(axis=1), -1] = True
        values = exact_values(vectors, queries, found[~is_own].reshape(len(own), 10), metric="cosine")
        points.append((beam, float((values >= true[:, 9:]).mean()), len(own) / float(np.median(seconds))))
    return points


def main() -> None:
    from matplotlib import pyplot as plt

    vectors = embedding()
    own = np.sort(np.random.default_rng(1).choice(len(vectors), 1000, replace=False))
    queries = vectors[own]
    _, true = exact_top_k(vectors, queries, 10, metric="cosine", exclude=own)
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for m, colour in ((16, "#7fb3d5"), (32, "#1f5f8b")):
        params = ANNParams(kind="hnsw", m=m)
        index = ANNIndex([Shard.from_built(built) for built in build_shards(vectors, params)], params)
        index.search(queries, 11, ef_search=16)

        def ours(beam: int, index: ANNIndex = index) -> npt.NDArray[np.int64]:
            return index.search(queries, 11, ef_search=beam)[0]

        draw(axes, frontier(ours, true, vectors, queries, own), f"purlieu, m = {m}", colour, "o-")
    unit = unit_rows(vectors)
    for m, colour in ((16, "#e6a57e"), (32, "#b5521b")):
        with faiss_threads(1) as faiss:
            plain = faiss.IndexHNSWFlat(unit.shape[1], m, faiss.METRIC_INNER_PRODUCT)
            plain.hnsw.efConstruction = ANNParams().ef_construction
            plain.add(unit)

            def theirs(beam: int, plain: Any = plain) -> npt.NDArray[np.int64]:
                return np.asarray(plain.search(unit[own], 11, params=faiss.SearchParametersHNSW(efSearch=beam))[1])

            draw(axes, frontier(theirs, true, vectors, queries, own), f"FAISS HNSW, m = {m}", colour, "s--")
    axes.set_yscale("log")
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries a CPU-second, one thread, batch of 1,000")
    axes.set_title(f"{len(vectors):,} Debian packages, FastRP, 256 values, cosine", fontsize=10)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.savefig(Path(__file__).parents[2] / "docs" / "img" / "ann.png", dpi=110)


def draw(axes: Any, points: list[Point], label: str, colour: str, style: str) -> None:
    axes.plot([p[1] for p in points], [p[2] for p in points], style, color=colour, label=label, markersize=4)
    for beam, recall, speed in points[:: len(points) - 1]:
        axes.annotate(f"ef {beam}", (recall, speed), fontsize=7, xytext=(4, 4), textcoords="offset points")


if __name__ == "__main__":
    main()
