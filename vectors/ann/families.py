"""The forms that are compared when the kind is left open, and what each reaches on a sample."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from foundation.seeds import stream
from vectors.ann.build import DistinctRows, index_rows
from vectors.ann.cost import list_cost, walk_cost
from vectors.ann.effort import K
from vectors.ann.forms import STORAGES, AskedStorage, Kind, ListForm, index_bytes, more_columns, walked_columns
from vectors.ann.list_build import learned_projection
from vectors.ann.measure import measure
from vectors.ann.params import ANNParams, form_of, parse_bytes, shard_ranges
from vectors.ann.shard import Shard
from vectors.ann.sweeping import Trial, sweep, tried_form
from vectors.ann.tuning import LADDER, Measured, Tried, held_out
from vectors.metrics import Float32s, Metric, is_distance

_SAMPLE: Final = (6_000, 50_000)  # least and most rows of the sample; a tenth in between
SAMPLE_QUERIES: Final = 300
BEHIND: Final = 1.5  # times the work of the cheapest on the sample from which on a family is dropped
_USUAL_PROBES: Final = 8  # by what they take at so many lists families are ordered
_SCANNED_ROWS: Final = 1_000  # up to these there is nothing to gain
_FEWEST_BITS: Final = 32  # columns that single bits tell vectors apart by
_MOST_CODES: Final = 1024  # columns beyond which learning a codebook for each four or eight takes too long
# Columns that a graph still walks well; on 784 pixels it took twice the work of lists at equal recall, and twenty
# times the build, so wider vectors are not even tried in a graph.
_WALKED_COLUMNS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A kind, the widest storage of its vectors that fits the memory, and the columns of its lists where not usual."""

    kind: Kind
    storage: AskedStorage
    n_columns: int | None = None

    def params(self, asked: ANNParams) -> ANNParams:
        """What to build it with."""
        columns = asked.projection if self.n_columns is None else self.n_columns
        return dataclasses.replace(
            asked, kind=self.kind, storage=self.storage, projection=columns, memory=None, allow_missed=False
        )

    def form(self, n: int, dim: int, asked: ANNParams) -> ListForm | None:
        """Of its lists over n vectors; None where it has none."""
        return form_of(self.kind, n, dim, self.params(asked))


def candidates(n: int, dim: int, params: ANNParams) -> list[Candidate]:
    """Every family that fits the memory, each with the widest storage that does; a scan comes last."""
    kinds: list[Kind] = []
    if n > _SCANNED_ROWS:
        kinds += ["ivf", "ivfsq"]
        kinds += ["rabitq"] if dim >= _FEWEST_BITS else []
        kinds += ["ivfpq"] if dim <= _MOST_CODES else []
        kinds += ["hnsw"] if dim <= _WALKED_COLUMNS and params.metric != "inner_product" else []
    kinds.append("flat")
    widths: list[tuple[Kind, int | None]] = [(kind, None) for kind in kinds]
    wider = more_columns(dim)
    if "ivfsq" in kinds and params.projection is None and wider is not None:
        widths.insert(kinds.index("ivfsq") + 1, ("ivfsq", wider))
    limit = None if params.memory is None else parse_bytes(params.memory)
    found = []
    for kind, columns in widths:
        for storage in STORAGES[STORAGES.index(params.storage) :]:
            candidate = Candidate(kind=kind, storage=storage, n_columns=columns)
            form = candidate.form(n, dim, params)
            if limit is None or index_bytes(n, dim, kind, storage, params.m, form, params.projection) <= limit:
                found.append(candidate)
                break
    return found


@final
class Projections:
    """Learned once for each number of columns, and used on the sample and in full."""

    def __init__(self, rows: Float32s, params: ANNParams) -> None:
        self._rows, self._params = rows, params
        self._of: dict[int, Float32s | None] = {}

    def of(self, form: ListForm) -> Float32s | None:
        if not form.is_projected:
            return None
        if form.n_columns not in self._of:
            params = self._params
            self._of[form.n_columns] = learned_projection(self._rows, form, metric=params.metric, seed=params.seed)
        return self._of[form.n_columns]


