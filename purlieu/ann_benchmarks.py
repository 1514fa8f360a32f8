"""An adapter for ann-benchmarks, the usual harness for comparing nearest neighbour indexes.

Its runner makes one object for each set of arguments, calls ``fit`` once, then for each group of query arguments
``set_query_arguments`` and ``query`` or ``batch_query``. `docs/ann_benchmarks.md` has the files to put beside it.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any, Final, final

import numpy.typing as npt

_METRICS: Final = {"euclidean": "l2", "angular": "cosine"}


@final
class Purlieu:
    """What the harness calls its algorithm.

    Parameters
    ----------
    metric : "euclidean" or "angular"
    params : of `vectors.ann.params.ANNParams`, such as ``{"kind": "auto", "recall": 0.95}``
    """

    def __init__(self, metric: str, params: Mapping[str, Any]) -> None:
        from vectors.ann.index import ANNParams

        if metric not in _METRICS:
            raise NotImplementedError(f"the metric {metric!r}; there are {', '.join(_METRICS)}")
        self._params = ANNParams(**{**params, "metric": _METRICS[metric]})
        self._effort: dict[str, int] = {}
        self._found: npt.NDArray[Any] | None = None
        self._index: Any = None
        self.name = f"purlieu({', '.join(f'{name}={value}' for name, value in params.items())})"

    def fit(self, vectors: npt.NDArray[Any]) -> None:
        """Build the index."""
        from vectors.ann.index import ANNIndex

        self._index = ANNIndex.build(vectors, self._params)
        self.query(vectors[0], 10)  # compiles what is not in the cache

    def set_query_arguments(self, n_probe: int | None = None, k_factor: int | None = None) -> None:
        """How hard to look; without arguments as hard as the index found it must for its recall."""
        given = {"n_probe": n_probe, "k_factor": k_factor}
        self._effort = {name: value for name, value in given.items() if value is not None}
        told = ", ".join(f"{name}={value}" for name, value in self._effort.items())
        self.name = f"{self.name.split(' @ ')[0]} @ {told}" if told else self.name.split(" @ ")[0]

    def query(self, vector: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
        """Rows nearest to one vector."""
        rows: npt.NDArray[Any] = self._index.search(vector[None, :], n, **self._effort)[0][0]
        return rows[rows >= 0]

    def batch_query(self, vectors: npt.NDArray[Any], n: int) -> None:
        """Search for many at once, for `get_batch_results`."""
        self._found = self._index.search(vectors, n, **self._effort)[0]

    def get_batch_results(self) -> list[npt.NDArray[Any]]:
        """Rows of each query of `batch_query`."""
        return [] if self._found is None else [rows[rows >= 0] for rows in self._found]

    def get_additional(self) -> dict[str, Any]:
        """What is stored beside the result: how the index answers and what it knew of its recall."""
        measured = self._index.measured
        return {"kind": measured.kind, "measured_recall": measured.recall, "counted_microseconds": measured.cost or 0.0}

    def get_memory_usage(self) -> float:
        """Kilobytes the process has held at most."""
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    def done(self) -> None:
        """Let go of the index."""
        self._index = self._found = None

    def __str__(self) -> str:
        return self.name
