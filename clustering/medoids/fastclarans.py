"""FastCLARANS: descents by candidates drawn at random, each held against all medoids at once.

A descent ends after so many candidates in a row that gain nothing; the best of some descents is the answer. Rows are
computed when they are drawn, so no matrix is needed.

Source: Ng & Han, TKDE 2002 (CLARANS); Schubert & Rousseeuw, Information Systems 101, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from clustering.medoids.assignment import Medoids, assigned, single_medoid
from clustering.medoids.dissimilarities import BLOCK_BYTES, Dissimilarities, Int64s, Rows
from clustering.medoids.params import ClaransParams, check_fits
from clustering.medoids.starts import drawn
from clustering.medoids.state import begin
from foundation.seeds import stream
from foundation.threads import in_order

_MOST_DRAWN: Final = 64  # candidates at a time
_LEAST_PAIRS: Final = 250  # of a medoid and a candidate before giving up, Ng & Han


def fastclarans(dissimilarities: Dissimilarities, params: ClaransParams, *, n_threads: int = 1) -> Medoids:
    """The best of ``params.n_starts`` descents, the first of equals; the best of all for one medoid.

    Takes k rows, and 8 MB (or a row) for every thread and two more. Equal bytes for any number of threads.

    Raises
    ------
    InvalidParams
        When there are fewer objects than medoids.
    """
    n, k = len(dissimilarities), params.n_medoids
    check_fits(k, n)
    if k == 1:
        return assigned(dissimilarities, single_medoid(dissimilarities, n_threads), params.n_starts, 0, True, n_threads)
    patience = min(n - k, max(math.ceil(params.patience * (n - k)), math.ceil(_LEAST_PAIRS / k)))

    size = min(_MOST_DRAWN, max(1, BLOCK_BYTES // (n * dissimilarities.dtype.itemsize)))

    def take(candidates: Int64s) -> tuple[Int64s, Rows]:
        return candidates, dissimilarities.rows(candidates)

    whole: list[Medoids] = []
    n_swaps = 0
    for start in range(params.n_starts):
        state = begin(dissimilarities, drawn(n, k, params.seed, "medoids.clarans.init", start))
        since = 0
        if patience:
            for candidates, rows in in_order(take, _drawings(n, size, params.seed, start), n_threads):
                since, swaps = state.visit(rows, candidates, since, patience, n_threads)
                n_swaps += swaps
                if since >= patience:
                    break
        whole.append(assigned(dissimilarities, state.medoids, start + 1, n_swaps, True, n_threads))
    best = min(whole, key=lambda found: found.loss)
    return Medoids(best.medoids, best.labels, best.loss, params.n_starts, n_swaps, True)


def _drawings(n: int, size: int, seed: int, start: int) -> Iterator[Int64s]:
    """Objects at random, ``size`` at a time, without end."""
    generator = stream(seed, "medoids.clarans.candidates", start)
    while True:
        yield (generator.random(size) * n).astype(np.int64)
