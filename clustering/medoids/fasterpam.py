"""FasterPAM: k-medoids by swaps taken as soon as they gain.

A candidate is held against all k medoids in one look at the objects: what every object would pay is common to all
medoids but its nearest. The search ends when no swap of any medoid for any other object gains.

Source: Schubert & Rousseeuw, Information Systems 101, 2021, arXiv:2008.05171.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clustering.medoids.assignment import Medoids, assigned, single_medoid
from clustering.medoids.dissimilarities import Dissimilarities, Int64s, Rows, blocks
from clustering.medoids.params import MedoidParams
from clustering.medoids.starts import first_medoids
from clustering.medoids.state import begin
from foundation.threads import in_order


def fasterpam(
    dissimilarities: Dissimilarities,
    params: MedoidParams,
    *,
    medoids: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Medoids:
    """Choose ``params.n_medoids`` medoids, from those of ``params.init`` or from the given ``medoids``.

    One medoid is found by sums alone and is the best of all; more are an optimum that no single swap improves. Equal
    bytes for any number of threads.

    Raises
    ------
    InvalidParams, InvalidInput
        As `clustering.medoids.starts.first_medoids`.
    """
    start = first_medoids(dissimilarities, params, medoids, n_threads)
    if start.size == 1:
        return assigned(dissimilarities, single_medoid(dissimilarities, n_threads), 1, 0, True, n_threads)
    state = begin(dissimilarities, start)
    patience = len(dissimilarities) - start.size
    since = n_iter = n_swaps = 0

    def take(block: tuple[int, int]) -> tuple[Int64s, Rows]:
        return np.arange(*block, dtype=np.int64), dissimilarities.rows(slice(*block))

    while since < patience and n_iter < params.max_iter:
        n_iter += 1
        for candidates, rows in in_order(take, blocks(dissimilarities), n_threads):
            since, swaps = state.visit(rows, candidates, since, patience, n_threads)
            n_swaps += swaps
            if since >= patience:
                break
    return assigned(dissimilarities, state.medoids, n_iter, n_swaps, since >= patience, n_threads)
