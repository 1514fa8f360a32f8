"""Nearest neighbours, approximate where that pays: an index that is asked for a recall and knows its own.

Over FAISS: a flat scan, HNSW graphs or inverted lists (`vectors.ann.build`), recall measured on held-out queries when
the index is built (`vectors.ann.measure`), the form chosen where that is left open (`vectors.ann.auto`). What a
search returns is scored again by one kernel, so values and order do not depend on kind, shards, batch or threads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from vectors.ann import files as ann_files
from vectors.ann.answers import search_shards
from vectors.ann.auto import choose
from vectors.ann.build import build_shards
from vectors.ann.effort import Effort, K
from vectors.ann.exact import best_k
from vectors.ann.measure import measure
from vectors.ann.params import ANNParams, AskedKind, is_open
from vectors.ann.shard import Shard
from vectors.ann.tuning import Measured
from vectors.metrics import (
    Float32s,
    Int64s,
    Metric,
    check_k,
    check_matrix,
    faiss_threads,
    parse_exclude,
    parse_queries,
    parse_where,
)

__all__ = ["ANNIndex", "ANNParams", "Measured", "tune"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ANNIndex:
    """An opened index.

    Attributes
    ----------
    shards : at least one, in row order
    params : what it was built with
    measured : what `tune` found; None before
    """

    shards: Sequence[Shard]
    params: ANNParams
    measured: Measured | None = None

    @classmethod
    def build(
        cls,
        vectors: npt.NDArray[Any],
        params: ANNParams | None = None,
        *,
        metric: Metric | None = None,
        recall: float | None = None,
        kind: AskedKind | None = None,
        heldout: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> ANNIndex:
        """Index ``vectors`` and measure recall@10.

        Parameters
        ----------
        vectors : float32, shape (n, dim), may be memory-mapped; other real types are converted
        params : defaults of `ANNParams` when None; ``metric``, ``recall`` and ``kind`` take precedence over it
        heldout : float32, shape (n_queries, dim): queries to measure on, when those to come are not rows

        Raises
        ------
        InvalidParams
            For a parameter that cannot run, or ``memory`` that nothing fits.
        InvalidInput
            For a row that is not finite, or too long.
        TargetMissed
            When the asked recall or latency is not reached, unless ``allow_missed``. With ``kind = "auto"`` this comes
            only if ``storage``, ``memory`` or ``latency`` rule out an exact scan.
        """
        base = params or ANNParams()
        asked = dataclasses.replace(
            base, metric=metric or base.metric, recall=base.recall if recall is None else recall, kind=kind or base.kind
        )
        check_matrix(vectors)
        if is_open(vectors.shape[0], vectors.shape[1], asked):
            shards, measured = choose(vectors, asked, heldout=heldout, n_threads=n_threads)
            return cls(shards, asked, measured)
        index = cls([Shard.from_built(built) for built in build_shards(vectors, asked, n_threads=n_threads)], asked)
        return dataclasses.replace(index, measured=tune(index, vectors, asked, heldout=heldout, n_threads=n_threads))

    @property
    def n_rows(self) -> int:
        return sum(shard.n_rows for shard in self.shards)

    @property
    def dim(self) -> int:
        return self.shards[0].dim

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        ef_search: int | None = None,
        n_probe: int | None = None,
        k_factor: int | None = None,
        where: npt.ArrayLike | None = None,
        exclude: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> tuple[Int64s, Float32s]:
        """The k nearest rows found for each query, best first, ties by row.

        Parameters
        ----------
        queries : float32, shape (n_queries, dim); a zero vector is allowed, its cosine with everything is 0
        ef_search : beam of a graph; None takes the measured one, widened in proportion for k above 10
        n_probe, k_factor : lists read, and vectors scored again for each of k; None takes the measured numbers, more
            lists for k above 10
        where : bool, shape (n_rows,): rows that may be answered with (`vectors.corpus.filters`); None allows all.
            Few are scored one by one, of many a wider search is made past the others
        exclude : int64, shape (n_queries,) or (n_queries, e): rows each query must not be answered with, -1 for none

        Returns
        -------
        rows : int64, shape (n_queries, k); -1 where fewer were found
        values : float32, shape (n_queries, k); Euclidean distances (+inf beside -1), or scores (-inf beside -1) for
            inner product and cosine, of the vectors as they are stored

        Raises
        ------
        InvalidQuery
            For k < 1, queries of another width or that are not finite, ``exclude`` or ``where`` of another shape, or an
            index that was never measured when its effort is None.
        """
        check_k(k)
        asked = parse_queries(queries, self.dim, self.params.metric)
        left_out = parse_exclude(exclude, asked.shape[0])
        effort = self._effort(k, left_out.shape[1], ef_search, n_probe, k_factor)
        allowed = parse_where(where, self.n_rows)
        return search_shards(self.shards, asked, k, effort, left_out, self.params, allowed=allowed, n_threads=n_threads)

    def candidates(
        self, queries: npt.NDArray[Any], n: int, *, where: npt.ArrayLike | None = None
    ) -> tuple[Int64s, Float32s]:
        """The n rows found closest, for a caller who scores them again anyway.

        As `search`, but from a scan without a filter with the values that FAISS gives, or of bytes a scan by whole
        numbers, and their choice among near-ties at rank n, which for large n saves most of the time. A query's answer
        is the same alone and in a batch.
        """
        check_k(n)
        asked = parse_queries(queries, self.dim, self.params.metric)
        effort, allowed = self._effort(n, 0, None, None, None), parse_where(where, self.n_rows)
        with faiss_threads(1):
            found = [shard.candidates(asked, n, effort, allowed) for shard in self.shards]
        return best_k(found, asked.shape[0], n, np.empty((asked.shape[0], 0), dtype=np.int64), self.params.metric)

    def _effort(
        self, k: int, n_left_out: int, ef_search: int | None, n_probe: int | None, k_factor: int | None
    ) -> Effort:
        for name, value in (("ef_search", ef_search), ("n_probe", n_probe), ("k_factor", k_factor)):
            if value is not None and value < 1:
                raise InvalidQuery(what=f"{name} = {value} looks nowhere", fix=f"ask for {name} >= 1")
        kinds, measured, wanted = {shard.kind for shard in self.shards}, self.measured, k + n_left_out
        if kinds == {"flat"}:
            return Effort(ef_search=wanted)
        if kinds == {"hnsw"}:
            if ef_search is not None:
                return Effort(ef_search=ef_search)
            if measured is None or measured.ef_search is None:
                raise InvalidQuery(
                    what="the recall of this graph was never measured", fix="call tune, or pass ef_search"
                )
            return Effort(ef_search=measured.ef_search).wider(wanted, K)
        if n_probe is not None and k_factor is not None:
            return Effort(n_probe=n_probe, k_factor=k_factor)
        if measured is None or measured.n_probe is None or measured.k_factor is None:
            raise InvalidQuery(
                what="the recall of these lists was never measured", fix="call tune, or pass n_probe and k_factor"
            )
        wider = Effort(n_probe=measured.n_probe).wider(k, K).n_probe
        return Effort(n_probe=n_probe or wider, k_factor=k_factor or measured.k_factor)

    def save(self, directory: Path | str) -> None:
        """Write the index into ``directory``: a plain FAISS file per shard, and ``ann.json`` last."""
        ann_files.write_index(Path(directory), self.shards, self.params, self.measured)

    @classmethod
    def open(cls, directory: Path | str, *, verify: bool = True) -> ANNIndex:
        """Open what `save` wrote, memory-mapped; ``verify`` reads every byte once and checks its hash.

        Raises
        ------
        ArtifactMissing, ArtifactCorrupt, ArtifactVersion
            For a file that is not there, differs from what was written, or is of another format version.
        """
        return cls(*ann_files.read_index(Path(directory), verify=verify))


def tune(
    index: ANNIndex,
    vectors: npt.NDArray[Any],
    params: ANNParams,
    *,
    heldout: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Measured:
    """Measure recall@10 of ``index`` over ``vectors`` and choose its effort; equal on every run.

    ``heldout`` are queries to measure on, float32 (n_queries, dim). Without them up to 2,000 rows (500 for a graph, 100
    for a scan), no two equal, are drawn by ``params.seed``, each left out of its own truth and answer.

    Raises
    ------
    TargetMissed
        When no effort reaches ``params.recall``, unless ``params.allow_missed``.
    """
    return measure(index.shards, vectors, params, heldout=heldout, n_threads=n_threads)
