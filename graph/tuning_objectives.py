"""What a search for FastRP's parameters maximises: labels predicted from the vectors, or edges that were held out.

Every objective scores the same vectors several times on other folds (or other held-out edges), so that a score comes
with its spread, and can be renewed: `renewed` asks the same of folds that the search has not seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt
import scipy.sparse
from threadpoolctl import threadpool_limits

from foundation.errors import InvalidParams
from foundation.seeds import key, stream
from foundation.threads import even_ranges, run_ranges
from graph.classification import f1_scores, label_odds, most_probable, scaled_columns
from graph.csr import CSRGraph
from graph.link_prediction import LinkScores, link_scores, sample_non_edges, split_edges
from graph.node_labels import label_matrix, labelled_nodes

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

LABEL_METRICS = ("mean_f1", "micro_f1", "macro_f1")
LINK_METRICS = LinkScores._fields
N_REPEATS = 3
N_FOLDS = 5
N_SPLITS = 3
MOST_NODES = 5_000  # labelled nodes to fit on, and held-out pairs, that are enough to tell candidates apart
MOST_PAIRS = 5_000
N_NON_EDGES = 50
TOL = 1e-2  # of the models: a tighter one moved no F1 by 0.001


class Objective(ABC):
    """Graphs to embed, and scores of their embeddings."""

    @property
    @abstractmethod
    def graphs(self) -> Sequence[CSRGraph]:
        """To be embedded with equal parameters."""

    @abstractmethod
    def scores(self, embeddings: Sequence[Float32s], n_threads: int = 1) -> tuple[float, ...]:
        """Some scores, higher is better, of one embedding per graph. They do not depend on ``n_threads``."""

    @abstractmethod
    def renewed(self) -> Objective:
        """The same on other folds."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LabelObjective(Objective):
    """F1 of `graph.classification` on nodes not fitted on, once per repeat.

    ``labels`` is a `graph.node_labels.label_matrix`; only rows with a label are ever looked at. Cross-validation, its
    folds pooled; with ``train_share`` each repeat fits on that share of the nodes instead and predicts the rest.
    """

    graph: CSRGraph
    labels: scipy.sparse.csr_array
    metric: str
    loss_weight: float
    train_share: float | None
    seed: int
    round: int = 0

    def __post_init__(self) -> None:
        _check_metric(self.metric, LABEL_METRICS)
        if not self.loss_weight > 0:
            raise InvalidParams(name="loss_weight", value=self.loss_weight, allowed="a number above 0")
        if self.train_share is not None and not 0 < self.train_share < 1:
            raise InvalidParams(name="train_share", value=self.train_share, allowed="a number between 0 and 1")

    @property
    def graphs(self) -> Sequence[CSRGraph]:
        return (self.graph,)

    def scores(self, embeddings: Sequence[Float32s], n_threads: int = 1) -> tuple[float, ...]:
        nodes = self._nodes()
        rows, members = scaled_columns(embeddings[0][nodes]), self.labels[nodes].toarray()
        jobs = [(repeat, *part) for repeat in range(N_REPEATS) for part in self._parts(repeat, len(nodes))]
        predicted, tested = (
            np.zeros((N_REPEATS, *members.shape), dtype=bool),
            np.zeros((N_REPEATS, len(nodes)), dtype=bool),
        )

        def work(start: int, stop: int) -> None:
            for repeat, train, test in jobs[start:stop]:
                odds = label_odds(rows[train], members[train], rows[test], loss_weight=self.loss_weight, tol=TOL)
                predicted[repeat, test] = most_probable(odds, members[test].sum(axis=1))
                tested[repeat, test] = True

        with threadpool_limits(1):  # the folds are spread over threads instead, which changes no sum
            run_ranges(work, even_ranges(len(jobs), 1), n_threads)
        found = (f1_scores(members[seen], one[seen]) for seen, one in zip(tested, predicted, strict=True))
        return tuple(getattr(f1, self.metric.removesuffix("_f1")) for f1 in found)

    def _nodes(self) -> Int64s:
        """The labelled nodes, or as many as are enough, in random order."""
        most = int(MOST_NODES / (self.train_share or 1 - 1 / N_FOLDS))
        return stream(self.seed, "tuning.nodes", self.round).permutation(labelled_nodes(self.labels))[:most]

    def _parts(self, repeat: int, n: int) -> Iterator[tuple[Int64s, Int64s]]:
        """Places to fit on and places to test."""
        order = stream(self.seed, "tuning.folds", self.round, repeat).permutation(n)
        if self.train_share is not None:
            n_train = min(max(1, round(self.train_share * n)), n - 1)
            yield order[:n_train], order[n_train:]
            return
        for test in np.array_split(order, N_FOLDS):
            yield np.delete(np.arange(n), test), test

    def renewed(self) -> Objective:
        return replace(self, round=self.round + 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkObjective(Objective):
    """Scores of `graph.link_prediction`, once per split; every split is a training graph of its own."""

    graph: CSRGraph
    fraction: float
    metric: str
    seed: int
    round: int = 0
    splits: tuple[tuple[CSRGraph, Int64s, Int64s], ...] = field(init=False)

    def __post_init__(self) -> None:
        _check_metric(self.metric, LINK_METRICS)
        splits = []
        for i in range(N_SPLITS):
            seed = key(self.seed, "tuning.split", self.round, i)
            train, held_out = split_edges(self.graph, self.fraction, seed)
            pairs = held_out[:MOST_PAIRS]
            splits.append((train, pairs, sample_non_edges(self.graph, pairs[:, 0], N_NON_EDGES, seed)))
        object.__setattr__(self, "splits", tuple(splits))

    @property
    def graphs(self) -> Sequence[CSRGraph]:
        return [train for train, *_ in self.splits]

    def scores(self, embeddings: Sequence[Float32s], n_threads: int = 1) -> tuple[float, ...]:
        found: list[Any] = [None] * len(self.splits)

        def work(start: int, stop: int) -> None:
            for i in range(start, stop):
                found[i] = getattr(link_scores(embeddings[i], *self.splits[i][1:]), self.metric)

        with threadpool_limits(1):
            run_ranges(work, even_ranges(len(found), 1), n_threads)
        return tuple(found)

    def renewed(self) -> Objective:
        return replace(self, round=self.round + 1)


def objective_of(
    graph: CSRGraph,
    labels: Any,
    held_out: float | None,
    metric: str,
    loss_weight: float,
    train_share: float | None,
    seed: int,
) -> Objective:
    """The objective for labels, or for the held-out share of the edges, of which one is given.

    Raises
    ------
    InvalidParams, InvalidInput
    """
    if (labels is None) == (held_out is None):
        given = "neither" if labels is None else "both"
        raise InvalidParams(name="labels, held_out", value=given, allowed="one of the two")
    if held_out is not None:
        return LinkObjective(graph=graph, fraction=held_out, metric=metric, seed=seed)
    return LabelObjective(
        graph=graph,
        labels=label_matrix(labels, graph.n_nodes),
        metric=metric,
        loss_weight=loss_weight,
        train_share=train_share,
        seed=seed,
    )


def _check_metric(metric: str, allowed: tuple[str, ...]) -> None:
    if metric not in allowed:
        raise InvalidParams(name="metric", value=metric, allowed=", ".join(allowed))
