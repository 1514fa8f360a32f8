"""Locality sensitive hashing of minhash signatures: who may be similar, without looking at everybody.

Signatures are cut into bands; sets that agree in all slots of a band share a bucket of it, and whoever shares a
bucket with the query is a candidate. See `clustering.buckets` for the tables.

Source: Indyk & Motwani, STOC 1998; for neighbourhoods of a graph: Chamberlain et al., arXiv:1601.03958.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.banding import LSHParams
from clustering.buckets import BucketReport, Keys, Nodes, band_tables, bucket_report
from clustering.kernels.banding import collide
from clustering.kernels.sketching import EMPTY
from clustering.minhash import Signatures, standard_error
from clustering.searching import Prepared, Questions, answer
from clustering.sets import Sets, frozen
from clustering.sketches.packed import PackedSignatures
from clustering.sketches.sketch import Sketches, SketchParams, check_alike
from foundation.errors import InvalidInput, InvalidQuery

# A node, a signature uint32 (num_perm,), a sketch of one set, or the set itself.
Query = int | Signatures | Sketches | set[int] | frozenset[int]
_LOW = np.uint64(0xFFFFFFFF)


class Candidates(NamedTuple):
    """``nodes`` int32 ascending; in how many (query, band) pairs each was met, int64; members cut off by the cap."""

    nodes: Nodes
    n_met: npt.NDArray[np.int64]
    n_cut: int


class Neighbours(NamedTuple):
    """Best first, ties by node: int32 nodes, Jaccard similarity and its standard error (0 where exact), float64."""

    nodes: Nodes
    similarity: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]


class Answers(NamedTuple):
    """Of many queries, a row each: `Neighbours` padded with -1 and 0; candidates met, and members cut off, int64."""

    nodes: Nodes
    similarity: npt.NDArray[np.float64]
    n_candidates: npt.NDArray[np.int64]
    n_cut: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LSHIndex:
    """Bucket tables over the signatures they were made from.

    Attributes
    ----------
    signatures : uint32, shape (n_nodes, num_perm), with num_perm >= n_bands * n_rows
    keys, nodes : uint32 and int32, shape (n_bands, n_filled): the rows of `band_table`, band by band
    params : what the tables were made with
    sketching : what the signatures were made with; needed to ask by set, and to refuse sketches of another kind
    """

    signatures: Signatures
    keys: Keys
    nodes: Nodes
    params: LSHParams
    sketching: SketchParams | None = None

    def __post_init__(self) -> None:
        n_bands, _ = self.params.banding(self.num_perm)
        if self.keys.ndim != 2 or self.keys.shape != self.nodes.shape or self.keys.shape[0] != n_bands:
            raise InvalidInput(
                source="bucket tables",
                what=f"keys {self.keys.shape}, nodes {self.nodes.shape} for {n_bands} bands",
                fix="stack one band_table per band",
            )
        if self.sketching is not None:
            Sketches(self.signatures, self.sketching)
        for name in ("signatures", "keys", "nodes"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def build(cls, signatures: Signatures | Sketches, params: LSHParams, *, n_threads: int = 1) -> LSHIndex:
        """All tables of ``signatures``, uint32 (n_nodes, num_perm), or of sketches, whose params are then kept."""
        sketching = signatures.params if isinstance(signatures, Sketches) else None
        rows = signatures.signatures if isinstance(signatures, Sketches) else signatures
        n_bands, _ = params.banding(rows.shape[1])
        keys, nodes = band_tables(rows, params, 0, n_bands, n_threads=n_threads)
        return cls(rows, keys, nodes, params, sketching)

    @property
    def n_nodes(self) -> int:
        return int(self.signatures.shape[0])

    @property
    def num_perm(self) -> int:
        return int(self.signatures.shape[1])

    @property
    def n_rows(self) -> int:
        """Slots of a band."""
        return self.params.banding(self.num_perm)[1]

    @property
    def cap(self) -> int:
        """Members a query takes of one bucket at most."""
        return self.params.bucket_cap or max(self.n_nodes, 1)

    def collide(self, signatures: Signatures) -> Candidates:
        """Everybody who shares a bucket with any of ``signatures``, uint32 (n_queries, num_perm)."""
        found, n_cut = collide(frozen(signatures), self.n_rows, self.keys, self.nodes, self.cap, EMPTY)
        found.sort()
        return Candidates((found >> np.uint64(32)).astype(np.int32), (found & _LOW).astype(np.int64), n_cut)

    def candidates(self, query: Query) -> Nodes:
        """Who shares a bucket with the query, ascending int32; a node is no candidate of itself.

        Raises
        ------
        InvalidQuery
            On an unknown node, a signature of another length, or a set where it is not known how to sketch it.
        InvalidInput
            On a sketch of another kind, length or seed.
        """
        signature, own = self._resolve(query)
        nodes = self.collide(signature).nodes
        return nodes if own is None else nodes[nodes != own]

    def top(
        self,
        query: Query,
        k: int,
        *,
        sets: Sets | None = None,
        prefilter: PackedSignatures | None = None,
        n_kept: int | None = None,
    ) -> Neighbours:
        """The ``k`` candidates most similar to the query, a node itself left out; fewer when there are fewer.

        Parameters and errors are those of `top_batch`.
        """
        signature, own = self._resolve(query)
        asked = [query] if isinstance(query, set | frozenset) else None
        questions = Questions(signature, np.array([-1 if own is None else own], dtype=np.int64), asked)
        found = self._answer(questions, k, sets, prefilter, n_kept, 1)
        n = int(np.count_nonzero(found.nodes[0] >= 0))
        values = found.similarity[0, :n]
        errors = standard_error(values, self.num_perm) if sets is None else np.zeros(n)
        return Neighbours(found.nodes[0, :n], values, errors)

    def top_batch(
        self,
        queries: npt.NDArray[Any] | Sketches | Collection[set[int]],
        k: int,
        *,
        sets: Sets | None = None,
        prefilter: PackedSignatures | None = None,
        n_kept: int | None = None,
        n_threads: int = 1,
    ) -> Answers:
        """The ``k`` best of every query: nodes (int64 or int32), signatures (uint32 (n, num_perm)), sketches or sets.

        Parameters
        ----------
        sets
            The sets behind the index, as `clustering.sets.canonical` gives them: then scores are exact, of the
            candidates found. A query by signature has no set to compare.
        prefilter, n_kept
            b-bit rows of the index's signatures (`clustering.sketches.packed`): only the ``n_kept`` candidates that
            are best by them are scored, 10 k by default.

        Raises
        ------
        InvalidQuery
            As `candidates`, on k below 1, and on exact scores asked for a signature.
        """
        if isinstance(queries, Sketches):
            self._check_kind(queries)
            asked = Questions(queries.signatures, np.full(queries.n_sets, -1, dtype=np.int64), None)
        elif not isinstance(queries, np.ndarray):
            found = [self._resolve(query)[0] for query in queries]
            rows = np.concatenate([np.empty((0, self.num_perm), dtype=np.uint32), *found])
            asked = Questions(rows, np.full(len(found), -1, dtype=np.int64), list(queries))
        elif queries.ndim == 2:
            if queries.shape[1] != self.num_perm or queries.dtype != np.uint32:
                self._resolve(queries)
            asked = Questions(queries, np.full(len(queries), -1, dtype=np.int64), None)
        else:
            own = np.asarray(queries, dtype=np.int64)
            unknown = own[(own < 0) | (own >= self.n_nodes)]
            if unknown.size:
                self._resolve(int(unknown[0]))
            asked = Questions(self.signatures[own], own, None)
        return self._answer(asked, k, sets, prefilter, n_kept, n_threads)

    def bucket_report(self) -> BucketReport:
        """Count the buckets, and what the cap keeps from queries: one pass over the keys."""
        return bucket_report(self.keys, self.cap)

    def _answer(
        self,
        questions: Questions,
        k: int,
        sets: Sets | None,
        prefilter: PackedSignatures | None,
        n_kept: int | None,
        n_threads: int,
    ) -> Answers:
        if k < 1:
            raise InvalidQuery(what=f"k = {k}", fix="ask for 1 or more")
        prepared = Prepared.of(self.signatures, sets, prefilter, 10 * k if n_kept is None else n_kept)
        tables = (self.keys, self.nodes, self.n_rows, self.cap)
        return Answers(*answer(tables, prepared, questions, k, n_threads))

    def _resolve(self, query: Query) -> tuple[Signatures, int | None]:
        """The query's signature as (1, num_perm), and its node if it is one."""
        if isinstance(query, Sketches):
            self._check_kind(query)
            query = query.signatures[0] if query.n_sets == 1 else query.signatures
        if isinstance(query, set | frozenset):
            if self.sketching is None or self.sketching.kind == "weighted":
                raise InvalidQuery(
                    what="a set, and the index does not know how to sketch it",
                    fix="build the index from unweighted Sketches, or pass a signature",
                )
            return Questions.sketched([query], self.sketching), None
        if isinstance(query, np.ndarray):
            if query.shape != (self.num_perm,) or query.dtype != np.uint32:
                raise InvalidQuery(
                    what=f"a signature of {query.dtype} and shape {query.shape}", fix=f"pass uint32 ({self.num_perm},)"
                )
            return query[None, :], None
        if not 0 <= query < self.n_nodes:
            raise InvalidQuery(what=f"node {query} of {self.n_nodes}", fix="rows count from 0")
        return self.signatures[query : query + 1], int(query)

    def _check_kind(self, query: Sketches) -> None:
        if self.sketching is not None:
            check_alike(query.params, self.sketching)
