"""Powers of a changed graph, and rows of new nodes, against computing everything again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from foundation.ids import IntegerIds, StringIds
from graph.csr import CSRGraph
from graph.fastrp import FastRPParams, fastrp, fastrp_powers
from graph.fastrp_new_nodes import embed_new_nodes
from graph.fastrp_refresh import refreshed

Arcs = list[tuple[int, int, float]]


def graph_of(arcs: Arcs, ids: list[int], *, directed: bool, weighted: bool) -> CSRGraph:
    """Nodes are ``ids``; arcs name ids, and those of ids that are not there are left out."""
    row = {id: i for i, id in enumerate(ids)}
    kept = [(row[a], row[b], w) for a, b, w in arcs if a in row and b in row]
    src, dst, weights = ([arc[i] for arc in kept] for i in range(3))
    return CSRGraph.from_edges(
        np.array(src, dtype=np.int64),
        np.array(dst, dtype=np.int64),
        weights if weighted else None,
        node_ids=IntegerIds(len(ids), np.array(ids, dtype=np.int64)),
        directed=directed,
    )


@st.composite
def changes(draw: st.DrawFn) -> tuple[CSRGraph, CSRGraph]:
    """A graph before and after: arcs and nodes come and go, weights change."""
    directed, weighted = draw(st.booleans()), draw(st.booleans())
    arc = st.tuples(st.integers(0, 14), st.integers(0, 14), st.sampled_from([0.5, 1.0, 3.0]))
    kept, gone, come = (draw(st.lists(arc, max_size=n)) for n in (25, 4, 4))
    before = sorted(draw(st.sets(st.integers(0, 14), max_size=15)))
    after = sorted(set(before) ^ draw(st.sets(st.integers(0, 14), max_size=3)))
    old = graph_of(kept + gone, before, directed=directed, weighted=weighted)
    return old, graph_of(kept + come, after, directed=directed, weighted=weighted)


@given(
    graphs=changes(),
    mode=st.sampled_from(["paper", "gds"]),
    precision=st.sampled_from(["float16", "float32", "int8"]),
    sparsity=st.sampled_from([2.0, 20.0, None]),
)
@settings(deadline=None, max_examples=150)
def test_refreshed_powers_are_those_of_a_full_rebuild(
    graphs: tuple[CSRGraph, CSRGraph], mode: Any, precision: Any, sparsity: float | None
) -> None:
    old, new = graphs
    params = FastRPParams(mode=mode, dim=70, iteration_weights=(1.0, 1.0, 1.0), precision=precision, sparsity=sparsity)
    expected, found = fastrp_powers(new, params), refreshed(fastrp_powers(old, params), new)
    for weights, own in (((1.0, 2.0, 3.0), 0.5), ((1.0,), 0.0), ((0.0, 1.0), 0.0)):
        assert (
            found.combine(weights, self_influence=own).tobytes()
            == expected.combine(weights, self_influence=own).tobytes()
        )
    again = refreshed(found, new)
    assert again.n_made == (0, 0, 0)


def ring(n_nodes: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows = np.arange(n_nodes)
    return rows, (rows + 1) % n_nodes


@pytest.mark.parametrize(("strength", "reach"), [(0.0, (2, 4, 6)), (-0.6, (4, 6, 8))])
def test_only_rows_within_reach_are_computed(strength: float, reach: tuple[int, ...]) -> None:
    src, dst = ring(1000)
    old = CSRGraph.from_edges(src, dst, directed=False)
    new = CSRGraph.from_edges(src[:-1], dst[:-1], directed=False)  # the ring is cut between 999 and 0
    params = FastRPParams(dim=64, iteration_weights=(1.0, 1.0, 1.0), normalization_strength=strength)
    found = refreshed(fastrp_powers(old, params), new)
    assert found.n_made == reach
    assert found.combine((1.0, 1.0, 1.0)).tobytes() == fastrp(new, params).tobytes()


def test_features_of_changed_nodes_reach_their_neighbours() -> None:
    src, dst = ring(100)
    graph = CSRGraph.from_edges(src, dst, directed=False)
    params = FastRPParams(dim=80, property_ratio=0.3, iteration_weights=(1.0, 1.0))
    features = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32)
    powers = fastrp_powers(graph, params, features=features)
    other = features.copy()
    other[50] += 1
    found = refreshed(powers, graph, features=other)
    assert found.n_made == (2, 3)  # the two beside it; then it and the two beyond them
    assert found.combine((1.0, 1.0)).tobytes() == fastrp(graph, params, features=other).tobytes()


@pytest.mark.parametrize("mode", ["paper", "gds"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparsity", [3.0, 30.0])
def test_new_nodes_get_the_rows_they_would_have_in_the_graph(mode: Any, weighted: bool, sparsity: float) -> None:
    rng = np.random.default_rng(4)
    n, n_new = 300, 7
    src, dst = rng.integers(0, n, (2, 2000))
    weights = rng.integers(1, 5, 2000).astype(np.float64)
    names = [f"{i:03}" for i in range(n)]
    new_names = [f"new-{i}" for i in range(n_new)]  # sorted behind the others
    new_src, new_dst = rng.integers(0, n_new - 1, 40), rng.integers(0, n, 40)  # the last one has no arcs
    new_weights = rng.integers(1, 5, 40).astype(np.float64)
    params = FastRPParams(mode=mode, dim=72, iteration_weights=(1.0, 0.5, 2.0), self_influence=0.3, sparsity=sparsity)
    options: dict[str, Any] = {"duplicates": "sum"}
    graph = CSRGraph.from_edges(
        src, dst, weights if weighted else np.full(2000, 2.0), node_ids=StringIds.from_sorted(names), **options
    )
    given_weights = new_weights if weighted else np.full(40, 2.0)
    whole = CSRGraph.from_edges(
        np.concatenate([src, new_src + n]),
        np.concatenate([dst, new_dst]),
        np.concatenate([weights if weighted else np.full(2000, 2.0), given_weights]),
        node_ids=StringIds.from_sorted(names + new_names),
        **options,
    )
    powers = fastrp_powers(graph, params)
    found = embed_new_nodes(powers, new_src, new_dst, given_weights, node_ids=StringIds.from_sorted(new_names))
    assert found.tobytes() == fastrp(whole, params)[n:].tobytes()
    assert np.linalg.norm(found[-1]) == pytest.approx(0.3, rel=1e-2)
    other = embed_new_nodes(
        powers, new_src, new_dst, given_weights, node_ids=StringIds.from_sorted(new_names), iteration_weights=(1.0,)
    )
    assert other.tobytes() == fastrp(whole, dataclasses.replace(params, iteration_weights=(1.0,)))[n:].tobytes()


def test_arcs_of_new_nodes_that_cannot_be_are_refused() -> None:
    src, dst = ring(10)
    powers = fastrp_powers(CSRGraph.from_edges(src, dst), FastRPParams(dim=8, iteration_weights=(1.0,)))
    for wrong in (([1], [0]), ([0], [10]), ([-1], [0]), ([0.5], [0]), ([0, 0], [1])):
        with pytest.raises(InvalidInput):
            embed_new_nodes(powers, *wrong, node_ids=IntegerIds(1))
    for weight in (np.nan, -1.0, np.inf):
        with pytest.raises(InvalidInput):
            embed_new_nodes(powers, [0], [1], [weight], node_ids=IntegerIds(1))
    with pytest.raises(InvalidParams):
        embed_new_nodes(powers, [0], [1], node_ids=IntegerIds(1), iteration_weights=(1.0, 1.0))
