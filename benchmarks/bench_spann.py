"""SPANN beside FAISS's inverted lists on disk, at equal recall. One thread, CPU time, files in the page cache.

Run: python -m benchmarks.bench_spann [--rows 1000000] [--dim 96] [--spectra realistic,flat] [--plot]
     python -m benchmarks.bench_spann --limit [--rows 1000000]
     python -m benchmarks.bench_spann --linear [--rows 4000000]

Indexes are built at the first run, with two threads, and kept (`benchmarks.spann_sets`). Each is also searched by a
process that may hold 15 % of the vectors' bytes and no more (`benchmarks.spann_limit`), which ``--limit`` does alone.
``--plot`` draws docs/img/spann.png. ``--linear`` builds 125 k, 250 k, … rows up to ``--rows``, one after the other, and
prints their times. All sizes together take about 15 minutes of CPU; four million rows are made in a mapped file, built
within 2 GiB, and take some 12 GB of the temporary directory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.bench import print_table
from benchmarks.spann_curves import Curve, cpu_seconds, multiples
from benchmarks.spann_peers import PEERS, build_peers, peer_curve
from benchmarks.spann_sets import SPECTRA, Case, K, case, synthetic
from foundation.errors import EngineError
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams

_LISTS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)
_PRUNED_LISTS = (16, 32, 64, 128, 256, 512, 1024)
_MANY, _MOST = 128, 512
_ENOUGH = 0.996
_SHARE = 0.15  # of the vectors' bytes that a search may hold
_LIMITED = 200  # queries under that limit, one at a time
_LEAST = 32 << 20  # bytes of vectors of which the share is more than what a process takes by the way
_FIRST, _LAST = 125_000, 4_000_000  # rows of --linear


def opened(case: Case) -> SpannIndex:
    """The index that was kept, or a new one."""
    params = SpannParams(metric="l2", recall=0.95)
    directory = case.folder / "spann"
    try:
        index = SpannIndex.open(directory, verify=False)
        if index.params == params and index.measured.plain is not None:  # version 1 did not compare pruning
            return index
    except EngineError:
        pass
    index, seconds = cpu_seconds(lambda: SpannIndex.build(case.vectors, params, directory=directory, n_threads=2))
    print(f"SPANN: {seconds:.1f} CPU-s to build and measure, {1e6 * seconds / len(case.vectors):.0f} µs a row")
    assert isinstance(index, SpannIndex)
    return index


def spann_curve(name: str, index: SpannIndex, case: Case, efforts: Iterable[Effort]) -> Curve:
    """More and more reads until there is enough recall."""
    curve, queries = Curve(name, case), case.queries
    for effort in efforts:
        reads = index.search_counted(queries, K, effort=effort)[2]
        pages = float((reads.list_pages + reads.vector_pages).mean())
        pruning = "" if effort.ratio is None else f", ratio {effort.ratio:g}"
        recall = curve.add(
            f"{effort.n_lists} lists{pruning}, rerank {effort.rerank}",
            lambda effort=effort: index.search(queries, K, effort=effort)[0],  # type: ignore[misc]
            float(reads.vectors.mean()),
            pages,
        )
        if recall >= _ENOUGH:
            break
    return curve


def compare(name: str, n: int, dim: int) -> list[Curve]:
    """Print one spectrum's tables; returns the curves, ours first."""
    one = case(name, n, dim)
    print(f"\n{name}: {n} × {dim}, variance of axis i falls as i^-{SPECTRA[name]}; {len(one.queries)} other queries")
    index = opened(one)
    measured, raw = index.measured, one.vectors.nbytes
    print(
        f"{measured.n_heads} heads, {measured.n_entries / n:.2f} lists a row, longest {measured.longest_list}; "
        f"{100 * measured.memory_bytes / raw:.1f} % of the vectors in memory, {measured.disk_bytes / raw:.2f} × on disk"
    )
    print(f"asked .95: chose {measured.chosen.effort}, measured {measured.recall}")
    n_centroids = 1 << max(4, round(np.log2(4 * n**0.5)))
    for kind, seconds in build_peers(one, n_centroids).items():
        print(f"IVF {kind}: {n_centroids} lists, {seconds:.1f} CPU-s")
    plain = [Effort(n_lists=lists, rerank=20 if lists < _MANY else 40 if lists < _MOST else 80) for lists in _LISTS]
    pruned = [
        Effort(n_lists=lists, ratio=ratio, rerank=20 if lists < _MOST else 40)
        for lists in _PRUNED_LISTS
        for ratio in (1.5, 2)
    ]
    curves = [spann_curve("SPANN", index, one, plain), spann_curve("SPANN, pruned", index, one, pruned)]
    if measured.plain is not None and measured.pruned is not None:
        costs = f"{measured.pruned.cost:.0f} of {measured.plain.cost:.0f} vectors' worth of work"
        print(f"pruning {'pays' if measured.chosen.effort.ratio else 'does not pay'} on the held-out rows: {costs}")
    limited(one, index)
    curves += [peer_curve(title, kind, rerank, one, _ENOUGH) for title, kind, rerank in PEERS]
    print()
    print_table([row for curve in curves for row in curve.rows()])
    print("\nquickest at each recall; throughput and pages of the quicker SPANN beside each")
    print_table(multiples(curves, n_own=2))
    return curves


