"""datasketch and rensa on the same sets, in an interpreter that has them.

Run by `benchmarks.bench_sketches`; knows nothing of this project. Prints one line of JSON. Times are CPU-seconds of the
process unless called microseconds.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasketch
import numpy as np
import rensa

Array = np.ndarray[Any, Any]
N_SLOW = 3_000  # sets for datasketch, which takes a millisecond each
N_TABLE = 30_000  # sets its tables hold
REPEATS = 3


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median CPU-seconds of some runs; what they return is dropped in between."""
    laps = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        laps.append(time.process_time() - begun)
    return float(np.median(laps))


def digests(kind: str, indptr: Array, indices: Array, num_perm: int, seed: int) -> Any:
    """rensa's matrix of exact or of bucketed ("rho") digests."""
    name = "digest_matrix_from_flat_token_hashes" + ("_rho" if kind == "rho" else "")
    return getattr(rensa.RMinHash, name)(indices.astype(np.uint64), indptr.astype(np.uint64), num_perm, seed)


def sketches(indptr: Array, indices: Array, num_perm: int, n: int) -> list[Any]:
    """datasketch's bulk path, integers as their own hashes."""
    sets = [indices[indptr[i] : indptr[i + 1]].tolist() for i in range(n)]
    return list(datasketch.MinHash.generator(sets, num_perm=num_perm, hashfunc=int))


def signatures(folder: Path, num_perm: int) -> dict[str, Any]:
    """Rates, and estimates of the similarity of some pairs."""
    graph, pairs = np.load(folder / "sets.npz"), np.load(folder / "pairs.npz")
    indptr, indices = graph["indptr"], graph["indices"]
    flat, offsets = indices.astype(np.uint64), indptr.astype(np.uint64)
    found: dict[str, Any] = {}
    exact, rho = (
        rensa.RMinHash.digest_matrix_from_flat_token_hashes,
        rensa.RMinHash.digest_matrix_from_flat_token_hashes_rho,
    )
    for name, digest in (("rensa exact", exact), ("rensa rho", rho)):
        rows = np.array(digests(name[6:], pairs["indptr"], pairs["indices"], num_perm, 1).to_rows())
        found[name] = {
            "rate": indices.size * num_perm / seconds(lambda digest=digest: digest(flat, offsets, num_perm, 1)),
            "estimates": (rows[0::2] == rows[1::2]).mean(axis=1).tolist(),
        }
    n_elements = int(indptr[N_SLOW] - indptr[0])
    took = seconds(lambda: sketches(indptr, indices, num_perm, N_SLOW), 1)
    few = sketches(pairs["indptr"], pairs["indices"], num_perm, 1000)
    estimates = [few[i].jaccard(few[i + 1]) for i in range(0, 1000, 2)]
    found["datasketch"] = {"rate": n_elements * num_perm / took, "estimates": estimates}
    return found


def laps(ask: Callable[[int], Sequence[Any]], queries: Sequence[int]) -> dict[str, float]:
    """Wall microseconds of a query, and answers."""
    took, sizes = [], []
    for query in queries:
        begun = time.perf_counter()
        answer = ask(query)
        took.append(1e6 * (time.perf_counter() - begun))
        sizes.append(len(answer))
    p50, p99 = np.percentile(took, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "candidates": float(np.mean(sizes))}


def bucket_tables(folder: Path, n_bands: int, n_rows: int) -> dict[str, Any]:
    """Inserts a CPU-second, and queries of stored sets."""
    graph = np.load(folder / "sets.npz")
    indptr, indices = graph["indptr"], graph["indices"]
    n, num_perm = indptr.size - 1, n_bands * n_rows
    matrix = digests("exact", indptr, indices, num_perm, 1)
    insert_all = functools.partial(rensa.RMinHashLSH(0.5, num_perm, n_bands).insert_matrix, matrix)
    found: dict[str, Any] = {"rensa": {"inserts": n / seconds(insert_all, 1), "sets": n}}
    del matrix, insert_all
    m = min(n, N_TABLE)
    part = indptr[: m + 1], indices[: indptr[m]]
    few = sketches(*part, num_perm, m)
    tables = datasketch.MinHashLSH(num_perm=num_perm, params=(n_bands, n_rows))

    def insert() -> None:
        for i, sketch in enumerate(few):
            tables.insert(i, sketch)

    took = seconds(insert, 1)
    queries = np.random.default_rng(0).integers(0, m, 1000).tolist()
    found["datasketch"] = {"inserts": m / took, "sets": m, **laps(lambda i: tables.query(few[i]), queries)}
    return found


def ensemble(folder: Path, threshold: float) -> dict[str, Any]:
    """datasketch's LSH Ensemble: sets that it says contain a query, and how long it takes."""
    columns, asked = np.load(folder / "columns.npz"), np.load(folder / "asked.npz")
    indptr, indices = columns["indptr"], columns["indices"]
    few = sketches(indptr, indices, 128, indptr.size - 1)
    index = datasketch.MinHashLSHEnsemble(threshold=threshold, num_perm=128, num_part=16)
    entries = [(i, sketch, int(indptr[i + 1] - indptr[i])) for i, sketch in enumerate(few)]
    built = seconds(lambda: index.index(entries), 1)
    pointers = asked["indptr"]
    queries = sketches(pointers, asked["indices"], 128, pointers.size - 1)
    answers: list[list[int]] = []

    def ask(q: int) -> list[int]:
        answers.append(list(index.query(queries[q], int(pointers[q + 1] - pointers[q]))))
        return answers[-1]

    found = laps(ask, range(len(queries)))
    return {"build": built, **found, "answers": answers}


def main(what: str, folder: str, *numbers: str) -> None:
    work = {"signatures": signatures, "tables": bucket_tables, "ensemble": ensemble}[what]
    given = [float(n) if "." in n else int(n) for n in numbers]
    print(json.dumps(work(Path(folder), *given)))  # type: ignore[operator]


if __name__ == "__main__":
    main(*sys.argv[1:])
