"""SPANN beside FAISS's inverted lists on disk, at equal recall. One thread, CPU time.

Run: python benchmarks/bench_spann.py [--rows 100000] [--dim 96] [--spectra realistic,flat] [--linear]

A million rows take about ten minutes. ``--linear`` builds 125 k, 250 k, … rows up to ``--rows`` instead and prints
their times.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.bench import print_table
from vectors.ann.exact import best_k, exact_top_k, exact_values
from vectors.metrics import pair_values
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams

Float32s = npt.NDArray[np.float32]

K, N_QUERIES, PAGE = 10, 1000, 4096
TARGETS = (0.90, 0.95, 0.97, 0.99)
SPECTRA = {"realistic": 0.9, "flat": 0.35}  # the variance of axis i is i to the power of minus this


def synthetic(n: int, dim: int, decay: float, seed: int = 0) -> Float32s:
    """Gaussian clusters of 50 rows on average, sizes falling as rank^-0.7, and a fifth of noise around all of them."""
    draw = np.random.default_rng(seed)
    axes = (np.arange(1, dim + 1) ** (-decay / 2)).astype(np.float32)
    n_clusters = max(1, n // 50)
    share = np.arange(1, n_clusters + 1) ** -0.7
    of = draw.choice(n_clusters, n, p=share / share.sum())
    centres = draw.standard_normal((n_clusters, dim), dtype=np.float32)
    vectors = 0.5 * draw.standard_normal((n, dim), dtype=np.float32)
    vectors += centres[of]
    noise = np.flatnonzero(draw.random(n) < 0.2)
    vectors[noise] = draw.standard_normal((noise.size, dim), dtype=np.float32)
    return vectors * axes


def widest_faiss() -> Any:
    """FAISS with the widest instructions of this machine; our own code holds it to AVX2."""
    import faiss

    for name in ("AVX512_SPR", "AVX512", "AVX2"):
        level = getattr(faiss, f"SIMDLevel_{name}", None)
        if level is not None and faiss.SIMDConfig.is_simd_level_available(level):
            faiss.SIMDConfig.set_level(level)
            break
    faiss.omp_set_num_threads(1)
    return faiss


def cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def quickest(work: Callable[[], Any], repeats: int = 3) -> float:
    """Least CPU seconds of some runs after a first one, which fills caches."""
    work()
    return min(cpu_seconds(work)[1] for _ in range(repeats))


class Curve:
    """Points of one index: what was read at which recall, and how quickly."""

    def __init__(self, name: str, vectors: Float32s, queries: Float32s, true_kth: Float32s) -> None:
        self.name, self.vectors, self.queries, self.true_kth = name, vectors, queries, true_kth
        self.rows: list[dict[str, object]] = []

    def add(
        self, setting: str, search: Callable[[], npt.NDArray[np.int64]], vectors_read: float, pages: float
    ) -> float:
        found = search()
        recall = float((exact_values(self.vectors, self.queries, found, metric="l2") <= self.true_kth[:, None]).mean())
        seconds = quickest(search) / len(self.queries)
        self.rows.append(
            {
                "index": self.name,
                "setting": setting,
                "recall@10": round(recall, 4),
                "queries/CPU-s": round(1 / seconds),
                "vectors read": round(vectors_read),
                "% of all": round(100 * vectors_read / len(self.vectors), 2),
                "pages": round(pages),
            }
        )
        return recall

    def at(self, target: float) -> dict[str, object] | None:
        """The quickest point that reaches ``target``."""
        met = [row for row in self.rows if float(str(row["recall@10"])) >= target]
        return max(met, key=lambda row: int(str(row["queries/CPU-s"])), default=None)


def spann_curve(curve: Curve, index: SpannIndex, ratios: Iterable[float | None]) -> None:
    queries = curve.queries
    for ratio in ratios:
        for n_lists in (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384):
            recall = 0.0
            for rerank in (20, 40):
                effort = Effort(n_lists=n_lists, ratio=ratio, rerank=rerank)
                reads = index.search_counted(queries, K, effort=effort)[2]
                pages = float((reads.list_pages + reads.vector_pages).mean())
                setting = f"{n_lists} lists, rerank {rerank}" + ("" if ratio is None else f", ratio {ratio:g}")
                recall = curve.add(
                    setting,
                    lambda effort=effort: index.search(queries, K, effort=effort)[0],  # type: ignore[misc]
                    float(reads.vectors.mean()),
                    pages,
                )
            if recall >= 0.997:
                break


def ivf_curve(curve: Curve, faiss: Any, factory: str, directory: Path, rerank: int | None) -> float:
    """FAISS's lists on disk, memory-mapped, and for codes the rerank that SPANN has; returns CPU seconds to build."""
    vectors, queries = curve.vectors, curve.queries
    index = faiss.index_factory(vectors.shape[1], factory)
    n_lists = index.nlist

    def build() -> None:
        index.train(vectors[:: max(1, len(vectors) // (64 * n_lists))].copy())
        index.add(vectors)

    _, seconds = cpu_seconds(build)
    lists = faiss.OnDiskInvertedLists(n_lists, index.code_size, str(directory / f"{curve.name}.ivfdata"))
    in_memory = faiss.InvertedListsPtrVector()
    in_memory.push_back(index.invlists)
    lists.merge_from(in_memory.data(), in_memory.size())
    index.replace_invlists(lists)
    sizes = np.array([lists.list_size(i) for i in range(n_lists)])
    for n_probe in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512):
        if n_probe > n_lists:
            break
        index.nprobe = n_probe
        probed = sizes[index.quantizer.search(queries, n_probe)[1]]
        pages = -(-probed * index.code_size // PAGE) + -(-probed * 8 // PAGE)

        def search() -> npt.NDArray[np.int64]:
            found = index.search(queries, rerank or K)[1]
            return found if rerank is None else reranked(vectors, queries, found)

        more = float(pages.sum(axis=1).mean()) + (0 if rerank is None else rerank)
        if curve.add(f"nprobe {n_probe}", search, float(probed.sum(axis=1).mean()), more) >= 0.997:
            break
    return seconds


def reranked(vectors: Float32s, queries: Float32s, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As SPANN compares its candidates."""
    query_of, rank = np.nonzero(found >= 0)
    rows = found[query_of, rank]
    values = pair_values(vectors[rows], queries, query_of, "l2")
    nothing = np.empty((len(queries), 0), dtype=np.int64)
    return best_k([(query_of, rows, values)], len(queries), K, nothing, "l2")[0]


def compare(name: str, n: int, dim: int, directory: Path) -> None:
    both = synthetic(n + N_QUERIES, dim, SPECTRA[name])
    vectors, queries = np.ascontiguousarray(both[:n]), np.ascontiguousarray(both[n:])
    true_kth = exact_top_k(vectors, queries, K, metric="l2")[1][:, K - 1]
    index, seconds = cpu_seconds(
        lambda: SpannIndex.build(vectors, SpannParams(metric="l2", recall=0.95), directory=directory / name)
    )
    measured = index.measured
    print(
        f"\n{name}: {n} × {dim}, variance of axis i falls as i^-{SPECTRA[name]}; {N_QUERIES} queries that are no rows"
    )
    print(
        f"SPANN: {seconds:.1f} CPU-s to build and measure; {measured.n_heads} heads, "
        f"{measured.n_entries / n:.2f} lists a row, longest {measured.longest_list}; "
        f"{100 * measured.memory_bytes / vectors.nbytes:.1f} % of the vectors "
        f"in memory, {measured.disk_bytes / vectors.nbytes:.2f} × them on disk"
    )
    print(f"asked .95: chose {measured.chosen.effort}, measured {measured.recall}\n")
    stored = np.load(directory / name / "vectors.npy", mmap_mode="r")
    ours = Curve("SPANN", vectors, queries, true_kth)
    spann_curve(ours, index, (None,))
    pruned = Curve("SPANN, pruned", vectors, queries, true_kth)
    spann_curve(pruned, index, (2.0, 3.0))
    curves = [ours, pruned]
    n_lists = 1 << max(4, round(np.log2(4 * n**0.5)))
    faiss = widest_faiss()
    for title, code, rerank in (("IVF-Flat on disk", "Flat", None), ("IVF-SQ8 on disk, rerank 40", "SQ8", 40)):
        curve = Curve(title, stored, queries, true_kth)
        built = ivf_curve(curve, faiss, f"IVF{n_lists},{code}", directory, rerank)
        print(f"{title}: {n_lists} lists, {built:.1f} CPU-s to build")
        widest_faiss()
        curves.append(curve)
    print()
    print_table([row for curve in curves for row in curve.rows])
    print("\nquickest at each recall, and SPANN's throughput and pages as multiples of the peers'")
    table = []
    for target in TARGETS:
        points = {curve.name: curve.at(target) for curve in curves}
        own = points["SPANN"]
        for peer, point in points.items():
            if own is None or point is None:
                continue
            table.append(
                {
                    "recall@10 ≥": target,
                    "index": peer,
                    "setting": point["setting"],
                    "queries/CPU-s": point["queries/CPU-s"],
                    "% of all": point["% of all"],
                    "pages": point["pages"],
                    "SPANN ×": round(int(str(own["queries/CPU-s"])) / int(str(point["queries/CPU-s"])), 2),
                    "pages ÷": round(int(str(point["pages"])) / int(str(own["pages"])), 2),
                }
            )
    print_table(table)


def linear(most: int, dim: int, directory: Path) -> None:
    """Build times of doubling sizes."""
    table, n = [], min(most, 125_000)
    while n <= most:
        vectors = synthetic(n, dim, SPECTRA["realistic"])
        params = SpannParams(metric="l2", recall=0.9)
        _, seconds = cpu_seconds(lambda: SpannIndex.build(vectors, params, directory=directory / "i", memory="2 GiB"))  # noqa: B023
        table.append({"rows": n, "build CPU-s": seconds, "µs a row": 1e6 * seconds / n})
        n *= 2
    print_table(table)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--dim", type=int, default=96)
    words.add_argument("--spectra", default=",".join(SPECTRA))
    words.add_argument("--linear", action="store_true", help="build times of 125 k, 250 k, … rows up to --rows")
    args = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="purlieu-spann-") as scratch, threadpool_limits(1):
        # A small index compiles the loops outside the clock.
        small = synthetic(2000, args.dim, 0.9)
        SpannIndex.build(small, directory=Path(scratch) / "small", metric="l2").search(small[:5])
        if args.linear:
            linear(args.rows, args.dim, Path(scratch))
            return
        for name in args.spectra.split(","):
            compare(name, args.rows, args.dim, Path(scratch))


if __name__ == "__main__":
    main()
