"""Reading graphs: what text means, what becomes of types and ids, and objects in memory."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import fsspec
import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams
from graph import edge_list
from graph.csr import CSRGraph
from graph.edge_list import ReadParams, estimate_edges, read_graph
from graph.ingest import memory
from tests.graph_files import Wanted, Write, edges_of, parquet
from tests.shared_data import shared_data
from tests.strategies import graphs

quick = settings(deadline=None, max_examples=100)

TEXTS: list[tuple[str, str, dict[str, Any], Wanted]] = [
    ("tabs.tsv", "1\t2\n3\t1\n", {}, {(1, 2): 1, (3, 1): 1}),
    ("commas.csv", "a,b\nb,c\n", {}, {("a", "b"): 1, ("b", "c"): 1}),
    ("blanks.txt", "  1    2 \n3 \t 1\n", {}, {(1, 2): 1, (3, 1): 1}),
    ("guessed commas", "1,2\n3, 1\n", {}, {(1, 2): 1, (3, 1): 1}),
    ("semicolons.csv", "a;b\nc;d\n", {}, {("a", "b"): 1, ("c", "d"): 1}),
    ("pipes.csv", "a|b\nc|d\n", {"delimiter": "|"}, {("a", "b"): 1, ("c", "d"): 1}),
    ("windows.txt", "1\t2\r\n\r\n3\t1\r\n", {}, {(1, 2): 1, (3, 1): 1}),
    ("no last newline.tsv", "1\t2\n3\t1", {}, {(1, 2): 1, (3, 1): 1}),
    ("byte order mark.csv", "\ufeffsrc,dst\na,b\n", {}, {("a", "b"): 1}),
    ("snap.txt", "# Nodes: 2 Edges: 1\n# FromNodeId\tToNodeId\n7\t8\n", {}, {(7, 8): 1}),
    ("comments anywhere.txt", "# a\n1\t2\n  # b\n\n#c\n3\t1\n#", {}, {(1, 2): 1, (3, 1): 1}),
    ("other comments.txt", "% konect\n% 1 2 2\n1 2\n", {"comment": "%"}, {(1, 2): 1}),
    ("no comments.csv", "#a,#b\n", {"comment": ""}, {("#a", "#b"): 1}),
    ("odd order.csv", "weight,target,note,source\n0.5,b,x,a\n2,c,y,b\n", {}, {("a", "b"): 0.5, ("b", "c"): 2}),
    ("from to.csv", "from,to\na,b\n", {}, {("a", "b"): 1}),
    ("names.csv", "who,whom,n\na,b,3\n", {"src": "whom", "dst": "who", "weight": "n"}, {("b", "a"): 3}),
    ("numbers.tsv", "0.5\ta\tb\n", {"src": 1, "dst": 2, "weight": 0}, {("a", "b"): 0.5}),
    ("header above numbers.csv", "left,right\n1,2\n3,4\n", {}, {(1, 2): 1, (3, 4): 1}),
    ("header above weights.csv", "left,right,n\na,b,2\n", {"weight": 2}, {("a", "b"): 2}),
    ("header said.csv", "left,right\na,b\n", {"header": True}, {("a", "b"): 1}),
    ("header denied.csv", "src,dst\na,b\n", {"header": False}, {("src", "dst"): 1, ("a", "b"): 1}),
    ("header of a file of comments.tsv", "#\nsrc\tdst\n#\n1\t2\n", {}, {(1, 2): 1}),
    ("header after long comments.tsv", "# a\n" * 3000 + "src\tdst\n1\t2\n", {}, {(1, 2): 1}),
    ("one string makes strings.txt", "10\t9\n9\tx\n", {}, {("10", "9"): 1, ("9", "x"): 1}),
    ("signs and zeros.txt", "+1\t002\n-3\t1\n", {}, {(1, 2): 1, (-3, 1): 1}),
    ("zeros of strings.txt", "001\tx\n", {}, {("001", "x"): 1}),
    ("beyond int64.txt", "9223372036854775808\t1\n", {}, {("9223372036854775808", "1"): 1}),
    ("all of int64.txt", "9223372036854775807\t-9223372036854775808\n", {}, {(2**63 - 1, -(2**63)): 1}),
    ("quotes.csv", '"a, b","say ""hi"""\nc,"d"\n', {}, {("a, b", 'say "hi"'): 1, ("c", "d"): 1}),
    ("quoted numbers.csv", '"1","2"\n3,"1"\n', {}, {(1, 2): 1, (3, 1): 1}),
    ("quotes mean nothing.tsv", '"a\tb"\n', {}, {('"a', 'b"'): 1}),
    ("unicode.csv", "é,日本\nz,é\n", {}, {("é", "日本"): 1, ("z", "é"): 1}),
    ("trailing delimiter.csv", "a,b,\nb,c,,\n", {}, {("a", "b"): 1, ("b", "c"): 1}),
    ("weights.csv", "src,dst,weight\n1,2,.5\n2,3,1e2\n3,1,+4.\n", {}, {(1, 2): 0.5, (2, 3): 100, (3, 1): 4}),
    ("weights left out.csv", "src,dst,weight\n1,2,.5\n", {"weighted": False}, {(1, 2): 1}),
    ("zero weight.csv", "src,dst,weight\n1,2,0\n2,3,1\n", {}, {(2, 3): 1}),
    ("undirected.txt", "1 2\n2 1\n3 3\n", {"directed": False}, {(1, 2): 2, (2, 1): 2, (3, 3): 1}),
    ("no loops.txt", "1 1\n1 2\n", {"self_loops": "drop"}, {(1, 2): 1}),
    ("first.csv", "src,dst,weight\n1,2,5\n1,2,9\n", {"duplicates": "first"}, {(1, 2): 5}),
    ("max.csv", "src,dst,weight\n1,2,5\n1,2,9\n", {"duplicates": "max"}, {(1, 2): 9}),
]


