"""Medoids and who belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustering.kernels.medoid_starts import row_sums
from clustering.kernels.medoids import assign
from clustering.medoids.dissimilarities import BLOCK_BYTES, Dissimilarities, Int64s, blocks
from foundation.threads import even_ranges, run_ranges


@dataclass(frozen=True, slots=True, eq=False)
class Medoids:
    """A clustering.

    Attributes
    ----------
    medoids : int64, shape (k,), objects, ascending
    labels : int32, shape (n,), position in ``medoids`` of the nearest one, the lower object of equals
    loss : sum of the dissimilarities of all objects from their medoids
    n_iter : passes over the objects (FasterPAM), rounds (FastPAM1), samples (FastCLARA) or starts (FastCLARANS)
    n_swaps : medoids exchanged on the way, in all samples or starts
    converged : whether the search ended by its own rule and not at ``max_iter``
    """

    medoids: Int64s
    labels: npt.NDArray[np.int32]
    loss: float
    n_iter: int
    n_swaps: int
    converged: bool


def assigned(
    dissimilarities: Dissimilarities, medoids: Int64s, n_iter: int, n_swaps: int, converged: bool, n_threads: int = 1
) -> Medoids:
    """Every object to its medoid; objects are taken a block at a time, whose bounds do not depend on threads."""
    ordered = np.sort(medoids)
    n = len(dissimilarities)
    labels = np.empty(n, dtype=np.int32)
    distances = np.empty(n, dtype=np.float64)

    def work(start: int, stop: int) -> None:
        rows = dissimilarities.rows(ordered, slice(start, stop))
        unused = np.empty(stop - start, dtype=np.int32)
        least, second = np.empty((2, stop - start), dtype=rows.dtype)
        assign(rows, labels[start:stop], unused, least, second)
        distances[start:stop] = least

    size = max(1, BLOCK_BYTES // (ordered.size * dissimilarities.dtype.itemsize))
    run_ranges(work, even_ranges(n, size), n_threads)
    return Medoids(ordered, labels, float(distances.sum()), n_iter, n_swaps, converged)


def single_medoid(dissimilarities: Dissimilarities, n_threads: int = 1) -> Int64s:
    """The best medoid of all objects alone: the least sum of a row, the lower object of equals; int64 (1,)."""
    sums = sums_of_rows(dissimilarities, n_threads)
    return np.array([np.argmin(sums)], dtype=np.int64)


def sums_of_rows(dissimilarities: Dissimilarities, n_threads: int = 1) -> npt.NDArray[np.float64]:
    """What every object would cost as the only medoid."""
    sums = np.empty(len(dissimilarities), dtype=np.float64)

    def work(start: int, stop: int) -> None:
        row_sums(dissimilarities.rows(slice(start, stop)), sums[start:stop])

    run_ranges(work, blocks(dissimilarities), n_threads)
    return sums
