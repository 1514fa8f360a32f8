"""Rankings from a PowerWalk index with the query effort its build was configured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

from artifacts.artifact import Artifact
from artifacts.fingerprints import KIND, READABLE, open_powerwalk
from graph.csr import CSRGraph
from graph.powerwalk import QueryParams, Ranking


@final
class Rankings:
    """An opened index; safe to ask from several threads."""

    def __init__(self, path: Path, graph: CSRGraph) -> None:
        self._index = open_powerwalk(path, graph)
        self._params = QueryParams(**Artifact.open(path, KIND, READABLE).manifest.params["query"])

    def query(self, seeds: Sequence[Mapping[int, float]], k: int, *, exact: bool) -> Ranking:
        """Rank as seen from each ``{row: weight}``."""
        return self._index.query(seeds, k, params=self._params, exact=exact)