@pytest.mark.parametrize(("name", "text", "options", "wanted"), TEXTS, ids=[case[0] for case in TEXTS])
def test_text_is_read_as_it_is_meant(
    write: Write, name: str, text: str, options: dict[str, Any], wanted: Wanted
) -> None:
    assert edges_of(read_graph(write(text, name), ReadParams(**options))) == wanted


def test_a_path_may_be_text(write: Write) -> None:
    assert read_graph(str(write("1 2\n"))).n_nodes == 2


def test_ids_are_sorted_and_rows_follow_them(write: Write) -> None:
    graph = read_graph(write("b\ta\n10\té\n9\tz\n"))
    assert graph.node_ids.take(range(graph.n_nodes)) == ["10", "9", "a", "b", "z", "é"]
    assert [graph.node_ids.find(name) for name in ("10", "é", "nobody")] == [0, 5, -1]
    numbers = read_graph(write("10 9\n-2 9\n"))
    assert numbers.node_ids.take(range(3)) == [-2, 9, 10]


def test_rows_that_are_the_ids_keep_no_array(write: Write) -> None:
    assert set(read_graph(write("0 2\n1 0\n")).node_ids.arrays()) == {"ids_range"}
    assert set(read_graph(write("1 2\n")).node_ids.arrays()) == {"ids_int"}


def test_types_weigh_what_the_table_says(write: Write) -> None:
    text = "src,dst,type,weight\na,b,Depends,2\na,c,Suggests,4\nb,d,Breaks,1\nc,a,Enhances,3\n"
    table = (("Depends", 1.0), ("Suggests", 0.5), ("Breaks", 0.0), ("*", 0.25))
    graph = read_graph(write(text), ReadParams(type_weights=table))
    assert edges_of(graph) == {("a", "b"): 2, ("a", "c"): 2, ("c", "a"): 0.75}
    # The node that only a dropped edge named is gone.
    assert graph.node_ids.take(range(graph.n_nodes)) == ["a", "b", "c"]
    assert graph.report.type_counts == (("Breaks", 1), ("Depends", 1), ("Enhances", 1), ("Suggests", 1))
    assert (graph.report.n_lines, graph.report.n_dropped_types) == (4, 1)


def test_types_without_a_table_are_only_counted(write: Write) -> None:
    graph = read_graph(write("a\tb\tx\nb\tc\ty\na\tc\tx\n"), ReadParams(type=2))
    assert graph.weights is None
    assert graph.report.type_counts == (("x", 2), ("y", 1))


def test_a_type_that_never_occurs_is_noted(write: Write) -> None:
    graph = read_graph(write("src,dst,type\na,b,x\n"), ReadParams(type_weights=(("x", 1.0), ("z", 2.0))))
    assert "type 'z' of type_weights never occurs" in graph.report.notes


def test_ids_of_dropped_types_do_not_make_strings(write: Write) -> None:
    params = ReadParams(type_weights=(("x", 1.0), ("y", 0.0)))
    graph = read_graph(write("src,dst,type\nnode,b,y\n1,2,x\n"), params)
    assert edges_of(graph) == {(1, 2): 1}


