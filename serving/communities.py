"""Communities: around seeds, and those of the whole graph. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clustering.labels import LabelIndex
from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.opened import Answer, Hit, Opened, check_k, up_to


def community(opened: Opened, seeds: Sequence[str | int], size: int | None, after: int, method: str | None) -> Answer:
    """The community around seeds."""
    check_built(opened.release, "community")
    if not seeds:
        raise InvalidQuery(what="community without seeds", fix="name at least one node")
    if size is None:
        size = min(opened.growths.size, opened.graph.n_nodes)
    check_k(size, opened.graph.n_nodes, "nodes", "size")
    found = opened.growths.members(opened.rows(seeds), size, method, after)
    return opened.answer(
        [opened.node_hits(found.nodes, found.scores)],
        notes=list(found.notes),
        conductance=float(found.conductance),
        density=float(found.density),
        isolated=[opened.node_ids[int(row)] for row in found.isolated_seeds],
        heat_lost=float(found.heat_lost),
    )


def labels(opened: Opened, ids: Sequence[str | int], communities: int | None) -> Answer:
    """The communities of the whole graph that nodes are in."""
    check_built(opened.release, "labels")
    if not ids:
        raise InvalidQuery(what="labels without nodes", fix="name at least one node")
    rows = np.array(opened.rows(ids), dtype=np.int64)
    index = opened.labels
    of_each = index.of(rows, communities).tolist()
    hits = [
        [
            {
                **hit,
                "label": label,
                "size": int(index.sizes[label]),
                "score": float(index.inside[row]),
            }
        ]
        for hit, row, label in zip(opened.described(rows), rows.tolist(), of_each, strict=True)
    ]
    n_left = index.n_communities if communities is None else communities
    return opened.answer(
        hits,
        paths=[path_of(index, label) for label in of_each],
        n_communities=index.n_communities,
        n_left=n_left,
        notes=_notes(index.n_linked, n_left),
    )


def _notes(n_linked: int, n_left: int) -> list[str]:
    if n_left >= n_linked:
        return []
    return [
        f"the fewest communities that links make are {n_linked:,}: no link leads from one of them to another, and for "
        f"{n_left:,} some were joined without; ask for {n_linked:,} or more"
    ]


def members(opened: Opened, label: int, k: int) -> Answer:
    """The nodes of one community of the whole graph."""
    check_built(opened.release, "members")
    k = up_to(k, opened.graph.n_nodes, "nodes")
    found = opened.labels.top(label, k)
    path = path_of(opened.labels, label)
    return opened.answer([opened.node_hits(found.nodes, found.inside)], size=found.size, path=path)


def path_of(index: LabelIndex, label: int) -> list[Hit]:
    """A community, then those it merges into."""
    return [{"label": step.community, "size": step.size, "density": step.density} for step in index.path(label)]
