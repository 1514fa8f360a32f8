"""Which rows may be answered with: those whose fields meet a condition, and documents of a part of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.opened import Opened, check_k
from vectors.corpus.columns import column_from_values
from vectors.corpus.filters import matching_rows

WAYS: Final = ("ppr", "community", "label")
SIZE: Final = 100  # nodes of a part of the graph, unless it is asked for another number

Bools = npt.NDArray[np.bool_]
Where = Mapping[str, Any]


def documents_where(opened: Opened, where: Where | None) -> Bools | None:
    """Documents that meet a condition, bool (n_docs,); None where there is no condition.

    Raises
    ------
    InvalidQuery
        As `matching_rows`.
    """
    if where is None or where == {}:
        return None
    return matching_rows(where, opened.corpus.fields, opened.corpus.n_docs)


def nodes_where(opened: Opened, where: Where | None) -> Bools | None:
    """Nodes whose documents meet a condition, bool (n_nodes,); None where there is no condition.

    A node without a document lacks every field: it meets the negation of a condition alone.

    Raises
    ------
    InvalidQuery
        As `matching_rows`, and where no node can have a document.
    """
    if where is None or where == {}:
        return None
    docs = _doc_of_node(opened, "the fields to filter nodes by")
    allowed = matching_rows(where, opened.corpus.fields, opened.corpus.n_docs)
    lacking = {name: column_from_values(column.kind, [None]) for name, column in opened.corpus.fields.items()}
    without = matching_rows(where, lacking, 1)[0]
    return np.where(docs >= 0, allowed[docs], without)


def documents_within(opened: Opened, within: Mapping[str, Any] | None) -> Bools | None:
    """Documents of the nodes of a part of the graph, bool (n_docs,); None where there is none.

    Raises
    ------
    InvalidQuery
        For a part that cannot be, or where no node can have a document.
    UnknownId, NotBuilt
    """
    if within is None:
        return None
    docs = _doc_of_node(opened, "the documents of nodes")[_part(opened, within)]
    allowed = np.zeros(opened.corpus.n_docs, dtype=np.bool_)
    allowed[docs[docs >= 0]] = True
    return allowed


def _part(opened: Opened, within: Mapping[str, Any]) -> npt.NDArray[np.int64]:
    """Rows of the nodes that ``within`` names, in no particular order."""
    unknown = [name for name in within if name not in ("seeds", "by", "size")]
    if unknown:
        raise InvalidQuery(what=f"within has {unknown[0]!r}", fix="it is made of seeds, by and size")
    seeds, by, size = within.get("seeds"), within.get("by", WAYS[0]), within.get("size")
    if not isinstance(seeds, Mapping) or not seeds:
        raise InvalidQuery(what="within has no seeds", fix='write {"seeds": {"ID": WEIGHT}}')
    if by not in WAYS:
        raise InvalidQuery(what=f"within by {by!r}", fix=f"choose {', '.join(WAYS)}")
    check_built(opened.release, {"label": "labels"}.get(by, by))
    weights = opened.weights(seeds)
    if by == "label":
        if size is not None:
            raise InvalidQuery(what="within by label has a size", fix="leave it out: such a community is taken whole")
        found = np.unique(opened.labels.of(np.array(list(weights), dtype=np.int64)))
        return np.concatenate([opened.labels.top(label, opened.graph.n_nodes).nodes for label in found.tolist()])
    n_nodes = opened.graph.n_nodes
    if size is None:
        size = min(n_nodes, max(SIZE, len(weights)))
    check_k(size, n_nodes, "nodes", "size")
    if by == "community":
        return np.asarray(opened.growths.members(list(weights), size, None, 0).nodes, dtype=np.int64)
    (ranking,) = opened.rankings.query([weights], size, exact=False)
    nodes = np.asarray(ranking.nodes[0], dtype=np.int64)
    return nodes[nodes >= 0]


def _doc_of_node(opened: Opened, what: str) -> npt.NDArray[np.int64]:
    if opened.doc_of_node is None:
        raise InvalidQuery(what=f"this index lacks {what}", fix="build it with both [graph] and [corpus]")
    return opened.doc_of_node
