"""Signatures, bucket tables, joins and containment beside datasketch and rensa; quality beside time, ratios in one run.

Run: python -m benchmarks.bench_sketches [--scale 17] [--only signatures kinds packed tables join containment]

PURLIEU_PEERS names a Python that has `datasketch` and `rensa`; without it their rows are left out. Rates are per
CPU-second of one thread, with the output's memory touched for the first time inside the clock, unless said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import median_seconds, print_table
from benchmarks.rmat import rmat
from clustering.banding import LSHParams, collision_probability
from clustering.containment import ContainmentIndex
from clustering.join import measured_recall, similarity_join
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.sets import Sets, from_lists
from clustering.sketches.packed import pack, packed_similarity
from clustering.sketches.sketch import SketchParams, sketch

ROOT = Path(__file__).parents[1]
Array = np.ndarray[Any, Any]
Row = dict[str, object]
N_PAIRS = 2_000
N_QUERIES = 2_000


def cpu(work: Callable[[], object], repeats: int = 3) -> float:
    return median_seconds(work, repeats, time.process_time)


def peers(what: str, folder: Path, *numbers: float) -> dict[str, Any]:
    """What datasketch and rensa say; nothing without an interpreter that has them."""
    if "PURLIEU_PEERS" not in os.environ:
        return {}
    command = [os.environ["PURLIEU_PEERS"], "-P", str(ROOT / "benchmarks" / "sketch_peers.py"), what, str(folder)]
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *map(str, numbers)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def neighbour_sets(scale: int) -> Sets:
    """Neighbourhoods of an R-MAT graph, without those of isolated nodes."""
    graph = rmat(scale)
    filled = np.flatnonzero(graph.out_degree())
    return Sets(np.concatenate(([0], graph.indptr[filled + 1])), np.array(graph.indices))


def similar_pairs(sets: Sets, n_pairs: int) -> tuple[Sets, Array]:
    """Pairs of sets with a common element, laid side by side, and their exact similarity."""
    rng = np.random.default_rng(0)
    order = np.argsort(sets.indices, kind="stable")
    owner = np.repeat(np.arange(sets.indptr.size - 1), np.diff(sets.indptr))[order]
    element = sets.indices[order]
    at = rng.integers(0, element.size - 1, 40 * n_pairs)
    step = rng.integers(1, 50, at.size)
    other = np.minimum(at + step, element.size - 1)
    good = (element[at] == element[other]) & (owner[at] != owner[other])
    pairs = np.stack([owner[at[good]], owner[other[good]]], axis=1)[:n_pairs]
    families = [set(sets.indices[sets.indptr[i] : sets.indptr[i + 1]].tolist()) for i in pairs.ravel()]
    truth = [len(a & b) / len(a | b) for a, b in zip(families[::2], families[1::2], strict=True)]
    return from_lists(families), np.array(truth)


def over_theory(estimates: Array, truth: Array, num_perm: int) -> float:
    """Root mean square error over that of independent slots."""
    theory = np.sqrt(np.mean(truth * (1 - truth)) / num_perm)
    return float(np.sqrt(np.mean((estimates - truth[: estimates.size]) ** 2)) / theory)


def bench_signatures(sets: Sets, folder: Path) -> None:
    pairs, truth = similar_pairs(sets, N_PAIRS)
    np.savez(folder / "pairs.npz", indptr=pairs.indptr, indices=pairs.indices)
    for num_perm in (128, 1000):
        params, n_hashes = MinHashParams(num_perm=num_perm), sets.indices.size * num_perm
        of_pairs = minhash(*pairs, params)
        ours = over_theory((of_pairs[::2] == of_pairs[1::2]).mean(axis=1), truth, num_perm)
        minhash(*sets, params, stop=100)
        minhash(*sets, params, stop=100, vectors=False)
        room = np.zeros((sets.indptr.size - 1, num_perm), dtype=np.uint32)
        rates = {
            "purlieu": n_hashes / cpu(lambda params=params: minhash(*sets, params)),
            "purlieu, memory used before": n_hashes
            / cpu(lambda params=params, room=room: minhash(*sets, params, out=room)),
            "purlieu, plain loops": n_hashes
            / cpu(lambda params=params, room=room: minhash(*sets, params, out=room, vectors=False), 1),
        }
        rows: list[Row] = [
            {"signatures": name, "G hashes/s": rate / 1e9, "RMSE/theory": ours} for name, rate in rates.items()
        ]
        for name, found in peers("signatures", folder, num_perm).items():
            error = over_theory(np.array(found["estimates"]), truth, num_perm)
            rows.append({"signatures": name, "G hashes/s": found["rate"] / 1e9, "RMSE/theory": error})
        print(f"\nnum_perm {num_perm}: {sets.indptr.size - 1:,} sets, {sets.indices.size:,} elements\n")
        print_table([{**row, "purlieu is": f"{rates['purlieu'] / 1e9 / row['G hashes/s']:.1f} x"} for row in rows])  # type: ignore[operator]
        del room
        one, two = (median_seconds(lambda n=n, p=params: minhash(*sets, p, n_threads=n)) for n in (1, 2))
        print(f"wall, two threads: {one / two:.2f} x one")


def bench_kinds() -> None:
    """Sets ten times larger than num_perm, pairs with J = 1/3; and small ones."""
    rows: list[Row] = []
    for num_perm, size, n_sets in ((128, 1280, 1000), (1000, 10_000, 200), (128, 20, 20_000)):
        rng = np.random.default_rng(0)
        indices = rng.integers(0, 2**31, (n_sets // 2, 3 * size // 2))
        left, right = indices[:, :size], indices[:, size // 2 :]
        sets = Sets(np.arange(n_sets + 1) * size, np.stack([left, right], axis=1).ravel().astype(np.int32))
        first = 0.0
        for kind in ("minhash", "one_permutation", "superminhash", "weighted"):
            if kind == "weighted" and size > 1280:
                continue
            weights = np.ones(sets.indices.size) if kind == "weighted" else None
            params = SketchParams(kind=kind, num_perm=num_perm)  # type: ignore[arg-type]  # one of its words
            made = sketch(*sets, params, weights=weights)
            agree = (made.signatures[::2] == made.signatures[1::2]).mean(axis=1)
            truth = np.full(n_sets // 2, 1 / 3)
            took = cpu(lambda s=sets, p=params, w=weights: sketch(*s, p, weights=w)) / n_sets
            first = first or took
            rows.append(
                {
                    "num_perm": num_perm,
                    "elements": size,
                    "kind": kind,
                    "us a set": 1e6 * took,
                    "RMSE/theory": over_theory(agree, truth, num_perm),
                    "minhash : it": first / took,
                }
            )
    print()
    print_table(rows)


def bench_packed(sets: Sets) -> None:
    """Rates of comparison, and what is found of the ten best when only some candidates are looked at whole."""
    signatures = minhash(*sets, MinHashParams())
    index = LSHIndex.build(signatures, LSHParams())
    queries = np.random.default_rng(1).integers(0, index.n_nodes, N_QUERIES)
    index.top_batch(queries[:2], 10)
    full = index.top_batch(queries, 10)
    took = cpu(lambda: index.top_batch(queries, 10))
    rows: list[Row] = [{"bits": 32, "bytes a set": 512, "kept": "all", "us a query": 1e6 * took / N_QUERIES}]
    for bits in (1, 2, 8):
        packed = pack(signatures, bits)
        some = pack(signatures[:64], bits)
        packed_similarity(some, some)
        rate = 64 * packed.n_sets / cpu(lambda some=some, packed=packed: packed_similarity(some, packed))
        for n_kept in (20, 50, 100):
            ask = {"prefilter": packed, "n_kept": n_kept}
            index.top_batch(queries[:2], 10, **ask)  # type: ignore[arg-type]
            found = index.top_batch(queries, 10, **ask)  # type: ignore[arg-type]
            took = cpu(lambda ask=ask: index.top_batch(queries, 10, **ask))
            n_best = np.count_nonzero(full.nodes >= 0, axis=1)
            tenth = np.take_along_axis(full.similarity, np.maximum(n_best - 1, 0)[:, None], axis=1)
            good = np.count_nonzero((found.nodes >= 0) & (found.similarity >= tenth), axis=1)
            rows.append(
                {
                    "bits": bits,
                    "bytes a set": packed.words.shape[1] * 8,
                    "kept": n_kept,
                    "us a query": 1e6 * took / N_QUERIES,
                    "recall@10": float(np.minimum(good, n_best).sum() / n_best.sum()),
                    "M pairs/s, all to 64": rate / 1e6,
                }
            )
    print(f"\n10 best of {full.n_candidates.mean():.0f} candidates, {index.n_nodes:,} sets, num_perm 128\n")
    print_table([{column: row.get(column, "-") for column in rows[-1]} for row in rows])


def laps(ask: Callable[[int], Sequence[Any]], queries: Sequence[int]) -> Row:
    ask(queries[0])
    took, sizes = [], []
    for query in queries:
        begun = time.perf_counter()
        found = ask(query)
        took.append(1e6 * (time.perf_counter() - begun))
        sizes.append(len(found))
    p50, p99 = np.percentile(took, [50, 99])
    return {"query us p50": float(p50), "p99": float(p99), "candidates": float(np.mean(sizes))}


def bench_tables(sets: Sets, folder: Path) -> None:
    signatures = minhash(*sets, MinHashParams())
    queries = np.random.default_rng(1).integers(0, len(signatures), N_QUERIES).tolist()
    for n_bands, n_rows in ((64, 2), (32, 4)):
        params = LSHParams(n_bands=n_bands, n_rows=n_rows)
        index = LSHIndex.build(signatures, params)
        rate = index.n_nodes / cpu(lambda params=params: LSHIndex.build(signatures, params))
        asked = laps(index.candidates, queries)
        report = index.bucket_report()
        batch = cpu(lambda index=index: index.top_batch(np.array(queries), 10)) / N_QUERIES
        rows: list[Row] = [{"tables": "purlieu", "sets": index.n_nodes, "k inserts/s": rate / 1e3, **asked}]
        for name, found in peers("tables", folder, n_bands, n_rows).items():
            row: Row = {"tables": name, "sets": found["sets"], "k inserts/s": found["inserts"] / 1e3}
            rows.append(
                row
                | {
                    "query us p50": found.get("p50", "-"),
                    "p99": found.get("p99", "-"),
                    "candidates": found.get("candidates", "-"),
                }
            )
        print(f"\n{n_bands} x {n_rows}, cap 500\n")
        print_table([{**row, "purlieu is": f"{rate / 1e3 / row['k inserts/s']:.1f} x"} for row in rows])  # type: ignore[operator]
        print(f"ten best, in a batch: {1e6 * batch:.1f} us; {report}")


def bench_join(sets: Sets) -> None:
    """All pairs above a similarity, and how many of them there are."""
    part = Sets(sets.indptr[:20_001], sets.indices[: sets.indptr[20_000]])
    rows: list[Row] = []
    for threshold in (0.3, 0.5):
        index = LSHIndex.build(minhash(*part, MinHashParams()), LSHParams(threshold=threshold, bucket_cap=0))
        for exact in (None, part):
            few = LSHIndex.build(index.signatures[:50], index.params)
            list(similarity_join(few, threshold, sets=exact and Sets(part.indptr[:51], part.indices)))
            begun = time.process_time()
            blocks = list(similarity_join(index, threshold, sets=exact))
            took = time.process_time() - begun
            recall = measured_recall(index, part, threshold, n_nodes=500)
            rows.append(
                {
                    "threshold": threshold,
                    "bands": str(index.params.banding(128)),
                    "similarity": "estimated" if exact is None else "exact",
                    "pairs": sum(block.left.size for block in blocks),
                    "compared": sum(block.n_compared for block in blocks),
                    "CPU s": took,
                    "recall of the tables": recall.share,
                    "S at the threshold": float(collision_probability(threshold, *index.params.banding(128))),
                }
            )
    print(f"\njoin of {index.n_nodes:,} sets\n")
    print_table(rows)


def columns(n_columns: int = 5_000, n_values: int = 200_000) -> tuple[list[list[int]], list[list[int]]]:
    """Columns of skewed sizes and values, and queries that lie in some of them up to noise."""
    rng = np.random.default_rng(4)
    sizes = np.minimum(10 * (rng.pareto(1.0, n_columns) + 1), 20_000).astype(int)
    made = [np.unique((n_values * rng.random(size) ** 3).astype(int)).tolist() for size in sizes]
    asked = []
    for column in rng.choice(n_columns, 300):
        n = int(rng.integers(1, len(made[column]) + 1))
        taken = rng.choice(made[column], min(n, 500), replace=False)
        asked.append([*taken.tolist(), *rng.integers(0, n_values, len(taken) // 4).tolist()])
    return made, asked


def bench_containment(folder: Path) -> None:
    threshold = 0.7
    made, asked = columns()
    sets, queries = from_lists(made), from_lists([set(query) for query in asked])
    np.savez(folder / "columns.npz", indptr=sets.indptr, indices=sets.indices)
    np.savez(folder / "asked.npz", indptr=queries.indptr, indices=queries.indices)
    index = ContainmentIndex.build(sets)
    built = cpu(lambda: ContainmentIndex.build(sets))
    truth = [set(index.query(query, threshold).sets.tolist()) for query in asked]
    row = laps(lambda q: index.query(asked[q], threshold).sets, range(len(asked)))
    n_true = sum(map(len, truth))
    rows: list[Row] = [{"containment": "purlieu, exact", "build s": built, **row, "recall": 1.0, "precision": 1.0}]
    found = peers("ensemble", folder, threshold)
    if found:
        right = sum(len(set(answer) & true) for answer, true in zip(found["answers"], truth, strict=True))
        said = sum(len(set(answer)) for answer in found["answers"])
        rows.append(
            {
                "containment": "datasketch LSH Ensemble",
                "build s": found["build"],
                "query us p50": found["p50"],
                "p99": found["p99"],
                "candidates": found["candidates"],
                "recall": right / n_true,
                "precision": right / max(said, 1),
            }
        )
    print(f"\n{len(made):,} columns, {sets.indices.size:,} values, threshold {threshold}\n")
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", type=int, default=17)
    parts = ("signatures", "kinds", "packed", "tables", "join", "containment")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    given = parser.parse_args()
    sets = neighbour_sets(given.scale)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "sets.npz", indptr=sets.indptr, indices=sets.indices)
        work: dict[str, Callable[[], None]] = {
            "signatures": lambda: bench_signatures(sets, folder),
            "kinds": bench_kinds,
            "packed": lambda: bench_packed(sets),
            "tables": lambda: bench_tables(sets, folder),
            "join": lambda: bench_join(sets),
            "containment": lambda: bench_containment(folder),
        }
        for part in given.only:
            print(f"\n-- {part}, R-MAT scale {given.scale}", flush=True)
            work[part]()


if __name__ == "__main__":
    main()
