"""How many candidates a search under a filter reranks, measured when the index is built.

The best ten of what a filter leaves lie further down the whole list, where documents score nearly alike and encodings
tell them apart less well: what is enough for all documents is too few for half of them. Filters are drawn for the
measurement: at random, and of documents that are alike, those that answer one held-out query best, which are many
good answers to some queries and none to the others. The worst of them decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from vectors.evaluation import reranked_recall
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.maxsim import maxsim, top_rows
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

NARROW: Final = 2_000  # documents that a filter leaves and that are all scored; of more, candidates
PARTS: Final = (2, 10, 100, 1000)  # filters that leave one document in so many are measured
PIVOTS: Final = 2  # queries whose best documents make filters
QUERIES: Final = 100  # at most, of those held out
TOP: Final = 10

Bools = npt.NDArray[np.bool_]
Curve = tuple[tuple[float, int], ...]
"""Share of documents that a filter leaves, descending from 1, and how many candidates that takes."""


class HasCandidates(Protocol):
    """What is measured: `vectors.retriever.Retriever`."""

    @property
    def documents(self) -> TokenSets: ...

    @property
    def scans(self) -> bool: ...

    def candidates(
        self, queries: MultiVectors, n: int, *, where: Bools | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderFilter:
    """Filters that leave so many documents, the candidates chosen, and the least recall of the filters with them.

    ``frontier``: every number of candidates tried, and the least recall.
    """

    n_docs: int
    n_candidates: int
    recall_at_10: float
    frontier: tuple[tuple[int, float], ...]


def filter_sizes(n_docs: int) -> tuple[int, ...]:
    """Documents that the measured filters leave, descending; none where no filter leaves more than are all scored."""
    if n_docs <= NARROW:
        return ()
    return (*(n_docs // part for part in PARTS if n_docs // part > NARROW), NARROW)


def drawn_filters(documents: TokenSets, queries: MultiVectors) -> list[list[Bools]]:
    """For each of `filter_sizes` bool (n_docs,) filters: one at random, and one for each of some ``queries``."""
    n_docs = documents.n_docs
    sizes = filter_sizes(n_docs)
    if not sizes or not queries.n_docs:
        return []
    pivots = sorted({number * queries.n_docs // PIVOTS for number in range(PIVOTS)})
    orders = [stream(0, "retriever.filters").permutation(n_docs)]
    orders += [np.argsort(-_all_scores(queries, pivot, documents), kind="stable") for pivot in pivots]
    filters = []
    for size in sizes:
        masks = [np.zeros(n_docs, dtype=np.bool_) for _ in orders]
        for mask, order in zip(masks, orders, strict=True):
            mask[order[:size]] = True
        filters.append(masks)
    return filters


def filtered_recalls(
    retriever: HasCandidates,
    queries: MultiVectors,
    filters: Sequence[Sequence[Bools]],
    ladder: Sequence[int],
    carve: float | None,
) -> npt.NDArray[np.float64]:
    """Recall of exact MaxSim's ten best inside, float64 (n_queries, sizes, filters of a size, ladder).

    Of each query alone; ``ladder`` are numbers of candidates, ascending. Where all encodings are scanned, what a filter
    leaves has the order it has in the whole, which is found once.
    """
    documents, most = retriever.documents, ladder[-1]
    shape = (queries.n_docs, len(filters), len(filters[0]) if filters else 0, len(ladder))
    recalls = np.zeros(shape)
    for query in range(queries.n_docs):
        one = queries.slice(query, query + 1)
        exact = _all_scores(queries, query, documents)
        ranking = None if carve is None else _all_scores(carve_queries(one, carve), 0, documents)
        whole = retriever.candidates(one, documents.n_docs)[0][0] if retriever.scans else None
        for size, masks in enumerate(filters):
            for number, mask in enumerate(masks):
                best = exact[top_rows(np.where(mask, exact, np.float32(-np.inf)), TOP)]
                if whole is None:
                    found = retriever.candidates(one, most, where=mask)[0][0]
                else:
                    found = whole[(whole >= 0) & mask[whole]][:most]
                recalls[query, size, number] = _recalls(found, exact, ranking, best, ladder)
    return recalls


def choose_filtered(
    recalls: npt.NDArray[np.float64], sizes: Sequence[int], ladder: Sequence[int], recall: float, at_least: int
) -> tuple[UnderFilter, ...]:
    """For each size the fewest candidates, ``at_least`` so many, that reach ``recall`` under every filter; the most
    where none do."""
    least = recalls.mean(axis=0).min(axis=1)
    chosen = []
    for size, row in zip(sizes, least.tolist(), strict=True):
        frontier = tuple((n, round(value, 4)) for n, value in zip(ladder, row, strict=True))
        n, reached = next((one for one in frontier if one[0] >= at_least and one[1] >= recall), frontier[-1])
        chosen.append(UnderFilter(n_docs=size, n_candidates=n, recall_at_10=reached, frontier=frontier))
    return tuple(chosen)


def curve_of(rungs: npt.NDArray[Any]) -> Curve:
    """From an artifact: int64 (n, 2), documents and candidates, all documents first."""
    return tuple((size / max(1, int(rungs[0, 0])), n) for size, n in rungs.tolist())


def candidates_under(curve: Curve, n_candidates: int, share: float) -> int:
    """Candidates of a filter that leaves ``share`` of all documents: between two that were measured, in proportion to
    the logarithm of the share; ``n_candidates`` where nothing was."""
    if not curve or share <= 0:
        return n_candidates
    shares, numbers = zip(*reversed(curve), strict=True)
    between = float(np.interp(math.log(share), np.log(shares), numbers))
    return math.ceil(round(between, 6))


def measured_queries(n_queries: int, start: int, stop: int) -> list[int]:
    """Those of held-out queries [start, stop) that filters are measured by: evenly spread, whoever asks for them."""
    step = -(-n_queries // QUERIES)
    return [number for number in range(start, stop) if number % step == 0]


def _all_scores(queries: MultiVectors, query: int, documents: TokenSets) -> npt.NDArray[np.float32]:
    everything = np.arange(documents.n_docs, dtype=np.int64)[None]
    scores: npt.NDArray[np.float32] = maxsim(queries.slice(query, query + 1), documents, everything)[0]
    return scores


def _recalls(
    found: npt.NDArray[np.int64],
    exact: npt.NDArray[np.float32],
    ranking: npt.NDArray[np.float32] | None,
    best: npt.NDArray[np.float32],
    ladder: Sequence[int],
) -> list[float]:
    if best.size == 0:
        return [1.0] * len(ladder)

    def of(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.where(found >= 0, scores[found], np.float32(-np.inf))[None]

    ranked = None if ranking is None else of(ranking)
    return [reranked_recall(of(exact), ranked, n, best[-1:], best.size) for n in ladder]
