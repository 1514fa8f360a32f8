"""SPANN beside FAISS's inverted lists on disk, at equal recall. One thread, CPU time, files in the page cache.

Run: python benchmarks/bench_spann.py [--rows 1000000] [--dim 96] [--spectra realistic,flat] [--plot] [--linear]

Indexes are built at the first run, with two threads, and kept (`benchmarks.spann_sets`). ``--plot`` draws
docs/img/spann.png; ``--linear`` builds 125 k, 250 k, … rows up to ``--rows`` instead and prints their times.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.bench import print_table
from benchmarks.spann_curves import Curve, cpu_seconds, multiples
from benchmarks.spann_peers import PEERS, build_peers, peer_curve
from benchmarks.spann_sets import SPECTRA, Case, K, case, synthetic
from foundation.errors import EngineError
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams

_LISTS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_PRUNED_LISTS = (32, 64, 128, 256)
_MANY = 128
_ENOUGH = 0.996


def opened(case: Case) -> SpannIndex:
    """The index that was kept, or a new one."""
    params = SpannParams(metric="l2", recall=0.95)
    directory = case.folder / "spann"
    try:
        index = SpannIndex.open(directory, verify=False)
        if index.params == params:
            return index
    except EngineError:
        pass
    index, seconds = cpu_seconds(lambda: SpannIndex.build(case.vectors, params, directory=directory, n_threads=2))
    print(f"SPANN: {seconds:.1f} CPU-s to build and measure, {1e6 * seconds / len(case.vectors):.0f} µs a row")
    assert isinstance(index, SpannIndex)
    return index


def spann_curve(name: str, index: SpannIndex, case: Case, efforts: Iterable[Effort]) -> Curve:
    curve, queries = Curve(name, case), case.queries
    for effort in efforts:
        reads = index.search_counted(queries, K, effort=effort)[2]
        pages = float((reads.list_pages + reads.vector_pages).mean())
        pruning = "" if effort.ratio is None else f", ratio {effort.ratio:g}"
        curve.add(
            f"{effort.n_lists} lists{pruning}, rerank {effort.rerank}",
            lambda effort=effort: index.search(queries, K, effort=effort)[0],  # type: ignore[misc]
            float(reads.vectors.mean()),
            pages,
        )
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
    plain = [Effort(n_lists=lists, rerank=20 if lists < _MANY else 40) for lists in _LISTS]
    pruned = [Effort(n_lists=lists, ratio=ratio, rerank=20) for lists in _PRUNED_LISTS for ratio in (1.5, 2)]
    curves = [spann_curve("SPANN", index, one, plain), spann_curve("SPANN, pruned", index, one, pruned)]
    curves += [peer_curve(title, kind, rerank, one, _ENOUGH) for title, kind, rerank in PEERS]
    print()
    print_table([row for curve in curves for row in curve.rows()])
    print("\nquickest at each recall, and SPANN's throughput and pages as multiples of the peers'")
    print_table(multiples(curves))
    return curves


def plot(results: Sequence[tuple[str, list[Curve]]]) -> None:
    """docs/img/spann.png."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        1, len(results), figsize=(5.2 * len(results), 4.2), layout="constrained", squeeze=False
    )
    for panel, (name, curves) in zip(panels[0], results, strict=True):
        for curve, colour in zip(curves, ("#1f5f8b", "#7fb3d5", "#c0392b", "#e59866"), strict=True):
            best = sorted((point.recall, point.per_second) for point in curve.points)
            front = [pair for pair in best if not any(r >= pair[0] and q > pair[1] for r, q in best)]
            panel.plot(*zip(*front, strict=True), marker="o", markersize=3, color=colour, label=curve.name)
        panel.set(
            title=f"{name} spectrum", xlabel="recall@10", ylabel="queries a CPU-second", yscale="log", xlim=(0.85, 1)
        )
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.savefig(Path(__file__).parents[1] / "docs" / "img" / "spann.png", dpi=130)


def linear(most: int, dim: int, directory: Path) -> None:
    """Build times of doubling sizes."""
    table: list[dict[str, object]] = []
    n = min(most, 125_000)
    while n <= most:
        vectors = synthetic(n, dim, SPECTRA["realistic"])
        params = SpannParams(metric="l2", recall=0.9)
        _, seconds = cpu_seconds(
            lambda: SpannIndex.build(vectors, params, directory=directory / "i", memory="2 GiB", n_threads=2)  # noqa: B023
        )
        table.append({"rows": n, "build CPU-s": seconds, "µs a row": 1e6 * seconds / n})
        n *= 2
    print_table(table)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--dim", type=int, default=96)
    words.add_argument("--spectra", default=",".join(SPECTRA))
    words.add_argument("--plot", action="store_true", help="draw docs/img/spann.png")
    words.add_argument("--linear", action="store_true", help="build times of 125 k, 250 k, … rows up to --rows")
    args = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="purlieu-spann-") as scratch, threadpool_limits(1):
        # A small index compiles the loops outside the clock.
        small = synthetic(2000, args.dim, 0.9)
        SpannIndex.build(small, directory=Path(scratch) / "small", metric="l2").search(small[:5])
        if args.linear:
            linear(args.rows, args.dim, Path(scratch))
            return
    results = [(name, compare(name, args.rows, args.dim)) for name in args.spectra.split(",")]
    if args.plot:
        plot(results)


if __name__ == "__main__":
    main()
