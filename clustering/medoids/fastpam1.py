"""FastPAM1: k-medoids by the best swap of all, again and again; the swaps of PAM, k times faster.

Source: Schubert & Rousseeuw, SISAP 2019, arXiv:1810.05691.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clustering.medoids.assignment import Medoids, assigned, single_medoid
from clustering.medoids.dissimilarities import Dissimilarities, blocks
from clustering.medoids.params import MedoidParams
from clustering.medoids.starts import first_medoids
from clustering.medoids.state import begin
from foundation.threads import in_order


def fastpam1(
    dissimilarities: Dissimilarities,
    params: MedoidParams,
    *,
    medoids: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Medoids:
    """As `clustering.medoids.fasterpam.fasterpam`, looking at all candidates before every swap.

    Of equal swaps the one of the lower object is taken, and of its slots the first.
    """
    start = first_medoids(dissimilarities, params, medoids, n_threads)
    if start.size == 1:
        return assigned(dissimilarities, single_medoid(dissimilarities, n_threads), 1, 0, True, n_threads)
    state = begin(dissimilarities, start)

    def best_of(block: tuple[int, int]) -> tuple[float, int, int]:
        return state.best(dissimilarities.rows(slice(*block)), np.arange(*block, dtype=np.int64))

    n_swaps, converged = 0, False
    while not converged and n_swaps < params.max_iter:
        best, candidate, slot = 0.0, -1, -1
        for change, other, its_slot in in_order(best_of, blocks(dissimilarities), n_threads):
            if change < best:
                best, candidate, slot = change, other, its_slot
        converged = not best < -state.rounding
        if not converged:
            state.swap(slot, candidate, dissimilarities.rows(np.array([candidate]))[0])
            n_swaps += 1
    return assigned(dissimilarities, state.medoids, n_swaps + converged, n_swaps, converged, n_threads)