def limited(case: Case, index: SpannIndex) -> None:
    """Search in a process held to 15 % of the vectors' bytes; the answers must be those of this one."""
    queries = case.queries[:_LIMITED]
    if case.vectors.nbytes < _LEAST:
        print("too few rows to search under a limit of memory")
        return
    with tempfile.TemporaryDirectory(prefix="purlieu-spann-") as scratch:
        small = Path(scratch) / "small"
        SpannIndex.build(case.vectors[:500], directory=small, metric="l2", recall=0.9)
        np.save(Path(scratch) / "queries.npy", queries)
        program = Path(__file__).with_name("spann_limit.py")
        names = [case.folder / "spann", small, Path(scratch) / "queries.npy", _SHARE]
        # Arenas of other threads would count as memory of the index.
        environment = {**os.environ, "PYTHONPATH": str(program.parents[1]), "MALLOC_ARENA_MAX": "2"}
        command = [sys.executable, "-P", str(program), *map(str, names)]
        out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    answer = json.loads(out.stdout)
    if not answer["is_limited"] or answer["rows"] != index.search(queries, K)[0].tolist():
        raise SystemExit("the limit did not hold, or changed an answer")
    share, speed = answer["share"], len(queries) / answer["seconds"]
    print(
        f"within {_SHARE:.0%} of the vectors' bytes (RLIMIT_DATA), lists read and not mapped: {len(queries)} equal "
        f"answers, {share:.1%} held at most, {speed:.0f} queries a CPU-second, one at a time"
    )


def plot(results: Sequence[tuple[str, list[Curve]]]) -> None:
    """docs/img/spann.png: above the throughput, below what is read; pruning is a curve of its own."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        2, len(results), figsize=(5.2 * len(results), 7.6), layout="constrained", squeeze=False, sharex=True
    )
    for column, (name, curves) in enumerate(results):
        n, dim = curves[0].case.vectors.shape
        for curve, colour in zip(curves, ("#1f5f8b", "#7fb3d5", "#c0392b", "#e59866"), strict=True):
            for panel, ordinate in zip(panels[:, column], ("per_second", "pages"), strict=True):
                better = 1 if ordinate == "per_second" else -1
                points = [(point.recall, getattr(point, ordinate)) for point in curve.points]
                front = [one for one in points if not any(r >= one[0] and better * (v - one[1]) > 0 for r, v in points)]
                x, y = zip(*sorted(front), strict=True)
                panel.plot(x, y, marker="o", markersize=3, color=colour, label=curve.name)
        upper, lower = panels[:, column]
        upper.set(title=f"{name} spectrum, {n:,} × {dim}", ylabel="queries a CPU-second", yscale="log", xlim=(0.85, 1))
        lower.set(xlabel="recall@10", ylabel="4-KB pages a query", yscale="log")
        for panel in (upper, lower):
            panel.grid(alpha=0.3)
        upper.legend(fontsize=8)
    path = Path(__file__).parents[1] / "docs" / "img" / "spann.png"
    figure.savefig(path, dpi=110)
    print(f"\n{path}")


def linear(most: int, dim: int, directory: Path) -> None:
    """Build times of doubling sizes; rows are made outside the clock and read from a file."""
    table: list[dict[str, object]] = []
    n = min(most, _FIRST)
    while n <= most:
        rows = np.lib.format.open_memmap(directory / "rows.npy", mode="w+", dtype=np.float32, shape=(n, dim))
        synthetic(n, dim, SPECTRA["realistic"], out=rows)
        del rows
        vectors: npt.NDArray[np.float32] = np.load(directory / "rows.npy", mmap_mode="r")
        params, begun = SpannParams(metric="l2", recall=0.9), time.perf_counter()
        with tempfile.TemporaryDirectory(dir=directory) as place:
            index, seconds = cpu_seconds(
                lambda: SpannIndex.build(vectors, params, directory=Path(place) / "i", memory="2 GiB", n_threads=2)  # noqa: B023
            )
        assert isinstance(index, SpannIndex)
        found = {"build CPU-s": seconds, "µs a row": 1e6 * seconds / n, "seconds": time.perf_counter() - begun}
        measured = {"lists a row": index.measured.n_entries / n, "recall@10": index.measured.recall}
        table.append({"rows": n, **found, **measured, "lists": index.measured.chosen.effort.n_lists})
        print(f"{n} rows: {1e6 * seconds / n:.1f} µs of CPU a row", flush=True)
        n *= 2
    print()
    print_table(table)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, help="1,000,000, or 4,000,000 with --linear")
    words.add_argument("--dim", type=int, default=96)
    words.add_argument("--spectra", default=",".join(SPECTRA))
    words.add_argument("--plot", action="store_true", help="draw docs/img/spann.png")
    words.add_argument("--limit", action="store_true", help="search under a limit of memory, and nothing else")
    words.add_argument("--linear", action="store_true", help="build times of 125 k, 250 k, … rows up to --rows")
    args = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="purlieu-spann-") as scratch, threadpool_limits(1):
        # A small index compiles the loops outside the clock.
        small = synthetic(2000, args.dim, 0.9)
        SpannIndex.build(small, directory=Path(scratch) / "small", metric="l2").search(small[:5])
        if args.linear:
            linear(args.rows or _LAST, args.dim, Path(scratch))
            return
        n = args.rows or 1_000_000
        if args.limit:
            one = case(args.spectra.partition(",")[0], n, args.dim)
            limited(one, opened(one))
            return
        results = [(name, compare(name, n, args.dim)) for name in args.spectra.split(",")]
    if args.plot:
        plot(results)


if __name__ == "__main__":
    main()
