"""What a search by bucket tables needs beside the tables, made ready for the loops."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.search import search
from clustering.minhash import Signatures
from clustering.sets import Sets, canonical, from_lists, frozen
from clustering.sketches.packed import PackedSignatures, pack
from clustering.sketches.sketch import SketchParams, sketch
from foundation.errors import InvalidInput, InvalidQuery
from foundation.threads import even_ranges, run_ranges

# Queries per range of work, some milliseconds each.
_AT_ONCE = 256
_NO_POINTERS, _NO_ELEMENTS = frozen(np.empty(0, dtype=np.int64)), frozen(np.empty(0, dtype=np.int64))
_NO_WORDS = frozen(np.empty((0, 0), dtype=np.uint64))


class Questions(NamedTuple):
    """Signatures uint32 (n, num_perm), their nodes int64 (-1 for none), and the sets they are of where given."""

    signatures: Signatures
    own: npt.NDArray[np.int64]
    sets: Sequence[Collection[int]] | None

    @staticmethod
    def sketched(sets: Collection[Collection[int]], params: SketchParams) -> Signatures:
        """Signatures of sets of integers."""
        return sketch(*from_lists(sets), params).signatures


class Prepared(NamedTuple):
    """The rows of the index that candidates are scored by."""

    signatures: Signatures
    sets: Sets | None
    prefilter: PackedSignatures | None
    n_kept: int

    @classmethod
    def of(cls, signatures: Signatures, sets: Sets | None, prefilter: PackedSignatures | None, n_kept: int) -> Prepared:
        """Check that all are of the same nodes."""
        n_nodes, num_perm = signatures.shape
        if sets is not None and sets.indptr.size - 1 != n_nodes:
            raise InvalidInput(
                source="sets",
                what=f"{sets.indptr.size - 1} for {n_nodes} signatures",
                fix="pass those that were sketched",
            )
        if prefilter is not None and (prefilter.n_sets, prefilter.num_perm) != (n_nodes, num_perm):
            raise InvalidInput(
                source="prefilter",
                what=f"{prefilter.n_sets} rows of {prefilter.num_perm} slots for signatures {(n_nodes, num_perm)}",
                fix="pack the signatures of the index",
            )
        if n_kept < 1:
            raise InvalidQuery(what=f"n_kept = {n_kept}", fix="keep 1 or more candidates")
        return cls(signatures, sets, prefilter, n_kept)


def answer(
    tables: tuple[Any, Any, int, int], prepared: Prepared, questions: Questions, k: int, n_threads: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Nodes and scores (n, k), candidates and members cut off (n,), of every question."""
    n = questions.own.size
    queries, own = frozen(questions.signatures), frozen(questions.own)
    indptr, indices, query_indptr, query_indices = _exact(prepared.sets, questions)
    words = query_words = _NO_WORDS
    bits, n_kept = 1, 0
    if prepared.prefilter is not None:
        words, bits, n_kept = prepared.prefilter.words, prepared.prefilter.bits, prepared.n_kept
        query_words = pack(questions.signatures, bits).words
    nodes, scores = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float64)
    counts = np.empty((n, 2), dtype=np.int64)

    def work(start: int, stop: int) -> None:
        search(
            *tables,
            prepared.signatures,
            words,
            bits,
            n_kept,
            indptr,
            indices,
            queries,
            query_words,
            query_indptr,
            query_indices,
            own,
            start,
            stop,
            nodes[start:stop],
            scores[start:stop],
            counts[start:stop],
        )

    run_ranges(work, even_ranges(n, _AT_ONCE), n_threads)
    return nodes, scores, counts[:, 0], counts[:, 1]


def _exact(sets: Sets | None, questions: Questions) -> tuple[Any, Any, Any, Any]:
    """The sets of the index and of the questions; empty arrays where scores are estimates."""
    if sets is None:
        return _NO_POINTERS, _NO_ELEMENTS, _NO_POINTERS, _NO_ELEMENTS
    indptr, indices = frozen(sets.indptr), frozen(sets.indices)
    if questions.sets is not None:
        asked = canonical(from_lists(questions.sets))
        kind = np.uint64 if indices.dtype == np.uint64 else np.int64  # mixed signs are compared as floats
        return indptr, indices, asked.indptr, frozen(asked.indices.astype(kind))
    if np.any(questions.own < 0):
        raise InvalidQuery(what="exact scores for a signature", fix="ask by node or by set, or without sets")
    starts, stops = indptr[questions.own], indptr[questions.own + 1]
    lengths = stops - starts
    pointers = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    places = np.repeat(starts - pointers[:-1], lengths) + np.arange(pointers[-1])
    return indptr, indices, frozen(pointers), frozen(np.asarray(indices)[places])
