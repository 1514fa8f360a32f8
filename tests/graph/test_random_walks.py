"""Walk corpora: every step by the exact law of its order, the same bytes however the work is cut."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.random_walks import RandomWalkParams, random_walks, walk_blocks, write_walks
from graph.walk_tables import arc_aliases
from tests.oracles import node2vec as oracle
from tests.strategies import walk_graphs

FACTORS = [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5), (0.25, 0.25), (4.0, 4.0), (1.0, 0.1), (0.01, 1.0), (100.0, 1.0)]


def chi_square_limit(n_free: int) -> float:
    """Passed by chance less than once in a million (Wilson, Hilferty 1931)."""
    return float(n_free * (1 - 2 / (9 * n_free) + 4.9 * math.sqrt(2 / (9 * n_free))) ** 3)


def weighted_directed() -> CSRGraph:
    """Triangles, a way back that is not one, parallel arcs, a self-loop, a dangling node, weights far apart."""
    arcs = [
        (0, 1, 1.0), (0, 2, 2.0), (0, 3, 0.5), (1, 0, 3.0), (1, 2, 1.0), (1, 4, 0.25), (2, 0, 1.0), (2, 1, 4.0),
        (2, 3, 1.0), (3, 0, 1.0), (3, 1, 1.0), (3, 3, 2.0), (3, 5, 0.125), (1, 3, 1.0), (1, 3, 0.5), (2, 4, 0.5),
    ]  # fmt: skip
    src, dst, weights = zip(*arcs, strict=True)
    return CSRGraph.from_edges(src, dst, weights, duplicates="keep")


def unweighted() -> CSRGraph:
    return CSRGraph.from_networkx(nx.karate_club_graph(), weight=None)


def test_first_steps_follow_the_exact_law() -> None:
    for graph in (weighted_directed(), unweighted()):
        walks = random_walks(graph, RandomWalkParams(walks_per_node=20_000, walk_length=6, seed=3))
        assert_law(graph, walks, 1.0, 1.0, second_order=False)


@pytest.mark.parametrize(("p", "q"), FACTORS)
@pytest.mark.parametrize("name", ["weighted, directed", "karate club"])
def test_second_steps_follow_node2vec_s_law(name: str, p: float, q: float) -> None:
    graph = weighted_directed() if name != "karate club" else unweighted()
    n_walks = 20_000 if name != "karate club" else 4_000
    walks = random_walks(graph, RandomWalkParams(walks_per_node=n_walks, walk_length=8, p=p, q=q, seed=1))
    assert_law(graph, walks, p, q, second_order=True)


def assert_law(graph: CSRGraph, walks: npt.NDArray[np.int32], p: float, q: float, *, second_order: bool) -> None:
    """Chi-square of the node that follows each pair of nodes (each node, in first order), over all of them at once."""
    context = walks[:, :-2] * graph.n_nodes + walks[:, 1:-1] if second_order else walks[:, :-1]
    following = walks[:, 2:] if second_order else walks[:, 1:]
    known = (walks[:, :-2] >= 0) & (walks[:, 1:-1] >= 0) if second_order else walks[:, :-1] >= 0
    statistic, n_free = 0.0, 0
    for place in np.unique(context[known]).tolist():
        here = (context == place) & known
        before, node = divmod(place, graph.n_nodes) if second_order else (None, place)
        law = oracle.next_law(graph, before, node, p, q)
        seen = following[here]
        if law.sum() == 0:
            assert (seen == -1).all()
            continue
        counts = np.bincount(seen, minlength=graph.n_nodes)
        assert not counts[law == 0].any()
        expected = law * counts.sum()
        common = expected >= 5
        if common.sum() >= 2:
            statistic += float(((counts[common] - expected[common]) ** 2 / expected[common]).sum())
            n_free += int(common.sum()) - (1 if common.sum() == (law > 0).sum() else 0)
    assert n_free > 0
    assert statistic < chi_square_limit(n_free)


@pytest.mark.parametrize("n_rejected", [1, 2])
def test_the_law_holds_when_every_try_may_be_rejected(n_rejected: int) -> None:
    # In a clique every node lies beside the one before: a try is kept once in a hundred, or once in a million.
    graph = CSRGraph.from_networkx(nx.complete_graph(6), weight=None)
    q = 10.0 ** -(2 * n_rejected)
    walks = random_walks(graph, RandomWalkParams(walks_per_node=5_000, walk_length=8, p=0.5, q=q))
    assert_law(graph, walks, 0.5, q, second_order=True)


@given(
    graph=walk_graphs(),
    factors=st.sampled_from(FACTORS),
    n_walks=st.integers(1, 5),
    length=st.integers(1, 7),
    cut=st.integers(0, 9),
)
@settings(deadline=None, max_examples=150)
def test_walks_go_along_arcs_and_do_not_depend_on_the_cut(
    graph: CSRGraph, factors: tuple[float, float], n_walks: int, length: int, cut: int
) -> None:
    params = RandomWalkParams(walks_per_node=n_walks, walk_length=length, p=factors[0], q=factors[1], seed=cut)
    walks = random_walks(graph, params)
    assert walks.shape == (graph.n_nodes * n_walks, length)
    assert walks.dtype == np.int32
    assert walks[:, 0].tolist() == np.repeat(np.arange(graph.n_nodes), n_walks).tolist()
    weight = oracle.dense_weights(graph)
    stuck = weight.sum(axis=1) == 0
    for here, there in zip(walks[:, :-1].T, walks[:, 1:].T, strict=True):
        ended = (here < 0) | stuck[here]
        assert (there[ended] == -1).all()
        assert (weight[here[~ended], there[~ended]] > 0).all()
    middle = cut % (graph.n_nodes + 1)
    parts = [random_walks(graph, params, 0, middle), random_walks(graph, params, middle, n_threads=2)]
    assert np.concatenate(parts).tobytes() == walks.tobytes()


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0), (3.0, 0.3)])
@pytest.mark.parametrize("weighted", [True, False])
def test_bytes_do_not_depend_on_threads_blocks_or_ready_aliases(
    p: float, q: float, weighted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    ends = random.integers(0, 500, (2, 4_000))
    graph = CSRGraph.from_edges(*ends, random.random(4_000) if weighted else None, n_nodes=500, duplicates="keep")
    params = RandomWalkParams(walks_per_node=3, walk_length=12, p=p, q=q)
    walks = random_walks(graph, params)
    assert random_walks(graph, params, aliases=arc_aliases(graph)).tobytes() == walks.tobytes()
    assert write_walks(tmp_path / "walks.npy", graph, params, n_threads=2) == walks.shape
    mapped = np.load(tmp_path / "walks.npy", mmap_mode="r")
    assert mapped.dtype == np.int32
    assert np.array_equal(mapped, walks)
    assert [path.name for path in tmp_path.iterdir()] == ["walks.npy"]
    monkeypatch.setattr(sys.modules["graph.random_walks"], "_STEPS_PER_RANGE", 50)
    assert random_walks(graph, params, n_threads=3).tobytes() == walks.tobytes()
    blocks = list(walk_blocks(graph, params, block_bytes=1000))
    assert all(block.nbytes <= 1000 for block in blocks)
    assert len(blocks) > 10
    assert np.concatenate(blocks).tobytes() == walks.tobytes()
    assert random_walks(graph, RandomWalkParams(walks_per_node=3, walk_length=12, p=p, q=q, seed=1)).tobytes() != (
        walks.tobytes()
    )


def test_zero_weights_are_never_walked_but_count_as_arcs_beside() -> None:
    # 0 → 1, 0 → 2 (weightless), 1 → 2, 1 → 3, 1 → 0: 2 lies beside 0 although no walk goes there from it.
    graph = CSRGraph(
        indptr=np.array([0, 2, 5, 5, 6]),
        indices=np.array([1, 2, 0, 2, 3, 2], dtype=np.int32),
        weights=np.array([1.0, 0.0, 1.0, 1.0, 1.0, 0.0], dtype=np.float32),
    )
    params = RandomWalkParams(walks_per_node=20_000, walk_length=3, p=0.5, q=4.0)
    walks = random_walks(graph, params)
    assert (walks[:20_000, 1] == 1).all()
    assert (walks[60_000:, 1:] == -1).all()  # its only arc weighs nothing
    assert_law(graph, walks, 0.5, 4.0, second_order=True)


def test_no_nodes_and_no_arcs_give_walks_that_stay() -> None:
    nothing = CSRGraph.from_edges([], [], n_nodes=0)
    assert random_walks(nothing).shape == (0, 80)
    lone = CSRGraph.from_edges([], [], n_nodes=2)
    for p in (1.0, 0.5):
        walks = random_walks(lone, RandomWalkParams(walks_per_node=1, walk_length=3, p=p))
        assert walks.tolist() == [[0, -1, -1], [1, -1, -1]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("walk_length", 0),
        ("walk_length", 2.5),
        ("walks_per_node", 0),
        ("walks_per_node", True),
        ("p", 0.0),
        ("p", -1.0),
        ("p", math.nan),
        ("q", math.inf),
        ("q", 1e-7),
    ],
)
def test_params_that_cannot_run_are_refused_in_one_line(name: str, value: float) -> None:
    with pytest.raises(InvalidParams) as refused:
        RandomWalkParams(**{name: value})
    assert refused.value.name == name
    assert "\n" not in str(refused.value)


def test_ranges_and_aliases_of_another_graph_are_refused() -> None:
    graph = unweighted()
    with pytest.raises(InvalidParams, match="0 ≤ start ≤ stop ≤ 34"):
        random_walks(graph, start=3, stop=35)
    with pytest.raises(InvalidParams, match="0 ≤ start ≤ stop ≤ 34"):
        walk_blocks(graph, start=-1)
    with pytest.raises(InvalidInput, match="make them with arc_aliases"):
        random_walks(graph, aliases=np.zeros(3, dtype=np.uint64))
