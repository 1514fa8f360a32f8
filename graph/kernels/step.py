"""Steps of many walks side by side, so that none waits for another's memory.

A step is two sweeps over the walks, three on weighted arcs: choose an arc, exchange it by its alias, go along it. Each
sweep asks for the cache lines that the next one reads.

Layout   slot i holds a walk: its node ``at[i]``, the key ``words[i]`` of its random words, and the arc it takes,
         ``arcs[i]``, -1 where it cannot leave. ``aliases`` is empty when every arc weighs 1.
Threads  single-threaded; a walk's path depends on its key alone.
         Some `TOGETHER` of them at a time: what they ask for then fits the first cache.
Limits   node rows fit int32, a row has less than 2**31 arcs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from foundation.kernels.simd import prefetch_element
from foundation.kernels.wide import multiply_high, step_word

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_NONE = np.uint64(0)
TOGETHER = 128
_NOWHERE = np.int32(-(2**31))


@numba.njit(nogil=True, cache=True, inline="always")
def choose_one(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    node: np.int32,
    word: np.uint64,
) -> tuple[Any, np.uint64]:
    """An arc from ``node``, each equally likely, and a coin of 32 bits for `exchange_one`.

    The word times the out-degree: its upper 64 bits are the arc, the next 32 the coin, even and independent of it.
    """
    row = np.uint64(np.uint32(node))  # without a sign there is nothing to wrap around
    first = np.uint64(indptr[row])
    degree = np.uint64(indptr[row + _ONE]) - first
    arc = np.int64(first + multiply_high(word, degree))
    if aliases.size > 0:
        prefetch_element(aliases, arc)
    else:
        prefetch_element(indices, arc)
    return (arc if degree > _NONE else -1), (word * degree) >> _HALF


@numba.njit(nogil=True, cache=True, inline="always")
def exchange_one(indices: npt.NDArray[Any], aliases: npt.NDArray[np.uint64], arc: int, coin: np.uint64) -> Any:
    """The arc or its alias, in proportion to weights."""
    if arc < 0:
        return arc
    word = aliases[np.uint64(arc)]
    distance = np.int32(np.uint32(word & _LOW))
    taken = arc + distance if coin >= word >> _HALF else arc
    prefetch_element(indices, taken)
    return taken if distance != _NOWHERE else -1


@numba.njit(nogil=True, cache=True, inline="always")
def go(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    start: int,
    stop: int,
    ask: bool,
    arcs: npt.NDArray[np.int64],
    at: npt.NDArray[np.int32],
    places: npt.NDArray[np.int64],
    step: int,
    path: npt.NDArray[np.int32],
) -> None:
    """Move the walks in the slots ``[start, stop)``; their nodes go to ``path[places + step]``, -1 once they are stuck.

    ``ask`` tells whether they walk on afterwards.
    """
    for i in range(start, stop):
        arc = arcs[i]
        if arc >= 0:
            node = indices[np.uint64(arc)]
            at[i] = node
            path[np.uint64(places[i] + step)] = node
            if ask:
                prefetch_element(indptr, np.int64(node))
        else:
            path[np.uint64(places[i] + step)] = -1


@numba.njit(nogil=True, cache=True, inline="always")
def step_all(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    aliases: npt.NDArray[np.uint64],
    at: npt.NDArray[np.int32],
    words: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int64],
    step: int,
    start: int,
    going: int,
    stop: int,
    arcs: npt.NDArray[np.int64],
    coins: npt.NDArray[np.uint64],
    path: npt.NDArray[np.int32],
) -> None:
    """Step number ``step``, from 0, of the walks in the slots ``[start, stop)``; those below ``going`` then walk on."""
    if aliases.size > 0:
        for i in range(start, stop):
            arcs[i], coins[i] = choose_one(indptr, indices, aliases, at[i], step_word(words[i], np.uint64(step)))
        for i in range(start, stop):
            arcs[i] = exchange_one(indices, aliases, arcs[i], coins[i])
    else:
        for i in range(start, stop):
            arcs[i], _ = choose_one(indptr, indices, aliases, at[i], step_word(words[i], np.uint64(step)))
    go(indptr, indices, start, going, True, arcs, at, places, step, path)
    go(indptr, indices, going, stop, False, arcs, at, places, step, path)
