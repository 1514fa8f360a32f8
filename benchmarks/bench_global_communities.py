"""Communities of whole graphs against known ones: which graph to search, how, and how finely.

Run: python -m benchmarks.bench_global_communities [--seeds 3] [--graphs email-Eu-core cora …]

Means over seeds. "links" is the raw graph; the rest stands on signatures of neighbourhoods with the node itself (128
slots, 64 × 2; "500 × 2": 1,000 slots). Truth that overlaps (dblp) has an average F1 only: over nodes that occur there
and communities of three and more. "modularity" is that of the raw graph, "alone" counts communities of one node.
Debian ships with the project; the other graphs take part where ../shared/data is present.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench import print_table
from benchmarks.partitioned_graphs import Partitioned, partitioned_graphs
from clustering.banding import LSHParams
from clustering.community_graph import community_graph
from clustering.evaluation import average_f1, compare, cover_of, modularity
from clustering.global_communities import GlobalParams, Labels, find_communities
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import neighbourhoods
from clustering.symmetric import undirected

SMALL = 10_000  # nodes up to which consensus over 20 seeds and 1,000 slots are tried
SEARCHES = {
    "links, Leiden": GlobalParams(),
    "links, Louvain": GlobalParams(method="louvain"),
    "links, label propagation": GlobalParams(method="label_propagation"),
    "links, components": GlobalParams(method="components"),
    "links, Leiden, resolution 4": GlobalParams(resolution=4.0),
    "links, Leiden, 20 runs": GlobalParams(n_runs=20),
    "weighted links, Leiden": GlobalParams(on="weighted_links"),
    "weighted links, Leiden, resolution 4": GlobalParams(on="weighted_links", resolution=4.0),
    "similar ≥ .2, Leiden": GlobalParams(on="similarity"),
    "similar ≥ .2, Leiden, attached": GlobalParams(on="similarity", attach=True),
    "similar ≥ .2, label propagation": GlobalParams(on="similarity", method="label_propagation"),
    "similar ≥ .2, components": GlobalParams(on="similarity", method="components"),
    "similar ≥ .2, 500 × 2, Leiden": GlobalParams(on="similarity"),
    "both, Leiden": GlobalParams(on="both"),
}


def index_of(known: Partitioned, n_bands: int) -> LSHIndex:
    """Signatures and tables of the neighbourhoods."""
    signatures = minhash(*neighbourhoods(known.graph, "both", include_self=True), MinHashParams(num_perm=2 * n_bands))
    return LSHIndex.build(signatures, LSHParams(n_bands=n_bands, n_rows=2), n_threads=2)


def scores(known: Partitioned, found: Labels) -> dict[str, float]:
    """Agreement with the truth, by name of the column."""
    if known.cover is not None:
        cover = cover_of(found.labels, among=known.cover, least=3)
        return {"F1": average_f1(known.cover, cover), "found": float(len(cover)), "true": float(len(known.cover))}
    made = compare(found.labels, known.labels)  # type: ignore[arg-type]  # one of the two is there
    named = {"ARI": made.ari, "AMI": made.ami, "NMI": made.nmi, "F1": made.f1}
    return named | {"found": float(made.n_found), "true": float(made.n_true)}


def rows_of(known: Partitioned, n_seeds: int) -> Iterator[dict[str, object]]:
    raw = undirected(known.graph)
    indexes = {n_bands: index_of(known, n_bands) for n_bands in ((64, 500) if known.graph.n_nodes < SMALL else (64,))}
    for name, params in SEARCHES.items():
        n_bands = 500 if "500 × 2" in name else 64
        if known.graph.n_nodes >= SMALL and (params.n_runs > 1 or n_bands == 500):
            continue
        start = time.process_time()
        made = community_graph(known.graph, indexes[n_bands], params)
        preparing = time.process_time() - start
        runs, laps = [], []
        for seed in range(1 if params.method == "components" else n_seeds):
            start = time.process_time()
            found = find_communities(made.weights, replace(params, seed=seed), links=made.links)
            laps.append(time.process_time() - start)
            alone = float(np.count_nonzero(found.sizes == 1))
            runs.append(scores(known, found) | {"modularity": modularity(raw, found.labels), "alone": alone})
        mean = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        yield {
            "search": name,
            **{key: f"{mean[key]:.3f}" if key in mean else "–" for key in ("ARI", "AMI", "NMI", "F1")},
            "communities": f"{mean['found']:.0f} / {mean['true']:.0f}",
            "alone": f"{mean['alone']:.0f}",
            "modularity": f"{mean['modularity']:.3f}",
            "links": made.weights.nnz // 2,
            "graph s": f"{preparing:.2f}",
            "search s": f"{np.median(laps):.3f}",
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--graphs", nargs="*")
    options = parser.parse_args()
    for known in partitioned_graphs():
        if not options.graphs or known.name in options.graphs:
            print(f"\n{known.name}: {known.graph.n_nodes:,} nodes", flush=True)
            print_table(list(rows_of(known, options.seeds)))


if __name__ == "__main__":
    main()
