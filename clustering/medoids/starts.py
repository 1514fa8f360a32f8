"""First medoids: at random, by BUILD, or by BUILD on small samples (LAB).

BUILD adds, k times, the object that lowers the loss most. A gain never grows while medoids are added, so an old gain
bounds the new one, and only candidates whose bound is the highest are looked at again (lazy greedy, Minoux 1978): the
same choice as by looking at all, also with equal gains, of which the lower object wins.

Sources: Kaufman & Rousseeuw 1990 (BUILD); Schubert & Rousseeuw, Information Systems 101, 2021 (LAB).
"""

from __future__ import annotations

import heapq
import math

import numpy as np
import numpy.typing as npt

from clustering.kernels.medoid_starts import gains, row_sums
from clustering.medoids.assignment import sums_of_rows
from clustering.medoids.dissimilarities import Dissimilarities, Int64s, Rows, blocks
from clustering.medoids.params import MedoidParams, check_fits
from foundation.errors import InvalidInput
from foundation.seeds import stream
from foundation.threads import run_ranges


def first_medoids(
    dissimilarities: Dissimilarities, params: MedoidParams, given: npt.ArrayLike | None = None, n_threads: int = 1
) -> Int64s:
    """Those given, or what ``params.init`` says; int64 (n_medoids,).

    Raises
    ------
    InvalidParams
        When there are fewer objects than medoids.
    InvalidInput
        When those given are not n_medoids different objects.
    """
    n, k = len(dissimilarities), params.n_medoids
    check_fits(k, n)
    if given is not None:
        medoids = np.asarray(given)
        right = medoids.shape == (k,) and medoids.dtype.kind in "iu" and np.unique(medoids).size == k
        if not right or medoids.min() < 0 or medoids.max() >= n:
            what = f"{medoids.dtype} of shape {medoids.shape} are not {k} different ones of {n} objects"
            raise InvalidInput(source="medoids", what=what, fix="pass as many different objects as n_medoids")
        return medoids.astype(np.int64)
    if params.init == "build":
        return build(dissimilarities, k, n_threads)
    if params.init == "lab":
        return build_on_samples(dissimilarities, k, params.seed)
    return drawn(n, k, params.seed, "medoids.init")


def drawn(n: int, k: int, seed: int, purpose: str, *coordinates: int) -> Int64s:
    """k different ones of n, in random order; int64 (k,)."""
    return np.argsort(stream(seed, purpose, *coordinates).random(n), kind="stable")[:k]


def build(dissimilarities: Dissimilarities, k: int, n_threads: int = 1) -> Int64s:
    """BUILD: two passes over the dissimilarities, then single rows; int64 (k,) in the order chosen."""
    chosen = [int(np.argmin(sums_of_rows(dissimilarities, n_threads)))]
    least = np.array(dissimilarities.rows(np.array(chosen))[0])
    bounds = np.empty(len(dissimilarities), dtype=np.float64)

    def work(start: int, stop: int) -> None:
        gains(dissimilarities.rows(slice(start, stop)), least, bounds[start:stop])

    run_ranges(work, blocks(dissimilarities), n_threads)
    heap = [(-float(bound), candidate, 1) for candidate, bound in enumerate(bounds) if candidate != chosen[0]]
    heapq.heapify(heap)
    gain = np.empty(1)
    while len(chosen) < k:
        _, candidate, n_known = heap[0]
        row = dissimilarities.rows(np.array([candidate]))
        if n_known == len(chosen):
            heapq.heappop(heap)
            chosen.append(candidate)
            np.minimum(least, row[0], out=least)
        else:
            gains(row, least, gain)
            heapq.heapreplace(heap, (-float(gain[0]), candidate, len(chosen)))
    return np.array(chosen, dtype=np.int64)


def build_on_samples(dissimilarities: Dissimilarities, k: int, seed: int) -> Int64s:
    """LAB: every medoid is the best of its own random 10 + ⌈√n⌉ objects for these; int64 (k,) in the order chosen."""
    n = len(dissimilarities)
    chosen: list[int] = []
    least: Rows = np.full(n, np.inf, dtype=dissimilarities.dtype)
    while len(chosen) < k:
        drawing = drawn(n, n, seed, "medoids.lab", len(chosen))
        sample = np.sort(drawing[~np.isin(drawing, chosen)][: 10 + math.ceil(math.sqrt(n))])
        rows = dissimilarities.rows(sample, sample)
        worth = np.empty(sample.size)
        if chosen:
            gains(rows, least[sample], worth)
        else:
            row_sums(rows, worth)
            worth *= -1
        chosen.append(int(sample[np.argmax(worth)]))
        np.minimum(least, dissimilarities.rows(np.array(chosen[-1:]))[0], out=least)
    return np.array(chosen, dtype=np.int64)
