"""Tuning: cached powers, what the search finds on planted groups, and its promises."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from foundation.errors import InvalidInput, InvalidParams
from foundation.progress import Progress
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp
from graph.fastrp_powers import fastrp_powers
from graph.fastrp_tuning import TunedFastRP, tune
from graph.link_prediction import split_edges

GROUPS, SIZE = 8, 25
GROUP = np.arange(GROUPS * SIZE) // SIZE
NEAR_SIGHTED = FastRPParams(dim=48, iteration_weights=(1.0,), normalization_strength=0.5)


def planted(p_in: float = 0.25, p_out: float = 0.03) -> CSRGraph:
    return CSRGraph.from_networkx(nx.planted_partition_graph(GROUPS, SIZE, p_in, p_out, seed=2))


def quick(graph: CSRGraph, params: FastRPParams = NEAR_SIGHTED, **kwargs: Any) -> TunedFastRP:
    return tune(graph, params, **({"n_trials": 13, "max_hops": 4, "search_dim": 32} | kwargs))


@pytest.mark.parametrize("mode", ["paper", "gds"])
@pytest.mark.parametrize("weights", [(1.0,), (0.0, 0.0, 1.0, 6.67), (0.5, -1.0, 0.0, 2.0)])
@pytest.mark.parametrize("self_influence", [0.0, 0.5])
def test_powers_combine_to_the_bytes_of_the_embedding(mode: Any, weights: Any, self_influence: float) -> None:
    graph = planted()
    params = FastRPParams(mode=mode, dim=40, iteration_weights=weights, self_influence=self_influence)
    powers = fastrp_powers(graph, dataclasses.replace(params, iteration_weights=(1.0,) * 5))
    found = powers.combine(weights, self_influence=self_influence, n_threads=2)
    assert found.dtype == np.float32
    assert found.tobytes() == fastrp(graph, params).tobytes()
    with pytest.raises(InvalidParams, match="at most 5 weights"):
        powers.combine((1.0,) * 6)


@pytest.mark.parametrize("labels", ["integers", "matrix"])
def test_labels_lead_away_from_weights_that_see_little(labels: str) -> None:
    given = GROUP if labels == "integers" else GROUP[:, None] == np.arange(GROUPS)
    tuned = quick(planted(), labels=given)
    assert tuned.metric == "mean_f1"
    assert tuned.score > tuned.start_score + 0.2
    assert tuned.params.dim == 48
    assert (
        dataclasses.replace(
            tuned.params,
            iteration_weights=NEAR_SIGHTED.iteration_weights,
            normalization_strength=NEAR_SIGHTED.normalization_strength,
        )
        == NEAR_SIGHTED
    )


@pytest.mark.parametrize("metric", ["mrr", "auc", "precision"])
def test_held_out_edges_lead_away_from_weights_that_see_little(metric: str) -> None:
    tuned = quick(planted(0.4, 0.01), held_out=0.1, metric=metric)
    assert tuned.score > tuned.start_score + 0.02


def test_the_score_holds_on_labels_the_search_never_saw() -> None:
    graph, hidden = planted(), np.random.default_rng(0).permutation(GROUPS * SIZE) < 80
    tuned = quick(graph, labels=np.where(hidden, -1, GROUP))

    def purity(params: FastRPParams) -> float:
        """Share of hidden nodes whose nearest by cosine, of the others, is of their own group."""
        rows = fastrp(graph, params).astype(np.float64)
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        nearest = np.argmax(unit[hidden] @ unit[~hidden].T, axis=1)
        return float(np.mean(GROUP[~hidden][nearest] == GROUP[hidden]))

    assert purity(tuned.params) > purity(NEAR_SIGHTED) + 0.2


def test_nothing_is_gained_on_labels_that_mean_nothing() -> None:
    labels = np.random.default_rng(1).permutation(GROUP)
    tuned = quick(planted(), labels=labels, metric="micro_f1")
    searched = [trial.score for trial in tuned.trials if trial.stage != "final"]
    assert tuned.score < 0.22  # chance is 1 / 8; the luckiest of the search does not carry over
    assert len(searched) == 13


@pytest.mark.parametrize("kwargs", [{"labels": GROUP}, {"labels": GROUP, "train_share": 0.3}, {"held_out": 0.1}])
def test_threads_change_nothing_and_a_seed_does(kwargs: dict[str, Any]) -> None:
    graph = planted()
    tuned = quick(graph, **kwargs)
    assert quick(graph, n_threads=3, **kwargs) == tuned
    assert quick(graph, seed=1, **kwargs).trials != tuned.trials


def test_trials_are_the_given_params_then_the_search_then_a_final_of_its_best() -> None:
    tuned = quick(planted(), labels=GROUP, n_trials=20)
    stages = [trial.stage for trial in tuned.trials]
    assert stages == ["start"] + ["even"] * 10 + ["near"] * 9 + ["final"] * 5
    start, finals = tuned.trials[0], tuned.trials[20:]
    assert start.iteration_weights == finals[0].iteration_weights == NEAR_SIGHTED.iteration_weights
    assert tuned.start_score == finals[0].score
    assert tuned.score == max(trial.score for trial in finals)
    searched = sorted(tuned.trials[1:20], key=lambda trial: -trial.score)
    assert {trial.iteration_weights for trial in finals[1:]} <= {trial.iteration_weights for trial in searched[:8]}


def test_good_params_stay_where_nothing_does_better() -> None:
    params = FastRPParams(dim=64, iteration_weights=(1.0, 2.0), normalization_strength=-0.5)
    tuned = quick(planted(0.6, 0.005), params, labels=GROUP, n_trials=1)
    assert tuned.params == params
    assert tuned.score == tuned.start_score


def test_features_and_self_influence_are_taken_along() -> None:
    graph = planted(0.2, 0.1)
    features = np.eye(GROUPS)[GROUP] + np.random.default_rng(0).normal(0, 0.3, (GROUPS * SIZE, GROUPS))
    params = dataclasses.replace(NEAR_SIGHTED, property_ratio=0.5, self_influence=0.3)
    tuned = quick(graph, params, labels=GROUP, features=features, n_trials=7)
    assert tuned.params.property_ratio == 0.5
    assert tuned.score > 0.5


def test_progress_is_told_of_every_candidate() -> None:
    class Counter(Progress):
        events: list[Any]

        def __init__(self) -> None:
            self.events = []

        def init(self, label: str, total: int) -> None:
            self.events.append((label, total))

        def step(self, done: int = 1) -> None:
            self.events.append(done)

        def close(self) -> None:
            self.events.append("closed")

    counter = Counter()
    quick(planted(), labels=GROUP, n_trials=5, progress=counter)
    assert counter.events == [("tune", 5), 1, 1, 1, 1, 1, "closed"]


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({}, InvalidParams, "labels, held_out = 'neither'"),
        ({"labels": GROUP, "held_out": 0.1}, InvalidParams, "labels, held_out = 'both'"),
        ({"held_out": 1.5}, InvalidParams, "held_out = 1.5"),
        ({"labels": GROUP, "metric": "mrr"}, InvalidParams, "metric = 'mrr' cannot be used; allowed: mean_f1"),
        ({"held_out": 0.1, "metric": "micro_f1"}, InvalidParams, "allowed: auc, mrr, precision"),
        ({"labels": GROUP, "n_trials": 0}, InvalidParams, "n_trials = 0"),
        ({"labels": GROUP, "loss_weight": 0.0}, InvalidParams, "loss_weight = 0.0"),
        ({"labels": GROUP, "train_share": 1.0}, InvalidParams, "train_share = 1.0"),
        ({"labels": GROUP[:-1]}, InvalidInput, "labels of 199 nodes, the graph has 200"),
        ({"labels": np.zeros(200, dtype=int)}, InvalidInput, "1 different labels"),
        ({"labels": np.where(np.arange(200) < 6, GROUP * 0 + np.arange(200) % 2, -1)}, InvalidInput, "6 labelled"),
        ({"labels": GROUP.astype(str)}, InvalidInput, "pass integers"),
    ],
)
def test_what_cannot_be_used_is_refused(kwargs: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("(", r"\(")):
        tune(planted(), NEAR_SIGHTED, **kwargs)


def test_a_tree_has_no_edge_to_hold_out() -> None:
    star = CSRGraph.from_edges([0, 0, 0], [1, 2, 3], directed=False)
    with pytest.raises(InvalidInput, match="none can be held out"):
        split_edges(star, 0.5)


def test_the_example_of_the_page_runs_and_every_argument_is_on_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fastrp_tuning.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    scope: dict[str, Any] = {}
    exec(block, scope)
    assert scope["tuned"].score >= scope["tuned"].start_score > 0.5
    arguments = set(inspect.signature(tune).parameters) - {"graph", "params", "progress"}
    assert {name for name in arguments if f"`{name}`" not in page} == set()
