"""Runs `benchmarks.leiden_peer_run` for ours and, in the interpreter that PURLIEU_PEERS names, for other libraries."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.evaluation import modularity

PROGRAM = Path(__file__).with_name("leiden_peer_run.py")
# Library, method (and its iterations), threads. GPL ones (igraph, leidenalg) show what can be attained.
RUNS = (
    ("purlieu", "leiden", 1),
    ("purlieu", "leiden-2", 1),
    ("networkit", "leiden", 1),
    ("networkit", "leiden", 2),
    ("sknetwork", "leiden", 1),
    ("igraph", "leiden", 1),
    ("leidenalg", "leiden", 1),
    ("purlieu", "louvain", 1),
    ("networkit", "louvain", 1),
    ("networkit", "louvain", 2),
    ("sknetwork", "louvain", 1),
    ("igraph", "louvain", 1),
)


@dataclass(frozen=True, kw_only=True)
class PeerRun:
    """Medians of the runs; ``is_repeatable`` when all of them, with one seed, gave the same communities.

    Runs are those of several processes and, where a search is short, several in one process.
    """

    library: str
    method: str
    threads: int
    version: str
    labels: npt.NDArray[np.int64]
    seconds: float
    cpu_seconds: float
    more_mb: float
    import_seconds: float
    is_repeatable: bool
    modularity: float
    n_disconnected: int


def peer_runs(
    matrix: scipy.sparse.csr_array, *, repeats: int = 3, runs: Sequence[tuple[str, str, int]] = RUNS
) -> Iterator[PeerRun]:
    """All of ``runs`` that can be made here, each in ``repeats`` processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "graph.npz", indptr=matrix.indptr, indices=matrix.indices, weights=matrix.data)
        for library, method, threads in runs:
            if library != "purlieu" and "PURLIEU_PEERS" not in os.environ:
                continue
            reports, found = [], []
            for _ in range(repeats):
                reports.append(_run(library, method, threads, folder))
                found.append(np.load(folder / "labels.npy"))
            middle = {
                key: statistics.median(float(str(report[key])) for report in reports)
                for key in ("seconds", "cpu_seconds", "more_mb", "import")
            }
            yield PeerRun(
                library=library,
                method=method,
                threads=threads,
                version=str(reports[0]["version"]),
                labels=found[0],
                seconds=middle["seconds"],
                cpu_seconds=middle["cpu_seconds"],
                more_mb=middle["more_mb"],
                import_seconds=middle["import"],
                is_repeatable=all(bool(report["is_repeatable"]) for report in reports)
                and all(np.array_equal(found[0], other) for other in found),
                modularity=statistics.median(modularity(matrix, labels) for labels in found),
                n_disconnected=max(n_disconnected(matrix, labels) for labels in found),
            )


def n_disconnected(matrix: scipy.sparse.csr_array, labels: npt.NDArray[np.int64]) -> int:
    """Pieces that communities fall into, beyond one each."""
    src, dst = matrix.tocoo().coords
    inside = labels[src] == labels[dst]
    kept = scipy.sparse.csr_array((np.ones(int(inside.sum())), (src[inside], dst[inside])), shape=matrix.shape)
    n_pieces, _ = scipy.sparse.csgraph.connected_components(kept, directed=False)
    return int(n_pieces - np.unique(labels).size)


def _run(library: str, method: str, threads: int, folder: Path) -> dict[str, object]:
    python = sys.executable if library == "purlieu" else os.environ["PURLIEU_PEERS"]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    if library == "purlieu":
        limits["PYTHONPATH"] = str(PROGRAM.parents[1])
    command = [python, "-P", str(PROGRAM), library, method, str(folder / "graph.npz")]
    done = subprocess.run(
        [*command, str(folder / "labels.npy")], env=os.environ | limits, stdout=subprocess.PIPE, text=True, check=True
    )
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report
