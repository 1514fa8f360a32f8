"""What the kernels of fixed dimensional encodings are told and given: the end of the map, and scratch.

Layout   said of each field; arrays are C-contiguous.
Threads  a `Finish` is only read; a `Room` belongs to one thread.
Limits   no code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vectors.kernels.fde_tokens import TokenRoom

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class Finish(NamedTuple):
    """What becomes of the cells.

    Attributes
    ----------
    mean, fill : cells hold means, not sums; empty ones their nearest token
    slots, signs : int64 and float32 (full_dim,): coordinate c is added to ``slots[c]`` times ``signs[c]``; or empty
    n_sketched : numbers of the sketch; 0 without one
    tail_scale : of the sums of the tokens' tails
    streams : lines are written past the caches; every line of ``out`` then starts at a cache line
    """

    mean: bool
    fill: bool
    slots: Int64s
    signs: Float32s
    n_sketched: int
    tail_scale: np.float32
    streams: bool


class Room(NamedTuple):
    """Scratch of one thread: cells and values of some tokens, and what one repetition of a document needs.

    The lines of the cells of ``n_at_once`` repetitions, zero between documents, lie in ``values`` behind the tokens'
    rows, from ``block_at`` on; ``counts`` are their sizes. ``sources``, ``divisors`` and ``inverses`` say of every cell
    of one repetition where its line is, what to divide it by, and 1 / that.
    """

    tokens: TokenRoom
    cells: Int32s
    values: Float32s
    block_at: int
    n_at_once: int
    counts: Int32s
    keys: Int32s
    sources: Int64s
    divisors: Float32s
    inverses: Float32s
    means: Float32s
    row: Float32s
    plain: Float32s
