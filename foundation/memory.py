"""Fresh memory for results that are written once, in order."""

from __future__ import annotations

import contextlib
import math
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_SMALL = 1 << 20
_POPULATE_WRITE = 23  # Linux 5.14; Python has no name for it yet


def written_once(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros in small pages, all of them there already.

    NumPy asks for huge pages, which pay where reads jump about; a result that is written in order does not need them,
    and on a virtual machine whose host takes free memory back a fresh huge page is dear: 2.5 CPU seconds a GiB where
    small ones took 0.3. Two threads that touched small ones for the first time in turns took 8, hence all at once.
    """
    return _small_pages(shape, dtype, at_once=True)


def concatenated(pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The one-dimensional ``pieces`` (one at least) end to end in small pages; the list is emptied on the way.

    For one thread: pages come as they are touched.
    """
    whole = _small_pages((sum(piece.size for piece in pieces),), pieces[0].dtype, at_once=False)
    pieces.reverse()
    at = 0
    while pieces:
        piece = pieces.pop()
        whole[at : at + piece.size] = piece
        at += piece.size
    return whole


def _small_pages(shape: tuple[int, ...], dtype: npt.DTypeLike, at_once: bool) -> npt.NDArray[Any]:
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if n_bytes < _SMALL or not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape, dtype=dtype)
    room = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if at_once:
        with contextlib.suppress(AttributeError, OSError):  # an older kernel, or not Linux: they come when touched
            room.madvise(_POPULATE_WRITE)
    array: npt.NDArray[Any] = np.frombuffer(room, dtype=dtype).reshape(shape)
    return array
