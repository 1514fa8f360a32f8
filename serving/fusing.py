"""What is near by all signals together. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foundation.errors import InvalidQuery
from serving.built import check_built, questions_of
from serving.communities import community
from serving.documents import search
from serving.opened import Answer, Hit, Opened, check_k
from serving.related import DEPTH, chosen_weights, fused
from serving.seen import ppr
from serving.similar import similar


def related(
    opened: Opened, seeds: Sequence[str | int], text: str | None, k: int, weights: Mapping[str, float] | None
) -> Answer:
    """The lists of every signal, fused by reciprocal rank."""
    check_built(opened.release, "related")
    if not seeds:
        raise InvalidQuery(what="related without seeds", fix="name at least one node")
    check_k(k, DEPTH, "of every signal that are fused")
    parts = chosen_weights(weights, questions_of(opened.release), with_text=text is not None)
    n_nodes = opened.graph.n_nodes
    depth = min(DEPTH, n_nodes)
    lists: list[tuple[str, float, list[Hit]]] = []
    for signal, weight in parts.items():
        match signal:
            case "similar":
                each = similar(opened, seeds, None, max(1, min(depth, n_nodes - 1)))["results"]
                lists += [(signal, weight / len(each), hits) for hits in each]
            case "ppr":
                answer = ppr(opened, [dict.fromkeys(seeds, 1.0)], depth, False, None)
                lists.append((signal, weight, answer["results"][0]))
            case "community":
                size = max(depth, len(set(opened.rows(seeds))))
                lists.append((signal, weight, community(opened, seeds, size, 0, None)["results"][0]))
            case "search":
                answer = search(opened, [text or ""], None, min(DEPTH, opened.corpus.n_docs))
                lists.append((signal, weight, answer["results"][0]))
    return opened.answer([fused(lists, seeds, k)], signals=parts)