def test_the_report_counts_everything(write: Write) -> None:
    text = "#c\nsrc,dst,weight\na,b,1\na,b,2\n\nc,c,1\na,,1\nb,a,0\n"
    graph = read_graph(write(text), ReadParams(on_error="skip", self_loops="drop"))
    report = graph.report
    assert (report.n_lines, report.n_rejected, report.n_duplicates) == (5, 1, 1)
    assert (report.n_self_loops, report.n_zero_weight, report.n_dropped_types) == (1, 1, 0)
    assert report.notes == (
        "columns are separated by ','",
        "line 2 is a header",
        "src is column 0 'src', dst is column 1 'dst', weight is column 2 'weight'",
        "line 7 rejected: no dst in column 1",
        "ids are strings",
    )
    # Nodes of a dropped loop and of an edge that weighs nothing stay.
    assert graph.node_ids.take(range(graph.n_nodes)) == ["a", "b", "c"]


@quick
@given(graph=graphs())
def test_objects_in_memory_come_back_as_they_were(graph: CSRGraph) -> None:
    params = ReadParams(directed=graph.directed)
    for source in (graph.to_networkx(), graph.to_scipy()):
        again = read_graph(source, params)
        assert again.directed == graph.directed
        assert edges_of(again) == edges_of(graph)
        assert again.n_nodes == graph.n_nodes
        assert estimate_edges(source, params)[1] == graph.n_nodes


def test_networkx_takes_the_attribute_that_is_named() -> None:
    there = nx.DiGraph()
    there.add_edge("a", "b", cost=3.0, weight=9.0)
    assert edges_of(read_graph(there, ReadParams(weight="cost"))) == {("a", "b"): 3}
    assert edges_of(read_graph(there)) == {("a", "b"): 9}
    assert edges_of(read_graph(there, ReadParams(weighted=False, directed=False))) == {("a", "b"): 1, ("b", "a"): 1}


@quick
@given(graph=graphs(weighted=True, min_nodes=1), integers=st.booleans(), data=st.data())
def test_a_graph_written_as_text_comes_back_whatever_the_order_of_its_lines(
    graph: CSRGraph, integers: bool, data: st.DataObject
) -> None:
    assume(graph.directed and graph.n_edges)
    lines = [
        f"{u if integers else f'n{u}'}\t{v if integers else f'n{v}'}\t{w!r}" for (u, v), w in edges_of(graph).items()
    ]
    shuffled = data.draw(st.permutations(lines))
    results = []
    for order in (lines, shuffled):
        with fsspec.open("memory://room/shuffled.tsv", "w") as there:
            there.write("\n".join(order))
        results.append(read_graph("memory://room/shuffled.tsv", ReadParams(weight=2, header=False)))
    one, other = results
    name = (lambda row: row) if integers else (lambda row: f"n{row}")
    assert edges_of(one) == {(name(u), name(v)): w for (u, v), w in edges_of(graph).items()}
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)
    assert one.to_scipy().data.tobytes() == other.to_scipy().data.tobytes()
    for key, array in one.node_ids.arrays().items():
        np.testing.assert_array_equal(array, other.node_ids.arrays()[key])


BAD_PARAMS: list[tuple[dict[str, Any], str]] = [
    ({"format": "xml"}, "format = 'xml' cannot be used; allowed: auto, edges"),
    ({"duplicates": "last"}, "duplicates = 'last'"),
    ({"self_loops": "maybe"}, "self_loops = 'maybe'"),
    ({"on_error": "ignore"}, "on_error = 'ignore'"),
    ({"max_errors": -1}, "max_errors = -1"),
    ({"src": -1}, "src = -1"),
    ({"src": True}, "src = True"),
    ({"weight": ""}, "weight = ''"),
    ({"src": "a", "dst": "a"}, "dst = 'a' cannot be used; allowed: a column of its own; src is that one already"),
    ({"src": "a", "header": False}, "src = 'a' cannot be used; allowed: a number, as header = false"),
    ({"weight": "w", "weighted": False}, "weight = 'w'"),
    ({"delimiter": "::"}, "delimiter = '::'"),
    ({"delimiter": "\n"}, "delimiter = "),
    ({"comment": "# "}, "comment = '# '"),
    ({"type_weights": ()}, "type_weights = "),
    ({"type_weights": (("x", -1.0),)}, "type_weights.x = -1.0"),
    ({"type_weights": (("x", math.nan),)}, "type_weights.x = nan"),
    ({"type_weights": (("x", 1.0), ("x", 2.0))}, "type_weights = 'x' cannot be used; allowed: every type once"),
]


