"""Topics found from links, from attributes and from both: agreement with the truth over ten seeds, and time.

Run: python benchmarks/bench_attributed.py
"structure" leaves attributes out; "fused" links every node with its attribute values, with the weight omega; "chosen"
is the omega kept without looking at the topics. CPU-seconds of one thread, k-means included.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.metrics import adjusted_mutual_info_score

from benchmarks.attributed_graphs import Attributed, attributed_graphs
from benchmarks.bench import print_table
from clustering.attributed.fusion import AttributedParams, attributed_communities
from clustering.evaluation import adjusted_rand_index, normalized_mutual_information
from clustering.kmeans import kmeans

SEEDS = 10
Found = tuple[npt.NDArray[np.integer], float | None]  # labels, and the omega behind them


def by_attributes(graph: Attributed, k: int) -> Callable[[int], Found]:
    """k-means on attributes weighed by rarity (log of all nodes over those that have it), rows of length one."""
    known = scipy.sparse.csr_array(graph.attributes > 0, dtype=np.float64)
    weighed = (known * np.log(known.shape[0] / np.maximum(known.sum(axis=0), 1))[None, :]).toarray()
    weighed /= np.maximum(np.linalg.norm(weighed, axis=1, keepdims=True), 1e-12)
    return lambda seed: (kmeans(weighed, k, n_starts=3, seed=seed), None)


def by_vectors(graph: Attributed, **changes: object) -> Callable[[int], Found]:
    def run(seed: int) -> Found:
        params = AttributedParams(seed=seed, **changes)  # type: ignore[arg-type]
        found = attributed_communities(graph.links, graph.attributes, params)
        return found.labels, found.omega

    return run


def rows_of(graph: Attributed, n_seeds: int = SEEDS) -> list[dict[str, object]]:
    k = int(graph.topics.max()) + 1
    ways: dict[str, Callable[[int], Found]] = {}
    for vectors in ("multigrid", "exact"):
        ways[f"structure, {vectors}"] = by_vectors(graph, n_communities=k, omega=0.0, vectors=vectors)
    if graph.attributes is not None:
        ways["attributes, k-means"] = by_attributes(graph, k)
        for omega in (1.0, None):
            for vectors in ("multigrid", "exact"):
                label = "chosen" if omega is None else f"omega {omega:g}"
                ways[f"fused, {label}, {vectors}"] = by_vectors(graph, n_communities=k, omega=omega, vectors=vectors)
    rows: list[dict[str, object]] = []
    for name, way in ways.items():
        scores, laps, omegas = [], [], []
        for seed in range(n_seeds):
            begun = time.process_time()
            labels, omega = way(seed)
            laps.append(time.process_time() - begun)
            omegas.append(omega)
            scores.append(
                (
                    adjusted_rand_index(labels, graph.topics),
                    adjusted_mutual_info_score(graph.topics, labels),
                    normalized_mutual_information(labels, graph.topics),
                )
            )
        mean, error = np.mean(scores, axis=0), np.std(scores, axis=0) / np.sqrt(n_seeds)
        shown = [f"{value:.3f} ± {spread:.3f}" for value, spread in zip(mean, error, strict=True)]
        row: dict[str, object] = {"graph": graph.name, "from": name, "ARI": shown[0], "AMI": shown[1], "NMI": shown[2]}
        kept = sorted({omega for omega in omegas if omega is not None})
        rows.append({**row, "omega": ", ".join(f"{omega:g}" for omega in kept), "CPU s": float(np.median(laps))})
    return rows


def main() -> None:
    for graph in attributed_graphs():
        print_table(rows_of(graph))
        print()


if __name__ == "__main__":
    main()
