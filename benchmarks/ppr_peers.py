"""What personalised PageRank costs and is worth in other libraries, over a given list of sources.

`measured_peers` runs `benchmarks.ppr_peer_run` in processes of their own: SciPy's rows by this Python, the others' by
the one that PURLIEU_PEERS names; without it they are left out.
"""

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

from graph.csr import CSRGraph

PROGRAM = Path(__file__).with_name("ppr_peer_run.py")
SCIPY = ("scipy", "scipy blocks")
OTHERS = ("igraph", "scikit-network", "scikit-network bicgstab", "fast-pagerank")
WITHOUT_TOL = ("igraph",)
FEW = 16  # sources that a library without blocks is asked for
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Means over sources: of the 50 best returned, the share whose true rank reaches the true 50th; of the true rank
    gathered by the true 100 best, the share gathered by the 100 returned; and the L1 distance of all ranks."""

    precision_at_50: float
    rag_at_100: float
    mean_l1: float


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    """One library at one tolerance, None where it takes none."""

    library: str
    version: str
    tol: float | None
    seconds_per_query: float
    queries_per_cpu_second: float
    quality: Quality


def quality(truth: Sequence[Float64s], ranks: Sequence[Float64s], best: Sequence[Int64s]) -> Quality:
    """Of as many sources as there are ``best``: rows of nodes, best first, -1 after the last; ties count as right."""
    rows = []
    for right, rank, found in zip(truth, ranks, best, strict=False):
        top = np.sort(right)[::-1]
        picked = right[found[found >= 0]]
        precise = np.count_nonzero(picked[:50] >= top[49] * (1 - 1e-9)) / 50
        rows.append((precise, picked[:100].sum() / top[:100].sum(), np.abs(rank - right).sum()))
    precision, gathered, distance = np.mean(rows, axis=0).tolist()
    return Quality(precision_at_50=precision, rag_at_100=gathered, mean_l1=distance)


def measured_peers(
    graph: CSRGraph,
    sources: Sequence[int],
    truth: Sequence[Float64s],
    *,
    tols: Sequence[float] = (1e-3, 1e-6, 1e-10),
    libraries: Sequence[str] = (*SCIPY, *OTHERS),
    repeats: int = 1,
) -> Iterator[PeerResult]:
    """Every library at every tolerance, one thread each, the median of ``repeats`` runs.

    ``truth`` holds the exact ranks of each source. A library that ranks one source at a time is asked for the first 16.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = np.empty(0, dtype=np.float32) if graph.weights is None else graph.weights
        arrays = {"indptr": graph.indptr, "indices": graph.indices, "weights": weights, "sources": np.asarray(sources)}
        for part, array in arrays.items():
            np.save(folder / f"{part}.npy", array)
        for library in libraries:
            if library not in SCIPY and "PURLIEU_PEERS" not in os.environ:
                continue
            n_sources = len(sources) if library == "scipy blocks" else min(FEW, len(sources))
            for tol in tols[:1] if library in WITHOUT_TOL else tols:
                runs = [_run(library, folder, tol, n_sources) for _ in range(repeats)]
                cost = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "cpu_seconds")}
                ranks, best = (np.load(folder / f"{library}-{what}.npy") for what in ("ranks", "best"))
                yield PeerResult(
                    library=library,
                    version=runs[0]["version"],
                    tol=None if library in WITHOUT_TOL else tol,
                    seconds_per_query=cost["seconds"] / n_sources,
                    queries_per_cpu_second=n_sources / cost["cpu_seconds"],
                    quality=quality(truth, ranks, best),
                )


def _run(library: str, folder: Path, tol: float, n_sources: int) -> dict[str, object]:
    python = sys.executable if library in SCIPY else os.environ["PURLIEU_PEERS"]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [python, "-P", str(PROGRAM), library, str(folder), str(tol), str(n_sources)]
    done = subprocess.run(command, env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found
