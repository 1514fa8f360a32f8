"""Measuring an index whose files are there, and describing it, which makes a directory an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from foundation.npy import open_npy
from vectors.ann.params import parse_bytes
from vectors.metrics import Int64s, Metric
from vectors.spann import files
from vectors.spann.heads import Heads
from vectors.spann.measured import Measured
from vectors.spann.params import SpannParams
from vectors.spann.postings import Table
from vectors.spann.reader import Reading, open_reader
from vectors.spann.search import Searcher
from vectors.spann.tuning import find_effort


def finish(
    directory: Path,
    heads: Heads,
    table: Table,
    copies: Int64s,
    distinct: Int64s,
    head_rows: Int64s,
    params: SpannParams,
    *,
    heldout: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Measured:
    """Measure recall over the lists and vectors in ``directory``, choose the effort, and write the description.

    ``copies`` and ``distinct`` are as `vectors.spann.build.find_copies` gives them, ``head_rows`` as `choose_heads`.

    Raises
    ------
    InvalidParams
        When what an opened index holds is more than ``params.memory``.
    TargetMissed
        When the asked recall is not reached.
    """
    memory_bytes = heads.n_bytes + table.ats.nbytes + table.counts.nbytes + copies.nbytes
    if params.memory is not None and memory_bytes > parse_bytes(params.memory):
        least = f"at least {memory_bytes} bytes for {heads.n_heads} heads and {len(copies)} rows equal to others"
        raise InvalidParams(name="memory", value=params.memory, allowed=f"{least}, or None")
    stored = open_npy(directory / files.VECTORS)
    searcher = open_searcher(directory, heads, table, copies, params.metric, "map")
    found = find_effort(searcher, stored, _asking(distinct, head_rows), params, heldout=heldout, n_threads=n_threads)
    measured = Measured(
        metric=params.metric,
        n_rows=stored.shape[0],
        n_distinct=distinct.size,
        dim=stored.shape[1],
        n_heads=heads.n_heads,
        n_entries=int(table.counts.sum(dtype="int64")),
        longest_list=int(table.counts.max(initial=0)),
        disk_bytes=sum(path.stat().st_size for path in directory.iterdir()),
        memory_bytes=memory_bytes,
        asked=params.recall,
        n_queries=found.n_queries,
        queries="rows" if heldout is None else "given",
        chosen=found.chosen,
        frontier=found.frontier,
        plain=found.plain,
        pruned=found.pruned,
    )
    opened = files.Opened(
        heads=heads, table=table, copies=copies, n_rows=stored.shape[0], params=params, measured=measured
    )
    files.write_description(directory, opened)
    return measured


def _asking(distinct: Int64s, head_rows: Int64s) -> Int64s:
    """Rows to ask for: those that are no heads, which lie in the middle of a list and are found more of than others."""
    others = np.setdiff1d(distinct, head_rows, assume_unique=True)
    return others if others.size else distinct


def open_searcher(
    directory: Path, heads: Heads, table: Table, copies: Int64s, metric: Metric, reading: Reading
) -> Searcher:
    """What searches the files in ``directory``."""
    reader = open_reader(reading, directory / files.LISTS, directory / files.VECTORS, table)
    return Searcher(heads=heads, table=table, reader=reader, copies=copies, metric=metric)
