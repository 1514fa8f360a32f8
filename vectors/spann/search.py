"""From queries to rows: the nearest heads, their lists, and what is near by its codes compared by its vectors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import Crew, even_ranges
from vectors.ann.exact import Found, best_k, joined
from vectors.kernels.spann_rerank import compare_rows
from vectors.kernels.spann_search import scan_lists
from vectors.metrics import Float32s, Int64s, Metric, is_distance
from vectors.spann.heads import Heads
from vectors.spann.measured import COMPARING, FINDING, SCANNING, Effort, Reads
from vectors.spann.postings import PAGE, Table
from vectors.spann.reader import Reader
from vectors.spann.regions import Int32s
from vectors.spann.space import block_views

Bools = npt.NDArray[np.bool_]

_QUERIES: Final = 16  # of a thread's turn
_EVERY: Final = np.empty(0, dtype=np.bool_)  # what the loops take for no filter
_MORE_CELLS: Final = 48  # cells of heads looked into beyond one for each list


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searcher:
    """An index that is open for reading; ``copies`` as in `vectors.spann.files`."""

    heads: Heads
    table: Table
    reader: Reader
    copies: Int64s
    metric: Metric

    def find(
        self,
        asked: Float32s,
        k: int,
        exclude: Int64s,
        effort: Effort,
        n_threads: int,
        reads: Reads | None = None,
        allowed: Bools | None = None,
    ) -> tuple[Int64s, Float32s]:
        """The k best rows for each query, as `vectors.ann.exact.best_k` gives them; adds to ``reads``.

        ``asked`` and ``exclude`` are as `parse_queries` and `parse_exclude` give them. A query whose lists hold fewer
        than k rows reads more of them, in the end all. Of ``allowed`` rows, bool (n_rows,), a few are compared one by
        one; for many as many more lists are read as they are fewer than all.
        """
        n = asked.shape[0]
        copies, filter_ = self.copies, _EVERY
        if allowed is not None:
            if self._is_short(allowed, effort):
                return self._among(np.flatnonzero(allowed), asked, k, exclude, n_threads, reads)
            copies, filter_ = self.copies[allowed[self.copies[:, 1]]], allowed.copy()
            filter_[copies[:, 0]] = True  # lists name the first of equal rows
            effort = dataclasses.replace(effort, n_lists=self._widened(allowed, effort), ratio=None)
        rows = np.full((n, k), -1, dtype=np.int64)
        values = best_k([], n, k, exclude, self.metric)[1]
        queries = self.heads.space.queries(asked)
        waiting = np.arange(n) if self.heads.n_heads else np.zeros(0, dtype=np.int64)
        with Crew(n_threads) as crew:
            while waiting.size:
                short = []
                for start, stop in even_ranges(waiting.size, self.reader.batch):
                    these = waiting[start:stop]
                    lists = self._nearest_lists(queries[these], effort, crew)
                    n_candidates = max(k + exclude.shape[1], effort.rerank)
                    candidates = self._nearest_rows(queries[these], lists, n_candidates, filter_, crew)
                    if reads is not None:
                        self._count(reads, these, lists, candidates)
                    found = self._compared(asked[these], candidates, k + exclude.shape[1], crew)
                    found = with_copies(found, copies, k + exclude.shape[1])
                    if allowed is not None:
                        found = _only(found, allowed)
                    rows[these], values[these] = best_k([found], these.size, k, exclude[these], self.metric)
                    short.append(these[rows[these, k - 1] < 0])
                if effort.n_lists >= self.heads.n_heads:
                    break
                waiting = np.concatenate(short)
                effort = dataclasses.replace(effort, n_lists=4 * effort.n_lists, ratio=None)
        return rows, values

    def _nearest_lists(self, queries: Float32s, effort: Effort, crew: Crew) -> Int32s:
        n_heads = self.heads.n_heads
        n_lists = min(effort.n_lists, n_heads)
        lists = np.empty((queries.shape[0], n_lists), dtype=np.int32)
        n_cells = self.heads.n_cells if n_lists == n_heads else n_lists + _MORE_CELLS
        ratio = np.inf if effort.ratio is None else effort.ratio
        crew.run(
            lambda start, stop: self.heads.nearest_lists(queries, start, stop, n_cells, ratio, lists),
            even_ranges(queries.shape[0], _QUERIES),
        )
        return lists

    def _nearest_rows(self, queries: Float32s, lists: Int32s, n: int, allowed: Bools, crew: Crew) -> Int32s:
        """Rows nearest by their codes, (n_queries, n), nearest first, -1 behind."""
        heads, table = self.heads, self.table
        data, ats = self.reader.lists(lists)
        counts = table.counts[np.maximum(lists, 0)]
        ids = block_views(data)[0]
        out = np.empty((queries.shape[0], n), dtype=np.int32)

        def scan(start: int, stop: int) -> None:
            scan_lists(
                queries,
                start,
                stop,
                lists,
                ats,
                counts,
                heads.cell_of,
                heads.centroids,
                heads.codes,
                heads.steps,
                table.block_bytes,
                heads.space.largest_code,
                data,
                ids,
                allowed,
                out,
            )

        crew.run(scan, even_ranges(queries.shape[0], _QUERIES))
        return out

    def _compared(self, asked: Float32s, candidates: Int32s, wanted: int, crew: Crew) -> Found:
        """The ``wanted`` best candidates with their values."""
        vectors, where = self.reader.vectors(candidates.astype(np.int64))
        best = np.empty((asked.shape[0], wanted), dtype=np.int32)
        values = np.empty(best.shape, dtype=np.float32)
        euclidean = is_distance(self.metric)

        def compare(start: int, stop: int) -> None:
            compare_rows(asked, start, stop, vectors, where, candidates, euclidean, best, values)

        crew.run(compare, even_ranges(asked.shape[0], _QUERIES))
        query_of, rank = np.nonzero(best >= 0)
        return query_of, best[query_of, rank].astype(np.int64), values[query_of, rank]

    def _is_short(self, allowed: Bools, effort: Effort) -> bool:
        """Whether comparing all ``allowed`` rows costs no more than scanning lists for them."""
        scanned = self.table.counts.sum(dtype=np.int64) / max(1, self.heads.n_heads) + FINDING + SCANNING
        return bool(COMPARING * np.count_nonzero(allowed) <= self._widened(allowed, effort) * scanned)

    def _widened(self, allowed: Bools, effort: Effort) -> int:
        """Lists that hold as many ``allowed`` rows as those of ``effort`` hold of all."""
        wanted = -(-effort.n_lists * allowed.size // max(1, int(np.count_nonzero(allowed))))
        return max(1, min(wanted, self.heads.n_heads))

    def _among(
        self, rows: Int64s, asked: Float32s, k: int, exclude: Int64s, n_threads: int, reads: Reads | None
    ) -> tuple[Int64s, Float32s]:
        """The k best of some rows, each compared."""
        n = asked.shape[0]
        out, values = np.full((n, k), -1, dtype=np.int64), best_k([], n, k, exclude, self.metric)[1]
        with Crew(n_threads) as crew:
            for start, stop in even_ranges(n if rows.size else 0, _QUERIES):
                these = np.arange(start, stop)
                candidates = np.tile(rows.astype(np.int32), (these.size, 1))
                found = self._compared(asked[these], candidates, k + exclude.shape[1], crew)
                out[these], values[these] = best_k([found], these.size, k, exclude[these], self.metric)
                if reads is not None:
                    self._count(reads, these, np.full((these.size, 1), -1, dtype=np.int32), candidates)
        return out, values

    def _count(self, reads: Reads, queries: Int64s, lists: Int32s, candidates: Int32s) -> None:
        """Vectors lie on pages as if the first one began a page."""
        reads.lists[queries] += (lists >= 0).sum(axis=1)
        reads.vectors[queries] += np.where(lists >= 0, self.table.counts[np.maximum(lists, 0)], 0).sum(axis=1)
        reads.list_pages[queries] += self.table.pages(lists).sum(axis=1)
        reads.reranked[queries] += (candidates >= 0).sum(axis=1)
        row_bytes = 4 * self.heads.space.dim
        for query, rows in zip(queries, candidates.astype(np.int64), strict=True):
            here = rows[rows >= 0]
            first, last = here * row_bytes // PAGE, ((here + 1) * row_bytes - 1) // PAGE
            n = last - first + 1
            pages = np.repeat(first, n) + np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
            reads.vector_pages[query] += np.unique(pages).size


def _only(found: Found, allowed: Bools) -> Found:
    query_of, rows, values = found
    there = allowed[rows]
    return query_of[there], rows[there], values[there]


def with_copies(found: Found, copies: Int64s, k: int) -> Found:
    """What was found, each row followed by up to k of the rows equal to it."""
    if copies.shape[0] == 0:
        return found
    query_of, rows, values = found
    firsts, others = np.ascontiguousarray(copies[:, 0]), copies[:, 1]
    start = np.searchsorted(firsts, rows, side="left")
    n = np.minimum(np.searchsorted(firsts, rows, side="right") - start, k)
    source = np.repeat(np.arange(rows.size), n)
    nth = np.arange(source.size) - np.repeat(np.cumsum(n) - n, n)
    return joined([found, (query_of[source], others[start[source] + nth], values[source])])
