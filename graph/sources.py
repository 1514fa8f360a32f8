"""Where a walk restarts: one node, or several with weights, checked and turned into shares."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery


def restart_shares(
    source: int | Mapping[int, float], n_nodes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows in ascending order and the share of restarts each gets; shares add up to 1.

    The order of a mapping does not matter: equal mappings give equal bytes.

    Raises
    ------
    InvalidQuery
        When ``source`` is empty or names a row outside [0, n_nodes), or a weight is not a positive finite number.
    """
    if not isinstance(source, Mapping):
        return np.array([_row(source, n_nodes)], dtype=np.int64), np.ones(1)
    if not source:
        raise InvalidQuery(what="a query without seeds", fix="name at least one node with a positive weight")
    weight_of = {_row(node, n_nodes): _weight(node, weight) for node, weight in source.items()}
    nodes = np.array(sorted(weight_of), dtype=np.int64)
    weights = np.array([weight_of[int(node)] for node in nodes])
    weights /= weights.max()  # so that the sum cannot overflow
    return nodes, weights / weights.sum()


def batch_shares(
    queries: Sequence[Mapping[int, float]], n_nodes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """`restart_shares` of every query, laid end to end: row pointer (n_queries + 1,), rows, shares.

    Queries of one seed, which most are, cost a fraction of a microsecond.

    Raises
    ------
    InvalidQuery
        As `restart_shares`; also when a query is not a mapping.
    """
    if isinstance(queries, Mapping):
        raise InvalidQuery(what="seeds are one mapping", fix="pass a list with one {row: weight} per query")
    if (rows := _single_rows(queries, n_nodes)) is not None:
        return np.arange(rows.size + 1), rows, np.ones(rows.size)
    starts = [restart_shares(_mapping(query), n_nodes) for query in queries]
    return (
        np.cumsum([0, *(nodes.size for nodes, _ in starts)]),
        np.concatenate([np.empty(0, dtype=np.int64), *(nodes for nodes, _ in starts)]),
        np.concatenate([np.empty(0), *(shares for _, shares in starts)]),
    )


def _single_rows(queries: Sequence[Mapping[int, float]], n_nodes: int) -> npt.NDArray[np.int64] | None:
    """The one row of each query, or None where `restart_shares` has to look: at several seeds, or at a mistake."""
    if not all(type(query) is dict and len(query) == 1 for query in queries):
        return None
    rows = np.array([next(iter(query)) for query in queries])
    weights = np.array([next(iter(query.values())) for query in queries])
    if rows.dtype.kind not in "iu" or weights.dtype.kind not in "iuf" or rows.ndim != 1 or weights.ndim != 1:
        return None
    if not ((rows >= 0) & (rows < n_nodes) & (weights > 0) & (weights < np.inf)).all():
        return None
    return rows.astype(np.int64)


def _mapping(query: Any) -> Mapping[int, float]:
    if not isinstance(query, Mapping):
        raise InvalidQuery(what=f"query {query!r} is not a mapping", fix="pass one {row: weight} per query")
    return query


def _row(node: object, n_nodes: int) -> int:
    try:
        row = operator.index(node)  # type: ignore[arg-type]  # anything may come in here
    except TypeError:
        raise InvalidQuery(what=f"seed {node!r} is not a node row", fix="seeds are integer rows") from None
    if not 0 <= row < n_nodes:
        raise InvalidQuery(what=f"seed {row} is not a node of this graph", fix=f"rows run from 0 to {n_nodes - 1}")
    return row


def _weight(node: object, weight: object) -> float:
    try:
        value = float(weight)  # type: ignore[arg-type]  # anything may come in here
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InvalidQuery(what=f"seed {node!r} has weight {weight!r}", fix="weights are positive finite numbers")
    return value
