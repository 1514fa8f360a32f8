"""What k-medoids ask of rows of dissimilarities: who is near, what a swap would gain, and the swap itself.

Layout   ``row`` holds the dissimilarities of one candidate to all objects, ``rows`` those of several, C-contiguous
         float32 or float64. Every object has its nearest slot ``near`` at distance ``least`` and its second nearest
         slot ``next_near`` at distance ``second``, slots being positions in ``medoids``; ``medoid_rows`` (k, n) are the
         rows of the medoids. ``removal[i]`` is what losing slot i would cost. Distances have the type of ``rows``,
         sums are float64.
Threads  one state has one writer; `first_gain` and `best_swap` only read it, and write to a ``share`` of their own.
Limits   k = medoids.size of 2 or more, but for `assign`; all numbers finite.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.below import PLACES, below, first_bit
from foundation.kernels.simd import LINE, prefetch_element

Floats = npt.NDArray[Any]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

# Gains below this share of the loss may be nothing but rounding: 10 times what sums of a million terms are off.
_ROUNDING = 1e-12
# Places asked for in advance, of this row, then of the one behind it: misread branches stop the processor's own guess.
_AHEAD = 4096


@numba.njit(nogil=True, cache=True)
def assign(rows: Floats, near: Int32s, next_near: Int32s, least: Floats, second: Floats) -> None:
    """Nearest and second nearest row of every object; ties go to the lower row.

    With one row the second is -1 at infinity.
    """
    near[:] = -1
    next_near[:] = -1
    least[:] = np.inf
    second[:] = np.inf
    for slot in range(rows.shape[0]):
        _enter(np.int32(slot), rows[slot], near, next_near, least, second)


@numba.njit(nogil=True, cache=True)
def _enter(slot: np.int32, row: Floats, near: Int32s, next_near: Int32s, least: Floats, second: Floats) -> None:
    """Offer a slot to all objects."""
    for o in range(row.size):
        if row[o] < second[o]:
            if row[o] < least[o]:
                next_near[o], second[o] = near[o], least[o]
                near[o], least[o] = slot, row[o]
            else:
                next_near[o], second[o] = slot, row[o]


@numba.njit(nogil=True, cache=True)
def weigh(near: Int32s, least: Floats, second: Floats, removal: Float64s) -> float:
    """Fill ``removal``; returns how large a gain must be to be no rounding error."""
    removal[:] = 0.0
    size = 0.0
    for o in range(near.size):
        removal[near[o]] += np.float64(second[o]) - np.float64(least[o])
        size += abs(np.float64(least[o]))
    return _ROUNDING * size


@numba.njit(nogil=True, cache=True)
def swap_change(
    row: Floats, near: Int32s, least: Floats, second: Floats, removal: Float64s, share: Float64s
) -> tuple[float, int]:
    """Change of the loss by the best swap of a medoid for this candidate, and its slot, the lower one of equals.

    ``share`` (k,) is scratch: in the end ``share[i]`` and the common part are the change for slot i.
    """
    common = 0.0
    share[:] = removal
    whole = row.size - row.size % PLACES
    for at in range(0, whole, PLACES):
        for line in range(_AHEAD, _AHEAD + PLACES, LINE // row.itemsize):
            prefetch_element(row, at + line)
        mask = below(row, second, at)
        while mask != 0:
            o = at + first_bit(mask)
            mask &= mask - np.uint64(1)
            common += _share(row[o], near[o], least[o], second[o], share)
    for o in range(whole, row.size):
        if row[o] < second[o]:
            common += _share(row[o], near[o], least[o], second[o], share)
    slot, lowest = 0, share[0]
    for i in range(1, share.size):
        if share[i] < lowest:
            slot, lowest = i, share[i]
    return common + lowest, slot


@numba.njit(nogil=True, cache=True, inline="always")
def _share(found: float, slot: int, least: float, second: float, share: Float64s) -> float:
    """What an object nearer to the candidate than to its second medoid adds to its slot; returns what to all."""
    here, first, then = np.float64(found), np.float64(least), np.float64(second)
    share[slot] += max(here, first) - then
    return min(here, first) - first


@numba.njit(nogil=True, cache=True)
def first_gain(
    rows: Floats,
    candidates: Int64s,
    is_medoid: npt.NDArray[np.bool_],
    near: Int32s,
    least: Floats,
    second: Floats,
    removal: Float64s,
    rounding: float,
    share: Float64s,
) -> int:
    """Position of the first candidate whose best swap gains; the number of candidates if none does."""
    for position in range(candidates.size):
        if not is_medoid[candidates[position]]:
            change, _ = swap_change(rows[position], near, least, second, removal, share)
            if change < -rounding:
                return position
    return candidates.size


@numba.njit(nogil=True, cache=True)
def best_swap(
    rows: Floats,
    candidates: Int64s,
    is_medoid: npt.NDArray[np.bool_],
    near: Int32s,
    least: Floats,
    second: Floats,
    removal: Float64s,
    share: Float64s,
) -> tuple[float, int, int]:
    """The swap that gains most, the first of equals: change of the loss, position of the candidate, slot."""
    best, best_position, best_slot = np.inf, -1, -1
    for position in range(candidates.size):
        if not is_medoid[candidates[position]]:
            change, slot = swap_change(rows[position], near, least, second, removal, share)
            if change < best:
                best, best_position, best_slot = change, position, slot
    return best, best_position, best_slot


@numba.njit(nogil=True, cache=True)
def descend(
    rows: Floats,
    candidates: Int64s,
    is_medoid: npt.NDArray[np.bool_],
    medoids: Int64s,
    medoid_rows: Floats,
    near: Int32s,
    next_near: Int32s,
    least: Floats,
    second: Floats,
    removal: Float64s,
    rounding: float,
    since: int,
    patience: int,
) -> tuple[float, int, int]:
    """Go through candidates and swap each one in that gains, at once; stop after ``patience`` in a row that do not.

    ``since`` of those were seen before. Returns the new ``rounding``, ``since`` and the number of swaps.
    """
    share = np.empty(medoids.size, dtype=np.float64)
    n_swaps = 0
    for position in range(candidates.size):
        if since >= patience:
            break
        candidate = candidates[position]
        if is_medoid[candidate]:
            continue
        change, slot = swap_change(rows[position], near, least, second, removal, share)
        if change < -rounding:
            swap(slot, candidate, rows[position], is_medoid, medoids, medoid_rows, near, next_near, least, second)
            rounding = weigh(near, least, second, removal)
            since = 0
            n_swaps += 1
        else:
            since += 1
    return rounding, since, n_swaps


@numba.njit(nogil=True, cache=True)
def swap(
    slot: int,
    candidate: int,
    row: Floats,
    is_medoid: npt.NDArray[np.bool_],
    medoids: Int64s,
    medoid_rows: Floats,
    near: Int32s,
    next_near: Int32s,
    least: Floats,
    second: Floats,
) -> None:
    """Put a candidate into a slot; ``removal`` is not touched, see `weigh`."""
    is_medoid[medoids[slot]] = False
    is_medoid[candidate] = True
    medoids[slot] = candidate
    medoid_rows[slot] = row
    lost = np.empty(row.size, dtype=np.int64)  # objects that must look for their second medoid
    n_lost = 0
    here = np.int32(slot)
    for o in range(row.size):
        found = row[o]
        if near[o] == here:
            if found < second[o]:
                least[o] = found
                continue
            near[o], least[o] = next_near[o], second[o]
        elif next_near[o] == here:
            if found < least[o]:
                next_near[o], second[o] = near[o], least[o]
                near[o], least[o] = here, found
                continue
            if found <= second[o]:
                second[o] = found
                continue
        else:
            if found < second[o]:
                if found < least[o]:
                    next_near[o], second[o] = near[o], least[o]
                    near[o], least[o] = here, found
                else:
                    next_near[o], second[o] = here, found
            continue
        second[o] = np.inf
        lost[n_lost] = o
        n_lost += 1
    for other in range(medoids.size):
        distances = medoid_rows[other]
        for i in range(n_lost):
            o = lost[i]
            if distances[o] < second[o] and near[o] != other:
                next_near[o], second[o] = np.int32(other), distances[o]
