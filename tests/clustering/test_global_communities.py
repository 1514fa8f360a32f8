"""Communities of whole graphs: numbering, connectedness, lone nodes, determinism, errors."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams
from clustering.evaluation import compare
from clustering.global_communities import GlobalParams, Method, attach, by_size, find_communities
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.modularity import modularity
from clustering.neighbourhoods import neighbourhoods
from clustering.similarity_graph import similarity_graph
from clustering.symmetric import symmetric_rows, undirected
from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from tests.clustering.email import email_eu_core
from tests.clustering.weighted_graphs import cliques, matrices, members, networkx_of

METHODS: list[Method] = ["leiden", "louvain", "label_propagation", "components"]


@settings(deadline=None, max_examples=120)
@given(
    matrix=matrices(),
    method=st.sampled_from(METHODS),
    n_runs=st.sampled_from([1, 1, 3]),
    resolution=st.sampled_from([0.5, 1.0, 4.0]),
    seed=st.integers(0, 3),
)
def test_communities_are_connected_numbered_by_size_and_measured(
    matrix: scipy.sparse.csr_array, method: Method, n_runs: int, resolution: float, seed: int
) -> None:
    found = find_communities(matrix, GlobalParams(method=method, n_runs=n_runs, resolution=resolution, seed=seed))
    drawn, groups = networkx_of(matrix), members(found.labels)
    assert found.labels.dtype == np.int32
    assert found.sizes.tolist() == [len(group) for group in groups]
    assert [(-len(group), min(group)) for group in groups] == sorted((-len(group), min(group)) for group in groups)
    assert all(nx.is_connected(drawn.subgraph(group)) for group in groups)
    assert found.n_communities == len(groups)
    assert found.n_isolated == sum(set(drawn[node]) <= {node} for node in drawn)
    assert found.modularity == pytest.approx(modularity(matrix, found.labels), abs=1e-12)
    if method == "components":
        assert sorted(map(sorted, groups)) == sorted(map(sorted, nx.connected_components(drawn)))


def test_similar_senders_of_mail_are_in_one_department() -> None:
    """Other programs, 500 × 2 bands, similarity .2: 152 communities, NMI .640, ARI .386; all links: .565, .281."""
    graph, departments = email_eu_core()
    truth = np.empty(graph.n_nodes, dtype=np.int64)
    for label, nodes in enumerate(departments):
        truth[nodes] = label
    signatures = minhash(*neighbourhoods(graph, "both"), MinHashParams(num_perm=1000))
    index = LSHIndex.build(signatures, LSHParams(n_bands=500, n_rows=2, bucket_cap=0))
    similar = compare(find_communities(similarity_graph(index, 0.2), GlobalParams()).labels, truth)
    assert similar.nmi == pytest.approx(0.640, abs=0.02)
    assert similar.ari == pytest.approx(0.386, abs=0.02)
    assert similar.n_found == pytest.approx(152, abs=8)
    raw = [compare(find_communities(undirected(graph), GlobalParams(seed=s)).labels, truth) for s in range(5)]
    assert np.mean([run.nmi for run in raw]) == pytest.approx(0.565, abs=0.02)
    assert np.mean([run.ari for run in raw]) == pytest.approx(0.281, abs=0.04)
    finer = compare(find_communities(undirected(graph), GlobalParams(resolution=4.0)).labels, truth)
    assert finer.ari > similar.ari + 0.15
    assert finer.ami > similar.ami + 0.1


@pytest.mark.parametrize("method", METHODS)
def test_bytes_do_not_depend_on_threads(method: Method) -> None:
    matrix = undirected(_random_graph())
    params = GlobalParams(method=method, n_runs=4, attach=True, seed=5)
    one, two = find_communities(matrix, params), find_communities(matrix, params, n_threads=2)
    assert one.labels.tobytes() == two.labels.tobytes()
    assert (one.modularity, one.n_rounds) == (two.modularity, two.n_rounds)


def test_another_process_finds_the_same_bytes() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.clustering.test_global_communities import digest\n"
        "print(digest())"
    )
    root = str(Path(__file__).parents[2])
    other = subprocess.run([sys.executable, "-c", program, root], capture_output=True, text=True, check=True, cwd=root)
    assert other.stdout.strip() == digest()


def digest() -> str:
    """Of the communities of one graph by every method."""
    matrix = undirected(_random_graph())
    found = [find_communities(matrix, GlobalParams(method=method, seed=7)).labels for method in METHODS]
    return hashlib.sha256(np.concatenate(found).tobytes()).hexdigest()


def test_seeds_decide() -> None:
    matrix = undirected(_random_graph())
    found = {find_communities(matrix, GlobalParams(seed=seed)).labels.tobytes() for seed in range(6)}
    assert len(found) > 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_runs", [1, 3])
def test_graphs_without_links_are_single_nodes(method: Method, n_runs: int) -> None:
    params = GlobalParams(method=method, n_runs=n_runs, attach=True)
    for n in (0, 1, 4):
        for matrix in (scipy.sparse.csr_array((n, n), dtype=np.float32), scipy.sparse.csr_array(np.eye(n))):
            found = find_communities(matrix, params)
            assert found.labels.tolist() == list(range(n))
            assert found.sizes.tolist() == [1] * n
            assert found.n_isolated == n


@pytest.mark.parametrize("method", ["label_propagation", "components"])
def test_a_heavy_self_loop_is_no_reason_to_stay_alone(method: Method) -> None:
    matrix = scipy.sparse.csr_array(np.array([[50.0, 1, 0], [1, 0, 0], [0, 0, 3]]))
    assert find_communities(matrix, GlobalParams(method=method)).labels.tolist() == [0, 0, 1]


def test_the_matrix_is_left_as_it_was_and_may_be_read_only() -> None:
    matrix = scipy.sparse.csr_array(np.array([[0.0, 1, 0], [1, 0, 2], [0, 2, 0]], dtype=np.float32))
    matrix.data[:2] = 0  # explicit zeros
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.flags.writeable = False
    assert find_communities(matrix, GlobalParams()).labels.tolist() == [1, 0, 0]
    for part, old in zip((matrix.data, matrix.indices, matrix.indptr), before, strict=True):
        np.testing.assert_array_equal(part, old)


@settings(deadline=None, max_examples=80)
@given(matrix=matrices(), data=st.data())
def test_lone_nodes_join_the_heaviest_community_beside_them(
    matrix: scipy.sparse.csr_array, data: st.DataObject
) -> None:
    n = matrix.shape[0]
    given_labels = data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    labels, sizes = by_size(np.array(given_labels, dtype=np.int32))
    joined = attach(labels, sizes.size, symmetric_rows(matrix))
    dense = matrix.toarray().astype(np.float64)
    for node in range(n):
        pulls = {label: dense[node][labels == label].sum() for label in range(sizes.size) if sizes[label] > 1}
        pulls = {label: pull for label, pull in pulls.items() if pull > 0}
        if sizes[labels[node]] > 1 or not pulls:
            assert joined[node] == labels[node]
        else:
            assert pulls[int(joined[node])] == pytest.approx(max(pulls.values()), rel=1e-12)


def test_nodes_similar_to_nobody_join_by_their_links() -> None:
    similar = scipy.sparse.csr_array(scipy.sparse.block_diag([np.ones((3, 3)) - np.eye(3), np.zeros((2, 2))]))
    links = scipy.sparse.lil_array((5, 5))
    links[0, 3] = links[3, 0] = 1
    alone = find_communities(similar, GlobalParams())
    joined = find_communities(similar, GlobalParams(attach=True), links=links.tocsr())
    assert alone.labels.tolist() == [0, 0, 0, 1, 2]
    assert joined.labels.tolist() == [0, 0, 0, 0, 1]
    assert (alone.n_isolated, joined.n_isolated, joined.n_attached) == (2, 2, 1)
    assert any("2 of 3 communities are single nodes" in note for note in alone.notes)
    assert any("1 lone nodes joined" in note for note in joined.notes)


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (scipy.sparse.csr_array(np.ones((2, 3))), "square"),
        (np.eye(3), "square sparse"),
        (scipy.sparse.csr_array(np.array([[0.0, 1], [0, 0]])), "without its reverse"),
        (scipy.sparse.csr_array(np.array([[0.0, 1], [2, 0]])), "other than its reverse"),
        (scipy.sparse.csr_array(np.array([[0.0, -1], [-1, 0]])), "negative"),
        (scipy.sparse.csr_array(np.array([[0.0, np.nan], [np.nan, 0]])), "NaN"),
        (scipy.sparse.csr_array(np.array([[0.0, np.inf], [np.inf, 0]])), "infinite"),
        (scipy.sparse.csr_array(np.array([[0, 1j], [1j, 0]])), "complex"),
    ],
)
def test_matrices_that_are_no_undirected_graph_are_refused(matrix: object, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        find_communities(matrix, GlobalParams())  # type: ignore[arg-type]


def test_links_of_other_nodes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="3 nodes for 20"):
        find_communities(cliques(4, 5), GlobalParams(attach=True), links=scipy.sparse.csr_array((3, 3)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "infomap"),
        ("on", "nodes"),
        ("threshold", -0.1),
        ("threshold", 1.1),
        ("threshold", True),
        ("resolution", 0),
        ("resolution", float("nan")),
        ("agreement", 0),
        ("agreement", 1.5),
        ("n_iterations", 0),
        ("n_runs", 0),
        ("n_runs", 2.0),
        ("attach", 1),
        ("seed", "a"),
    ],
)
def test_params_that_cannot_run_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidParams, match=name):
        replace(GlobalParams(), **{name: value})


def test_links_of_a_directed_graph_lose_their_direction() -> None:
    plain = CSRGraph.from_edges([0, 1, 1, 2], [1, 0, 2, 2], n_nodes=4)
    assert undirected(plain).toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    weighted = CSRGraph.from_edges([0, 1, 1], [1, 0, 2], [2.0, 3.0, 4.0], n_nodes=3)
    assert undirected(weighted).toarray().tolist() == [[0, 5, 0], [5, 0, 4], [0, 4, 0]]
    both_ways = CSRGraph.from_edges([0, 1], [1, 2], [2.0, 4.0], n_nodes=3, directed=False)
    assert undirected(both_ways).toarray().tolist() == [[0, 2, 0], [2, 0, 4], [0, 4, 0]]


def _random_graph() -> CSRGraph:
    ends = np.random.default_rng(3).integers(0, 300, (900, 2))
    return CSRGraph.from_edges(ends[:, 0], ends[:, 1], n_nodes=310, duplicates="first")
