"""Nearest neighbours, approximate where that pays: an index that is asked for a recall and knows its own.

Over FAISS: a flat scan or HNSW graphs (`vectors.ann_build`), recall measured on held-out queries when the index is
built (`vectors.ann_tuning`). What a search returns is scored again by one kernel, so values and order do not depend on
kind, shards, batch or threads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery, TargetMissed
from vectors import ann_files
from vectors.ann_build import build_shards
from vectors.ann_params import ANNParams, AskedKind, plan
from vectors.ann_shard import Shard
from vectors.ann_tuning import K, Measured, count_zero, find_beam
from vectors.exact import best_k
from vectors.metrics import Float32s, Int64s, Metric, check_k, check_matrix, faiss_threads, parse_exclude, parse_queries

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
        heldout : float32, shape (n_queries, dim): queries to measure on, when they are unlike the rows

        Raises
        ------
        InvalidParams
            For a parameter that cannot run, or ``memory`` that nothing fits.
        InvalidInput
            For a row that is not finite, or too long.
        TargetMissed
            When the asked recall is not reached. With ``kind = "auto"`` a graph that misses it is replaced by a
            scan; then this comes only if ``storage`` or ``memory`` leave too few bits.
        """
        base = params or ANNParams()
        asked = dataclasses.replace(
            base, metric=metric or base.metric, recall=base.recall if recall is None else recall, kind=kind or base.kind
        )
        check_matrix(vectors)
        try:
            return _built(vectors, asked, heldout, n_threads)
        except TargetMissed as missed:
            if asked.kind != "auto" or plan(vectors.shape[0], vectors.shape[1], asked).kind == "flat":
                raise
            flat = _built(vectors, dataclasses.replace(asked, kind="flat"), heldout, n_threads)
            reason = f"auto: {missed.candidate} had {missed.target} = {missed.best:.4f}"
            measured = None if flat.measured is None else dataclasses.replace(flat.measured, reason=reason)
            return cls(flat.shards, asked, measured)

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
        exclude: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> tuple[Int64s, Float32s]:
        """The k nearest rows found for each query, best first, ties by row.

        Parameters
        ----------
        queries : float32, shape (n_queries, dim); a zero vector is allowed, its cosine with everything is 0
        ef_search : beam of a graph; None takes the measured one, widened in proportion for k above 10
        exclude : int64, shape (n_queries,) or (n_queries, e): rows each query must not be answered with, -1 for none

        Returns
        -------
        rows : int64, shape (n_queries, k); -1 where fewer were found
        values : float32, shape (n_queries, k); Euclidean distances (+inf beside -1), or scores (-inf beside -1) for
            inner product and cosine, of the vectors as they are stored

        Raises
        ------
        InvalidQuery
            For k < 1, queries of another width or that are not finite, ``exclude`` of another shape, or a graph
            that was never measured when ``ef_search`` is None.
        """
        check_k(k)
        asked = parse_queries(queries, self.dim, self.params.metric)
        left_out = parse_exclude(exclude, asked.shape[0])
        wanted = k + left_out.shape[1]
        beam = self._beam(ef_search, wanted)
        with faiss_threads(n_threads):
            found = [shard.search(asked, wanted, beam) for shard in self.shards]
        return best_k(found, asked.shape[0], k, left_out, self.params.metric)

    def candidates(self, queries: npt.NDArray[Any], n: int) -> tuple[Int64s, Float32s]:
        """The n rows found closest, for a caller who scores them again anyway.

        As `search`, but with FAISS's own values and its own choice among near-ties at rank n, which for large n saves
        most of the time. A query's answer is the same alone and in a batch.
        """
        check_k(n)
        asked = parse_queries(queries, self.dim, self.params.metric)
        beam = self._beam(None, n)
        with faiss_threads(1):
            found = [shard.candidates(asked, n, beam) for shard in self.shards]
        return best_k(found, asked.shape[0], n, np.empty((asked.shape[0], 0), dtype=np.int64), self.params.metric)

    def _beam(self, ef_search: int | None, wanted: int) -> int:
        if ef_search is not None:
            if ef_search < 1:
                raise InvalidQuery(what=f"ef_search = {ef_search} is no beam", fix="ask for ef_search >= 1")
            return ef_search
        if all(shard.kind == "flat" for shard in self.shards):
            return wanted
        if self.measured is None or self.measured.ef_search is None:
            raise InvalidQuery(what="the recall of this graph was never measured", fix="call tune, or pass ef_search")
        return -(-self.measured.ef_search * max(K, wanted) // K)

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
    """Measure recall@10 of ``index`` over ``vectors`` and choose its beam; equal on every run.

    ``heldout`` are queries to measure on, float32 (n_queries, dim). Without them up to 500 rows, no two equal,
    are drawn by ``params.seed``, each left out of its own truth and answer.

    Raises
    ------
    TargetMissed
        When no beam reaches ``params.recall``.
    """
    shards, n, dim = index.shards, index.n_rows, index.dim
    if heldout is not None:
        heldout = parse_queries(heldout, dim, params.metric)

    def search(queries: Float32s, k: int, exclude: Int64s | None, ef_search: int) -> Int64s:
        return index.search(queries, k, ef_search=ef_search, exclude=exclude, n_threads=n_threads)[0]

    kind, storage = shards[0].kind, shards[0].vectors.storage
    distinct = np.concatenate([shard.ids for shard in shards])
    tuned = find_beam(
        search, vectors, distinct, params, kind=kind, storage=storage, heldout=heldout, n_threads=n_threads
    )
    chosen = plan(n, dim, params)
    return Measured(
        metric=params.metric,
        kind=kind,
        storage=storage,
        reason=chosen.reason,
        n_rows=n,
        n_distinct=distinct.size,
        n_zero=count_zero(vectors),
        dim=dim,
        n_bytes=sum(shard.n_bytes for shard in shards),
        asked=params.recall,
        **dataclasses.asdict(tuned),
    )


def _built(vectors: npt.NDArray[Any], params: ANNParams, heldout: npt.ArrayLike | None, n_threads: int) -> ANNIndex:
    shards = [Shard.from_built(built) for built in build_shards(vectors, params, n_threads=n_threads)]
    index = ANNIndex(shards, params)
    return dataclasses.replace(index, measured=tune(index, vectors, params, heldout=heldout, n_threads=n_threads))
