"""Which rows of an earlier column of ids, and of an earlier column of texts, are rows of a later one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids
from foundation.kernels.strings import keep_equal, match_sorted

Int64s = npt.NDArray[np.int64]


def matching_rows(old: Ids, new: Ids, start: int, stop: int) -> Int64s:
    """Row of ``old`` that has the id of each row ``start:stop`` of ``new``, or -1.

    Both are sorted, so this is a merge that begins with a binary search: its time goes with the rows between the first
    and the last id, not with all of ``old``. Where one column holds integers and the other strings nothing matches.
    """
    before, after = old.arrays(), new.arrays()
    rows = np.full(stop - start, -1, dtype=np.int64)
    if "ids_blob" in before and "ids_blob" in after:
        offsets = after["ids_offsets"][start : stop + 1]
        match_sorted(before["ids_blob"], before["ids_offsets"], after["ids_blob"], offsets, rows)
    elif "ids_blob" not in before and "ids_blob" not in after:
        wanted = after["ids_int"][start:stop] if "ids_int" in after else np.arange(start, stop, dtype=np.int64)
        places = _places(before, wanted)
        is_there = (places >= 0) & (places < len(old))
        is_there[is_there] = _values(before, places[is_there]) == wanted[is_there]
        rows[is_there] = places[is_there]
    return rows


def _places(arrays: Mapping[str, npt.NDArray[Any]], wanted: Int64s) -> Int64s:
    return np.searchsorted(arrays["ids_int"], wanted) if "ids_int" in arrays else wanted


def _values(arrays: Mapping[str, npt.NDArray[Any]], rows: Int64s) -> Int64s:
    values: Int64s = arrays["ids_int"][rows] if "ids_int" in arrays else rows
    return values


def equal_texts(
    old: tuple[npt.NDArray[np.uint8], Int64s], new: tuple[npt.NDArray[np.uint8], Int64s], rows: Int64s, start: int
) -> Int64s:
    """``rows`` where text ``rows[i]`` of ``old`` is, byte for byte, text ``start + i`` of ``new``; else -1.

    ``old`` and ``new`` are the bytes and the offsets of texts laid end to end.
    """
    equal = rows.copy()
    keep_equal(*old, new[0], new[1][start : start + rows.size + 1], equal)
    return equal
