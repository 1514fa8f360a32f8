"""An opened index of codes: candidates for queries, with or without a filter.

Candidates are scored again by whoever asks, so what comes back are the rows whose codes promise most, with the
scores of the codes. A query's answer is the same alone and in a batch.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from vectors.coded.build import build_codes, padded
from vectors.coded.params import COLUMNS, CodedParams, Form, lists_of
from vectors.metrics import (
    Float32s,
    Int64s,
    check_k,
    faiss_threads,
    load_faiss,
    parse_exclude,
    parse_queries,
    parse_where,
)

_MORE: Final = 1.5  # candidates asked for beyond the share that a filter should let through


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedIndex:
    """Codes of encodings, in the order of their rows.

    Attributes
    ----------
    index : the FAISS index, over encodings with zeros to whole groups of columns
    form : what is kept
    n_probe : lists that a query reads; 0 where there are no lists
    """

    index: Any
    form: Form
    n_probe: int = 0

    @classmethod
    def build(cls, encodings: npt.NDArray[Any], params: CodedParams) -> CodedIndex:
        """Code ``encodings``, float (n, dim), as ``params.kind`` says; lists are all read until `with_probes`.

        Raises
        ------
        InvalidInput
            When a row is not finite.
        InvalidQuery
            When the kind is open: `vectors.coded.choice.choose_index` settles it.
        """
        if params.kind == "auto":
            raise InvalidQuery(what="the kind of index is left open", fix="name one, or let choose_index find it")
        n, dim = encodings.shape
        n_lists = lists_of(n, params) if params.kind == "ivfpq" else 0
        return cls.of(encodings, Form(kind=params.kind, storage="codes", n=n, dim=dim, n_lists=n_lists), params.seed)

    @classmethod
    def of(cls, encodings: npt.NDArray[Any], form: Form, seed: int) -> CodedIndex:
        """As `build`, for a form that was worked out."""
        return cls(index=build_codes(encodings, form, seed), form=form, n_probe=form.n_lists)

    def with_probes(self, n_probe: int) -> CodedIndex:
        """The same, reading so many lists."""
        return dataclasses.replace(self, n_probe=min(n_probe, self.form.n_lists))

    @property
    def n_rows(self) -> int:
        return self.form.n

    @property
    def dim(self) -> int:
        return self.form.dim

    @property
    def n_bytes(self) -> int:
        """In memory."""
        return self.form.n_bytes

    def candidates(
        self, queries: npt.NDArray[Any], n: int, *, where: npt.ArrayLike | None = None
    ) -> tuple[Int64s, Float32s]:
        """The ``n`` rows whose codes have the largest inner product with each query, best first.

        int64 and float32 (n_queries, n), padded with -1 and -inf; lists may hold fewer than ``n`` in what is read.
        ``where``, bool (n_rows,), tells which rows may be found; with it, as many of them as there are come back.

        Raises
        ------
        InvalidQuery
            For n < 1, queries of another width or that are not finite, or ``where`` of another shape.
        """
        check_k(n)
        asked = padded(parse_queries(queries, self.dim, "inner_product"), self.form.width)
        rows = np.full((asked.shape[0], n), -1, dtype=np.int64)
        scores = np.full(rows.shape, -np.inf, dtype=np.float32)
        allowed = parse_where(where, self.n_rows)
        with faiss_threads(1):
            for query in range(asked.shape[0]):
                one = asked[query : query + 1]
                found, values = self._top(one, n, self.n_probe) if allowed is None else self._among(one, n, allowed)
                rows[query, : found.size], scores[query, : found.size] = found, values
        return rows, scores

    def search(
        self,
        queries: npt.NDArray[Any],
        k: int = 10,
        *,
        exclude: npt.ArrayLike | None = None,
        n_threads: int = 1,
    ) -> tuple[Int64s, Float32s]:
        """The ``k`` best `candidates` but those in ``exclude``, int64 (n_queries,) or (n_queries, e)."""
        del n_threads
        left_out = parse_exclude(exclude, len(queries))
        rows, scores = self.candidates(queries, k + left_out.shape[1])
        kept = (rows >= 0) & ~(rows[:, :, None] == left_out[:, None, :]).any(axis=2)
        order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
        there = np.take_along_axis(kept, order, axis=1)
        return (
            np.where(there, np.take_along_axis(rows, order, axis=1), -1),
            np.where(there, np.take_along_axis(scores, order, axis=1), np.float32(-np.inf)),
        )

    def n_read(self, queries: npt.NDArray[Any], n_probe: int) -> float:
        """Encodings in the lists that a query reads, mean over queries."""
        faiss_index = self.index
        asked = padded(parse_queries(queries, self.dim, "inner_product"), self.form.width)
        if asked.shape[0] == 0 or not self.form.n_lists:
            return 0.0
        sizes = np.array([faiss_index.invlists.list_size(number) for number in range(self.form.n_lists)])
        with faiss_threads(1):
            numbers = np.concatenate([faiss_index.quantizer.search(one[None], n_probe)[1] for one in asked])
        return float(sizes[numbers].sum(axis=1).mean())

    def _top(self, one: Float32s, n: int, n_probe: int) -> tuple[Int64s, Float32s]:
        """What FAISS finds for one query: at most ``n``, best first."""
        options = {}
        if self.form.kind == "ivfpq":
            options = {"params": load_faiss().SearchParametersIVF(nprobe=n_probe)}
        values, found = self.index.search(one, min(n, self.n_rows) or 1, **options)
        there = found[0] >= 0
        return found[0][there], values[0][there]

    def _among(self, one: Float32s, n: int, allowed: npt.NDArray[np.bool_]) -> tuple[Int64s, Float32s]:
        """The best of some rows: ever more are asked for until enough of them are allowed; then the rest by row."""
        n_allowed = int(np.count_nonzero(allowed))
        wanted, asked, n_probe = min(n, n_allowed), n, self.n_probe
        kept, values = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        while kept.size < wanted and asked < self.n_rows:
            share = max(n_allowed / self.n_rows, kept.size / asked if kept.size else 0.0)
            asked = min(self.n_rows, max(2 * asked, math.ceil(_MORE * n / share)))
            n_probe = min(self.form.n_lists, max(n_probe, math.ceil(self.form.n_lists * asked / self.n_rows)))
            if asked == self.n_rows:
                n_probe = self.form.n_lists
            found, closeness = self._top(one, asked, n_probe)
            inside = allowed[found]
            kept, values = found[inside][:wanted], closeness[inside][:wanted]
        if kept.size < wanted:  # codes that promise nothing may be dropped
            rest = np.setdiff1d(np.flatnonzero(allowed), kept)[: wanted - kept.size]
            kept = np.concatenate((kept, rest))
            values = np.concatenate((values, np.full(rest.size, -np.inf, dtype=np.float32)))
        return kept, values


def is_faiss_of(index: Any, form: Form) -> bool:
    """Whether an index read from a file is one of ``form``."""
    names = {"pq": "IndexPQ", "ivfpq": "IndexIVFPQ", "rabitq": "IndexRaBitQFastScan"}
    same = type(index).__name__ == names.get(form.kind) and (index.ntotal, index.d) == (form.n, form.width)
    return same and (form.kind == "rabitq" or int(index.pq.M) == form.width // COLUMNS)
