"""Nodes whose embeddings are nearest. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.opened import Answer, Opened, check_k
from vectors.metrics import is_distance


def similar(opened: Opened, ids: Sequence[str | int] | None, vectors: npt.ArrayLike | None, k: int) -> Answer:
    """Nodes like each of ``ids``, or nearest to each of ``vectors``."""
    check_built(opened.release, "similar")
    if (ids is None) == (vectors is None):
        raise InvalidQuery(what="similar takes ids or vectors", fix="pass exactly one of them")
    index = opened.neighbours
    if ids is not None:
        rows = opened.rows(ids)
        check_k(k, opened.graph.n_nodes - 1, "other nodes")
        found, values = index.search(opened.embedding[rows], k, exclude=np.array(rows, dtype=np.int64))
    else:
        check_k(k, opened.graph.n_nodes, "nodes")
        found, values = index.search(_matrix(vectors, index.dim), k)
    scores = -values if is_distance(index.params.metric) else values
    return opened.answer([opened.node_hits(*pair) for pair in zip(found, scores, strict=True)])


def _matrix(vectors: npt.ArrayLike | None, dim: int) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # what is too large becomes an infinity, which the search refuses
            matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidQuery(what="vectors are not a matrix of numbers", fix=f"pass rows of {dim} numbers") from None
    if matrix.ndim != 2 or matrix.shape[1] != dim:
        raise InvalidQuery(what=f"vectors of shape {matrix.shape}", fix=f"pass rows of {dim} numbers")
    return matrix
