"""Matrix Market, MATLAB and .npz."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, estimate_edges, read_graph
from tests.graph_files import COMPRESSORS, Write, edges_of

MARKETS = {
    "real": ("general", "real", "1 2 0.5\n3 1 2\n", {(0, 1): 0.5, (2, 0): 2}),
    "pattern": ("general", "pattern", "1 2\n3 1\n", {(0, 1): 1, (2, 0): 1}),
    "integer": ("general", "integer", "1 2 4\n3 1 1\n", {(0, 1): 4, (2, 0): 1}),
    "symmetric": ("symmetric", "real", "2 1 0.5\n3 3 2\n", {(0, 1): 0.5, (1, 0): 0.5, (2, 2): 2}),
}


@pytest.mark.parametrize("kind", MARKETS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_matrix_market_is_read(write: Write, kind: str, suffix: str) -> None:
    symmetry, field, entries, wanted = MARKETS[kind]
    text = f"%%MatrixMarket matrix coordinate {field} {symmetry}\n% a comment\n3 3 2\n{entries}"
    path = write(COMPRESSORS.get(suffix, bytes)(text.encode()), f"m.mtx{suffix}")
    graph = read_graph(path)
    assert edges_of(graph) == wanted
    assert graph.n_nodes == 3
    assert estimate_edges(path, ReadParams()) == (2 * 2 if symmetry == "symmetric" else 2, 3)
    assert read_graph(path, ReadParams(weighted=False)).weights is None


def test_a_symmetric_matrix_read_as_undirected_is_not_doubled(write: Write) -> None:
    text = "%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 0.5\n3 3 2\n"
    graph = read_graph(write(text, "m.mtx"), ReadParams(directed=False))
    assert edges_of(graph) == {(0, 1): 0.5, (1, 0): 0.5, (2, 2): 2}
    assert "the matrix is symmetric: each edge is read once" in graph.report.notes


def test_any_other_matrix_read_as_undirected_is_a_list_of_edges() -> None:
    matrix = scipy.sparse.coo_array(np.array([[0, 2, 0], [1, 0, 0], [0, 3, 0]]))
    graph = read_graph(matrix, ReadParams(directed=False))
    assert edges_of(graph) == {(0, 1): 3, (1, 0): 3, (1, 2): 3, (2, 1): 3}


MATRIX = scipy.sparse.csc_array(np.array([[0, 0.5, 0], [0, 0, 2], [1, 0, 0]]))
MATRIX_EDGES = {(0, 1): 0.5, (1, 2): 2.0, (2, 0): 1.0}


@pytest.mark.parametrize(
    "variables",
    [
        {"network": MATRIX, "group": scipy.sparse.csc_array(np.eye(3))},
        {"Problem": {"A": MATRIX, "title": "x"}},
        {"anything": MATRIX, "dense": np.ones(3)},
    ],
)
def test_matlab_files_are_read(write: Write, variables: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables)
    path = write(buffer.getvalue(), "m.mat")
    assert edges_of(read_graph(path)) == MATRIX_EDGES
    assert estimate_edges(path, ReadParams()) == (3, 3)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_npz_files_are_read(write: Write) -> None:
    buffer = io.BytesIO()
    scipy.sparse.save_npz(buffer, MATRIX)
    csr = MATRIX.tocsr()
    coo = MATRIX.tocoo()
    parts = {"adj_data": csr.data, "adj_indices": csr.indices, "adj_indptr": csr.indptr, "adj_shape": csr.shape}
    for data in (
        buffer.getvalue(),
        npz(**parts, labels=np.arange(3)),
        npz(src=coo.coords[0], dst=coo.coords[1], weight=coo.data, n=3),
    ):
        assert edges_of(read_graph(write(data, "m.npz"))) == MATRIX_EDGES
    assert read_graph(write(npz(src=[0], dst=[1]), "m.npz")).n_nodes == 2


def mat(**variables: Any) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables)
    return buffer.getvalue()


MARKET = "%%MatrixMarket matrix coordinate real general\n"
BAD_MATRICES: list[tuple[str, str | bytes, str]] = [
    ("m.mtx", "", "m.mtx: it is empty"),
    ("m.mtx", "1 2\n", "it is no Matrix Market file"),
    ("m.mtx", MARKET + "2 2 1\n1 x 1\n", "m.mtx, line 3: it is no Matrix Market file"),
    ("m.mtx", MARKET + "2 2 2\n1 1 1\n", "it is no Matrix Market file"),
    ("m.mtx", MARKET + "2 3 1\n1 1 1\n", r"m.mtx: the matrix has shape \(2, 3\); an adjacency matrix is square"),
    ("m.mtx", MARKET + "2 2 1\n1 1 -1\n", "m.mtx: weight -1.0 of arc 0"),
    ("m.mtx", "%%MatrixMarket matrix array real general\n1 1\n1\n", "its matrix is dense; write it in the coordinate"),
    ("m.mat", b"no matlab at all" * 20, "it is no MATLAB file"),
    ("m.mat", mat(a=np.ones(3)), "no sparse matrix among: a; save the adjacency matrix as sparse"),
    ("m.mat", mat(a=MATRIX, b=MATRIX), "several sparse matrices: a, b; name the graph's network"),
    ("m.npz", b"no zip", "it is no readable .npz"),
    ("m.npz", npz(a=[1]), "no sparse matrix among: a; write it with scipy.sparse.save_npz"),
    ("m.npz", npz(src=np.array(["a"], dtype=object), dst=[1]), "it is no readable .npz of a graph"),
]


@pytest.mark.parametrize(("name", "content", "complaint"), BAD_MATRICES)
def test_bad_matrices_are_refused(write: Write, name: str, content: str | bytes, complaint: str) -> None:
    path = write(content, name)
    with pytest.raises(InvalidInput, match=complaint) as caught:
        read_graph(path)
    assert str(caught.value).startswith(str(path))
