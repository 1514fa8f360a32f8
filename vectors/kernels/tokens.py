"""Which documents have the token vectors they had, and which tokens they have.

Layout   rows are uint32 views of C-contiguous float32, so that equal means equal bytes; ``codes`` name a token's row,
         and where there are none (size 0, ``coded`` false) a token is its own row. Offsets, rows int64.
Threads  none; one writer per element of ``kept``. ``known`` is the caller's scratch, not shared.
Limits   both sides are coded or both are not, and have one width (the caller has checked).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]

_SAME, _OTHER = np.int8(1), np.int8(2)


@numba.njit(nogil=True, cache=True)
def _equal_rows(a: Words, i: int, b: Words, j: int) -> bool:
    for d in range(a.shape[1]):  # noqa: SIM110  # a compiled loop, not a generator
        if a[i, d] != b[j, d]:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def keep_same_tokens(
    old_rows: Words,
    old_codes: Int32s,
    old_offsets: Int64s,
    new_rows: Words,
    new_codes: Int32s,
    new_offsets: Int64s,
    coded: bool,
    known: npt.NDArray[np.int8],
    kept: Int64s,
) -> None:
    """``kept[i]`` becomes -1 unless document ``kept[i]`` of old has the tokens of document i of new, in their order.

    ``known`` int8, zeros: what is known of rows that have one code on both sides, so that each is compared once.
    """
    for doc in range(kept.size):
        if kept[doc] < 0:
            continue
        old, new = old_offsets[kept[doc]], new_offsets[doc]
        n = new_offsets[doc + 1] - new
        if old_offsets[kept[doc] + 1] - old != n:
            kept[doc] = -1
            continue
        for token in range(n):
            i, j = old + token, new + token
            if coded:
                i, j = np.int64(old_codes[i]), np.int64(new_codes[j])
            if coded and i == j:
                if known[i] == 0:
                    known[i] = _SAME if _equal_rows(old_rows, i, new_rows, j) else _OTHER
                same = known[i] == _SAME
            else:
                same = _equal_rows(old_rows, i, new_rows, j)
            if not same:
                kept[doc] = -1
                break


@numba.njit(nogil=True, cache=True)
def count_documents(codes: Int32s, offsets: Int64s, latest: Int64s, out: Int64s) -> None:
    """Add to ``out[code]`` the documents that hold ``code``; codes past its end are passed over.

    ``latest`` int64, -1 everywhere, as long as ``out``: the last document that held each code.
    """
    for doc in range(offsets.size - 1):
        for token in range(offsets[doc], offsets[doc + 1]):
            code = codes[token]
            if code < out.size and latest[code] != doc:
                latest[code] = doc
                out[code] += 1
