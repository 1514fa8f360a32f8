"""Nodes as seen from seeds: their ranking, and the neighbourhood it makes. See `serving.engine.Engine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.built import check_built
from serving.neighbourhood import links_among
from serving.opened import Answer, Hit, Opened, up_to
from serving.ppr import shortages


def ppr(opened: Opened, queries: Sequence[Mapping[Any, float]], k: int, exact: bool, rmax: float | None) -> Answer:
    """Personalised PageRank seen from each weighted set of seeds."""
    check_built(opened.release, "ppr")
    k = up_to(k, opened.graph.n_nodes, "nodes")
    seeds = [opened.weights(query) for query in queries]
    hits: list[list[Hit]] = []
    bounds: list[float] = []
    residuals: list[float] = []
    for ranking in opened.rankings.query(seeds, k, exact=exact, rmax=rmax):
        hits += opened.node_lists(ranking.nodes, ranking.scores)
        bounds += ranking.error_bound.tolist()
        residuals += ranking.residual.tolist()
    return opened.answer(hits, error_bound=bounds, residual=residuals, notes=shortages(hits, k, residuals))


def neighbourhood(opened: Opened, seeds: Mapping[Any, float], k: int) -> Answer:
    """The nodes that matter most as seen from weighted seeds, and the links among them."""
    check_built(opened.release, "neighbourhood")
    answer = ppr(opened, [seeds], k, False, None)
    hits = answer["results"][0]
    rows = np.array(opened.rows([hit["id"] for hit in hits]), dtype=np.int64)
    if opened.has("labels"):
        labels = opened.labels.of(rows).tolist()
        for hit, label in zip(hits, labels, strict=True):
            hit |= {"label": label, "size": int(opened.labels.sizes[label])}
    arcs = zip(*(column.tolist() for column in links_among(opened.graph, rows)), strict=True)
    links = [{"source": source, "target": target, "weight": weight} for source, target, weight in arcs]
    return {**answer, "links": links}
