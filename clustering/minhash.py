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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.sketching import EMPTY, count_equal_slots, sketch_sets
from clustering.sets import check_sets, elements
from clustering.sets import frozen as frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.kernels.words import new_word_lanes
from foundation.seeds import key, stream
from foundation.threads import balanced_ranges, run_ranges

Signatures = npt.NDArray[np.uint32]

MAX_NUM_PERM = 65_536
# Elements per range of work, some 5 ms at num_perm = 128; and what a set costs beyond its elements, in elements.
_RANGE_COST = 1 << 19
_ROW_COST = 4


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
    include_self: bool = False,
    out: Signatures | None = None,
    vectors: bool = True,
) -> Signatures:
    """Sketch the sets ``start … stop - 1``.

    Parameters
    ----------
    indptr, indices
        Set i is ``indices[indptr[i]:indptr[i + 1]]``: int64 (n_sets + 1,), and int32, int64, uint32 or uint64 elements
        in any order. Repeated elements change nothing.
    start, stop
        Range of sets, all by default. Ranges put together are the bytes of the whole.
    include_self
        Set i has the element i as well, as a node in its own neighbourhood.
    out
        Where to write: uint32, C-contiguous, of the shape of the result. Memory that was touched before saves a
        third of the time of small sets.
    vectors
        False forces the plain loops that processors without wide vectors get; the bytes are the same.

    Returns
    -------
    uint32, shape (stop - start, num_perm)
        An empty set has 2**32 - 1 in every slot, and no other set has it in any: see `is_empty`.

    Raises
    ------
    InvalidInput
        When the arrays are not sets in CSR form, the range leaves them, or ``out`` does not fit.
    """
    stop = indptr.size - 1 if stop is None else stop
    check_sets(indptr, indices, start, stop)
    salt, multipliers, addends = _hash_family(params)
    signatures = _room(out, (stop - start, params.num_perm))
    pointers, members = frozen(indptr), elements(indices)

    def work(first: int, last: int) -> None:
        rows = signatures[first - start : last - start]
        lanes = new_word_lanes(params.num_perm, vectors=vectors)
        sketch_sets(pointers, members, salt, multipliers, addends, include_self, first, last, lanes, rows)

    ranges = balanced_ranges(np.asarray(indptr[start : stop + 1]), _RANGE_COST, _ROW_COST)
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
    _check_alike(left[:1], right[:1])
    equal = np.empty((left.shape[0], right.shape[0]), dtype=np.int32)
    count_equal_slots(frozen(left), frozen(right), equal)
    return np.asarray(equal / left.shape[1])


class Estimate(NamedTuple):
    """Estimated similarities and their standard errors, both float64 of one shape."""

    estimate: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]


def similarity(left: Signatures, right: Signatures) -> Estimate:
    """Estimated Jaccard similarity of row i of ``left`` and row i of ``right``; a single row meets every other one.

    A pair with an empty set gets 0. Raises InvalidInput when the shapes do not go together.
    """
    _check_alike(left, right)
    matches = np.asarray((left == right).mean(axis=1)) * ~(is_empty(left) | is_empty(right))
    return Estimate(matches, standard_error(matches, left.shape[1]))


def merge(left: Signatures, right: Signatures) -> Signatures:
    """Signatures of the unions, row by row (or of one set each, uint32 (num_perm,)).

    Exact for `minhash` rows. Raises InvalidInput when the shapes do not go together.
    """
    _check_alike(np.atleast_2d(left), np.atleast_2d(right))
    return np.asarray(np.minimum(left, right))


def standard_error(similarity: npt.NDArray[np.float64], num_perm: int) -> npt.NDArray[np.float64]:
    """Standard error of estimated similarities.

    sqrt(p(1 - p) / (num_perm + 1)) with p half a slot away from 0 and 1, so that even full agreement is not
    called certain.
    """
    p = (similarity * num_perm + 0.5) / (num_perm + 1)
    return np.asarray(np.sqrt(p * (1 - p) / (num_perm + 1)))


def _check_alike(left: Signatures, right: Signatures) -> None:
    """One row meets any number, otherwise it is row by row."""
    if left.ndim == right.ndim == 2 and left.shape[1] == right.shape[1]:
        n_rows = {left.shape[0], right.shape[0]}
        if len(n_rows) == 1 or 1 in n_rows:
            return
    raise InvalidInput(
        source="signatures",
        what=f"shapes {left.shape} and {right.shape} cannot be compared",
        fix="pass two arrays (n, num_perm) made with the same MinHashParams",
    )


def _hash_family(params: MinHashParams) -> tuple[np.uint32, Signatures, Signatures]:
    """Salt of the mixer, multipliers (odd) and addends; raw words, so no library version changes them."""
    salt = np.uint32(key(params.seed, "minhash.mix") & 0xFFFFFFFF)
    words = stream(params.seed, "minhash.family").bit_generator.random_raw(params.num_perm)
    return salt, (words >> np.uint64(32)).astype(np.uint32) | np.uint32(1), words.astype(np.uint32)


def _room(out: Signatures | None, shape: tuple[int, int]) -> Signatures:
    if out is None:
        return np.empty(shape, dtype=np.uint32)
    if out.shape != shape or out.dtype != np.uint32 or not out.flags.c_contiguous or not out.flags.writeable:
        raise InvalidInput(
            source="out", what=f"{out.dtype} of shape {out.shape}", fix=f"pass a writable C-contiguous uint32 {shape}"
        )
    return out


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
