"""Nodes whose embeddings are nearest. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.opened import Answer, Hit, Opened, up_to
from serving.restricting import Bools, nodes_where
from vectors.ann.exact import exact_values
from vectors.fusion import fuse
from vectors.metrics import is_distance

DEPTH: Final = 1000  # nodes near seeds that are compared with a query

Int64s = npt.NDArray[np.int64]


def similar(
    opened: Opened,
    ids: Sequence[str | int] | None,
    vectors: npt.ArrayLike | None,
    k: int,
    *,
    where: Mapping[str, Any] | None = None,
    near: Mapping[Any, float] | None = None,
) -> Answer:
    """Nodes like each of ``ids``, or nearest to each of ``vectors``."""
    check_built(opened.release, "similar")
    if (ids is None) == (vectors is None):
        raise InvalidQuery(what="similar takes ids or vectors", fix="pass exactly one of them")
    index, own = opened.neighbours, None
    if ids is not None:
        rows = opened.rows(ids)
        k = up_to(k, opened.graph.n_nodes - 1, "other nodes")
        queries, own = opened.embedding[rows], np.array(rows, dtype=np.int64)
    else:
        k = up_to(k, opened.graph.n_nodes, "nodes")
        queries = _matrix(vectors, index.dim)
    allowed = nodes_where(opened, where)
    if near is not None:
        return opened.answer(_near(opened, queries, own, k, allowed, near))
    found, values = index.search(queries, k, exclude=own, where=allowed)
    scores = -values if is_distance(index.params.metric) else values
    return opened.answer(opened.node_lists(found, scores))


def _near(
    opened: Opened,
    queries: npt.NDArray[np.float32],
    own: Int64s | None,
    k: int,
    allowed: Bools | None,
    near: Mapping[Any, float],
) -> list[list[Hit]]:
    """The nodes that matter most seen from ``near``, in the order of that and of likeness, fused by reciprocal rank."""
    check_built(opened.release, "ppr")
    if not near:
        raise InvalidQuery(what="near names no node", fix='write {"ID": WEIGHT}')
    (ranking,) = opened.rankings.query([opened.weights(near)], min(DEPTH, opened.graph.n_nodes), exact=False)
    there = ranking.nodes[0] >= 0
    if allowed is not None:
        there &= allowed[np.maximum(ranking.nodes[0], 0)]
    nodes, chances = ranking.nodes[0][there], ranking.scores[0][there]
    metric = opened.neighbours.params.metric
    values = exact_values(opened.embedding, queries, np.tile(nodes, (len(queries), 1)), metric=metric)
    likeness = -values if is_distance(metric) else values
    hits: list[list[Hit]] = []
    for query in range(len(queries)):
        others = np.flatnonzero(nodes != own[query]) if own is not None else np.arange(nodes.size)
        alike = np.lexsort((nodes[others], -likeness[query, others]))
        # Places in the ranking are what is fused: of equal scores, the node that is nearer comes first.
        fused = fuse([others[alike][None, :], others[None, :]], k)
        kept = fused.rows[0] >= 0
        places = fused.rows[0][kept]
        listed = opened.node_hits(nodes[places], fused.scores[0][kept])
        for hit, place, ranks in zip(listed, places.tolist(), fused.ranks[0][kept].tolist(), strict=True):
            hit["similarity"], hit["ppr"] = float(likeness[query, place]), float(chances[place])
            hit["ranks"] = {"similar": ranks[0], "ppr": ranks[1]}
        hits.append(listed)
    return hits


def _matrix(vectors: npt.ArrayLike | None, dim: int) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # what is too large becomes an infinity, which the search refuses
            matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidQuery(what="vectors are not a matrix of numbers", fix=f"pass rows of {dim} numbers") from None
    if matrix.ndim != 2 or matrix.shape[1] != dim:
        raise InvalidQuery(what=f"vectors of shape {matrix.shape}", fix=f"pass rows of {dim} numbers")
    return matrix
