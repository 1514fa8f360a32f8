"""Personalised PageRank as dissimilarities of nodes: how hard an object is to reach from a medoid's walks."""

from __future__ import annotations

from typing import Any, Final, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from clustering.medoids.dissimilarities import EVERY, Chosen, Dissimilarities, Int64s, Rows, numbers, room
from clustering.sets import frozen
from foundation.errors import InvalidInput, InvalidParams
from foundation.threads import even_ranges
from graph.powerwalk.index import PowerWalkIndex

Scale = Literal["log", "linear"]

_QUERIES: Final = 16  # asked at a time: 8 bytes a node each


@final
class RankDissimilarities(Dissimilarities):
    """Of nodes of a graph, from the scores s(m → o) of restarts at the candidate m.

    ``log`` is ln(1 / max(s, floor)), so that what is never reached costs ln(1 / floor); ``linear`` is 1 - s. Neither is
    symmetric, and neither is 0 for m itself. The objects are all nodes, or the ``nodes`` named (ids, each once).

    Raises
    ------
    InvalidParams
        For an unknown ``scale``, or a ``floor`` outside (0, 1).
    InvalidInput
        For a node that is not there, or named twice.
    """

    def __init__(
        self,
        index: PowerWalkIndex,
        nodes: npt.ArrayLike | None = None,
        *,
        scale: Scale = "log",
        floor: float = 1e-6,
    ) -> None:
        if scale not in get_args(Scale):
            raise InvalidParams(name="scale", value=scale, allowed=", ".join(get_args(Scale)))
        if not 0 < floor < 1:
            raise InvalidParams(name="floor", value=floor, allowed="a number in (0, 1)")
        n_nodes = index.graph.n_nodes
        chosen: Int64s = np.arange(n_nodes) if nodes is None else np.asarray(nodes, dtype=np.int64)
        if chosen.ndim != 1 or np.unique(chosen).size != chosen.size or np.any((chosen < 0) | (chosen >= n_nodes)):
            raise InvalidInput(
                source="nodes", what=f"not {chosen.size} different nodes of {n_nodes}", fix="name each node once"
            )
        self._index, self._nodes, self._scale, self._floor = index, chosen, scale, floor

    def __len__(self) -> int:
        return int(self._nodes.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        asked, others = self._nodes[numbers(candidates, len(self))], self._nodes[objects]
        out = room(asked.size, others.size)
        for start, stop in even_ranges(asked.size, _QUERIES):
            seeds = [{int(node): 1.0} for node in asked[start:stop]]
            scores = self._index.vectors(seeds).scores[:, others]
            out[start:stop] = -np.log(np.maximum(scores, self._floor)) if self._scale == "log" else 1 - scores
        return frozen(out)
