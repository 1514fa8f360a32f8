"""FastCLARA: FasterPAM on samples, judged on all objects; for collections whose matrix would be too large.

Every sample after the first holds the best medoids so far, and the search in it starts from them.

Source: Kaufman & Rousseeuw 1990 (CLARA); Schubert & Rousseeuw, Information Systems 101, 2021.
"""

from __future__ import annotations

import numpy as np

from clustering.medoids.assignment import Medoids, assigned
from clustering.medoids.dissimilarities import Dissimilarities, Int64s, Matrix
from clustering.medoids.fasterpam import fasterpam
from clustering.medoids.params import ClaraParams, check_fits
from clustering.medoids.starts import drawn


def fastclara(dissimilarities: Dissimilarities, params: ClaraParams, *, n_threads: int = 1) -> Medoids:
    """The best medoids of ``params.n_samples`` samples; the first of equals.

    Takes the matrix of a sample and k rows of a block of objects; asks for sample² + k n dissimilarities a sample.
    Equal bytes for any number of threads.

    Raises
    ------
    InvalidParams
        When there are fewer objects than medoids.
    """
    n, k = len(dissimilarities), params.n_medoids
    check_fits(k, n)
    size = min(n, 80 + 40 * k if params.sample_size is None else params.sample_size)
    whole: list[Medoids] = []
    n_swaps, converged = 0, True
    for sample in range(params.n_samples):
        known = min(whole, key=_loss).medoids if whole else np.empty(0, dtype=np.int64)
        chosen = np.sort(_with(known, drawn(n, size, params.seed, "medoids.clara", sample)))
        start = np.searchsorted(chosen, known) if whole else None
        matrix = Matrix(dissimilarities.rows(chosen, chosen), n_threads=n_threads)
        found = fasterpam(matrix, params.medoid_params(), medoids=start, n_threads=n_threads)
        n_swaps += found.n_swaps
        converged &= found.converged
        whole.append(assigned(dissimilarities, chosen[found.medoids], sample + 1, n_swaps, converged, n_threads))
    best = min(whole, key=_loss)
    return Medoids(best.medoids, best.labels, best.loss, params.n_samples, n_swaps, converged)


def _loss(found: Medoids) -> float:
    return found.loss


def _with(medoids: Int64s, drawing: Int64s) -> Int64s:
    """The medoids, and of the drawing as many others as make its size."""
    others = drawing[~np.isin(drawing, medoids)]
    return np.concatenate([medoids, others[: drawing.size - medoids.size]])
