"""Signatures, bucket tables and communities beside plain NumPy, datasketch and rensa; quality beside time.

Run: python benchmarks/bench_communities.py [scale]
The graph is R-MAT with 2**scale nodes (default 15) and edge factor 16; datasketch and rensa take part where they
are installed. Times are medians of three runs of one thread, except datasketch's, which runs once on fewer sets.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.bench import median_seconds, print_table
from benchmarks.rmat import rmat
from clustering.banding import LSHParams, collision_probability
from clustering.communities import CommunityIndex, CommunityParams
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash, signature_of
from clustering.neighbourhoods import Sets, neighbourhoods
from graph.csr import CSRGraph

NUM_PERM = 128
N_DATASKETCH = 2_000
N_PAIRS, N_QUERIES, N_COMMUNITIES = 3_000, 300, 200
Array = np.ndarray[Any, Any]
Row = dict[str, object]
Ask = Callable[[int], Sequence[int]]


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def similar_pairs(sets: Sets, n_pairs: int) -> tuple[Array, Array]:
    """Pairs of nodes with a common neighbour, and their exact Jaccard similarity."""
    rng = np.random.default_rng(0)
    middle = rng.choice(np.flatnonzero(np.diff(sets.indptr) >= 2), 2 * n_pairs)
    offset = rng.random((2, middle.size)) * np.diff(sets.indptr)[middle]
    pairs = sets.indices[sets.indptr[middle] + offset.astype(np.int64)].T
    pairs = pairs[pairs[:, 0] != pairs[:, 1]][:n_pairs]
    members = {node: set(sets.indices[sets.indptr[node] : sets.indptr[node + 1]].tolist()) for node in np.unique(pairs)}
    truth = [len(members[u] & members[v]) / len(members[u] | members[v]) for u, v in pairs.tolist()]
    return pairs, np.array(truth)


def numpy_signatures(sets: Sets) -> Array:
    """The same kind of hash, one slot at a time over all elements."""
    rng = np.random.default_rng(1)
    filled = np.flatnonzero(np.diff(sets.indptr))
    starts = sets.indptr[filled]
    mixed = rng.integers(0, 2**32, sets.indptr.size, dtype=np.uint32)[sets.indices]
    out = np.full((sets.indptr.size - 1, NUM_PERM), 2**32 - 1, dtype=np.uint32)
    for slot in range(NUM_PERM):
        a, b = rng.integers(0, 2**32, 2, dtype=np.uint32)
        out[filled, slot] = np.minimum.reduceat((a | np.uint32(1)) * mixed + b, starts)
    return out


def datasketch_sketches(sets: Sets, nodes: Sequence[int]) -> list[Any]:
    import datasketch

    sketches = []
    for node in nodes:
        sketch = datasketch.MinHash(num_perm=NUM_PERM, hashfunc=lambda element: element)
        sketch.update_batch(sets.indices[sets.indptr[node] : sets.indptr[node + 1]].tolist())
        sketches.append(sketch)
    return sketches


def error_over_theory(agreement: Array, truth: Array) -> float:
    """Root mean square error over sqrt(J (1 - J) / num_perm); 1 is what independent hashes give."""
    theory = np.sqrt(np.mean(truth * (1 - truth)) / NUM_PERM)
    return float(np.sqrt(np.mean((agreement - truth) ** 2)) / theory)


def bench_signatures(sets: Sets) -> None:
    pairs, truth = similar_pairs(sets, N_PAIRS)
    n_sets, n_elements = sets.indptr.size - 1, sets.indices.size

    def row(name: str, seconds: float, n_elements: int, n_sets: int, agreement: Array) -> Row:
        rate = n_elements * NUM_PERM / seconds / 1e9
        quality = error_over_theory(agreement, truth[: agreement.size])
        return {"signatures": name, "sets": n_sets, "s": seconds, "G hashes/s": rate, "RMSE/theory": quality}

    def agreement(signatures: Array) -> Array:
        return np.asarray((signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1))

    params = MinHashParams(num_perm=NUM_PERM)
    ours = minhash(sets.indptr, sets.indices, params)
    seconds = median_seconds(lambda: minhash(sets.indptr, sets.indices, params))
    rows = [row("purlieu", seconds, n_elements, n_sets, agreement(ours))]
    theirs = median_seconds(lambda: numpy_signatures(sets), 1)
    rows.append(row("numpy, slot by slot", theirs, n_elements, n_sets, agreement(numpy_signatures(sets))))
    if installed("rensa"):
        import rensa

        flat, offsets = sets.indices.astype(np.uint64), sets.indptr.astype(np.uint64)

        def digest() -> Any:
            return rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, NUM_PERM, 1)

        rows.append(
            row("rensa", median_seconds(digest), n_elements, n_sets, agreement(np.array(digest().to_rows(), np.uint32)))
        )
    if installed("datasketch"):
        nodes = np.unique(pairs[: N_DATASKETCH // 2]).tolist()
        start = time.perf_counter()
        sketches = dict(zip(nodes, datasketch_sketches(sets, nodes), strict=True))
        seconds = time.perf_counter() - start
        estimates = [sketches[u].jaccard(sketches[v]) for u, v in pairs[: N_DATASKETCH // 2].tolist()]
        sizes = int(np.diff(sets.indptr)[nodes].sum())
        rows.append(row("datasketch", seconds, sizes, len(nodes), np.array(estimates)))
    print_table(compared(rows, "G hashes/s"))


def compared(rows: list[Row], column: str) -> list[Row]:
    """With the ratio of the first row's rate to each row's."""
    best = rows[0][column]
    return [{**row, "purlieu is": f"{best / row[column]:.1f} x"} for row in rows]  # type: ignore[operator]


def numpy_tables(signatures: Array, n_bands: int, n_rows: int) -> list[tuple[Array, Array]]:
    """Band by band, rows as opaque keys in sorted order."""
    tables = []
    for band in range(n_bands):
        part = np.ascontiguousarray(signatures[:, band * n_rows : (band + 1) * n_rows])
        keys = part.view(f"V{4 * n_rows}").ravel().view(f"S{4 * n_rows}")
        order = np.argsort(keys, kind="stable")
        tables.append((keys[order], order))
    return tables


def numpy_candidates(tables: list[tuple[Array, Array]], signature: Array, n_rows: int) -> Array:
    found = []
    for band, (keys, order) in enumerate(tables):
        wanted = signature[band * n_rows : (band + 1) * n_rows].tobytes()
        low, high = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        found.append(order[low:high])
    return np.unique(np.concatenate(found))


def bench_tables(sets: Sets, n_bands: int, n_rows: int) -> None:
    filled = np.flatnonzero(np.diff(sets.indptr))
    sets = Sets(np.concatenate(([0], sets.indptr[filled + 1])), sets.indices)
    signatures = minhash(sets.indptr, sets.indices, MinHashParams(num_perm=NUM_PERM))
    params = LSHParams(n_bands=n_bands, n_rows=n_rows, bucket_cap=0)
    queries = np.random.default_rng(2).choice(filled.size, N_QUERIES, replace=False)
    pairs, truth = similar_pairs_by_row(sets, filled)

    def row(name: str, n_sets: int, build: float, ask: Ask | None, known: Array | None = None) -> Row:
        line: Row = {
            f"tables {n_bands} x {n_rows}": name,
            "sets": n_sets,
            "build s": build,
            "M inserts/s": n_sets * n_bands / build / 1e6,
        }
        if ask is None:
            return line | dict.fromkeys(("query us p50", "p99", "candidates", "met / S-curve"), "-")
        ask(0)
        laps, sizes = [], []
        for query in queries % n_sets:
            start = time.perf_counter()
            found = ask(query)
            laps.append(time.perf_counter() - start)
            sizes.append(len(found))
        share: object = "-"
        if known is not None:
            met = np.mean([v in set(ask(u)) for u, v in known.tolist()])
            share = f"{met:.3f} / {collision_probability(truth, n_bands, n_rows).mean():.3f}"
        p50, p99 = (1e6 * float(q) for q in np.percentile(laps, [50, 99]))
        return line | {"query us p50": p50, "p99": p99, "candidates": float(np.mean(sizes)), "met / S-curve": share}

    index = LSHIndex.build(signatures, params)
    seconds = median_seconds(lambda: LSHIndex.build(signatures, params))
    rows = [row("purlieu", filled.size, seconds, lambda q: index.candidates(q).tolist(), pairs)]
    tables = numpy_tables(signatures, n_bands, n_rows)
    seconds = median_seconds(lambda: numpy_tables(signatures, n_bands, n_rows), 1)
    rows.append(
        row("numpy", filled.size, seconds, lambda q: numpy_candidates(tables, signatures[q], n_rows).tolist(), pairs)
    )
    if installed("rensa"):
        rows.append(row("rensa", filled.size, rensa_seconds(sets, n_bands), None))
    if installed("datasketch"):
        rows.append(datasketch_row(sets, n_bands, n_rows, row))
    print_table(compared(rows, "M inserts/s"))


def similar_pairs_by_row(sets: Sets, filled: Array) -> tuple[Array, Array]:
    """`similar_pairs` of a symmetric graph whose empty rows are gone, in the numbers of the rows that stay."""
    row_of = np.full(int(filled.max()) + 1, -1)
    row_of[filled] = np.arange(filled.size)
    return similar_pairs(Sets(sets.indptr, row_of[sets.indices]), N_QUERIES)


def rensa_seconds(sets: Sets, n_bands: int) -> float:
    """Inserting all sets; it can be asked only for sets of strings, so it is not asked."""
    import rensa

    digests = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        sets.indices.astype(np.uint64), sets.indptr.astype(np.uint64), NUM_PERM, 1
    )
    return median_seconds(lambda: rensa.RMinHashLSH(0.5, NUM_PERM, n_bands).insert_matrix(digests))


def datasketch_row(sets: Sets, n_bands: int, n_rows: int, row: Callable[..., Row]) -> Row:
    import datasketch

    sketches = datasketch_sketches(sets, range(N_DATASKETCH))
    start = time.perf_counter()
    index = datasketch.MinHashLSH(num_perm=NUM_PERM, params=(n_bands, n_rows))
    for node, sketch in enumerate(sketches):
        index.insert(node, sketch)
    seconds = time.perf_counter() - start
    return row("datasketch", N_DATASKETCH, seconds, lambda q: index.query(sketches[q]))


def bench_communities(graph: CSRGraph) -> None:
    CommunityIndex.build(graph, CommunityParams())
    start = time.perf_counter()
    index = CommunityIndex.build(graph, CommunityParams())
    build = time.perf_counter() - start
    n_bytes = sum(a.nbytes for a in (index.lsh.signatures, index.lsh.keys, index.lsh.nodes, *index.links))
    linked = np.flatnonzero(np.diff(index.links.indptr))
    rng = np.random.default_rng(3)
    rows = []
    for method in ("blend", "initial_avgs", "minrank", "page_rank"):
        laps, sizes = [], []
        for _ in range(N_COMMUNITIES):
            middle = rng.choice(linked)
            neighbours = index.links.indices[index.links.indptr[middle] : index.links.indptr[middle + 1]]
            seeds = rng.choice(neighbours, min(5, neighbours.size), replace=False)
            start = time.perf_counter()
            sizes.append(index.query(seeds, 100, method).nodes.size)
            laps.append(time.perf_counter() - start)
        p50, p95, p99 = (1e3 * float(q) for q in np.percentile(laps, [50, 95, 99]))
        rows.append(
            {"100 around 5 seeds": method, "ms p50": p50, "p95": p95, "p99": p99, "members": float(np.mean(sizes))}
        )
    print(f"index of {graph.n_nodes} nodes: built in {build:.2f} s, {n_bytes / 1e6:.0f} MB")
    print_table(rows)


def main() -> None:
    scale = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    graph = rmat(scale)
    sets = neighbourhoods(graph, "both")
    signature_of([1], MinHashParams())  # compiles
    print(f"R-MAT scale {scale}: {graph.n_nodes} nodes, {graph.n_edges} arcs; num_perm = {NUM_PERM}\n")
    bench_signatures(sets)
    for n_bands, n_rows in ((64, 2), (32, 4)):
        print()
        bench_tables(sets, n_bands, n_rows)
    print()
    bench_communities(graph)


if __name__ == "__main__":
    main()
