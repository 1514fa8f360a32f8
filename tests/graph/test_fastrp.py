"""FastRP against its dense transcription, the worked examples of its definition, and its promises about bytes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from foundation.ids import StringIds
from foundation.threads import even_ranges
from graph import fastrp_start, propagation
from graph.csr import CSRGraph
from graph.fastrp import (
    FastRPParams,
    fastrp,
    fastrp_powers,
)
from graph.fastrp_start import next_source, start_panel
from graph.propagation import Stored, Walk, row_norms, unit_factors
from tests.oracles import fastrp as oracle
from tests.shared_data import shared_data
from tests.strategies import fastrp_graphs

PATH = CSRGraph.from_edges([0, 1], [1, 2], directed=False)
KITE_AND_ISOLATED = CSRGraph.from_edges([0, 0, 1, 2], [1, 2, 2, 3], n_nodes=5, directed=False)
KITE_INITIAL = np.array([[1, 0], [0, 1], [1, 1], [-1, 0], [0, 2]], dtype=np.float32)


TOLERANCE = {"float32": 2e-5, "float16": 2e-3, "int8": 4e-2}  # of an entry of a unit row, after four hops


def random_graph(n_nodes: int, n_arcs: int, *, seed: int = 0, weighted: bool = False, **kwargs: Any) -> CSRGraph:
    rng = np.random.default_rng(seed)
    src, dst = rng.integers(0, n_nodes, (2, n_arcs))
    weights = rng.uniform(0.1, 2.0, n_arcs) if weighted else None
    return CSRGraph.from_edges(src, dst, weights, n_nodes=n_nodes, **({"directed": False} | kwargs))


def gaussian(n_nodes: int, dim: int, seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n_nodes, dim)).astype(np.float32)


def initial_panel(graph: CSRGraph, params: FastRPParams, start: int, stop: int, **inputs: Any) -> Any:
    """Columns [start, stop) of the rows that the first hop reads."""
    rows = start_panel(graph, params, start, stop, own=True, **inputs).rows
    assert rows is not None
    return rows.floats()[:, : stop - start]


def raw_powers(graph: CSRGraph, params: FastRPParams, initial: npt.NDArray[np.float32], n_hops: int) -> list[Any]:
    """N_1 … N_k of paper mode, up to the constant that normalising removes."""
    asked = dataclasses.replace(params, dim=initial.shape[1], iteration_weights=(1.0,) * n_hops, precision="float32")
    powers = fastrp_powers(graph, asked, initial=initial)
    return [powers.power(hop) for hop in range(1, n_hops + 1)]


def by_panels(graph: CSRGraph, params: FastRPParams, width: int, n_threads: int) -> npt.NDArray[np.float32]:
    """The embedding, computed panel by panel with one meeting of all panels a hop."""
    walk = Walk.over(graph, params.precision)
    panels = even_ranges(params.dim, width)
    starts = [start_panel(graph, params, *panel, n_threads=n_threads) for panel in panels]
    sources = [start.source for start in starts]
    out = np.zeros((graph.n_nodes, params.dim), dtype=np.float32)

    def add(first: int, term: Stored) -> None:
        walk.add(term, out, first, 0, graph.n_nodes)

    if params.self_influence:
        norms = row_norms([start.rows.squares for start in starts if start.rows is not None])
        for (first, _), start in zip(panels, starts, strict=True):
            add(first, start.own(params.self_influence, norms))
    for weight in params.iteration_weights:
        blocks = [walk.step(source, n_threads) for source in sources]
        norms = row_norms([block.squares for block in blocks])
        for (first, _), block in zip(panels, blocks, strict=True):
            if weight:
                add(first, Stored(block.values, unit_factors(weight, block, norms), walk.places))
        sources = [next_source(walk, params, block, norms) for block in blocks]
    return out


# The worked examples and identities of the definition


def test_powers_of_a_path_are_those_computed_by_hand() -> None:
    projection = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    middle, ends = [[0, 0], [0, 1], [0, 0]], [[0, 1], [0, 0], [0, 1]]
    flat = raw_powers(PATH, FastRPParams(normalization_strength=0.0), projection, 3)
    for found, expected in zip(flat, [ends, middle, ends], strict=True):
        np.testing.assert_array_equal(found, expected)
    damped = raw_powers(PATH, FastRPParams(normalization_strength=-1.0), projection, 2)
    constant = 4.0  # (d / 2m)^-1 = diag(4, 2, 4) against our largest factor, which is 1
    for found, expected in zip(damped, [ends, middle], strict=True):
        np.testing.assert_array_equal(constant * found, 2 * np.array(expected))


def test_oracle_gives_the_powers_computed_by_hand() -> None:
    projection, matrix = np.array([[1.0, 0], [0, 1], [-1, 0]]), oracle.dense(PATH)
    one, two, three = oracle.powers(matrix, projection, 0.0, 3)
    np.testing.assert_allclose(one, [[0, 1], [0, 0], [0, 1]])
    np.testing.assert_allclose(two, [[0, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(three, one)
    np.testing.assert_allclose(oracle.degree_normaliser(matrix, -1.0), np.diag([4, 2, 4]))
    one, two = oracle.powers(matrix, projection, -1.0, 2)
    np.testing.assert_allclose(one, [[0, 2], [0, 0], [0, 2]])
    np.testing.assert_allclose(two, [[0, 0], [0, 2], [0, 0]])


def test_cubed_similarity_is_symmetric_at_strength_minus_one_only() -> None:
    graph = random_graph(50, 150, self_loops="drop")
    matrix, identity = oracle.dense(graph), np.eye(50, dtype=np.float32)

    def asymmetry(block: npt.NDArray[Any]) -> float:
        return float(np.abs(block - block.T).max())

    assert asymmetry(oracle.powers(matrix, np.eye(50), -1.0, 3)[2]) < 1e-12
    assert asymmetry(oracle.powers(matrix, np.eye(50), -0.5, 3)[2]) > 0.01
    ours = raw_powers(graph, FastRPParams(normalization_strength=-1.0), identity, 3)[2]
    assert asymmetry(ours) < 1e-6 * np.abs(ours).max()
    half = raw_powers(graph, FastRPParams(normalization_strength=-0.5), identity, 3)[2]
    assert asymmetry(half) > 0.01 * np.abs(half).max()


def test_many_powers_converge_to_the_stationary_mean() -> None:
    network = nx.gnp_random_graph(40, 0.3, seed=1)
    assert nx.is_connected(network)
    assert not nx.is_bipartite(network)
    graph = CSRGraph.from_networkx(network)
    projection, degree = gaussian(graph.n_nodes, 8, seed=1), graph.out_weight()
    limit = degree / degree.sum() @ projection
    exact = oracle.powers(oracle.dense(graph), projection.astype(np.float64), 0.0, 200)[-1]
    np.testing.assert_allclose(exact, np.tile(limit, (graph.n_nodes, 1)), atol=1e-12)
    ours = raw_powers(graph, FastRPParams(normalization_strength=0.0), projection, 200)[-1]
    np.testing.assert_allclose(ours, np.tile(limit, (graph.n_nodes, 1)), atol=1e-5)


@pytest.mark.parametrize("sparsity", [1.0, 3.0, 20.0])
def test_projection_keeps_inner_products_with_the_variance_of_theory(sparsity: float) -> None:
    n, q, n_draws = 400, 64, 3000
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((2, n)) / np.sqrt(n)
    y += 0.5 * x
    edgeless = CSRGraph.from_edges([], [], n_nodes=n)
    products = np.empty(n_draws)
    for draw in range(n_draws):
        r = initial_panel(edgeless, FastRPParams(dim=q, sparsity=sparsity, seed=draw), 0, q)
        products[draw] = (x @ r) @ (y @ r)
    theory = ((x @ x) * (y @ y) + (x @ y) ** 2 + (sparsity - 3) * np.sum(x**2 * y**2)) / q
    assert abs(products.mean() - x @ y) < 4 * np.sqrt(theory / n_draws)
    assert products.var() == pytest.approx(theory, rel=0.1)


def test_gds_mode_gives_the_rows_of_the_definition() -> None:
    def rows(mode: Any, self_influence: float) -> npt.NDArray[np.float32]:
        params = FastRPParams(
            precision="float32",
            mode=mode,
            dim=2,
            iteration_weights=(0, 1, 1),
            normalization_strength=0.0,
            self_influence=self_influence,
        )
        return fastrp(KITE_AND_ISOLATED, params, initial=KITE_INITIAL)

    gds = [(1.012696, 1.724073), (0.850336, 1.757390), (0.965550, 1.673133), (0.707107, 1.707107), (0, 0)]
    np.testing.assert_allclose(rows("gds", 0.0), gds, atol=1e-6)
    own = [(1.512696, 1.724073), (0.850336, 2.257390), (1.319103, 2.026687), (0.207107, 1.707107), (0, 0.5)]
    np.testing.assert_allclose(rows("gds", 0.5), own, atol=1e-6)
    paper = [(1.353712, 1.450864), (1.080661, 1.620270), (1.174995, 1.590895), (0.707107, 1.707107), (0, 0)]
    np.testing.assert_allclose(rows("paper", 0.0), paper, atol=1e-6)


@given(graph=fastrp_graphs(), beta=st.sampled_from([-1.0, -0.6, 0.0, 0.5]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_the_base_of_the_degree_normaliser_does_not_matter(graph: CSRGraph, beta: float, seed: int) -> None:
    projection, matrix = gaussian(graph.n_nodes, 16, seed).astype(np.float64), oracle.dense(graph)
    degree = matrix.sum(axis=1)
    plain = np.zeros(graph.n_nodes)
    plain[degree > 0] = degree[degree > 0] ** beta
    weights = (1.0, 0.5, 2.0)
    a, raw, expected = oracle.transition(matrix), plain[:, None] * projection, np.zeros_like(projection)
    for weight in weights:
        raw = a @ raw
        expected += weight * oracle.unit_rows(raw)
    np.testing.assert_allclose(oracle.paper_fastrp(matrix, projection, weights, beta), expected, atol=1e-6)
    params = FastRPParams(dim=16, iteration_weights=weights, normalization_strength=beta, precision="float32")
    np.testing.assert_allclose(fastrp(graph, params, initial=projection), expected, atol=2e-5)


def test_blogcatalog_labels_are_predicted_as_well_as_published() -> None:
    import scipy.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    content = scipy.io.loadmat(shared_data("graphs/blogcatalog.mat"))
    labels = np.asarray(content["group"].todense(), dtype=bool)
    graph = CSRGraph.from_scipy(content["network"], directed=False)
    params = FastRPParams(dim=512, iteration_weights=(0.0, 0.0, 7.81, 45.28), normalization_strength=-0.628)
    embedding = scale(fastrp(graph, params, n_threads=2).astype(np.float64))

    order = np.random.default_rng(0).permutation(graph.n_nodes)
    train, test = order[: graph.n_nodes // 10], order[graph.n_nodes // 10 :]
    chance = np.zeros((test.size, labels.shape[1]))
    for label in np.flatnonzero(labels[train].any(axis=0)):
        model = LogisticRegression(solver="liblinear", C=0.1).fit(embedding[train], labels[train, label])
        chance[:, label] = model.predict_proba(embedding[test])[:, 1]
    rank = np.argsort(np.argsort(-chance, axis=1), axis=1)
    predicted = rank < labels[test].sum(axis=1, keepdims=True)  # as many labels as the node truly has

    hits = (predicted & labels[test]).sum(axis=0)
    sizes = predicted.sum(axis=0) + labels[test].sum(axis=0)
    assert 2 * hits.sum() / sizes.sum() >= 0.36
    assert np.mean(2 * hits / np.maximum(sizes, 1)) >= 0.215


# Against the oracle, on ugly graphs


@given(
    graph=fastrp_graphs(),
    mode=st.sampled_from(["paper", "gds"]),
    beta=st.sampled_from([-1.0, -0.6, 0.0, 0.5, 1.0]),
    weights=st.sampled_from([(1.0,), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 6.67), (1.0, -0.5, 0.0)]),
    self_influence=st.sampled_from([0.0, 0.7]),
    dim=st.sampled_from([7, 64, 200]),
    precision=st.sampled_from(["float32", "float16", "int8"]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=150)
def test_agrees_with_the_dense_transcription(
    graph: CSRGraph,
    mode: Any,
    beta: float,
    weights: tuple[float, ...],
    self_influence: float,
    dim: int,
    precision: Any,
    seed: int,
) -> None:
    initial = gaussian(graph.n_nodes, dim, seed)
    params = FastRPParams(
        precision=precision,
        mode=mode,
        dim=dim,
        iteration_weights=weights,
        normalization_strength=beta,
        self_influence=self_influence,
    )
    exact = initial.astype(np.float64)
    if mode == "paper":
        expected = oracle.paper_fastrp(oracle.dense(graph), exact, weights, beta, self_influence)
    else:
        expected = oracle.gds_fastrp(graph, exact, weights, beta, self_influence)
    found = fastrp(graph, params, initial=initial)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[precision] * (sum(map(abs, weights)) + self_influence))


@given(graph=fastrp_graphs(), mode=st.sampled_from(["paper", "gds"]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_the_random_start_is_the_initial_panel(graph: CSRGraph, mode: Any, seed: int) -> None:
    params = FastRPParams(
        mode=mode, dim=24, normalization_strength=0.0, self_influence=0.5, seed=seed, precision="float32"
    )
    start = initial_panel(graph, params, 0, 24)
    np.testing.assert_allclose(fastrp(graph, params), fastrp(graph, params, initial=start), atol=1e-6)


@given(graph=fastrp_graphs(), self_influence=st.sampled_from([0.0, 0.5]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_rows_are_no_longer_than_their_weights_allow(graph: CSRGraph, self_influence: float, seed: int) -> None:
    for mode in ("paper", "gds"):
        params = FastRPParams(
            mode=mode, dim=32, iteration_weights=(0.5, -1.0, 1.0), self_influence=self_influence, seed=seed
        )
        assert np.linalg.norm(fastrp(graph, params).astype(np.float64), axis=1).max() <= self_influence + 2.5 + 2e-3


@given(graph=fastrp_graphs(directed=False), mode=st.sampled_from(["paper", "gds"]), data=st.data())
@settings(deadline=None, max_examples=60)
def test_permuting_the_nodes_permutes_the_rows(graph: CSRGraph, mode: Any, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(graph.n_nodes))), dtype=np.int64)
    coo = graph.to_scipy().tocoo()
    place = np.argsort(order)  # node order[i] moves to row i
    moved = CSRGraph.from_edges(
        place[coo.coords[0]], place[coo.coords[1]], coo.data, n_nodes=graph.n_nodes, duplicates="keep"
    )
    params = FastRPParams(mode=mode, dim=24, self_influence=0.3, precision="float32")
    initial = gaussian(graph.n_nodes, 24, seed=3)
    expected = fastrp(graph, params, initial=initial)[order]
    np.testing.assert_allclose(fastrp(moved, params, initial=initial[order]), expected, atol=1e-4)


def test_permuting_the_nodes_permutes_the_rows_exactly_while_sums_are_exact() -> None:
    graph = random_graph(300, 1500, duplicates="first")
    order = np.random.default_rng(5).permutation(300)
    place, coo = np.argsort(order), graph.to_scipy().tocoo()
    moved = CSRGraph.from_edges(place[coo.coords[0]], place[coo.coords[1]], n_nodes=300)
    signs = np.sign(gaussian(300, 32, seed=2))
    params = FastRPParams(mode="gds", dim=32, iteration_weights=(1.0,), precision="float32")
    np.testing.assert_array_equal(
        fastrp(moved, params, initial=signs[order]), fastrp(graph, params, initial=signs)[order]
    )


# Bytes


@pytest.mark.parametrize("mode", ["paper", "gds"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
@pytest.mark.parametrize("sparsity", [None, 3.0])
def test_bytes_do_not_depend_on_panels_or_threads(
    mode: Any, weighted: bool, precision: Any, sparsity: float | None
) -> None:
    graph = random_graph(12_000, 60_000, weighted=weighted)
    params = FastRPParams(
        mode=mode,
        dim=200,
        iteration_weights=(0.5, 0.0, 2.0),
        self_influence=0.25,
        precision=precision,
        sparsity=sparsity,
    )
    expected = fastrp(graph, params).tobytes()
    assert fastrp(graph, params, n_threads=3).tobytes() == expected
    for width, n_threads in ((64, 2), (128, 1), (192, 3)):
        assert by_panels(graph, params, width, n_threads).tobytes() == expected


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
@pytest.mark.parametrize("sparsity", [3.0, 30.0])
def test_bytes_do_not_depend_on_the_vectors_of_the_processor(
    precision: Any, sparsity: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = random_graph(700, 4000, weighted=sparsity < 10)
    params = FastRPParams(dim=200, precision=precision, sparsity=sparsity, self_influence=0.5)
    if not propagation.has_vectors():
        pytest.skip("this processor has no vectors to compare with")
    expected = fastrp(graph, params).tobytes()
    monkeypatch.setattr(propagation, "widest", lambda: 64)
    assert fastrp(graph, params).tobytes() == expected
    monkeypatch.setattr(propagation, "has_vectors", lambda: False)
    assert fastrp(graph, params).tobytes() == expected


@pytest.mark.parametrize("sparsity", [3.0, 30.0])
def test_ids_of_64_bits_give_the_same_bytes(sparsity: float, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, params = random_graph(200, 900), FastRPParams(dim=72, self_influence=0.5, sparsity=sparsity)
    expected = fastrp(graph, params).tobytes()
    for module in (propagation, fastrp_start):
        monkeypatch.setattr(module, "INT32_NODES", 100)
    wide = dataclasses.replace(graph, indices=graph.indices.astype(np.int64))
    assert Walk.over(wide, "float16").places.dtype == np.int64
    assert fastrp(wide, params).tobytes() == expected


@pytest.mark.parametrize("mode", ["paper", "gds"])
def test_powers_are_combined_to_the_bytes_of_a_run(mode: Any) -> None:
    graph = random_graph(11_000, 40_000)
    params = FastRPParams(mode=mode, dim=72, iteration_weights=(1.0, 1.0, 1.0, 1.0))
    powers = fastrp_powers(graph, params)
    for weights, own in (((0.0, 1.0, 3.0), 0.0), ((2.0,), 0.5), ((), 1.0), ((0.0, 0.0, 1.0, 6.67), 0.0)):
        asked = dataclasses.replace(params, iteration_weights=weights, self_influence=own)
        expected = fastrp(graph, asked).tobytes()
        assert powers.combine(weights, self_influence=own, n_threads=2).tobytes() == expected
    with pytest.raises(InvalidParams):
        powers.combine((1.0,) * 5)


def test_result_can_be_written_into_an_array_of_the_callers(tmp_path: Any) -> None:
    graph, params = random_graph(300, 200), FastRPParams(dim=72)
    expected = fastrp(graph, params)
    mapped = np.lib.format.open_memmap(tmp_path / "out.npy", mode="w+", dtype=np.float32, shape=expected.shape)
    mapped[:] = np.nan
    assert fastrp(graph, params, out=mapped) is mapped
    assert mapped.tobytes() == expected.tobytes()
    for wrong in (np.empty((300, 71), np.float32), np.empty(expected.shape), np.empty((72, 300), np.float32).T):
        with pytest.raises(InvalidInput):
            fastrp(graph, params, out=wrong)


def test_bytes_do_not_depend_on_row_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_graph(500, 3000, weighted=True)
    params = FastRPParams(dim=40, self_influence=0.5)
    expected = fastrp(graph, params).tobytes()
    monkeypatch.setattr(propagation, "RANGE_COST", 37)
    monkeypatch.setattr(propagation, "ROWS", 3)
    assert fastrp(graph, params, n_threads=4).tobytes() == expected


def test_panels_of_features_make_the_same_bytes_as_the_whole() -> None:
    graph, features = random_graph(200, 900), gaussian(200, 11, seed=4)
    params = FastRPParams(dim=200, property_ratio=0.4)
    whole = initial_panel(graph, params, 0, 200, features=features)
    for width in (64, 128):
        panels = [initial_panel(graph, params, *panel, features=features) for panel in even_ranges(200, width)]
        np.testing.assert_array_equal(np.concatenate(panels, axis=1), whole)


def test_arrays_mapped_from_a_file_give_the_same_bytes(tmp_path: Any) -> None:
    graph = random_graph(100, 400, weighted=True)
    assert graph.weights is not None
    mapped = []
    for name, array in (("indptr", graph.indptr), ("indices", graph.indices), ("weights", graph.weights)):
        np.save(tmp_path / f"{name}.npy", array)
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    opened = CSRGraph(indptr=mapped[0], indices=mapped[1], weights=mapped[2], directed=False)
    params = FastRPParams(dim=16)
    assert fastrp(opened, params).tobytes() == fastrp(graph, params).tobytes()


def test_seed_decides_the_projection() -> None:
    graph = random_graph(100, 400)
    one, again, other = (fastrp(graph, FastRPParams(dim=32, seed=seed)) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert np.abs(one - other).max() > 0.1


# Special graphs


@pytest.mark.parametrize("mode", ["paper", "gds"])
def test_isolated_node_is_zero_unless_it_may_influence_itself(mode: Any) -> None:
    params = FastRPParams(mode=mode, dim=32)
    assert not fastrp(KITE_AND_ISOLATED, params)[4].any()
    own = fastrp(KITE_AND_ISOLATED, dataclasses.replace(params, self_influence=0.5))
    assert np.linalg.norm(own[4]) == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("mode", ["paper", "gds"])
@pytest.mark.parametrize("n_nodes", [0, 1, 5])
def test_graph_without_edges_embeds_to_zeros(mode: Any, n_nodes: int) -> None:
    embedding = fastrp(CSRGraph.from_edges([], [], n_nodes=n_nodes), FastRPParams(mode=mode, dim=20))
    assert embedding.shape == (n_nodes, 20)
    assert not embedding.any()


def test_direction_of_arcs_decides_who_is_averaged() -> None:
    graph = CSRGraph.from_edges([0, 1], [1, 2], directed=True)
    params = FastRPParams(mode="gds", dim=2, iteration_weights=(1.0,), precision="float32")
    initial = np.array([[3, 0], [0, 5], [-2, 0]], dtype=np.float32)
    np.testing.assert_allclose(fastrp(graph, params, initial=initial), [[0, 1], [-1, 0], [0, 0]])
    np.testing.assert_allclose(fastrp(graph.transposed(), params, initial=initial), [[0, 0], [1, 0], [0, 1]])


def test_paper_mode_hears_nothing_from_a_node_without_out_arcs() -> None:
    graph = CSRGraph.from_edges([0, 1], [1, 2], directed=True)
    params = FastRPParams(dim=2, iteration_weights=(1.0,), precision="float32")
    initial = np.array([[3, 0], [0, 5], [-2, 0]], dtype=np.float32)
    np.testing.assert_allclose(fastrp(graph, params, initial=initial), [[0, 1], [0, 0], [0, 0]])


def test_sides_of_a_bipartite_graph_see_each_other_in_odd_powers_only() -> None:
    graph = CSRGraph.from_networkx(nx.complete_bipartite_graph(3, 4))
    initial = np.zeros((7, 2), dtype=np.float32)
    initial[:3, 0], initial[3:, 1] = 1, 1
    odd = fastrp(graph, FastRPParams(dim=2, iteration_weights=(1, 0, 1), precision="float32"), initial=initial)
    even = fastrp(graph, FastRPParams(dim=2, iteration_weights=(0, 1, 0, 1), precision="float32"), initial=initial)
    np.testing.assert_allclose(odd, 2 * initial[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(even, 2 * initial, atol=1e-6)


@pytest.mark.parametrize("mode", ["paper", "gds"])
def test_parallel_arcs_count_like_their_summed_weight(mode: Any) -> None:
    src, dst = [0, 0, 0, 1], [1, 1, 2, 2]
    initial = gaussian(3, 8, seed=6)
    kept = CSRGraph.from_edges(src, dst, directed=False, duplicates="keep")
    summed = CSRGraph.from_edges(src, dst, np.ones(4), directed=False)
    params = FastRPParams(mode=mode, dim=8, normalization_strength=0.0, precision="float32")
    np.testing.assert_allclose(
        fastrp(kept, params, initial=initial), fastrp(summed, params, initial=initial), atol=1e-5
    )


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_a_common_factor_of_the_weights_changes_nothing(factor: float) -> None:
    graph = random_graph(60, 300, weighted=True)
    assert graph.weights is not None
    scaled = dataclasses.replace(graph, weights=graph.weights * np.float32(factor))
    for mode in ("paper", "gds"):
        params = FastRPParams(mode=mode, dim=32, precision="float32")
        np.testing.assert_allclose(fastrp(scaled, params), fastrp(graph, params), atol=1e-4)


def test_similar_neighbourhoods_lie_close() -> None:
    planted = nx.planted_partition_graph(4, 40, 0.4, 0.02, seed=1)
    embedding = fastrp(CSRGraph.from_networkx(planted), FastRPParams(dim=64))
    unit = oracle.unit_rows(embedding.astype(np.float64))
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -1)
    nearest = np.argsort(-likeness, axis=1)[:, :10]
    assert np.mean(nearest // 40 == np.arange(160)[:, None] // 40) > 0.95


# The projection and the features


def test_projection_entries_depend_on_node_and_column_alone() -> None:
    params = FastRPParams(dim=96, sparsity=4.0, seed=3)
    small = initial_panel(CSRGraph.from_edges([], [], n_nodes=50), params, 0, 96)
    large = initial_panel(random_graph(80, 200), params, 64, 96)
    np.testing.assert_array_equal(small[:, 64:96], large[:50])


@pytest.mark.parametrize("sparsity", [4.0, 40.0])
def test_a_node_keeps_its_random_row_when_others_come_and_go(sparsity: float) -> None:
    params = FastRPParams(dim=96, sparsity=sparsity, seed=3)
    names = [f"node-{i:03}" for i in range(300)]
    fewer = [name for i, name in enumerate(names) if i % 7]
    rows = {}
    for kept in (names, fewer):
        graph = CSRGraph.from_edges([], [], node_ids=StringIds.from_sorted(kept))
        rows[len(kept)] = initial_panel(graph, params, 0, 96)
    left = [i for i in range(300) if i % 7]
    np.testing.assert_array_equal(rows[300][left], rows[len(fewer)])
    assert len(np.unique(rows[300], axis=0)) > 250


@pytest.mark.parametrize(
    ("params", "n_nodes", "sparsity"),
    [
        (FastRPParams(dim=64), 9_999, 3.0),
        (FastRPParams(dim=64), 10_000, 96.0),
        (FastRPParams(dim=64, mode="gds"), 10_000, 3.0),
        (FastRPParams(dim=64, sparsity=10.0), 10_000, 10.0),
    ],
)
def test_default_sparsity_follows_mode_and_size(params: FastRPParams, n_nodes: int, sparsity: float) -> None:
    block = initial_panel(CSRGraph.from_edges([], [], n_nodes=n_nodes), params, 0, 64)
    assert np.count_nonzero(block) / block.size == pytest.approx(1 / sparsity, rel=0.03)
    assert np.mean(block > 0) == pytest.approx(0.5 / sparsity, rel=0.05)
    np.testing.assert_allclose(np.unique(np.abs(block)), [0, np.sqrt(sparsity / 64)], rtol=1e-6)


def test_gds_start_carries_the_unweighted_degree_to_its_power() -> None:
    star = CSRGraph.from_edges([0, 0, 0, 0], [1, 2, 3, 4], np.full(4, 9.0), n_nodes=6, directed=False)
    block = initial_panel(star, FastRPParams(mode="gds", dim=64, normalization_strength=-0.5), 0, 64)
    unit = np.sqrt(3 / 64)
    np.testing.assert_allclose(np.abs(block).max(axis=1), [unit / 2, unit, unit, unit, unit, unit], rtol=1e-6)


def test_equal_features_in_symmetric_positions_give_identical_rows() -> None:
    star = CSRGraph.from_edges([0, 0, 0], [1, 2, 3], directed=False)
    features = np.array([[1.0, 2.0], [0.5, -1.0], [0.5, -1.0], [3.0, 0.0]])
    for mode in ("paper", "gds"):
        params = FastRPParams(mode=mode, dim=32, iteration_weights=(1.0, 1.0), self_influence=1.0, property_ratio=1.0)
        embedding = fastrp(star, params, features=features)
        np.testing.assert_array_equal(embedding[1], embedding[2])
        assert np.abs(embedding[1] - embedding[3]).max() > 1e-3
        other = fastrp(star, dataclasses.replace(params, seed=1), features=features)
        assert np.abs(embedding - other).max() > 1e-3


def test_features_fill_the_last_columns_and_leave_the_first_to_the_structure() -> None:
    graph, features = random_graph(40, 100), gaussian(40, 5, seed=1)
    params = FastRPParams(mode="gds", dim=50, property_ratio=0.29, normalization_strength=-0.3, precision="float32")
    assert params.n_property == 14
    block = initial_panel(graph, params, 0, 50, features=features)
    vectors = initial_panel(graph, params, 0, 50, features=np.eye(40, 5))[:5, 36:]
    np.testing.assert_allclose(block[:, 36:], features @ vectors, atol=1e-5)
    np.testing.assert_allclose(np.unique(np.abs(vectors)), [0, np.sqrt(3 / 14)], rtol=1e-6)
    other = initial_panel(graph, params, 0, 50, features=2 * features)
    np.testing.assert_array_equal(other[:, :36], block[:, :36])


def test_features_are_ignored_without_a_property_ratio() -> None:
    graph, params = random_graph(20, 60), FastRPParams(dim=16)
    with_features = fastrp(graph, params, features=np.full((20, 2), np.nan))
    np.testing.assert_array_equal(with_features, fastrp(graph, params))


# Parameters


def test_defaults_follow_the_mode_and_survive_json() -> None:
    paper, gds = FastRPParams(), FastRPParams(mode="gds")
    assert (paper.iteration_weights, paper.normalization_strength) == ((0.0, 0.0, 1.0, 6.67), -0.6)
    assert (gds.iteration_weights, gds.normalization_strength) == ((0.0, 1.0, 1.0), 0.0)
    for params in (paper, gds, FastRPParams(iteration_weights=(), self_influence=1.0)):
        assert FastRPParams(**json.loads(json.dumps(dataclasses.asdict(params)))) == params


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "fast"),
        ("dim", 0),
        ("dim", 2.5),
        ("iteration_weights", ()),
        ("iteration_weights", (0.0, 0.0)),
        ("iteration_weights", (1.0, float("nan"))),
        ("normalization_strength", 1.5),
        ("normalization_strength", float("nan")),
        ("self_influence", -0.1),
        ("property_ratio", 1.1),
        ("property_ratio", -0.5),
        ("property_ratio", 0.001),
        ("sparsity", 0.5),
        ("precision", "float64"),
        ("seed", 1.5),
    ],
)
def test_parameters_that_cannot_run_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidParams) as caught:
        FastRPParams(**{name: value})
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("params", "inputs", "source"),
    [
        (FastRPParams(dim=8, property_ratio=0.5), {}, "features"),
        (FastRPParams(dim=8, property_ratio=0.5), {"features": np.ones((2, 4))}, "features"),
        (FastRPParams(dim=8, property_ratio=0.5), {"features": np.ones(3)}, "features"),
        (FastRPParams(dim=8, property_ratio=0.5), {"features": np.ones((3, 0))}, "features"),
        (FastRPParams(dim=8, property_ratio=0.5), {"features": np.array([[1], [np.inf], [2]])}, "features"),
        (FastRPParams(dim=8), {"initial": np.ones((3, 7))}, "initial"),
        (FastRPParams(dim=8, property_ratio=1.0), {"initial": np.ones((3, 8)), "features": np.ones((3, 1))}, "initial"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(params: FastRPParams, inputs: dict[str, Any], source: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        fastrp(PATH, params, **inputs)
    assert caught.value.source == source


@pytest.mark.parametrize("panel", [(16, 32), (0, 33), (0, 0), (-64, 16)])
def test_panels_that_would_change_the_bytes_are_refused(panel: tuple[int, int]) -> None:
    with pytest.raises(InvalidParams):
        initial_panel(PATH, FastRPParams(dim=32), *panel)
