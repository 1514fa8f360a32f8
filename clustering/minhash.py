"""Minhash signatures of sets: short sketches whose agreement estimates Jaccard similarity.

A set's signature holds, for each of ``num_perm`` hash functions, the smallest hash of its elements. Two
signatures agree in a slot with probability J = |A ∩ B| / |A ∪ B|, so the share of equal slots is an
unbiased estimate of J with variance J(1 - J) / num_perm. The signature of a union is the element-wise minimum.

Hash family   An element is mixed once to 32 bits by a keyed bijection; slot i hashes the mixed word x to
``a_i x + b_i`` modulo 2**32 with a_i odd. Slot i depends on the seed and i only, so the signature of
``num_perm = 64`` is the first half of the one of 128.

Source: Broder, SEQUENCES 1997; use for neighbourhoods: Chamberlain et al., arXiv:1601.03958.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY, count_equal_slots, sketch_sets
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key, stream
from foundation.threads import balanced_ranges, run_ranges

Signatures = npt.NDArray[np.uint32]

MAX_NUM_PERM = 65_536
# Elements per range of work; a range is some 10 ms at num_perm = 128.
_RANGE_COST = 1 << 19


@dataclass(frozen=True, slots=True, kw_only=True)
class MinHashParams:
    """Everything that decides a signature: equal params on equal sets give equal bytes."""

    num_perm: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        if not _is_int(self.num_perm) or not 1 <= self.num_perm <= MAX_NUM_PERM:
            raise InvalidParams(name="num_perm", value=self.num_perm, allowed=f"an integer in 1 … {MAX_NUM_PERM}")
        if not _is_int(self.seed):
            raise InvalidParams(name="seed", value=self.seed, allowed="an integer")


def minhash(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    params: MinHashParams,
    *,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
) -> Signatures:
    """Sketch the sets ``start … stop - 1``.

    Parameters
    ----------
    indptr, indices
        Set i is ``indices[indptr[i]:indptr[i + 1]]``: int64 (n_sets + 1,), and int32 or int64 elements in any
        order. Repeated elements change nothing.
    start, stop
        Range of sets, all by default. Ranges put together are the bytes of the whole.

    Returns
    -------
    uint32, shape (stop - start, num_perm)
        An empty set has 2**32 - 1 in every slot, and no other set has it in any: see `is_empty`.

    Raises
    ------
    InvalidInput
        When the arrays are not sets in CSR form, or the range leaves them.
    """
    stop = indptr.size - 1 if stop is None else stop
    _check_sets(indptr, indices, start, stop)
    salt, multipliers, addends = _hash_family(params)
    signatures = np.empty((stop - start, params.num_perm), dtype=np.uint32)
    pointers, elements = frozen(indptr), frozen(indices)

    def work(first: int, last: int) -> None:
        rows = signatures[first - start : last - start]
        sketch_sets(pointers, elements, salt, multipliers, addends, first, last, rows)

    ranges = balanced_ranges(np.asarray(indptr[start : stop + 1]), _RANGE_COST)
    run_ranges(work, [(start + first, start + last) for first, last in ranges], n_threads)
    return signatures


def signature_of(elements: npt.ArrayLike, params: MinHashParams) -> Signatures:
    """Signature of one set of integers, uint32 (num_perm,)."""
    members = np.ascontiguousarray(elements, dtype=np.int64)
    signature: Signatures = minhash(np.array([0, members.size], dtype=np.int64), members, params)[0]
    return signature


def is_empty(signatures: Signatures) -> npt.NDArray[np.bool_]:
    """Which signatures belong to sets without elements, bool (n_sets,)."""
    return np.asarray(signatures[:, 0] == EMPTY)


def estimate_jaccard(left: Signatures, right: Signatures) -> npt.NDArray[np.float64]:
    """Share of equal slots of every pair, float64 (n_left, n_right); a pair with an empty set gets 0.

    Raises
    ------
    InvalidInput
        When the signatures differ in length. Signatures of different params cannot be told apart here:
        comparing them is meaningless.
    """
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise InvalidInput(
            source="signatures",
            what=f"shapes {left.shape} and {right.shape} cannot be compared",
            fix="pass two arrays (n, num_perm) made with the same MinHashParams",
        )
    equal = np.empty((left.shape[0], right.shape[0]), dtype=np.int32)
    count_equal_slots(frozen(left), frozen(right), equal)
    return np.asarray(equal / left.shape[1])


def standard_error(similarity: npt.NDArray[np.float64], num_perm: int) -> npt.NDArray[np.float64]:
    """Standard error of estimated similarities.

    sqrt(p(1 - p) / (num_perm + 1)) with p half a slot away from 0 and 1, so that even full agreement is not
    called certain.
    """
    p = (similarity * num_perm + 0.5) / (num_perm + 1)
    return np.asarray(np.sqrt(p * (1 - p) / (num_perm + 1)))


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A C-contiguous read-only view: kernels then compile once for arrays in memory and for mapped files."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _hash_family(params: MinHashParams) -> tuple[np.uint32, Signatures, Signatures]:
    """Salt of the mixer, multipliers (odd) and addends; raw words, so no library version changes them."""
    salt = np.uint32(key(params.seed, "minhash.mix") & 0xFFFFFFFF)
    words = stream(params.seed, "minhash.family").bit_generator.random_raw(params.num_perm)
    return salt, (words >> np.uint64(32)).astype(np.uint32) | np.uint32(1), words.astype(np.uint32)


def _check_sets(indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], start: int, stop: int) -> None:
    if indptr.ndim != 1 or indptr.size < 1 or indptr.dtype != np.int64:
        raise _invalid(f"indptr is {indptr.dtype} of shape {indptr.shape}", "pass int64 (n_sets + 1,)")
    if indices.ndim != 1 or indices.dtype not in (np.int32, np.int64):
        raise _invalid(f"indices are {indices.dtype} of shape {indices.shape}", "pass int32 or int64 (n_elements,)")
    if not 0 <= start <= stop < indptr.size:
        raise _invalid(f"sets {start} … {stop} of {indptr.size - 1}", "ask for a range inside the sets")
    part = np.asarray(indptr[start : stop + 1])
    if part[0] < 0 or part[-1] > indices.size or np.any(part[1:] < part[:-1]):
        raise _invalid("indptr descends or leaves indices", "offsets ascend from 0 to the number of elements")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="sets", what=what, fix=fix)
