"""Leiden and Louvain beside other libraries: time, memory, modularity, repeatability, connectedness.

Run: python -m benchmarks.bench_leiden [--scale 17] [--repeats 3]

PURLIEU_PEERS names a Python that has scikit-network, networkit, igraph and leidenalg; without it only ours is measured.
Every run is a process of its own with one seed; Leiden does three iterations wherever that can be said
("leiden-2" does two).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import scipy.sparse

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench import print_table
from benchmarks.labelled_graphs import dblp_graph, debian, email
from benchmarks.leiden_peers import peer_runs
from benchmarks.rmat import rmat
from clustering.symmetric import undirected


def graphs(scale: int) -> Iterator[tuple[str, scipy.sparse.csr_array]]:
    """Those that are present, without direction."""
    if (known := email()) is not None:
        yield "email-Eu-core", undirected(known.graph)
    if (authors := dblp_graph()) is not None:
        yield "DBLP", undirected(authors)
    yield "Debian", undirected(debian("section").graph)
    yield f"R-MAT {scale}", undirected(rmat(scale))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=17)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for name, matrix in graphs(options.scale):
        print(f"\n{name}: {matrix.shape[0]:,} nodes, {matrix.nnz // 2:,} links", flush=True)
        rows: list[dict[str, object]] = [
            {
                "program": f"{run.library} {run.method}",
                "threads": run.threads,
                "seconds": f"{run.seconds:.4f}",
                "CPU-seconds": f"{run.cpu_seconds:.4f}",
                "modularity": f"{run.modularity:.4f}",
                "communities": int(run.labels.max()) + 1,
                "pieces too many": run.n_disconnected,
                "same again": "yes" if run.is_repeatable else "no",
                "MB more": f"{run.more_mb:.0f}",
                "import s": f"{run.import_seconds:.2f}",
            }
            for run in peer_runs(matrix, repeats=options.repeats)
        ]
        print_table(rows)


if __name__ == "__main__":
    main()
