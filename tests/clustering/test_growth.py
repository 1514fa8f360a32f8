"""Communities that grow in steps."""

from __future__ import annotations

from typing import get_args

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.communities import CommunityIndex, CommunityParams
from clustering.expansion import Method
from foundation.errors import InvalidQuery
from graph.csr import CSRGraph
from tests.clustering.strategies import community_graphs

METHODS: tuple[Method, ...] = get_args(Method)


@settings(deadline=None, max_examples=150)
@given(graph=community_graphs(), method=st.sampled_from(METHODS), data=st.data())
def test_steps_give_what_one_query_for_all_of_them_gives(graph: CSRGraph, method: Method, data: st.DataObject) -> None:
    # Rounds of one to four candidates: most answers need several.
    params = CommunityParams(
        num_perm=16, include_self=data.draw(st.booleans()), max_candidates=data.draw(st.integers(1, 4))
    )
    index = CommunityIndex.build(graph, params)
    seeds = data.draw(st.lists(st.integers(0, graph.n_nodes - 1), min_size=1, max_size=3, unique=True))
    growth = index.grow(seeds, method)
    nodes, scores, n_asked = np.empty(0, np.int64), np.empty(0, np.float32), 0
    for step in data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)):
        added = growth.more(step)
        n_asked += step
        nodes, scores = np.concatenate((nodes, added.nodes)), np.concatenate((scores, added.scores))
        assert growth.members.tolist() == nodes.tolist()
        if not len(seeds) <= n_asked <= graph.n_nodes:
            continue
        whole = index.query(seeds, n_asked, method)
        assert whole.nodes.tobytes() == nodes.tobytes()
        assert whole.scores.tobytes() == scores.tobytes()
        assert (whole.notes, whole.conductance, whole.density) == (added.notes, added.conductance, added.density)
        assert (whole.n_candidates, whole.heat_lost) == (added.n_candidates, added.heat_lost)
        assert whole.isolated_seeds.tolist() == added.isolated_seeds.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_rounds_reach_everybody_once(method: Method) -> None:
    graph = CSRGraph.from_networkx(nx.barabasi_albert_graph(300, 3, seed=1))
    index = CommunityIndex.build(graph, CommunityParams(max_candidates=20))
    found = index.query([7, 3], 300, method)
    assert sorted(found.nodes.tolist()) == list(range(300))
    assert found.nodes[:2].tolist() == [7, 3]


@pytest.mark.parametrize("method", ["page_rank", "ppr"])
def test_rounds_that_compare_all_pairs_are_limited(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustering.rounds._PAIRED", 16)
    graph = CSRGraph.from_networkx(nx.gnp_random_graph(80, 0.3, seed=0))
    growth = CommunityIndex.build(graph, CommunityParams()).grow([3], method)
    found = growth.more(10)
    assert growth.rounds.n_ranked == 16
    assert any(f"16 of {found.n_candidates} candidates were ranked" in note for note in found.notes)
    growth.more(70)
    assert sorted(growth.members.tolist()) == list(range(80))


def test_minrank_goes_on_with_the_mean_over_all_members_in_later_rounds() -> None:
    index = CommunityIndex.build(
        CSRGraph.from_networkx(nx.gnp_random_graph(80, 0.3, seed=0)), CommunityParams(max_candidates=10)
    )
    found = index.query([5], 40, "minrank")
    signatures = index.lsh.signatures[found.nodes]
    assert found.n_candidates >= 40
    for n in range(1, 40):
        mean = (signatures[n] == signatures[:n]).mean()
        assert found.scores[n] == pytest.approx(mean, abs=1e-6)


def test_later_rounds_are_measured_like_the_first() -> None:
    graph = CSRGraph.from_networkx(nx.barabasi_albert_graph(200, 5, seed=3))
    rounds = CommunityIndex.build(graph, CommunityParams(max_candidates=15)).query([5], 200)
    heat_only = rounds.scores[rounds.scores > 0]
    assert heat_only.size > 100
    assert rounds.scores.max() <= 1
    # Whoever is alike and warm comes first, so a later round starts lower than the first one did.
    assert rounds.scores[1] == rounds.scores[1:].max()


def test_a_growth_that_reached_the_end_says_so_and_stays_there() -> None:
    index = CommunityIndex.build(CSRGraph.from_edges([0, 1], [1, 2], n_nodes=5), CommunityParams())
    growth = index.grow([0])
    assert growth.more(3).nodes.tolist() == [0, 1, 2]
    last = growth.more(4)
    assert last.nodes.size == last.scores.size == 0
    assert any("found 3 of 7" in note for note in last.notes)
    with pytest.raises(InvalidQuery, match="0 more members"):
        growth.more(0)
