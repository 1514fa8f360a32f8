"""Why two nodes are near. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from foundation.errors import InvalidQuery
from graph.pair import likely_ways, shared_neighbours
from serving.built import check_built, questions_of
from serving.communities import community
from serving.matching import token_matches
from serving.opened import Answer, Hit, Opened, check_k
from serving.seen import ppr
from serving.similar import similar

DEPTH: Final = 100  # of every list in which one node is looked for as seen from the other
MOST: Final = 100  # entries of each list of an answer

Part = dict[str, Any]


def explain(opened: Opened, a: str | int, b: str | int, k: int) -> Answer:
    """Shared neighbours, ways, places in each other's lists, and what their documents have in common."""
    check_built(opened.release, "explain")
    check_k(k, MOST, "entries of a list")
    first, second = opened.rows([a, b])
    if first == second:
        raise InvalidQuery(what=f"{a!r} and {b!r} are one node", fix="name two")
    links = opened.links
    shared = shared_neighbours(links, opened.flow, first, second, k)
    hits = opened.node_hits(shared.nodes, shared.scores)
    for hit, weights in zip(hits, shared.weights.tolist(), strict=True):
        hit["weights"] = weights
    ways, complete = likely_ways(links, opened.out_weight, first, second, k)
    return opened.answer(
        [hits],
        nodes=opened.described([first, second]),
        paths=[
            {"ids": [opened.node_ids[row] for row in way.nodes], "weights": list(way.weights), "score": way.chance}
            for way in ways
        ],
        complete=complete,
        signals=_signals(opened, first, second),
        together=_together(opened, first, second),
        documents=_documents(opened, first, second, k),
    )


def _signals(opened: Opened, first: int, second: int) -> dict[str, list[Part | None]]:
    """Place of the second node in lists asked for the first, and of the first in those for the second."""
    ids, n_nodes = [opened.node_ids[first], opened.node_ids[second]], opened.graph.n_nodes
    depth = min(DEPTH, n_nodes)
    lists: dict[str, list[list[Hit]]] = {}
    for question in questions_of(opened.release):
        match question:
            case "similar":
                lists[question] = similar(opened, ids, None, min(depth, n_nodes - 1))["results"]
            case "ppr":
                lists[question] = ppr(opened, [{id: 1.0} for id in ids], depth, False, None)["results"]
            case "community":
                lists[question] = [community(opened, [id], depth, 0, None)["results"][0] for id in ids]
    return {
        question: [_place(listed, other) for listed, other in zip(both, reversed(ids), strict=True)]
        for question, both in lists.items()
    }


def _place(hits: list[Hit], id: str | int) -> Part | None:
    return next(({"rank": rank, "score": hit["score"]} for rank, hit in enumerate(hits, 1) if hit["id"] == id), None)


def _together(opened: Opened, first: int, second: int) -> Part | None:
    """The smallest community of the whole graph that both are in."""
    if not opened.has("labels"):
        return None
    labels = opened.labels.of(np.array([first, second], dtype=np.int64)).tolist()
    theirs = {step.community for step in opened.labels.path(labels[1])}
    return next(
        (
            {"label": step.community, "size": step.size, "density": step.density}
            for step in opened.labels.path(labels[0])
            if step.community in theirs
        ),
        None,
    )


def _documents(opened: Opened, first: int, second: int, k: int) -> Part | None:
    """The best matches of the first node's document in the second's; None unless both have one."""
    if opened.doc_of_node is None or "search" not in questions_of(opened.release):
        return None
    one, other = opened.doc_of_node[[first, second]].tolist()
    if one < 0 or other < 0:
        return None
    corpus, search = opened.corpus, opened.search
    part: Part = {"score": None, "tokens": [], "words": []}
    if search.tokens is not None and (query := search.tokens.document(one)).n_tokens:
        spelled = search.tokens.spellings([corpus.text(one)], queries=False)
        own = None if spelled is None else spelled[0]
        (tokens,) = token_matches(search.tokens, corpus, query, own, np.array([other], dtype=np.int64))
        if tokens:
            part["score"] = float(np.sum([match["score"] for match in tokens]))
        part["tokens"] = sorted(tokens, key=lambda match: (-match["score"], match["query"]))[:k]
    if search.words is not None:
        worth = search.words.matches(corpus.text(one), other)
        best = sorted(worth.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
        part["words"] = [{"word": word, "score": score} for word, score in best]
    return part
