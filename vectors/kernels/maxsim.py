"""Best dot product per query token, over the tokens of a document.

Layout   ``query`` C-contiguous (dim, n_lanes): query tokens are columns, so loops vectorise over them.
         ``offsets`` cut tokens into documents; ``codes`` are the tokens' rows of ``table``. ``docs`` are the documents
         to score, -1 for none.
Threads  single-threaded over ``docs``, one writer per entry; a score does not depend on the other documents.
Limits   float32; lanes are added in order.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from vectors.kernels.dense import multiply_row, multiply_two_rows


@numba.njit(nogil=True, cache=True)
def score_plain(
    query: npt.NDArray[np.float32],
    n_tokens: int,
    vectors: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.int64],
    docs: npt.NDArray[np.int64],
    out: npt.NDArray[np.float32],
) -> None:
    """``out[i]`` grows by the MaxSim of the first ``n_tokens`` lanes with document ``docs[i]``; -inf if it is empty."""
    n_lanes = query.shape[1]
    products = np.empty((2, n_lanes), dtype=np.float32)
    best = np.empty(n_lanes, dtype=np.float32)
    for i in range(docs.size):
        doc = docs[i]
        if doc < 0 or offsets[doc] == offsets[doc + 1]:
            out[i] = -np.inf
            continue
        best[:] = -np.inf
        token, end = offsets[doc], offsets[doc + 1]
        while token + 2 <= end:
            multiply_two_rows(vectors[token], vectors[token + 1], query, products[0], products[1])
            for lane in range(n_lanes):
                best[lane] = max(best[lane], max(products[0, lane], products[1, lane]))
            token += 2
        if token < end:
            multiply_row(vectors[token], query, products[0])
            for lane in range(n_lanes):
                best[lane] = max(best[lane], products[0, lane])
        for lane in range(n_tokens):
            out[i] += best[lane]


@numba.njit(nogil=True, cache=True)
def score_coded(
    query: npt.NDArray[np.float32],
    n_tokens: int,
    table: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    docs: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int32],
    products: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    """As `score_plain`; the products of a row of ``table`` are computed when it is first met, then looked up.

    ``slots`` (n_rows,) is all -1 and ``products`` (as many rows as ``docs`` can meet, n_lanes) is scratch.
    """
    n_lanes = query.shape[1]
    best = np.empty(n_lanes, dtype=np.float32)
    n_met = 0
    for i in range(docs.size):
        doc = docs[i]
        if doc < 0 or offsets[doc] == offsets[doc + 1]:
            out[i] = -np.inf
            continue
        best[:] = -np.inf
        for token in range(offsets[doc], offsets[doc + 1]):
            row = codes[token]
            slot = slots[row]
            if slot < 0:
                slot = n_met
                slots[row] = slot
                n_met += 1
                multiply_row(table[row], query, products[slot])
            for lane in range(n_lanes):
                best[lane] = max(best[lane], products[slot, lane])
        for lane in range(n_tokens):
            out[i] += best[lane]


@numba.njit(nogil=True, cache=True)
def best_tokens(
    query: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    where: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float32],
) -> None:
    """For every lane the position in ``rows`` of the best dot product, the earliest among equals, and that product."""
    products = np.empty(query.shape[1], dtype=np.float32)
    similarity[:] = -np.inf
    where[:] = -1
    for position in range(rows.size):
        multiply_row(vectors[rows[position]], query, products)
        for lane in range(where.size):
            if products[lane] > similarity[lane]:
                similarity[lane] = products[lane]
                where[lane] = position
