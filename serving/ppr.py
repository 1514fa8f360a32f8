"""Rankings from a PowerWalk index with the query effort its build was configured with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import final

from artifacts.powerwalk import open_powerwalk, query_params
from foundation.errors import InvalidQuery
from foundation.threads import even_ranges
from graph.powerwalk import Ranking

MIN_RMAX, MAX_RMAX = 1e-8, 1.0  # below, exact rankings take less time
_AT_ONCE = 1 << 20  # answers of one block of queries: 12 MB
_CORES = os.cpu_count() or 1
# Queries a thread: one is started in the time of some that read lists, or of part of a push.
_WITH_HUBS = 512
_WITHOUT = 8


@final
class Rankings:
    """An opened index; safe to ask from several threads."""

    def __init__(self, path: Path, graph: Path) -> None:
        self._index = open_powerwalk(path, graph)
        self._params = query_params(path)
        self._queries_a_thread = _WITHOUT if self._index.hubs is None or self._params.sweeps else _WITH_HUBS

    def query(
        self, seeds: Sequence[Mapping[int, float]], k: int, *, exact: bool, rmax: float | None = None
    ) -> Iterator[Ranking]:
        """Rank as seen from each ``{row: weight}``, with another ``rmax`` than configured if one is given.

        The queries are answered in blocks, in order: what a large batch takes at a time is bounded. A large block is
        spread over the cores, which changes no byte.

        Raises
        ------
        InvalidQuery
            When ``rmax`` is out of range.
        """
        params = self._params if rmax is None else dataclasses.replace(self._params, rmax=_checked(rmax))
        for first, last in even_ranges(len(seeds), max(1, _AT_ONCE // k)):
            n_threads = max(1, min(_CORES, (last - first) // self._queries_a_thread))
            yield self._index.query(seeds[first:last], k, params=params, exact=exact, n_threads=n_threads)


def shortages(results: Sequence[Sequence[object]], k: int, residuals: Sequence[float]) -> list[str]:
    """A line for each list that is shorter than ``k``: whether there are no more nodes, or none were found."""
    return [
        f"query {number}: {len(hits)} of {k} nodes; "
        + ("no walk leads to any other" if residual == 0 else "no other has a score; exact rankings look everywhere")
        for number, (hits, residual) in enumerate(zip(results, residuals, strict=True), 1)
        if len(hits) < k
    ]


def _checked(rmax: float) -> float:
    if isinstance(rmax, bool) or not isinstance(rmax, int | float) or not MIN_RMAX <= rmax <= MAX_RMAX:
        raise InvalidQuery(what=f"rmax = {rmax!r}", fix=f"use {MIN_RMAX:g} to {MAX_RMAX:g}, or ask for exact rankings")
    return float(rmax)
