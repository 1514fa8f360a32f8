"""Which rows of two versions are the same node or document, and which edges are in both.

Ids are compared by a 64-bit hash of their text, which takes about a microsecond and 8 bytes each; integers and their
text are the same id. Two of ten million different ids have one hash with a probability below 1 in 300,000.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids
from foundation.threads import balanced_ranges
from graph.csr import CSRGraph

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

_CHUNK = 1 << 18
_EDGES_AT_ONCE = 1 << 21  # some 100 MB of keys and bounds


def hash_ids(ids: Ids) -> Hashes:
    """A hash of every id's text, the same on every machine: uint64 (n,)."""
    hashes = bytearray()
    for text in _texts(ids):
        hashes += hashlib.blake2b(text, digest_size=8).digest()
    return np.frombuffer(bytes(hashes), dtype="<u8").astype(np.uint64)


def _texts(ids: Ids) -> Iterator[bytes]:
    arrays = ids.arrays()
    if "ids_blob" not in arrays:
        yield from (str(ids[row]).encode() for row in range(len(ids)))
        return
    blob, offsets = arrays["ids_blob"], arrays["ids_offsets"]
    for start in range(0, len(ids), _CHUNK):
        bounds = offsets[start : start + _CHUNK + 1].tolist()
        text = blob[bounds[0] : bounds[-1]].tobytes()
        for first, last in itertools.pairwise(bounds):
            yield text[first - bounds[0] : last - bounds[0]]


def match_rows(old: Hashes, new: Hashes) -> Rows:
    """Row in ``new`` of every row of ``old``, -1 where it is gone: int64 (n_old,)."""
    if new.size == 0:
        return np.full(old.size, -1, dtype=np.int64)
    order = np.argsort(new)
    place = np.minimum(np.searchsorted(new, old, sorter=order), new.size - 1)
    rows = order[place]
    return np.where(new[rows] == old, rows, -1)


def inverse_rows(to_new: Rows, n_new: int) -> Rows:
    """Row in the old version of every row of the new one, -1 for what is new: int64 (n_new,)."""
    to_old = np.full(n_new, -1, dtype=np.int64)
    common = np.flatnonzero(to_new >= 0)
    to_old[to_new[common]] = common
    return to_old


def sample_rows(hashes: Hashes, rows: Rows, n: int) -> Rows:
    """The ``n`` of ``rows`` whose ids hash lowest, ascending: the same ids every night, while they last."""
    if rows.size <= n:
        return np.sort(rows)
    lowest = np.argpartition(hashes[rows], n - 1)[:n]
    return np.sort(rows[lowest])


def count_lost_edges(old: CSRGraph, new: CSRGraph, to_new: Rows) -> int:
    """Arcs of ``old`` whose ends have no arc between them in ``new``; about 0.2 µs each."""
    n_lost = 0
    for start, stop in balanced_ranges(old.indptr, _EDGES_AT_ONCE):
        first, last = int(old.indptr[start]), int(old.indptr[stop])
        src = np.repeat(to_new[start:stop], np.diff(old.indptr[start : stop + 1]))
        dst = to_new[old.indices[first:last]]
        there = (src >= 0) & (dst >= 0)
        n_lost += int(there.size) - int(_has_arcs(new, src[there], dst[there]).sum())
    return n_lost


def _has_arcs(graph: CSRGraph, src: Rows, dst: Rows) -> npt.NDArray[Any]:
    """Binary search for every ``dst`` in the row of its ``src``: bool (n,)."""
    low, stop = np.asarray(graph.indptr)[src], np.asarray(graph.indptr)[src + 1]
    high = stop.copy()
    while (searching := np.flatnonzero(low < high)).size:
        middle = (low[searching] + high[searching]) // 2
        below = graph.indices[middle] < dst[searching]
        low[searching[below]] = middle[below] + 1
        high[searching[~below]] = middle[~below]
    found = np.zeros(src.size, dtype=np.bool_)
    inside = np.flatnonzero(low < stop)
    found[inside] = graph.indices[low[inside]] == dst[inside]
    return found
