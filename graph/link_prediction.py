"""Edges held out of a graph, and how well vectors tell them from pairs that are no edges.

Source: the protocol of Grover, Leskovec, *node2vec*, KDD 2016, section 4.4, but no node loses its last edge instead of
keeping the whole graph connected, and pairs are scored by cosine with no classifier in between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream
from graph.csr import CSRGraph

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

ROUNDS = 200  # draws for a non-edge; a node that has none by then knows nearly everybody
PAIRS = 256  # pairs scored at a time


class EdgeSplit(NamedTuple):
    """What is left to learn from, and the pairs taken out, int64 (n_held_out, 2), in random order."""

    train: CSRGraph
    held_out: Int64s


class LinkScores(NamedTuple):
    """All in [0, 1], higher is better.

    ``auc``: chance that a held-out pair scores above a non-edge. ``mrr``: mean of 1 / (place of a held-out pair among
    its own node's non-edges). ``precision``: share of held-out pairs among as many best-scored pairs. Ties count half.
    """

    auc: float
    mrr: float
    precision: float


def split_edges(graph: CSRGraph, fraction: float, seed: int = 0) -> EdgeSplit:
    """Hold out a random ``fraction`` of the edges; all arcs of a pair go together, self-loops stay.

    Of every node one edge (undirected) or out-arc (directed), drawn at random, is never taken, so nobody loses the last
    one; where that leaves too few to take, fewer are taken.

    Raises
    ------
    InvalidParams
        For a fraction outside (0, 1).
    InvalidInput
        When no edge can be taken.
    """
    if not 0 < fraction < 1:
        raise InvalidParams(name="held_out", value=fraction, allowed="a number between 0 and 1, e.g. 0.1")
    codes = _arc_codes(graph)
    rows, columns = np.divmod(codes, max(graph.n_nodes, 1))
    pairs = np.unique(codes[rows < columns] if not graph.directed else codes[rows != columns])
    src, dst = np.divmod(pairs, max(graph.n_nodes, 1))
    place = stream(seed, "link_prediction.split").permutation(pairs.size)
    first = np.full(graph.n_nodes, pairs.size)
    np.minimum.at(first, src, place)
    if not graph.directed:
        np.minimum.at(first, dst, place)
    free = place > first[src] if graph.directed else (place > first[src]) & (place > first[dst])
    n_wanted = max(1, round(fraction * pairs.size))
    taken = np.flatnonzero(free)[np.argsort(-place[free])][:n_wanted]
    if taken.size == 0:
        what = "every edge is the last one of a node, so none can be held out"
        raise InvalidInput(source="graph", what=what, fix="tune by labels, or pass a graph with more edges")
    backwards = dst[taken] * graph.n_nodes + src[taken]
    gone = np.concatenate([pairs[taken], backwards]) if not graph.directed else pairs[taken]
    kept = ~np.isin(codes, gone)
    indptr = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))[graph.indptr]
    weights = None if graph.weights is None else graph.weights[kept]
    train = replace(graph, indptr=indptr, indices=graph.indices[kept], weights=weights, check=False)
    return EdgeSplit(train, np.stack([src[taken], dst[taken]], axis=1))


def sample_non_edges(graph: CSRGraph, sources: Int64s, n: int, seed: int = 0) -> Int64s:
    """``n`` random nodes to which a source has no arc, int64 (sources.size, n); -1 where none is found."""
    codes, draw = _arc_codes(graph), stream(seed, "link_prediction.non_edges")
    found = np.full((sources.size, n), -1, dtype=np.int64)
    for _ in range(ROUNDS):
        row, column = np.nonzero(found < 0)
        if row.size == 0:
            break
        guess = draw.integers(graph.n_nodes, size=row.size)
        wanted = sources[row] * graph.n_nodes + guess
        at = np.minimum(np.searchsorted(codes, wanted), max(codes.size - 1, 0))
        usable = (guess != sources[row]) & (codes[at] != wanted if codes.size else True)
        found[row[usable], column[usable]] = guess[usable]
    return found


def link_scores(embedding: Float32s, held_out: Int64s, non_edges: Int64s) -> LinkScores:
    """Score held-out pairs by cosine against the non-edges of their first node; both as made above.

    Raises
    ------
    InvalidInput
        When no pair has all its non-edges.
    """
    whole = (non_edges >= 0).all(axis=1)
    pairs, others = held_out[whole], non_edges[whole]
    if others.size == 0:
        what = "no held-out pair whose node has enough others that are no neighbours"
        raise InvalidInput(source="graph", what=what, fix="tune by labels: nearly every pair is an edge here")
    norms = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit = np.divide(embedding, norms, out=np.zeros_like(embedding), where=norms > 0)
    right, wrong = np.empty(len(pairs)), np.empty(others.shape)
    for start in range(0, len(pairs), PAIRS):
        block = slice(start, start + PAIRS)
        own = unit[pairs[block, 0]]
        right[block] = np.einsum("id,id->i", own, unit[pairs[block, 1]])
        wrong[block] = np.einsum("id,ikd->ik", own, unit[others[block]])
    above = (wrong > right[:, None]).sum(axis=1) + 0.5 * (wrong == right[:, None]).sum(axis=1)
    return LinkScores(_auc(right, wrong.ravel()), float(np.mean(1 / (1 + above))), _precision(right, wrong.ravel()))


def _auc(right: npt.NDArray[np.float64], wrong: npt.NDArray[np.float64]) -> float:
    ordered = np.sort(wrong)
    below = np.searchsorted(ordered, right, "left") + np.searchsorted(ordered, right, "right")
    return float(np.mean(below) / 2 / wrong.size)


def _precision(right: npt.NDArray[np.float64], wrong: npt.NDArray[np.float64]) -> float:
    """Pairs that tie for the last places share them."""
    both = np.concatenate([right, wrong])
    last = np.partition(both, both.size - right.size)[both.size - right.size]
    left = right.size - np.count_nonzero(both > last)
    share = left / np.count_nonzero(both == last)
    return float((np.count_nonzero(right > last) + share * np.count_nonzero(right == last)) / right.size)


def _arc_codes(graph: CSRGraph) -> Int64s:
    """``source * n_nodes + target`` of every arc, int64 (n_edges,), ascending as rows are sorted."""
    rows = np.repeat(np.arange(graph.n_nodes, dtype=np.int64), graph.out_degree())
    return np.asarray(rows * graph.n_nodes + graph.indices)
