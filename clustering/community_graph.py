"""The graph whose communities are searched for: links, links weighed by similarity, similar pairs, or both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import scipy.sparse

from clustering.global_communities import GlobalParams
from clustering.join import Pairs, similarity_join
from clustering.lsh import LSHIndex
from clustering.sets import Sets
from clustering.similarity_graph import graph_of_pairs, link_similarities
from clustering.symmetric import undirected
from foundation.errors import InvalidInput
from graph.csr import CSRGraph


class CommunityGraph(NamedTuple):
    """``weights`` to search, symmetric float32; ``links`` to attach lone nodes by; what was left out, as sentences."""

    weights: scipy.sparse.csr_array
    links: scipy.sparse.csr_array
    notes: tuple[str, ...]


def community_graph(
    graph: CSRGraph,
    index: LSHIndex | None,
    params: GlobalParams,
    *,
    sets: Sets | None = None,
    pairs: Iterable[Pairs] | None = None,
    n_threads: int = 1,
) -> CommunityGraph:
    """What ``params.on`` asks for.

    - "links": the graph without direction (`clustering.symmetric.undirected`).
    - "weighted_links": its links, their weights times 1 + the similarity of their ends.
    - "similarity": pairs at least ``params.threshold`` similar, weighing their similarity.
    - "both": links and similar pairs, each weighing its similarity, links 1 more.

    Parameters
    ----------
    index
        Signatures and tables of the neighbourhoods; "links" needs none.
    sets
        The neighbourhoods: similarities are then exact.
    pairs
        What `clustering.join.similarity_join` finds at ``params.threshold``, where it was made before.

    Raises
    ------
    InvalidInput
        When the index is missing, or of other nodes than the graph.
    """
    links = undirected(graph)
    if params.on == "links":
        return CommunityGraph(links, links, ())
    if index is None or index.n_nodes != graph.n_nodes:
        what = "none" if index is None else f"one of {index.n_nodes} nodes for {graph.n_nodes}"
        raise InvalidInput(source="index", what=what, fix="build an LSHIndex of the graph's neighbourhoods")
    if params.on == "weighted_links":
        similarities = link_similarities(links, index, sets=sets, n_threads=n_threads)
        similarities.data = links.data * (1 + similarities.data)
        return CommunityGraph(similarities, links, ())
    if pairs is None:
        pairs = similarity_join(index, params.threshold, sets=sets, n_threads=n_threads)
    similar = graph_of_pairs(pairs, graph.n_nodes)
    if params.on == "similarity":
        return CommunityGraph(similar.weights, links, similar.notes)
    return CommunityGraph(scipy.sparse.csr_array(links + similar.weights), links, similar.notes)