@pytest.mark.parametrize(("options", "complaint"), BAD_PARAMS)
def test_params_that_mean_nothing_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidParams, match=re.escape(complaint)):
        ReadParams(**options)


@pytest.mark.parametrize("source", [scipy.sparse.coo_array(np.eye(3)), nx.path_graph(3)])
@pytest.mark.parametrize(
    "options",
    [
        {"src": "a"},
        {"type": 1},
        {"header": True},
        {"delimiter": ","},
        {"comment": "%"},
        {"on_error": "skip"},
        {"weight": 1},
    ],
)
def test_params_without_a_use_are_refused(source: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=f"{next(iter(options))} = "):
        read_graph(source, ReadParams(**options))


def test_params_without_a_use_for_a_file_are_refused(write: Write) -> None:
    with pytest.raises(InvalidParams, match="header = True"):
        read_graph(write(parquet({"a": [1], "b": [2]}), "e.parquet"), ReadParams(header=True))
    with pytest.raises(InvalidParams, match="src = 0 cannot be used; allowed: its default for format matrix_market"):
        read_graph(write("%%MatrixMarket", "m.mtx"), ReadParams(src=0))
    with pytest.raises(InvalidParams, match="source = 'list'"):
        read_graph([(1, 2)])  # type: ignore[arg-type]


def test_type_weights_may_come_as_lists() -> None:
    """As they do out of JSON and TOML."""
    assert ReadParams(type_weights=[["x", 1]]).type_weights == (("x", 1.0),)  # type: ignore[arg-type,list-item]


def test_wiki_vote_is_what_snap_says() -> None:
    path = shared_data("graphs/wiki-Vote.txt.gz")
    graph = read_graph(path)
    assert (graph.n_nodes, graph.n_edges, graph.weights) == (7115, 103_689, None)
    assert graph.report.n_duplicates == graph.report.n_self_loops == 0
    assert estimate_edges(path, ReadParams()) == (103_689, 7115)


def test_citations_are_what_suitesparse_says() -> None:
    graph = read_graph(shared_data("graphs/cit-hepth.mat"))
    assert (graph.n_nodes, graph.n_edges) == (27_770, 352_807)


def test_the_debian_archive_is_read_whole() -> None:
    graph = read_graph(shared_data("debian/dependencies.tsv.zst"), ReadParams(type_weights=(("*", 1.0),)))
    assert graph.report.n_lines == sum(n for _, n in graph.report.type_counts) == 347_142
    assert graph.n_edges == 347_142 - graph.report.n_duplicates
    assert graph.node_ids.find("dpkg") >= 0


def test_the_page_shows_what_happens_and_names_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(__file__).parents[2]
    page = (project / "docs" / "graphs.md").read_text()
    monkeypatch.chdir(project)
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    graph = names["graph"]
    assert f"# {graph.n_nodes}, {graph.n_edges}" in page
    assert graph.node_ids[graph.node_ids.find("libc6")] == "libc6"
    for field in dataclasses.fields(ReadParams):
        assert f"`{field.name}`" in page


@pytest.mark.parametrize("options", [{}, {"directed": False}, {"duplicates": "keep", "self_loops": "drop"}])
@pytest.mark.parametrize("strings", [False, True])
def test_threads_and_chunks_read_what_one_does(
    write: Write, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], strings: bool
) -> None:
    rng = np.random.default_rng(4)
    ends = rng.integers(0, 3_000, (20_000, 2)) * rng.choice([1, 10**9])
    name = "n{} n{} {}\n" if strings else "{} {} {}\n"
    path = write("".join(name.format(src, dst, 1 + src % 5) for src, dst in ends))
    params = ReadParams(weight=2, **options)
    whole = read_graph(path, params)
    for module in (memory, edge_list):
        monkeypatch.setattr(module, "SMALL", 1 << 14)
    for n_threads in (1, 2, 3):
        again = read_graph(path, params, n_threads=n_threads)
        for array in ("indptr", "indices", "weights"):
            np.testing.assert_array_equal(getattr(again, array), getattr(whole, array), strict=True)
        assert again.node_ids.take(range(again.n_nodes)) == whole.node_ids.take(range(whole.n_nodes))
        assert again.report == whole.report
    late = write(path.read_text() + "late\n")
    for n_threads in (1, 3):
        with pytest.raises(InvalidInput, match="line 20001: one column, 'late'"):
            read_graph(late, params, n_threads=n_threads)
