"""Distances of vectors as dissimilarities, computed when they are asked for."""

from __future__ import annotations

from typing import Any, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from clustering.kernels.distances import squared_distances
from clustering.medoids.dissimilarities import EVERY, Chosen, Dissimilarities, Rows, room
from clustering.sets import frozen
from foundation.errors import InvalidParams
from vectors.metrics import check_matrix, parse_rows

Distance = Literal["l2", "squared_l2", "cosine"]


@final
class VectorDissimilarities(Dissimilarities):
    """Of vectors float32 (n, dim): Euclidean distances, their squares, or 1 - cosine.

    Holds two copies of the vectors. Distances below 1e-19 are inexact: their squares leave float32's range. A vector of
    zeros has cosine 0 with every vector, itself included: dissimilarity 1.

    Raises
    ------
    InvalidInput
        When ``vectors`` is no matrix of finite numbers, or one is so long that float32 overflows.
    InvalidParams
        For an unknown ``distance``.
    """

    def __init__(self, vectors: npt.NDArray[Any], distance: Distance = "l2") -> None:
        if distance not in get_args(Distance):
            raise InvalidParams(name="distance", value=distance, allowed=", ".join(get_args(Distance)))
        check_matrix(vectors)
        self._distance = distance
        self._vectors = frozen(parse_rows(vectors, 0, len(vectors), "cosine" if distance == "cosine" else "l2"))
        self._columns = frozen(self._vectors.T)
        self._is_zero = np.logical_not(np.any(self._vectors, axis=1, keepdims=True)[:, 0])

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        asked, others = frozen(self._vectors[candidates]), frozen(self._columns[:, objects])
        out = room(len(asked), others.shape[1])
        squared_distances(asked, others, out)
        if self._distance == "l2":
            np.sqrt(out, out=out)
        elif self._distance == "cosine":
            out *= np.float32(0.5)  # of unit vectors |x - y|² = 2 (1 - cos)
            out[self._is_zero[candidates]] = 1
            out[:, self._is_zero[objects]] = 1
        return frozen(out)
