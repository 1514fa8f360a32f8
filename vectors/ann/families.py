"""The forms that are compared when the kind is left open, and what each reaches on a sample."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from foundation.seeds import stream
from vectors.ann.build import DistinctRows, index_rows
from vectors.ann.cost import walk_cost
from vectors.ann.effort import K
from vectors.ann.forms import STORAGES, AskedStorage, Kind, ListForm, index_bytes
from vectors.ann.list_build import learned_projection
from vectors.ann.measure import measure
from vectors.ann.params import ANNParams, form_of, parse_bytes
from vectors.ann.probing import sweep, tried_form
from vectors.ann.shard import Shard
from vectors.ann.tuning import Measured, Tried, held_out
from vectors.metrics import Float32s, Metric, is_distance

_SAMPLE: Final = (6_000, 50_000)  # least and most rows of the sample; a tenth in between
SAMPLE_QUERIES: Final = 300
_SCANNED_ROWS: Final = 1_000  # up to these there is nothing to gain
_FEWEST_BITS: Final = 32  # columns that single bits tell vectors apart by
_MOST_CODES: Final = 1024  # columns beyond which learning a codebook for each four or eight takes too long
# Columns that a graph still walks well; on 784 pixels it took twice the work of lists at equal recall, and twenty
# times the build, so wider vectors are not even tried in a graph.
_WALKED_COLUMNS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A kind, and the widest storage of its vectors that fits the memory."""

    kind: Kind
    storage: AskedStorage

    def params(self, asked: ANNParams) -> ANNParams:
        """What to build it with."""
        return dataclasses.replace(asked, kind=self.kind, storage=self.storage, memory=None, allow_missed=False)


def candidates(n: int, dim: int, params: ANNParams) -> list[Candidate]:
    """Every family that fits the memory, each with the widest storage that does; a scan comes last."""
    kinds: list[Kind] = []
    if n > _SCANNED_ROWS:
        kinds += ["ivf", "ivfsq"]
        kinds += ["rabitq"] if dim >= _FEWEST_BITS else []
        kinds += ["ivfpq"] if dim <= _MOST_CODES else []
        kinds += ["hnsw"] if dim <= _WALKED_COLUMNS and params.metric != "inner_product" else []
    kinds.append("flat")
    limit = None if params.memory is None else parse_bytes(params.memory)
    found = []
    for kind in kinds:
        for storage in STORAGES[STORAGES.index(params.storage) :]:
            size = index_bytes(n, dim, kind, storage, params.m, form_of(kind, n, dim, params))
            if limit is None or size <= limit:
                found.append(Candidate(kind=kind, storage=storage))
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


def on_sample(
    candidate: Candidate, rows: DistinctRows, params: ANNParams, learned: Projections, given: Float32s | None
) -> Tried:
    """What a family reaches on the sample."""
    n = len(rows.rows)
    size = min(n, max(_SAMPLE[0], min(_SAMPLE[1], n // 10)))
    picked = rows.rows
    if size < n:
        picked = picked[np.sort(stream(params.seed, "ann.family").choice(n, size, replace=False))]
    # Rows are of length one already, and their values must be those of the index to the last bit.
    plain: Metric = "l2" if is_distance(params.metric) else "inner_product"
    own = dataclasses.replace(candidate.params(params), metric=plain, allow_missed=True)
    numbers = np.arange(size)
    sample = DistinctRows(start=0, rows=picked, ids=numbers, copies=np.zeros((0, 2), dtype=np.int64))
    form = form_of(candidate.kind, size, rows.rows.shape[1], own)
    matrix = None if form is None else learned.of(form)
    shard = Shard.from_built(index_rows(sample, candidate.kind, candidate.storage, own, matrix=matrix))
    if form is not None:
        held = held_out(picked, numbers, own, SAMPLE_QUERIES, given)
        return tried_form(shard, sweep(shard, picked, held, own))
    return walked([shard], measure([shard], picked, own, heldout=given))


def walked(shards: list[Shard], measured: Measured) -> Tried:
    """A graph's beams as points."""
    points = tuple((ef_search, 1, recall, walks_cost(shards, ef_search)) for ef_search, recall in measured.frontier)
    return Tried(
        kind=measured.kind,
        storage=measured.storage,
        n_rows=measured.n_rows,
        n_bytes=measured.n_bytes,
        n_lists=0,
        n_columns=measured.dim,
        points=points,
    )


def walks_cost(shards: list[Shard], ef_search: int) -> float:
    """Counted microseconds of a walk through every graph."""
    beam, storage = max(ef_search, K), shards[0].vectors.storage
    return round(sum(walk_cost(len(shard.ids), shard.dim, storage, beam) for shard in shards) / 1000, 1)
