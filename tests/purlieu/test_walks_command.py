"""``purlieu walks``: what it writes is what the library walks, and what it cannot use it says in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graph.edge_list import ReadParams, read_graph
from graph.random_walks import RandomWalkParams, random_walks
from tests.purlieu.said import refused, said

EDGES = "ann\tbob\t2\nbob\tcat\t1\ncat\tann\t1\ncat\tdan\t3\n"


@pytest.fixture
def edges(tmp_path: Path) -> Path:
    path = tmp_path / "edges.tsv"
    path.write_text("src\tdst\tweight\n" + EDGES)
    return path


@pytest.mark.parametrize("words", [(), ("--undirected",), ("--unweighted", "--p", "0.5", "--q", "2", "--seed", "4")])
def test_the_file_holds_the_walks_of_the_graph(
    edges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    out, ids = tmp_path / "walks.npy", tmp_path / "ids.txt"
    size = ("--walks-per-node", "3", "--walk-length", "9", "--threads", "2")
    told = said(capsys, "walks", edges, "--out", out, "--ids", ids, *size, *words)
    assert told.code == 0
    assert told.out.startswith("wrote 12 walks of 9 over 4 nodes")
    graph = read_graph(edges, ReadParams(directed="--undirected" not in words, weighted="--unweighted" not in words))
    p, q, seed = (0.5, 2.0, 4) if "--p" in words else (1.0, 1.0, 0)
    params = RandomWalkParams(walks_per_node=3, walk_length=9, p=p, q=q, seed=seed)
    np.testing.assert_array_equal(np.load(out, mmap_mode="r"), random_walks(graph, params))
    assert ids.read_text().split() == ["ann", "bob", "cat", "dan"]


def test_json_tells_the_shape(edges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "walks.npy"
    document = json.loads(said(capsys, "walks", edges, "--out", out, "--json").out)
    assert document == {"out": str(out), "walks": 40, "walk_length": 80, "nodes": 4, "arcs": 4}


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--walk-length", "0"), 2, "walk_length = 0 cannot be used"),
        (("--walks-per-node", "-2"), 2, "walks_per_node = -2"),
        (("--p", "nan"), 2, "p = nan"),
        (("--q", "0"), 2, "q = 0.0"),
        (("--threads", "-1"), 2, "--threads = -1"),
        (("--out", "no/such/place.npy"), 2, "allowed: a file in a directory that exists"),
        (("--ids", "."), 2, "--ids = '.'"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    edges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, what: str
) -> None:
    before = sorted(tmp_path.iterdir())
    assert what in refused(capsys, code, "walks", edges, "--out", tmp_path / "walks.npy", *words)
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_graph_is_missing_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.tsv" in refused(capsys, 3, "walks", tmp_path / "none.tsv", "--out", tmp_path / "walks.npy", "--json")
    assert list(tmp_path.iterdir()) == []
