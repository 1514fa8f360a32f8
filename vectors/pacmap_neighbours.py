"""The nearest rows of each row, from which PaCMAP chooses: of all where those are soon compared, else of near lists.

Few rows (`EXACT`) are compared with all. Of more, a row is compared with those in `PROBED` of `LISTS` lists, the ones
whose centroids are nearest to it. What is found depends on the rows alone: lists are learned and distances summed in a
fixed order (`vectors.ann.list_build`, `vectors.kernels.lists`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vectors.ann.build import build_shard
from vectors.ann.exact import exact_top_k
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams
from vectors.ann.shard import Shard
from vectors.metrics import Float32s, Int64s

EXACT: Final = 16_384  # rows: 1.3e8 pairs of 256 numbers, some seconds
LISTS: Final = 512
PROBED: Final = 32  # finds .98 of the 60 nearest embeddings of the Debian graph, .96 of an R-MAT's
_ROWS: Final = 4096  # asked for at a time


class Nearest(NamedTuple):
    """The nearest other rows of some rows, best first: int32 and float32 (rows, candidates), Euclidean distances."""

    rows: npt.NDArray[np.int32]
    distances: Float32s


def nearest_rows(units: Float32s, start: int, stop: int, k: int, n_threads: int = 1) -> Nearest:
    """The ``k`` nearest of rows [start, stop) among all ``units`` (float32 (n, dim)); fewer if there are fewer.

    The same whatever the range and the threads; ties by row.
    """
    k = min(k, len(units) - 1)
    if k < 1 or stop <= start:
        return Nearest(np.empty((stop - start, 0), dtype=np.int32), np.empty((stop - start, 0), dtype=np.float32))
    if len(units) <= EXACT:
        return Nearest(*_exact(units, np.arange(start, stop, dtype=np.int64), k, n_threads))
    index = _lists(units)
    rows = np.empty((stop - start, k), dtype=np.int32)
    distances = np.empty(rows.shape, dtype=np.float32)
    for first in range(start, stop, _ROWS):
        asked = np.arange(first, min(first + _ROWS, stop), dtype=np.int64)
        here = slice(first - start, first - start + asked.size)
        found = index.search(units[asked], k, n_probe=PROBED, k_factor=1, exclude=asked, n_threads=n_threads)
        rows[here], distances[here] = found
        short = np.flatnonzero(rows[here, -1] < 0)  # its lists hold too few
        if short.size:
            rows[short + here.start], distances[short + here.start] = _exact(units, asked[short], k, n_threads)
    return Nearest(rows, distances)


def _exact(units: Float32s, asked: Int64s, k: int, n_threads: int) -> tuple[npt.NDArray[np.int32], Float32s]:
    rows, distances = exact_top_k(units, units[asked], k, metric="l2", exclude=asked, n_threads=n_threads)
    return rows.astype(np.int32), distances


def _lists(units: npt.NDArray[Any]) -> ANNIndex:
    """Seconds to build, so every range that is asked for builds its own; it reads all numbers of a vector."""
    n, dim = units.shape
    params = ANNParams(metric="l2", kind="ivf", n_lists=LISTS, projection=dim, shard_rows=n)
    return ANNIndex([Shard.from_built(build_shard(units, params, 0, n))], params)
