"""FastRP's iteration weights, number of hops and normalization strength, searched on a graph's own labels or edges.

Source: Chen et al., *Fast and Accurate Network Embeddings via Very Sparse Random Projection*, CIKM 2019: the powers
depend on the strength and the seed alone, so they are computed once a strength, in few dimensions, and every candidate
is only a sum of them. The search is even first and local then (`graph.weight_search`); the best few are embedded in
full width and scored again on folds that the search has not seen, beside the given params.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple, final

import numpy.typing as npt

from foundation.errors import InvalidParams
from foundation.progress import Progress, Silent
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp
from graph.fastrp_powers import fastrp_powers
from graph.propagation import Float32s
from graph.tuning_objectives import Objective, objective_of
from graph.weight_search import Weights, middle_weights, near_weights, spread_weights, tidy_weights

STRENGTHS = (-1.0, -0.8, -0.6, -0.4, -0.2, 0.0)
NEAR = ((1.5, 0.2), (0.8, 0.1), (0.4, 0.05))  # by round: width of a step of a log2 weight, step of the strength
N_BEST = 5  # candidates whose middle the next round starts from
STEP = 0.05  # of strengths between the given ones
N_FINALISTS = 4


class Trial(NamedTuple):
    """One candidate: mean and standard deviation of its scores.

    ``stage`` is "start" (the given params), "even" or "near" (the search), or "final": in full width, on other folds.
    """

    stage: Literal["start", "even", "near", "final"]
    iteration_weights: Weights
    normalization_strength: float
    score: float
    spread: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TunedFastRP:
    """``params`` are the given ones with other weights and strength, or as they were where nothing did better.

    ``score`` and ``spread`` are theirs in the final, ``start_score`` is that of the given params there. ``trials`` are
    in the order they were made; the first "final" one is that of the given params.
    """

    params: FastRPParams
    metric: str
    score: float
    spread: float
    start_score: float
    trials: tuple[Trial, ...]


def tune(
    graph: CSRGraph,
    params: FastRPParams,
    *,
    labels: Any = None,
    held_out: float | None = None,
    metric: str | None = None,
    loss_weight: float = 0.1,
    train_share: float | None = None,
    features: npt.ArrayLike | None = None,
    n_trials: int = 60,
    max_hops: int = 6,
    search_dim: int = 128,
    seed: int = 0,
    n_threads: int = 1,
    progress: Progress | None = None,
) -> TunedFastRP:
    """Search the weights and the strength for what the vectors are meant for.

    Parameters
    ----------
    graph
        As it will be embedded, its arcs turned already.
    params
        Where the search starts; all but weights and strength stays as it is.
    labels
        Of nodes, as for `graph.node_labels.label_matrix`. Nothing else is learned from: leave out the labels of nodes
        to be tested later.
    held_out
        Instead of labels: the share of the edges to hold out and to find again by cosine.
    metric
        For labels "mean_f1" (of Micro- and Macro-F1, the default), "micro_f1" or "macro_f1"; for edges "mrr" (the
        default), "auc" or "precision".
    loss_weight
        C of the logistic regression, for labels.
    train_share
        For labels: fit on this share of the labelled nodes and predict the others, as will be done with the vectors.
        None cross-validates in five folds.
    features
        As for `fastrp`.
    n_trials
        Candidates scored before the final, the given params among them.
    max_hops
        Hops tried; at least as many as ``params`` have.
    search_dim
        Width in which candidates are scored before the final.

    Returns
    -------
    TunedFastRP
        Equal for equal arguments and any ``n_threads`` on one machine; another BLAS may round scores differently.

    Raises
    ------
    InvalidParams, InvalidInput
        For arguments that cannot be used, too few labels, and edges that cannot be held out.
    """
    for name, value in (("n_trials", n_trials), ("max_hops", max_hops), ("search_dim", search_dim)):
        if type(value) is not int or value < 1:
            raise InvalidParams(name=name, value=value, allowed="an integer of at least 1")
    metric = metric or ("mean_f1" if held_out is None else "mrr")
    objective = objective_of(graph, labels, held_out, metric, loss_weight, train_share, seed)
    search = _Search(
        objective=objective,
        params=_narrow(params, search_dim, max(max_hops, len(params.iteration_weights))),
        features=features,
        n_threads=n_threads,
        progress=progress or Silent(),
    )
    search.progress.init("tune", n_trials)
    try:
        search.score("start", [(params.normalization_strength, params.iteration_weights)])
        search.spread(n_trials // 2, seed)
        for round_ in range(len(NEAR)):
            search.approach((n_trials - 1 - n_trials // 2 + round_) // len(NEAR), seed, round_)
    finally:
        search.progress.close()
    finals = _final(objective.renewed(), params, search.trials, features, n_threads)
    best = _best(finals)
    return TunedFastRP(
        params=_moved(params, best.normalization_strength, best.iteration_weights),
        metric=metric,
        score=best.score,
        spread=best.spread,
        start_score=finals[0].score,
        trials=(*search.trials, *finals),
    )


@final
@dataclass(slots=True, kw_only=True)
class _Search:
    """Scores candidates in few dimensions; ``params`` count as many hops as any candidate may have."""

    objective: Objective
    params: FastRPParams
    features: npt.ArrayLike | None
    n_threads: int
    progress: Progress
    trials: list[Trial] = field(default_factory=list)

    def spread(self, n: int, seed: int) -> None:
        """``n`` candidates all over, the strengths in turn."""
        weights = spread_weights(n, len(self.params.iteration_weights), seed)
        self.score("even", [(STRENGTHS[i % len(STRENGTHS)], some) for i, some in enumerate(weights)])

    def approach(self, n: int, seed: int, round_: int) -> None:
        """``n`` candidates: the middle of the best so far, the same at a strength above and below, and others near."""
        (width, step), max_hops = NEAR[round_], len(self.params.iteration_weights)
        best = sorted(self.trials, key=lambda trial: -trial.score)[:N_BEST]
        weights = middle_weights([trial.iteration_weights for trial in best], max_hops)
        at = STEP * round(fmean(trial.normalization_strength for trial in best) / STEP)
        near = near_weights(weights, n, max_hops, width, seed, round_)
        places = [min(1.0, max(-1.0, at + move)) for move in (0.0, step, -step)]
        candidates = [*((place, weights) for place in places), *((at, some) for some in near)]
        self.score("near", [(round(strength, 3), some) for strength, some in candidates[:n]])

    def score(self, stage: Literal["start", "even", "near"], candidates: Sequence[tuple[float, Weights]]) -> None:
        """Add a trial per candidate; those of one strength share its powers."""
        own = self.params.self_influence
        for strength in dict.fromkeys(strength for strength, _ in candidates):
            moved = replace(self.params, normalization_strength=strength)
            powers = [
                fastrp_powers(graph, moved, features=self.features, n_threads=self.n_threads)
                for graph in self.objective.graphs
            ]
            for weights in (weights for at, weights in candidates if at == strength):
                tidy = weights if stage == "start" else tidy_weights(weights, rescale=own == 0)
                embeddings = [power.combine(tidy, self_influence=own, n_threads=self.n_threads) for power in powers]
                self.trials.append(_trial(stage, tidy, strength, self.objective, embeddings, self.n_threads))
                self.progress.step()


def _final(
    objective: Objective,
    params: FastRPParams,
    trials: Sequence[Trial],
    features: npt.ArrayLike | None,
    n_threads: int,
) -> list[Trial]:
    """The given params, then the best of the search, embedded as they would be used."""
    ranked = sorted(trials[1:], key=lambda trial: -trial.score)
    start = (params.normalization_strength, params.iteration_weights)
    others = dict.fromkeys((trial.normalization_strength, trial.iteration_weights) for trial in ranked)
    finals = []
    for strength, weights in [start, *[other for other in others if other != start][:N_FINALISTS]]:
        moved = _moved(params, strength, weights)
        embeddings = [fastrp(graph, moved, features=features, n_threads=n_threads) for graph in objective.graphs]
        finals.append(_trial("final", weights, strength, objective, embeddings, n_threads))
    return finals


def _trial(
    stage: Literal["start", "even", "near", "final"],
    weights: Weights,
    strength: float,
    objective: Objective,
    embeddings: Sequence[Float32s],
    n_threads: int,
) -> Trial:
    scores = objective.scores(embeddings, n_threads)
    return Trial(stage, weights, strength, fmean(scores), stdev(scores))


def _best(trials: Iterable[Trial]) -> Trial:
    """The first of the best."""
    return max(trials, key=lambda trial: trial.score)


def _moved(params: FastRPParams, strength: float, weights: Weights) -> FastRPParams:
    return replace(params, normalization_strength=strength, iteration_weights=weights)


def _narrow(params: FastRPParams, search_dim: int, n_hops: int) -> FastRPParams:
    """In few dimensions, but never so few that features get none; with all hops counted."""
    least = math.ceil(1 / params.property_ratio) if params.property_ratio else 1
    return replace(params, dim=min(params.dim, max(search_dim, least)), iteration_weights=(1.0,) * n_hops)
