"""Consensus: what many runs with other seeds agree on.

Every link is weighed by the share of runs that put its ends together, links below a threshold are dropped, and the
runs are repeated on the links so weighed until they all agree.

Source: Lancichinetti, Fortunato, Scientific Reports 2:336, 2012, arXiv:1203.6093; pairs without a link are left out, as
Tandon et al., Physical Review E 99:042301, 2019, show to be enough.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.partition import best_partners, count_agreement
from clustering.symmetric import SymmetricRows
from foundation.seeds import key
from foundation.threads import in_order

MOST_ROUNDS = 10
Search = Callable[[SymmetricRows, int], npt.NDArray[np.int32]]


class Consensus(NamedTuple):
    """``labels`` int32 (n_nodes,); rounds taken; whether the last round's runs all agreed; and how far the first's did.

    first_agreement : mean over links of how often a pair of runs of the first round agrees on it, in [0.5, 1]
    """

    labels: npt.NDArray[np.int32]
    n_rounds: int
    is_stable: bool
    first_agreement: float


def consensus(
    rows: SymmetricRows, search: Search, n_runs: int, agreement: float, seed: int, *, n_threads: int = 1
) -> Consensus:
    """Agree on communities.

    Parameters
    ----------
    search
        Finds communities of a graph from a seed.
    n_runs
        Seeds tried in every round, at least 2.
    agreement
        Share of the runs below which a link is dropped, in (0, 1]; a node keeps its best link.

    Where `MOST_ROUNDS` do not bring agreement the first run of the last round is returned, and ``is_stable`` is False.
    """
    first_agreement = 1.0
    for n_rounds in range(1, MOST_ROUNDS + 1):
        seeds = [key(seed, "clustering.consensus", n_rounds, run) for run in range(n_runs)]
        runs = np.stack(list(in_order(functools.partial(search, rows), seeds, n_threads)), axis=1)
        counts = np.empty(rows.indices.size, dtype=np.int32)
        count_agreement(rows.indptr, rows.indices, runs, counts)
        if n_rounds == 1 and counts.size:
            share = counts / n_runs
            first_agreement = float((share**2 + (1 - share) ** 2).mean())
        if bool(((counts == 0) | (counts == n_runs)).all()):
            return Consensus(np.ascontiguousarray(runs[:, 0]), n_rounds, True, first_agreement)
        rows = _agreed(rows, counts, agreement * n_runs, n_runs)
    return Consensus(np.ascontiguousarray(runs[:, 0]), MOST_ROUNDS, False, first_agreement)


def _agreed(rows: SymmetricRows, counts: npt.NDArray[np.int32], least: float, n_runs: int) -> SymmetricRows:
    """The links that ``least`` runs agree on, weighed by agreement; a node without any keeps its best one."""
    n = rows.degree.size
    best = np.empty(n, dtype=np.int32)
    best_partners(rows.indptr, rows.indices, counts, least, best)
    ends = np.repeat(np.arange(n, dtype=np.int32), np.diff(rows.indptr))
    kept = (counts >= least) | (best[ends] == rows.indices) | (best[rows.indices] == ends)
    kept &= ends != rows.indices
    weights = counts[kept] / n_runs
    indptr = np.concatenate(([0], np.cumsum(np.bincount(ends[kept], minlength=n)))).astype(np.int64)
    degree = np.bincount(ends[kept], weights=weights, minlength=n).astype(np.float64, copy=False)
    return SymmetricRows(indptr, rows.indices[kept], weights, degree)
