"""Sketches of sets that know their kind: four ways to a row of slots whose agreement estimates similarity.

| kind | a slot holds | best for | variance at Jaccard similarity J |
|---|---|---|---|
| minhash | the least of num_perm hashes of every element | small sets, neighbourhoods | J(1 - J) / num_perm |
| one_permutation | the least hash in its bin, copied where the bin is empty | sets larger than num_perm | the same |
| superminhash | the least of ranks dealt to all slots at once | small sets, smaller error | up to half of it |
| weighted | the element chosen with probability by weight | sets with weights | the same, of Σ min / Σ max |

Rows of different kinds, lengths or seeds have nothing to say to each other; here they are refused.

Sources: Broder, SEQUENCES 1997; Shrivastava, ICML 2017; Ertl, arXiv:1706.05698; Ioffe, ICDM 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from clustering.kernels.one_permutation import merge_once, sketch_once
from clustering.kernels.superminhash import sketch_ranked
from clustering.kernels.weighted import sketch_weighted
from clustering.minhash import Estimate, MinHashParams, Signatures, estimate_jaccard, minhash, standard_error
from clustering.minhash import merge as merge_rows
from clustering.minhash import similarity as row_similarity
from clustering.sets import check_sets, elements, frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key
from foundation.threads import balanced_ranges, run_ranges

Kind = Literal["minhash", "one_permutation", "superminhash", "weighted"]

MAX_RANKED = 4096  # slots of SuperMinHash: beyond it too few bits of a slot would be left to the fraction
_RANGE_COST = 1 << 15  # elements per range of work


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchParams:
    """Everything that decides a sketch: equal params on equal sets give equal bytes."""

    kind: Kind = "minhash"
    num_perm: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InvalidParams(name="kind", value=self.kind, allowed=", ".join(get_args(Kind)))
        self.minhash_params()
        if self.kind == "superminhash" and self.num_perm > MAX_RANKED:
            raise InvalidParams(name="num_perm", value=self.num_perm, allowed=f"at most {MAX_RANKED} for superminhash")

    def minhash_params(self) -> MinHashParams:
        """Length and seed."""
        return MinHashParams(num_perm=self.num_perm, seed=self.seed)


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """Signatures and what they were made with.

    Attributes
    ----------
    signatures : uint32, shape (n_sets, num_perm); 2**32 - 1 in every slot of an empty set and nowhere else
    params : kind, length and seed
    """

    signatures: Signatures
    params: SketchParams

    def __post_init__(self) -> None:
        if self.signatures.ndim != 2 or self.signatures.shape[1] != self.params.num_perm:
            raise InvalidInput(
                source="sketches",
                what=f"signatures {self.signatures.shape} for num_perm = {self.params.num_perm}",
                fix="pass the params they were made with",
            )

    @property
    def n_sets(self) -> int:
        return int(self.signatures.shape[0])

    def rows(self, chosen: npt.ArrayLike) -> Sketches:
        """Sketches of some of the sets, by position."""
        return Sketches(self.signatures[np.atleast_1d(np.asarray(chosen))], self.params)


def sketch(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    params: SketchParams,
    *,
    weights: npt.NDArray[Any] | None = None,
    start: int = 0,
    stop: int | None = None,
    n_threads: int = 1,
) -> Sketches:
    """Sketch the sets ``start … stop - 1``, given as for `minhash`.

    Parameters
    ----------
    weights
        One per element, needed by the kind "weighted" and by no other; finite, not negative. Elements of weight 0 are
        no members; of an element repeated within a set the occurrence that wins counts, so sum them before.

    Raises
    ------
    InvalidInput
        When the arrays are not sets in CSR form, or weights are missing, too many, negative or no numbers.
    """
    stop = indptr.size - 1 if stop is None else stop
    check_sets(indptr, indices, start, stop)
    if (weights is not None) != (params.kind == "weighted"):
        raise InvalidInput(
            source="weights",
            what=f"{'none' if weights is None else 'some'} for sketches of kind {params.kind}",
            fix='pass weights with kind = "weighted", and only there',
        )
    if params.kind == "minhash":
        rows = minhash(indptr, indices, params.minhash_params(), start=start, stop=stop, n_threads=n_threads)
        return Sketches(rows, params)
    if weights is not None:
        indptr, indices, weights = _with_weight(indptr, indices, weights)
    signatures = np.empty((stop - start, params.num_perm), dtype=np.uint32)
    pointers, members = frozen(indptr), elements(indices)

    def work(first: int, last: int) -> None:
        rows = signatures[first - start : last - start]
        if params.kind == "one_permutation":
            sketch_once(pointers, members, *_salts(params), first, last, rows)
        elif params.kind == "superminhash":
            sketch_ranked(pointers, members, np.uint64(key(params.seed, "superminhash")), first, last, rows)
        elif weights is not None:
            word = np.uint64(key(params.seed, "weighted minhash"))
            sketch_weighted(pointers, members, weights, word, first, last, rows)

    ranges = balanced_ranges(np.asarray(indptr[start : stop + 1]), _RANGE_COST)
    run_ranges(work, [(start + first, start + last) for first, last in ranges], n_threads)
    return Sketches(signatures, params)


def merge(left: Sketches, right: Sketches) -> Sketches:
    """Sketches of the unions, row by row; exact.

    Raises
    ------
    InvalidInput
        When params differ, or the kind is "weighted": its rows do not hold what a union needs.
    """
    check_alike(left.params, right.params)
    if left.params.kind == "weighted":
        raise InvalidInput(
            source="sketches", what="weighted ones cannot be merged", fix="add up the weights and sketch the sums"
        )
    if left.params.kind != "one_permutation":
        return Sketches(merge_rows(left.signatures, right.signatures), left.params)
    if left.n_sets != right.n_sets:
        raise InvalidInput(source="sketches", what=f"{left.n_sets} and {right.n_sets} rows", fix="pass as many of both")
    merged = np.empty(left.signatures.shape, dtype=np.uint32)
    merge_once(frozen(left.signatures), frozen(right.signatures), _salts(left.params)[1], merged)
    return Sketches(merged, left.params)


def similarity(left: Sketches, right: Sketches) -> Estimate:
    """Estimated similarity of row i and row i, and its standard error; a single row meets every other one.

    The standard error is that of independent slots: for "superminhash" it is an upper bound, for "one_permutation" of
    sets smaller than num_perm too small (docs/sketches.md measures by how much).

    Raises
    ------
    InvalidInput
        When params or numbers of rows do not go together.
    """
    check_alike(left.params, right.params)
    return row_similarity(left.signatures, right.signatures)


def all_similarities(left: Sketches, right: Sketches) -> Estimate:
    """The same for all pairs, float64 (n_left, n_right)."""
    check_alike(left.params, right.params)
    estimate = estimate_jaccard(left.signatures, right.signatures)
    return Estimate(estimate, standard_error(estimate, left.params.num_perm))


def check_alike(left: SketchParams, right: SketchParams) -> None:
    """Raise InvalidInput unless the two can be compared."""
    if left != right:
        raise InvalidInput(
            source="sketches",
            what=f"{_named(left)} cannot be compared with {_named(right)}",
            fix="sketch both with the same kind, num_perm and seed",
        )


def _named(params: SketchParams) -> str:
    return f"{params.kind} (num_perm {params.num_perm}, seed {params.seed})"


def _salts(params: SketchParams) -> tuple[np.uint32, np.uint32]:
    """Of the hash, and of the bins that empty ones ask."""
    purposes = ("one_permutation.mix", "one_permutation.ask")
    mix, ask = (np.uint32(key(params.seed, purpose) & 0xFFFFFFFF) for purpose in purposes)
    return mix, ask


def _with_weight(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], weights: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.float64]]:
    """The sets without elements of weight 0."""
    values = np.ascontiguousarray(weights, dtype=np.float64)
    if values.shape != indices.shape:
        raise InvalidInput(source="weights", what=f"shape {values.shape}", fix=f"pass one per element {indices.shape}")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if wrong.size:
        raise InvalidInput(
            source="weights", what=f"{values[wrong[0]]} at position {wrong[0]}", fix="pass finite ones, 0 or more"
        )
    # Below the smallest normal number a weight has no logarithm here, and no influence anywhere.
    kept = values >= np.finfo(np.float64).tiny
    before = np.concatenate(([0], np.cumsum(kept)))
    return before[np.asarray(indptr)].astype(np.int64), np.asarray(indices)[kept], frozen(values[kept])
