"""The exact rankings that a first round prepares change nothing of what is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.stages import powerwalk
from graph.csr import CSRGraph
from graph.powerwalk import PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.ppr import PPRParams, personalized_pagerank
from graph.walk_tables import arc_aliases


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), n_nodes=st.integers(40, 120), n_edges=st.integers(0, 300))
def test_a_source_is_left_out_only_when_walks_cannot_reach_enough(seed: int, n_nodes: int, n_edges: int) -> None:
    random = np.random.default_rng(seed)
    src, dst = random.integers(0, n_nodes, (2, n_edges))
    graph = CSRGraph.from_edges(src, dst, n_nodes=n_nodes, duplicates="keep")
    for source in range(0, n_nodes, 7):
        n_reached = np.count_nonzero(personalized_pagerank(graph, source, PPRParams()))
        assert powerwalk._reaches(graph, source) == (n_reached >= powerwalk.REACH)


def test_measured_figures_do_not_depend_on_what_was_prepared() -> None:
    random = np.random.default_rng(5)
    graph = CSRGraph.from_edges(*random.integers(0, 400, (2, 2_000)), n_nodes=400)
    index = PowerWalkIndex.build(graph, PowerWalkParams(n_walks=20))
    measured = powerwalk._measure(index, QueryParams(), {})
    assert measured["n_sources"] == powerwalk.HELD_OUT
    assert 0.3 < measured["precision_at_50"] <= 1

    class Ready:
        def __init__(self, source: int) -> None:
            self.source = source

        def array(self, name: str) -> object:
            assert name == "rank"
            return powerwalk._exact(graph, self.source, index.params)

    ranks = {source: Ready(source) for source in range(0, 400, 2)}
    assert powerwalk._measure(index, QueryParams(), ranks) == measured  # type: ignore[arg-type]  # what a part has


@pytest.mark.parametrize("weighted", [True, False])
def test_aliases_made_before_give_the_same_walks(weighted: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    ends = random.integers(0, 50, (2, 400))
    graph = CSRGraph.from_edges(*ends, random.random(400) if weighted else None, n_nodes=50)
    params = PowerWalkParams(n_walks=30)
    np.save(tmp_path / "aliases.npy", arc_aliases(graph))
    mapped = np.asarray(np.load(tmp_path / "aliases.npy", mmap_mode="c" if weighted else None))
    alone, given_aliases = fingerprints(graph, params), fingerprints(graph, params, aliases=mapped)
    for name, array in alone.arrays().items():
        np.testing.assert_array_equal(array, given_aliases.arrays()[name])
