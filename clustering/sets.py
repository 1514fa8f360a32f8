"""Families of sets in CSR form: what every sketch is made of."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput

_TYPES = (np.int32, np.int64, np.uint32, np.uint64)


class Sets(NamedTuple):
    """Set i is ``indices[indptr[i]:indptr[i + 1]]``."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]


def check_sets(indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], start: int, stop: int) -> None:
    """Raise InvalidInput unless these are sets of integers in CSR form, and ``start … stop`` a range of them."""
    if indptr.ndim != 1 or indptr.size < 1 or indptr.dtype != np.int64:
        raise _invalid(f"indptr is {indptr.dtype} of shape {indptr.shape}", "pass int64 (n_sets + 1,)")
    if indices.ndim != 1 or indices.dtype not in _TYPES:
        raise _invalid(
            f"indices are {indices.dtype} of shape {indices.shape}",
            "pass int32, int64, uint32 or uint64 (n_elements,)",
        )
    if not 0 <= start <= stop < indptr.size:
        raise _invalid(f"sets {start} … {stop} of {indptr.size - 1}", "ask for a range inside the sets")
    part = np.asarray(indptr[start : stop + 1])
    if part[0] < 0 or part[-1] > indices.size or np.any(part[1:] < part[:-1]):
        raise _invalid("indptr descends or leaves indices", "offsets ascend from 0 to the number of elements")


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A C-contiguous read-only view: kernels then compile once for arrays in memory and for mapped files."""
    if type(array) is np.ndarray and array.flags.c_contiguous and not array.flags.writeable:
        return array
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def elements(indices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same, frozen, unsigned 64-bit ones as signed of the same bits: kernels mix bits, and compile once less."""
    view = frozen(indices)
    return view.view(np.int64) if view.dtype == np.uint64 else view


def canonical(sets: Sets) -> Sets:
    """The same sets, elements ascending and each once; shares memory with ``sets`` where they are so already."""
    check_sets(*sets, 0, sets.indptr.size - 1)
    pointers = np.asarray(sets.indptr)
    members = np.asarray(sets.indices[pointers[0] : pointers[-1]])
    owners = np.repeat(np.arange(pointers.size - 1), np.diff(pointers))
    beside = owners[1:] == owners[:-1]
    if not np.any(beside & (members[1:] <= members[:-1])):
        return sets
    order = np.lexsort((members, owners))
    members, owners = members[order], owners[order]
    kept = np.ones(members.size, dtype=bool)
    np.logical_or(members[1:] != members[:-1], owners[1:] != owners[:-1], out=kept[1:])
    counts = np.bincount(owners[kept], minlength=pointers.size - 1)
    return Sets(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), members[kept])


def from_lists(sets: Iterable[Collection[int]]) -> Sets:
    """A family of Python lists or sets of integers below 2**63.

    Raises
    ------
    InvalidInput
        On an element that is no such integer.
    """
    families = [list(members) for members in sets]
    indptr = np.cumsum([0] + [len(members) for members in families], dtype=np.int64)
    try:
        members = np.array([operator.index(element) for members in families for element in members], dtype=np.int64)
    except (TypeError, OverflowError) as error:
        raise _invalid(str(error), "pass integers from -2**63 to 2**63 - 1") from None
    return Sets(indptr, members)


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="sets", what=what, fix=fix)
