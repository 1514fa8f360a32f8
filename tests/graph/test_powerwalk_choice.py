"""What an index is made of when it is left to measurement: held-out sources decide, the clock does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams, TargetMissed
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams
from graph.powerwalk.candidates import Candidate
from graph.powerwalk.choice import (
    TRIED,
    Built,
    Measured,
    build,
    choose,
    exact,
    measure_all,
    prepare,
    promising,
    shortfall,
)
from graph.powerwalk.measure import Quality, goodness, held_out, mean
from tests.oracles import ppr as oracle
from tests.strategies import walk_graphs, walk_seeds


def barabasi_albert() -> CSRGraph:
    return CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))


def directed() -> CSRGraph:
    return CSRGraph.from_networkx(nx.gnp_random_graph(300, 0.02, seed=4, directed=True))


@pytest.fixture(scope="module")
def undirected_choice() -> Built:
    return build(barabasi_albert(), PowerWalkParams(precision=0.97, rag=0.999))


def test_the_least_work_that_meets_the_targets_is_kept(undirected_choice: Built) -> None:
    frontier = undirected_choice.frontier
    kept = [one for one in frontier if one.kept]
    assert len(kept) == 1
    assert kept[0].quality.precision >= 0.97
    assert kept[0].quality.rag >= 0.999
    assert kept[0].index_bytes <= 1024
    for one in frontier:
        meets = one.quality.precision >= 0.97 and one.quality.rag >= 0.999 and one.index_bytes <= 1024
        assert not meets or one.quality.work >= kept[0].quality.work
    index = undirected_choice.index
    assert index.effort == kept[0].candidate.effort
    assert (index.hubs.n_hubs if index.hubs else 0) == kept[0].candidate.n_hubs
    assert index.background == kept[0].candidate.background


def test_what_was_measured_is_what_the_index_does(undirected_choice: Built) -> None:
    graph, index = barabasi_albert(), undirected_choice.index
    sources = [source for source, _ in zip(held_out(graph, 0), range(40), strict=False)]
    truth = oracle.solve_all(graph, 0.85)[sources]
    ranking = index.query([{source: 1.0} for source in sources], 100)
    found = [goodness(row, nodes) for row, nodes in zip(truth, ranking.nodes, strict=True)]
    scores = index.vectors([{source: 1.0} for source in sources])
    kept = next(one for one in undirected_choice.frontier if one.kept)
    assert np.mean([precision for precision, _ in found]) == pytest.approx(kept.quality.precision)
    assert np.mean([rag for _, rag in found]) == pytest.approx(kept.quality.rag)
    assert np.abs(scores.scores - truth).sum(axis=1).mean() == pytest.approx(kept.quality.l1, abs=1e-7)
    assert scores.error_bound.mean() == pytest.approx(kept.quality.error_bound, abs=1e-6)


def test_candidates_are_of_all_kinds_and_the_most_work_is_the_closest(undirected_choice: Built) -> None:
    kinds = {
        (bool(one.candidate.n_hubs), one.candidate.walks, one.candidate.background)
        for one in undirected_choice.frontier
    }
    ends = ((False, False), (True, False), (False, True))
    assert kinds == {(hubs, *end) for hubs in (False, True) for end in ends} - {(True, False, False)}
    along = build(directed(), PowerWalkParams()).frontier
    assert {(bool(one.candidate.n_hubs), one.candidate.walks) for one in along} == {
        (hubs, walks) for hubs in (False, True) for walks in (False, True)
    }
    for kind, swept in [*((kind, False) for kind in kinds), ((False, False, True), True)]:
        same = [
            one
            for one in undirected_choice.frontier
            if (bool(one.candidate.n_hubs), one.candidate.walks, one.candidate.background) == kind
            and (one.candidate.sweeps > 0) == swept
        ]
        assert (
            max(same, key=lambda one: (one.candidate.sweeps, one.quality.work)).quality.l1
            <= min(one.quality.l1 for one in same) * 1.5
        )


@pytest.mark.parametrize(("method", "hubs", "walks"), [
    ("hubs", True, False), ("powerwalk", False, True), ("push", False, False),
])  # fmt: skip
@pytest.mark.parametrize("graph", [barabasi_albert(), directed()])
def test_a_method_can_be_forced(method: Any, hubs: bool, walks: bool, graph: CSRGraph) -> None:
    made = build(graph, PowerWalkParams(method=method, n_walks=20))
    assert (made.index.hubs is not None, made.index.fingerprints is not None) == (hubs, walks)
    for one in made.frontier:
        assert (one.candidate.n_hubs > 0, one.candidate.walks) == (hubs, walks)
        assert not (one.candidate.background and (graph.directed or method == "powerwalk"))


def test_an_l1_that_is_asked_for_is_reached() -> None:
    made = build(barabasi_albert(), PowerWalkParams(l1=0.001))
    assert next(one for one in made.frontier if one.kept).quality.l1 <= 0.001
    loose = build(barabasi_albert(), PowerWalkParams(l1=0.1))
    assert next(one for one in loose.frontier if one.kept).quality.l1 > 0.001


def test_a_target_out_of_reach_names_the_best_and_builds_only_if_allowed() -> None:
    params = PowerWalkParams(method="powerwalk", n_walks=2, l1=1e-9)
    with pytest.raises(TargetMissed, match=r"l1 of powerwalk = 1e-09 was asked for.*\(walks, rmax 1e-06\) reached"):
        build(barabasi_albert(), params)
    made = build(barabasi_albert(), dataclasses.replace(params, miss="accept"))
    assert next(one for one in made.frontier if one.kept).quality.l1 == min(one.quality.l1 for one in made.frontier)


def slow_mixing() -> CSRGraph:
    return CSRGraph.from_networkx(nx.connected_watts_strogatz_graph(400, 6, 0.05, seed=2))


@pytest.mark.parametrize("graph", [barabasi_albert(), directed(), slow_mixing()])
@pytest.mark.parametrize("asked", [{}, {"precision": 0.9}, {"l1": 0.02}, {"precision": 0.99, "rag": 0.9995, "l1": 0.1}])
def test_dropping_what_has_no_prospect_changes_no_choice(graph: CSRGraph, asked: dict[str, float]) -> None:
    material = prepare(graph, PowerWalkParams(**asked, miss="accept"))
    sources = [source for source, _ in zip(held_out(graph, 0), range(40), strict=False)]
    truths = list(exact(graph, sources, material.params))
    whole, some = measure_all(material, truths, drop=False), measure_all(material, truths)
    assert choose(some, material) == choose(whole, material)
    assert [one.candidate for one in some] == [one.candidate for one in whole]
    dropped = [one for one in some if one.n_sources == TRIED]
    assert {one.n_sources for one in some} == {TRIED, 40}
    assert len(dropped) > len(some) / 4
    for one, other in zip(some, whole, strict=True):
        assert one in dropped or one == other


def test_what_is_promising_may_still_be_the_cheapest_or_the_closest() -> None:
    material = prepare(barabasi_albert(), PowerWalkParams(precision=0.9, l1=0.1, index_bytes=500, miss="accept"))

    def tried(*rows: tuple[float, float, float, float]) -> list[int]:
        found = [
            Measured(
                candidate=Candidate(n_hubs=place, hub_entries=1, walks=False, background=False, rmax=1.0, cut=0.0),
                index_bytes=size,
                n_sources=TRIED,
                quality=Quality(precision=precision, rag=1.0, l1=l1, error_bound=1.0, work=work, rag_at_50=1.0),
            )
            for place, (precision, l1, work, size) in enumerate(rows)
        ]
        return promising(found, material)

    safe = (0.96, 0.04, 10.0, 100.0)
    assert tried(safe, (0.99, 0.01, 39.0, 100.0), (1.0, 0.0, 41.0, 100.0)) == [0, 1]  # four times the work
    assert tried((0.94, 0.04, 10.0, 100.0), (0.99, 0.01, 41.0, 100.0)) == [0, 1]  # not safe
    assert tried((0.8, 0.5, 10.0, 100.0), (0.5, 1.1, 11.0, 100.0)) == [0]  # behind in both
    assert tried((0.8, 0.5, 10.0, 100.0), (0.5, 0.9, 11.0, 100.0)) == [0, 1]  # in one
    assert tried((0.8, 0.5, 10.0, 100.0), (0.5, 1.1, 9.0, 100.0)) == [0, 1]  # with less work
    assert tried(safe, (1.0, 0.0, 1.0, 501.0)) == [0]  # too large
    assert tried((1.0, 0.0, 9.0, 700.0), (1.0, 0.0, 1.0, 600.0)) == [1]  # the smallest there is


def test_nothing_is_asked_for_so_nothing_is_missed() -> None:
    build(barabasi_albert(), PowerWalkParams(method="powerwalk", n_walks=1))


def test_the_index_stays_within_its_bytes() -> None:
    graph = barabasi_albert()
    sizes = []
    for index_bytes in (60, 200, 1000):
        made = build(graph, PowerWalkParams(index_bytes=index_bytes, l1=1e-4, miss="accept"))
        kept = next(one for one in made.frontier if one.kept)
        saved = sum(array.nbytes for array in made.index.layout.arrays().values())
        if made.index.hubs is not None:
            saved += sum(array.nbytes for array in made.index.hubs.arrays().values())
        if made.index.fingerprints is not None:
            saved += sum(array.nbytes for array in made.index.fingerprints.arrays().values())
        assert saved / 300 <= index_bytes
        assert kept.index_bytes == pytest.approx(saved / 300, rel=0.02)
        sizes.append(max(one.index_bytes for one in made.frontier))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_bytes_do_not_depend_on_threads() -> None:
    one = build(barabasi_albert(), PowerWalkParams())
    three = build(barabasi_albert(), PowerWalkParams(), n_threads=3)
    assert one.frontier == three.frontier
    assert one.index.hubs is not None
    assert three.index.hubs is not None
    for name, array in one.index.hubs.arrays().items():
        assert array.tobytes() == three.index.hubs.arrays()[name].tobytes()


@given(graph=walk_graphs(), method=st.sampled_from(["auto", "hubs", "powerwalk", "push"]), data=st.data())
@settings(deadline=None, max_examples=60)
def test_tiny_graphs_have_an_index_of_any_kind(graph: CSRGraph, method: Any, data: st.DataObject) -> None:
    index = PowerWalkIndex.build(graph, PowerWalkParams(method=method, n_walks=20, precision=1.0))
    seeds = data.draw(walk_seeds(graph.n_nodes), label="seeds")
    answer = index.vectors([seeds])
    assert np.abs(answer.scores[0] - oracle.solve(graph, seeds, 0.85)).sum() <= answer.error_bound[0]


def test_held_out_sources_reach_far_enough_and_are_drawn_by_the_seed() -> None:
    chain = CSRGraph.from_edges(np.arange(150), np.arange(1, 151))
    assert sorted(held_out(chain, 0)) == list(range(52))  # node 51 reaches nodes 51 to 150
    assert list(held_out(chain, 0)) != list(held_out(chain, 1))
    assert list(held_out(chain, 0)) == list(held_out(chain, 0))


def test_goodness_counts_ties_as_right_and_pads_as_nothing() -> None:
    truth = np.concatenate([[0.3], np.full(60, 0.01), np.full(39, 0.0025)])
    tied = np.concatenate([[0], np.arange(11, 61), np.arange(1, 11), np.arange(61, 100)])
    assert goodness(truth, tied) == (1.0, pytest.approx(1.0))
    wrong = np.concatenate([np.arange(61, 100), np.arange(1, 61), [0]])
    precision, rag = goodness(truth, wrong)
    assert precision == pytest.approx(11 / 50)
    assert rag == pytest.approx(1.0)
    short = np.full(100, -1)
    short[0] = 0
    assert goodness(truth, short) == (pytest.approx(1 / 50), pytest.approx(0.3 / truth.sum()))


def test_shortfalls_add_up_and_are_zero_when_met() -> None:
    quality = Quality(precision=0.9, rag=0.99, l1=0.2, error_bound=1.0, work=1.0, rag_at_50=1.0)
    assert shortfall(quality, {"precision": 0.9, "rag": 0.9, "l1": 0.2}) == 0
    assert shortfall(quality, {"precision": 0.95}) == pytest.approx(1.0)
    assert shortfall(quality, {"l1": 0.1}) == pytest.approx(1.0)
    assert mean([quality, quality]) == quality


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "walks"},
        {"precision": 0.0},
        {"precision": 1.5},
        {"rag": -1.0},
        {"l1": 0.0},
        {"l1": float("nan")},
        {"index_bytes": 0},
        {"miss": "ignore"},
        {"max_hub_entries": 0},
        {"hub_rmax": 0.0},
    ],
)
def test_params_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=next(iter(bad))):
        PowerWalkParams(**bad)