@final
class Sample:
    """Rows that families are compared on, and what an exact search answers to some of them.

    What a pair or a beam costs is counted for all the rows, whose lists are longer, or whose graphs are more.
    """

    def __init__(self, rows: DistinctRows, params: ANNParams, learned: Projections, given: Float32s | None) -> None:
        n = self._n_whole = len(rows.rows)
        size = min(n, max(_SAMPLE[0], min(_SAMPLE[1], n // 10)))
        picked = rows.rows
        if size < n:
            picked = picked[np.sort(stream(params.seed, "ann.family").choice(n, size, replace=False))]
        # Rows are of length one already, and their values must be those of the index to the last bit.
        plain: Metric = "l2" if is_distance(params.metric) else "inner_product"
        self._params = dataclasses.replace(params, metric=plain)
        self._learned = learned
        numbers = np.arange(size)
        self._rows = DistinctRows(start=0, rows=picked, ids=numbers, copies=np.zeros((0, 2), dtype=np.int64))
        self._held = held_out(picked, numbers, self._params, SAMPLE_QUERIES, given)

    def compared(self, families: Sequence[Candidate]) -> list[Tried]:
        """What each reaches, in the order given. Those that cannot come near the cheapest are not built.

        The first to be tried is the one whose lists take the least work; none of the others is supposed to need fewer
        than three quarters of the lists it needs.
        """
        tried: dict[Candidate, Tried] = {}
        cheapest, least = np.inf, (1, 1)  # lists to probe, of how many
        for family in sorted(families, key=lambda family: self._least(family, _USUAL_PROBES)):
            bound = BEHIND * cheapest
            least_probe = least_lists(*least, self._n_lists(family))
            if self._least(family, least_probe) >= bound:
                tried[family] = self._left_out(family)
                continue
            found = self._tried(family, least_probe, bound)
            tried[family] = found
            enough = [(cost, n_probe) for n_probe, _, recall, cost in found.points if recall >= self._params.recall]
            cost, n_probe = min(enough, default=(np.inf, 1))
            if cost < cheapest:
                cheapest = cost
                least = (n_probe, found.n_lists) if found.n_lists else least
        return [tried[family] for family in families]

    def _n_lists(self, family: Candidate) -> int:
        n, dim = self._rows.rows.shape
        form = family.form(n, dim, self._params)
        return 1 if form is None else form.n_lists

    def _least(self, family: Candidate, n_probe: int) -> float:
        return least_cost(family, self._n_whole, self._rows.rows.shape[1], self._params, n_probe)

    def _tried(self, family: Candidate, least_probe: int, bound: float) -> Tried:
        own = dataclasses.replace(family.params(self._params), allow_missed=True)
        rows = self._rows.rows
        form = family.form(len(rows), rows.shape[1], self._params)
        matrix = None if form is None else self._learned.of(form)
        shard = Shard.from_built(index_rows(self._rows, family.kind, family.storage, own, matrix=matrix))
        if form is None:
            sizes = [stop - start for start, stop in shard_ranges(self._n_whole, own)]
            return walked(shard, sizes, measure([shard], rows, own, held=self._held))
        trial = Trial(shard=shard, vectors=rows, held=self._held, params=own, n_whole=self._n_whole)
        return tried_form(trial, sweep(trial, least_probe=least_probe, at_most=bound))

    def _left_out(self, family: Candidate) -> Tried:
        n, dim = self._rows.rows.shape
        form = family.form(n, dim, self._params)
        return Tried(
            kind=family.kind,
            storage=family.storage,
            n_rows=n,
            n_bytes=index_bytes(n, dim, family.kind, family.storage, self._params.m, form, self._params.projection),
            n_lists=0 if form is None else form.n_lists,
            n_columns=dim if form is None else form.n_columns,
            points=(),
        )


def least_lists(n_probe: int, n_lists: int, n_others: int) -> int:
    """Lists of ``n_others`` that another family needs at least, where one needs ``n_probe`` of ``n_lists``.

    Of twice as many lists it takes between one and two times the number.
    """
    ratio = n_others / n_lists
    return max(1, math.ceil(0.75 * n_probe * (ratio if ratio < 1 else math.sqrt(ratio))))


def least_cost(family: Candidate, n: int, dim: int, params: ANNParams, n_probe: int) -> float:
    """Counted microseconds that a query takes at least, when it reads ``n_probe`` lists."""
    form = family.form(n, dim, params)
    if form is None:
        columns = walked_columns(family.kind, dim, params.projection)
        storage = family.storage if columns is None else "float32"
        ranges = shard_ranges(n, family.params(params))
        return sum(walk_cost(stop - start, columns or dim, storage, LADDER[0]) for start, stop in ranges) / 1000
    probed = min(n_probe, form.n_lists)
    # Whole numbers are kept as bytes, which nobody knows yet: nothing is scored again more cheaply.
    work = list_cost(form, dim, "uint8", n, n_probe=probed, n_read=n * probed / form.n_lists, n_rescored=min(K, n))
    return work / 1000


def walked(shard: Shard, sizes: Sequence[int], measured: Measured) -> Tried:
    """A graph's beams as points, with what they cost in graphs like ``shard`` of so many vectors."""
    points = tuple((beam, 1, recall, walks_cost(shard, sizes, beam)) for beam, recall in measured.frontier)
    return Tried(
        kind=measured.kind,
        storage=measured.storage,
        n_rows=measured.n_rows,
        n_bytes=measured.n_bytes,
        n_lists=0,
        n_columns=measured.dim,
        points=points,
    )


def walks_cost(shard: Shard, sizes: Sequence[int], ef_search: int) -> float:
    """Counted microseconds of a walk through every graph."""
    return round(sum(shard.walk_cost(max(ef_search, K), n) for n in sizes) / 1000, 1)
