"""SPANN: nearest neighbours from lists on disk, found by a few heads in memory.

Source: Chen et al., "SPANN: Highly-efficient billion-scale approximate nearest neighbor search", NeurIPS 2021,
arXiv:2111.08566. Deviations: heads are random rows unless clusters are asked for; they are kept as 8-bit codes in
cells and scanned, where the paper walks a graph; lists hold 8-bit codes, and what is near by them is compared by its
vectors.
"""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import EngineError, StoreUnavailable
from vectors.metrics import Float32s, Int64s, Metric, check_k, parse_exclude, parse_queries, parse_where
from vectors.spann import files
from vectors.spann.build import build_files
from vectors.spann.finish import finish, open_searcher
from vectors.spann.measured import Effort, Measured, Reads
from vectors.spann.params import SpannParams
from vectors.spann.reader import Reading
from vectors.spann.search import Searcher


@final
@dataclass(frozen=True, slots=True, eq=False)
class SpannIndex:
    """An opened index; several threads may search it.

    Attributes
    ----------
    params : what it was built with
    measured : what it knows of its recall
    n_rows, dim : of the vectors it was built from
    """

    params: SpannParams
    measured: Measured
    n_rows: int
    dim: int
    _searcher: Searcher

    @classmethod
    def build(
        cls,
        vectors: npt.NDArray[Any],
        params: SpannParams | None = None,
        *,
        directory: Path | str,
        metric: Metric | None = None,
        recall: float | None = None,
        heldout: npt.ArrayLike | None = None,
        memory: int | str = "1 GiB",
        n_threads: int = 1,
        reading: Reading = "map",
    ) -> SpannIndex:
        """Index ``vectors`` in ``directory``, measure recall@10, and open the result.

        Parameters
        ----------
        vectors : float32, shape (n, dim), may be memory-mapped; other real types are converted
        params : defaults of `SpannParams` when None; ``metric`` and ``recall`` take precedence over it
        directory : becomes the index when it is complete; an index that is there is replaced
        heldout : float32, shape (n_queries, dim): queries to measure on, when those to come are not rows
        memory : bytes the build may take besides mapped files, a number or text such as "512 MiB"; bytes of the
            index do not depend on it

        Raises
        ------
        InvalidParams
            For a parameter that cannot run, or too little ``memory``.
        InvalidInput
            For a row that is not finite, or too long.
        TargetMissed
            When the asked recall is not reached.
        StoreUnavailable
            When ``directory`` cannot be written, or holds something that is not an index.
        """
        base = params or SpannParams()
        asked = dataclasses.replace(
            base, metric=metric or base.metric, recall=base.recall if recall is None else recall
        )
        directory = Path(directory)
        _check_place(directory)
        aside = directory.with_name(f".{directory.name}.building")
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            built = build_files(vectors, aside, asked, memory, n_threads)
            finish(aside, *built, asked, heldout=heldout, n_threads=n_threads)
            _replace(directory, aside)
        except OSError as error:
            if isinstance(error, EngineError):
                raise
            what = f"cannot be written ({error.strerror})"
            raise StoreUnavailable(path=str(directory), what=what, fix="check permissions and space") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return cls.open(directory, verify=False, reading=reading)

    @classmethod
    def open(cls, directory: Path | str, *, verify: bool = True, reading: Reading = "map") -> SpannIndex:
        """Open what `build` wrote; ``verify`` reads every byte once and checks its hash.

        With ``reading = "map"`` lists and vectors are memory-mapped, with "read" they are read, many at a time.

        Raises
        ------
        ArtifactMissing, ArtifactCorrupt, ArtifactVersion
            For a file that is not there, differs from what was written, or is of another format version.
        InvalidParams
            For another ``reading``.
        """
        directory = Path(directory)
        opened = files.read(directory, verify=verify)
        searcher = open_searcher(directory, opened.heads, opened.table, opened.copies, opened.params.metric, reading)
        return cls(opened.params, opened.measured, opened.n_rows, opened.heads.space.dim, searcher)

    @property
    def memory_bytes(self) -> int:
        """Bytes that stay in memory: heads, cells, the lists' table, rows that repeat others."""
        return self.measured.memory_bytes

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        effort: Effort | None = None,
        where: npt.ArrayLike | None = None,
        exclude: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> tuple[Int64s, Float32s]:
        """The k nearest rows found for each query, best first, ties by row.

        Parameters
        ----------
        queries : float32, shape (n_queries, dim); a zero vector is allowed, its cosine with everything is 0
        effort : what to read; None takes the measured one, widened in proportion for k above 10
        where : bool, shape (n_rows,): rows that may be answered with (`vectors.corpus.filters`); None allows all. A few
            are compared one by one, for many more lists are read
        exclude : int64, shape (n_queries,) or (n_queries, e): rows each query must not be answered with, -1 for none

        Returns
        -------
        rows : int64, shape (n_queries, k); -1 where there are fewer
        values : float32, shape (n_queries, k); Euclidean distances (+inf beside -1), or scores (-inf beside -1) for
            inner product and cosine, of the vectors themselves

        Raises
        ------
        InvalidQuery
            For k < 1, queries of another width or that are not finite, or ``where`` or ``exclude`` of another shape.
        """
        return self._search(queries, k, effort, where, exclude, n_threads, None)

    def search_counted(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        effort: Effort | None = None,
        where: npt.ArrayLike | None = None,
        exclude: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> tuple[Int64s, Float32s, Reads]:
        """As `search`, and what each query read."""
        reads = Reads.none(np.asarray(queries).shape[0] if np.ndim(queries) else 0)
        rows, values = self._search(queries, k, effort, where, exclude, n_threads, reads)
        return rows, values, reads

    def candidates(
        self, queries: npt.ArrayLike, n: int, *, where: npt.ArrayLike | None = None
    ) -> tuple[Int64s, Float32s]:
        """The n nearest rows found, for a caller who scores them again: `search` with its own effort."""
        return self.search(queries, n, where=where)

    def _search(
        self,
        queries: npt.ArrayLike,
        k: int,
        effort: Effort | None,
        where: npt.ArrayLike | None,
        exclude: npt.ArrayLike | None,
        n_threads: int,
        reads: Reads | None,
    ) -> tuple[Int64s, Float32s]:
        check_k(k)
        asked = parse_queries(queries, self.dim, self.params.metric)
        left_out = parse_exclude(exclude, asked.shape[0])
        wanted = effort or self.measured.chosen.effort.widened(k)
        return self._searcher.find(asked, k, left_out, wanted, n_threads, reads, parse_where(where, self.n_rows))


def _check_place(directory: Path) -> None:
    """Nothing is there, or an index, or an empty directory."""
    if not directory.exists() or (directory / files.DESCRIPTION).exists():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        raise StoreUnavailable(
            path=str(directory), what="is there and is no index", fix="name a directory that is not there"
        )


def _replace(directory: Path, aside: Path) -> None:
    """Put a finished index in its place; one that is open stays whole."""
    before = directory.with_name(f".{directory.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if directory.exists():
        directory.rename(before)
    aside.rename(directory)
    shutil.rmtree(before, ignore_errors=True)
