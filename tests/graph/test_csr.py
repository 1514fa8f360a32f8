"""The graph against dictionaries, SciPy and NetworkX."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from foundation.ids import IntegerIds, StringIds
from graph.csr import CSRGraph, Duplicates, SelfLoops
from tests.strategies import Arcs, arcs, graphs

DUPLICATES: list[Duplicates] = ["sum", "first", "max", "keep"]
LOOPS: list[SelfLoops] = ["keep", "drop"]
quick = settings(deadline=None, max_examples=100)


def rows_as_lists(graph: CSRGraph) -> dict[tuple[int, int], list[float]]:
    """Weights of every stored pair, in storage order."""
    found: dict[tuple[int, int], list[float]] = {}
    src = np.repeat(np.arange(graph.n_nodes), graph.out_degree())
    weights = np.ones(graph.n_edges) if graph.weights is None else graph.weights
    for u, v, w in zip(src, graph.indices, weights, strict=True):
        found.setdefault((int(u), int(v)), []).append(float(w))
    return found


def by_dictionary(drawn: Arcs, directed: bool, duplicates: str, self_loops: str) -> dict[tuple[int, int], list[float]]:
    """What `CSRGraph.from_edges` promises, one arc at a time."""
    kept: dict[tuple[int, int], list[float]] = {}
    weights = [1.0] * len(drawn.src) if drawn.weights is None else [float(np.float32(w)) for w in drawn.weights]
    for u, v, w in zip(drawn.src, drawn.dst, weights, strict=True):
        if w == 0 or (u == v and self_loops == "drop"):
            continue
        kept.setdefault((u, v) if directed else (min(u, v), max(u, v)), []).append(w)
    merge: dict[str, Any] = {
        "sum": lambda ws: [float(np.float32(math.fsum(ws)))],
        "first": lambda ws: ws[:1],
        "max": lambda ws: [max(ws)],
        "keep": lambda ws: ws,
    }
    merged = {pair: merge[duplicates](ws) for pair, ws in kept.items()}
    if not directed:
        merged |= {(v, u): ws for (u, v), ws in merged.items()}
    return merged


@quick
@given(drawn=arcs(), directed=st.booleans(), duplicates=st.sampled_from(DUPLICATES), self_loops=st.sampled_from(LOOPS))
def test_every_policy_agrees_with_a_dictionary(
    drawn: Arcs, directed: bool, duplicates: Duplicates, self_loops: SelfLoops
) -> None:
    graph = CSRGraph.from_edges(
        drawn.src,
        drawn.dst,
        drawn.weights,
        n_nodes=drawn.n_nodes,
        directed=directed,
        duplicates=duplicates,
        self_loops=self_loops,
    )
    expected = by_dictionary(drawn, directed, duplicates, self_loops)
    found = rows_as_lists(graph)
    assert found.keys() == expected.keys()
    for pair, weights in expected.items():
        np.testing.assert_allclose(found[pair], weights, rtol=1e-7)
    # The constructor's own pass over the arrays finds nothing to object to.
    CSRGraph(indptr=graph.indptr, indices=graph.indices, weights=graph.weights, directed=directed)


@quick
@given(drawn=arcs(), directed=st.booleans())
def test_the_report_counts_what_the_policies_touched(drawn: Arcs, directed: bool) -> None:
    graph = CSRGraph.from_edges(drawn.src, drawn.dst, drawn.weights, n_nodes=drawn.n_nodes, directed=directed)
    weights = [1.0] * len(drawn.src) if drawn.weights is None else drawn.weights
    alive = [(u, v) for u, v, w in zip(drawn.src, drawn.dst, weights, strict=True) if w]
    distinct = {pair if directed else (min(pair), max(pair)) for pair in alive}
    assert graph.report.n_lines == len(drawn.src)
    assert graph.report.n_zero_weight == len(drawn.src) - len(alive)
    assert graph.report.n_self_loops == sum(u == v for u, v in alive)
    assert graph.report.n_duplicates == len(alive) - len(distinct)


@quick
@given(drawn=arcs(), directed=st.booleans(), duplicates=st.sampled_from(["sum", "max"]), data=st.data())
def test_bytes_do_not_depend_on_the_order_of_the_arcs(
    drawn: Arcs, directed: bool, duplicates: Duplicates, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(drawn.src))))
    shuffled = [
        None if column is None else [column[i] for i in order] for column in (drawn.src, drawn.dst, drawn.weights)
    ]
    options: dict[str, Any] = {"n_nodes": drawn.n_nodes, "directed": directed, "duplicates": duplicates}
    one = CSRGraph.from_edges(drawn.src, drawn.dst, drawn.weights, **options)
    other = CSRGraph.from_edges(*shuffled, **options)  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)
    assert (one.weights is None) == (other.weights is None)
    if one.weights is not None and other.weights is not None:
        assert one.weights.tobytes() == other.weights.tobytes()


def test_a_sum_whose_last_bit_depends_on_the_order_does_not() -> None:
    # The first two add up to a tie between two float32, which goes down to even; the ones tip it upwards, but
    # each alone is lost against 2**60 in float64.
    weights = [2.0**60, 2.0**36] + [1.0] * 300
    pairs = [0] * len(weights)
    results = {
        CSRGraph.from_edges(pairs, [1] * len(pairs), order).weights[0]  # type: ignore[index]
        for order in (weights, weights[::-1])
    }
    assert results == {np.float32(2.0**60 + 2.0**37)}


@quick
@given(graph=graphs(directed=True))
def test_equals_scipy_and_its_transpose(graph: CSRGraph) -> None:
    matrix = graph.to_scipy()
    back = graph.transposed()
    np.testing.assert_array_equal(back.to_scipy().toarray(), matrix.toarray().T)
    CSRGraph(indptr=back.indptr, indices=back.indices, weights=back.weights)
    twice = back.transposed()
    np.testing.assert_array_equal(twice.indices, graph.indices)
    np.testing.assert_array_equal(twice.to_scipy().toarray(), matrix.toarray())


@quick
@given(graph=graphs(directed=True, parallel=True, weighted=True))
def test_transposing_twice_keeps_parallel_arcs_in_order(graph: CSRGraph) -> None:
    twice = graph.transposed().transposed()
    np.testing.assert_array_equal(twice.indptr, graph.indptr)
    np.testing.assert_array_equal(twice.indices, graph.indices)
    np.testing.assert_array_equal(twice.weights, graph.weights)


@quick
@given(graph=graphs(directed=False))
def test_an_undirected_graph_is_symmetric_and_its_own_transpose(graph: CSRGraph) -> None:
    dense = graph.to_scipy().toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert graph.transposed() is graph


@quick
@given(graph=graphs())
def test_out_weight_and_out_degree_agree_with_scipy(graph: CSRGraph) -> None:
    matrix = graph.to_scipy().astype(np.float64)
    np.testing.assert_allclose(graph.out_weight(), np.asarray(matrix.sum(axis=1)).ravel(), rtol=1e-12)
    np.testing.assert_array_equal(graph.out_degree(), np.diff(matrix.indptr))
    assert graph.out_weight().dtype == np.float64


@quick
@given(graph=graphs())
def test_scipy_round_trip(graph: CSRGraph) -> None:
    for form in (graph.to_scipy(), graph.to_scipy().tocsc(), scipy.sparse.coo_matrix(graph.to_scipy())):
        again = CSRGraph.from_scipy(form, directed=graph.directed)
        assert again.directed == graph.directed
        np.testing.assert_array_equal(again.indptr, graph.indptr)
        np.testing.assert_array_equal(again.indices, graph.indices)
        np.testing.assert_array_equal(again.to_scipy().data, graph.to_scipy().data)


@quick
@given(graph=graphs(), parallel=graphs(parallel=True))
def test_networkx_round_trip(graph: CSRGraph, parallel: CSRGraph) -> None:
    for one in (graph, parallel):
        again = CSRGraph.from_networkx(one.to_networkx(), duplicates="keep")
        assert again.directed == one.directed
        assert rows_as_lists(again) == rows_as_lists(one)


@quick
@given(graph=graphs(parallel=True))
def test_to_networkx_has_every_edge(graph: CSRGraph) -> None:
    there = graph.to_networkx()
    n_loops = int(np.count_nonzero(np.repeat(np.arange(graph.n_nodes), graph.out_degree()) == graph.indices))
    edges = graph.n_edges if graph.directed else (graph.n_edges - n_loops) // 2 + n_loops
    assert there.number_of_edges() == edges
    assert sorted(there.nodes) == list(range(graph.n_nodes))


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_from_networkx_reads_weights_ids_and_parallel_edges(kind: type[nx.Graph]) -> None:
    there = kind()
    there.add_edge("b", "a", weight=2.5)
    there.add_edge("a", "c")
    there.add_edge("c", "c", weight=3)
    there.add_edge("b", "a", weight=1.5)
    there.add_node("lone")
    graph = CSRGraph.from_networkx(there)
    assert graph.node_ids.take(range(4)) == ["a", "b", "c", "lone"]
    heavy = 4.0 if there.is_multigraph() else 1.5
    arcs_found = {(1, 0): [heavy], (0, 2): [1.0], (2, 2): [3.0]}
    if not there.is_directed():
        arcs_found |= {(0, 1): [heavy], (2, 0): [1.0]}
    assert rows_as_lists(graph) == arcs_found
    assert CSRGraph.from_networkx(there, weight=None, duplicates="first").weights is None


@pytest.mark.parametrize(
    ("nodes", "ids"),
    [
        ([3, 1, 2], [1, 2, 3]),
        ([np.int64(1), 0], [0, 1]),
        ([2, "b", 10], ["10", "2", "b"]),
        ([(0, 1), (0, 0)], ["(0, 0)", "(0, 1)"]),
        ([-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
        ([2**63, 1], ["1", str(2**63)]),
        (["é", "z", "\U0001f600", "\uffff"], ["z", "é", "\uffff", "\U0001f600"]),
    ],
)
def test_ids_of_networkx_nodes_are_sorted_integers_or_text(nodes: list[Any], ids: list[Any]) -> None:
    there = nx.path_graph(0)
    there.add_nodes_from(nodes)
    assert CSRGraph.from_networkx(there).node_ids.take(range(len(nodes))) == ids


def test_two_nodes_of_one_text_are_refused() -> None:
    there = nx.Graph([(1, "1")])
    with pytest.raises(InvalidInput, match="nodes 1 and '1' have one text"):
        CSRGraph.from_networkx(there)


def test_an_edge_whose_weight_is_no_number_is_named() -> None:
    there = nx.DiGraph()
    there.add_edge("a", "b", weight="heavy")
    with pytest.raises(InvalidInput, match="edge 'a' → 'b' has weight = 'heavy'; weights are numbers"):
        CSRGraph.from_networkx(there)


def test_directed_networkx_can_be_read_as_undirected() -> None:
    graph = CSRGraph.from_networkx(nx.DiGraph([(0, 1), (1, 0), (1, 2)]), directed=False)
    assert rows_as_lists(graph) == {(0, 1): [2.0], (1, 0): [2.0], (1, 2): [1.0], (2, 1): [1.0]}


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
def test_from_scipy_takes_any_real_dtype(dtype: type) -> None:
    matrix = scipy.sparse.csr_array(np.array([[0, 1, 1], [1, 0, 0], [1, 0, 1]], dtype=dtype))
    graph = CSRGraph.from_scipy(matrix, directed=False)
    assert graph.weights is None
    np.testing.assert_array_equal(graph.to_scipy().toarray(), matrix.toarray())


@pytest.mark.parametrize("indices", [np.int32, np.int64])
def test_a_transpose_takes_memory_that_cannot_be_written(indices: type) -> None:
    arrays = [np.array([0, 2, 2], dtype=np.int64), np.array([0, 1], dtype=indices), np.ones(2, dtype=np.float32)]
    for array in arrays:
        array.flags.writeable = False
    graph = CSRGraph(indptr=arrays[0], indices=arrays[1], weights=arrays[2])
    np.testing.assert_array_equal(graph.transposed().indptr, [0, 1, 2])
    np.testing.assert_array_equal(graph.out_weight(), [2, 0])


def test_no_nodes_make_a_graph() -> None:
    graph = CSRGraph.from_edges([], [])
    assert (graph.n_nodes, graph.n_edges) == (0, 0)
    assert graph.out_weight().shape == (0,)
    assert graph.to_networkx().number_of_nodes() == 0


BAD_EDGES: list[tuple[dict[str, Any], str]] = [
    ({"src": [0, 1], "dst": [1]}, "src has 2 arcs, dst 1"),
    ({"src": [[0]], "dst": [[0]]}, r"src has shape \(1, 1\)"),
    ({"src": [0.5], "dst": [1]}, "src holds float64; rows are integers"),
    ({"src": [0], "dst": ["a"]}, "dst holds <U1"),
    ({"src": [-1], "dst": [1]}, r"node row -1 lies outside \[0, 2\)"),
    ({"src": [0], "dst": [5], "n_nodes": 5}, r"node row 5 lies outside \[0, 5\)"),
    ({"src": [2**64 - 1], "dst": [0], "n_nodes": 5}, "node row 18446744073709551615 lies outside"),
    ({"src": [0], "dst": [1], "n_nodes": 2, "node_ids": IntegerIds(3)}, "3 node ids for 2 nodes"),
    ({"src": [0], "dst": [1], "weights": [1, 2]}, r"weights have shape \(2,\) for 1 arcs"),
    ({"src": [0, 0], "dst": [1, 0], "weights": [1, math.nan]}, "weight nan of arc 1"),
    ({"src": [0], "dst": [1], "weights": [math.inf]}, "weight inf of arc 0"),
    ({"src": [0], "dst": [1], "weights": [-0.5]}, "weight -0.5 of arc 0"),
    ({"src": [0], "dst": [1], "weights": [1e39]}, "weight 1e[+]39 of arc 0; weights are .* within float32"),
    ({"src": [0], "dst": [1], "weights": [1j]}, "weights hold complex128"),
    ({"src": [0], "dst": [1], "weights": ["x"]}, "weights hold <U1"),
    (
        {"src": [0, 0, 1], "dst": [1, 1, 1], "weights": [3e38, 1e38, 1], "node_ids": StringIds.from_sorted(["a", "b"])},
        "the summed weight of 'a' → 'b' is larger than float32 holds",
    ),
    ({"src": [0, 0, 0], "dst": [1, 1, 0], "duplicates": "error"}, "duplicate arcs: 1, the first 0 → 1"),
    ({"src": [1, 0], "dst": [0, 1], "duplicates": "error", "directed": False}, "duplicate arcs: 1, the first 0 → 1"),
    ({"src": [0, 1], "dst": [1, 1], "self_loops": "error"}, "self-loops: 1, the first at node 1"),
]


@pytest.mark.parametrize(("given_arcs", "complaint"), BAD_EDGES)
def test_edges_that_make_no_graph_are_refused_by_name(given_arcs: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        CSRGraph.from_edges(**given_arcs)


@pytest.mark.parametrize(
    ("options", "name"),
    [({"duplicates": "sun"}, "duplicates"), ({"self_loops": "no"}, "self_loops"), ({"n_nodes": -1}, "n_nodes")],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParams, match=f"{name} = "):
        CSRGraph.from_edges([], [], **options)


def test_weights_too_small_for_float32_count_as_zero() -> None:
    graph = CSRGraph.from_edges([0, 1], [1, 0], [1e-60, 1.0])
    assert (graph.n_edges, graph.report.n_zero_weight) == (1, 1)


def test_a_matrix_that_is_no_graph_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"shape \(2, 3\); an adjacency matrix is square"):
        CSRGraph.from_scipy(scipy.sparse.csr_array(np.ones((2, 3))))
    with pytest.raises(InvalidInput, match="the matrix is not symmetric"):
        CSRGraph.from_scipy(scipy.sparse.csr_array(np.array([[0, 1], [0, 0]])), directed=False)
    with pytest.raises(InvalidInput, match="the matrix is not symmetric"):
        CSRGraph.from_scipy(scipy.sparse.csr_array(np.array([[0, 1], [2, 0]])), directed=False)


def int64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def int32(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


BAD_ARRAYS: list[tuple[dict[str, Any], str]] = [
    ({"indptr": int32(0, 1), "indices": int32(0)}, "indptr must be"),
    ({"indptr": int64(), "indices": int32()}, "indptr must be"),
    ({"indptr": int64(0, 1), "indices": np.array([0], dtype=np.uint32)}, "indices are uint32"),
    ({"indptr": int64(0, 2), "indices": int32(0)}, "indptr runs from 0 to 2, indices hold 1"),
    ({"indptr": int64(1, 1), "indices": int32(0)}, "indptr runs from 1 to 1"),
    ({"indptr": int64(0, 2, 1), "indices": int32(0)}, "row 0 is out of bounds"),
    ({"indptr": int64(0, -5, 1), "indices": int32(0)}, "row 0 is out of bounds"),
    ({"indptr": int64(0, 0, 1), "indices": int32(2)}, "row 1 is out of bounds"),
    ({"indptr": int64(0, 1), "indices": int32(-1)}, "row 0 is out of bounds"),
    ({"indptr": int64(0, 2, 2), "indices": int32(1, 0)}, "row 0 is out of bounds, or its indices do not ascend"),
    ({"indptr": int64(0, 1), "indices": int32(0), "weights": np.ones(1)}, "weights must be float32"),
    ({"indptr": int64(0, 1), "indices": int32(0), "weights": np.array([-1], np.float32)}, "a weight is NaN"),
    ({"indptr": int64(0, 1), "indices": int32(0), "weights": np.array([math.nan], np.float32)}, "a weight is NaN"),
    ({"indptr": int64(0, 1), "indices": int32(0), "node_ids": IntegerIds(2)}, "2 node ids for 1 nodes"),
    ({"indptr": int64(0, 1, 1), "indices": int32(1), "directed": False}, "an arc has no reverse"),
    (
        {
            "indptr": int64(0, 1, 2),
            "indices": int32(1, 0),
            "weights": np.array([1, 2], np.float32),
            "directed": False,
        },
        "an arc has no reverse of its weight",
    ),
]


@pytest.mark.parametrize(("arrays", "complaint"), BAD_ARRAYS)
def test_arrays_that_break_a_rule_are_refused(arrays: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        CSRGraph(**arrays)


def test_arrays_known_to_be_good_are_not_read() -> None:
    indices = int32(7, 7)
    assert CSRGraph(indptr=int64(0, 2), indices=indices, check=False).indices is indices
