"""The two readers of text against each other, and every complaint about a line."""

from __future__ import annotations

from typing import Any

import fsspec
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, read_graph
from graph.readers import blocks as fast
from graph.readers.batches import Batch
from graph.readers.layout import Columns, Layout
from graph.readers.lines import NotIntegersError, Rejections, parse_lines
from graph.readers.numbering import IntegerNumbering, StringNumbering
from graph.readers.pieces import open_text
from graph.readers.text import read_text
from tests.graph_files import Write

quick = settings(deadline=None, max_examples=100)

PLAIN = ["1", "2", "12", "3", "a", "b", "lib"]
# fmt: off
STRANGE = [
    "1.5", "1e3", "nan", "inf", "-1", "1e39", "3.4028235e38", ".5", "5.", "+4", "-3", "007", "1_0", "٣", "é", "x y",
    "9223372036854775808", "#", "#a", "//", '"', '"a"', '"1"', '"a,b"', '"a""b"', '""', 'a"b', "T", "U", "",
    " ", "\t", "\r", "\x00", "\xa0", "\u2028", " 1", "2 ",
]
# fmt: on


@st.composite
def soups(draw: st.DrawFn) -> tuple[bytes, Layout, ReadParams]:
    """Lines that are mostly sound, with anything in between."""
    delimiter = draw(st.sampled_from("\t, ;"))
    n_columns = draw(st.integers(2, 4))
    weight = 2 if n_columns > 2 and draw(st.booleans()) else None
    kind = 3 if n_columns > 3 and draw(st.booleans()) else None
    columns = [st.sampled_from(PLAIN), st.sampled_from(PLAIN), st.sampled_from(["1", "0.5"]), st.sampled_from("TUV")]
    row = st.tuples(*columns[:n_columns]).map(list)
    odd = st.lists(st.sampled_from(PLAIN + STRANGE), max_size=n_columns + 1)
    one_odd = st.tuples(row, st.integers(0, n_columns - 1), st.sampled_from(STRANGE)).map(
        lambda drawn: [*drawn[0][: drawn[1]], drawn[2], *drawn[0][drawn[1] + 1 :]]
    )
    line = (row | row | row | one_odd | odd).map(delimiter.join)
    framed = line | st.tuples(
        st.sampled_from(["", " ", "\t", "#", "//"]), line, st.sampled_from(["", " ", "\t", "\r"])
    ).map("".join)
    data = draw(st.sampled_from(["\n", "\r\n"])).join(draw(st.lists(framed, max_size=8))).encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + b"\xff" + data[at:]
    comment = draw(st.sampled_from(["#", "#", "//", ""]))
    params = ReadParams(
        on_error="skip",
        max_errors=10**9,
        comment=comment,
        weight=weight,
        type=kind,
        type_weights=None if kind is None else (("T", 2.0), ("U", 0.0)),
    )
    layout = Layout(
        delimiter=delimiter,
        quoted=delimiter in ",;" and draw(st.booleans()),
        comment=comment,
        n_columns=n_columns,
        header_line=0,
        columns=Columns(src=0, dst=1, weight=weight, type=kind),
        notes=(),
    )
    return data + b"\n", layout, params


def together(batches: list[Batch]) -> dict[str, Any]:
    types: dict[str, int] = {}
    for batch in batches:
        for name, n in batch.types.items():
            types[name] = types.get(name, 0) + n
    return {
        "ends": [(u, v) for batch in batches for u, v in zip(batch.src, batch.dst, strict=True)],
        "weights": [w for batch in batches if batch.weights is not None for w in batch.weights.tolist()],
        "n_lines": sum(batch.n_lines for batch in batches),
        "n_dropped": sum(batch.n_dropped for batch in batches),
        "types": types,
    }


TRAPS: list[tuple[bytes, str]] = [
    (b'"a\nb",c\nx,y\n', ","),
    (b'a,"b\nc",d\nx,y\n', ","),
    (b'a,"b\n#c",d\nx,y\n', ","),
    (b'# it"s\na,"b"\n#"\nc,d\n', ","),
    (b'a"b,c\nd,e"f\n', ","),
    (b'"a" ,b\n', ","),
    (b" #x\ty\n1\t2\n", "\t"),
    (b"1\t2\n #x\ty\n", "\t"),
    (b"1,2\n\t#x,y\n", ","),
    (b"\t#x\ty\n", "\t"),
    (b"a\tb\r\r\n", "\t"),
    (b"a\tb\rc\td\n", "\t"),
    (b"1\t2\r\n\r\n3\t4\r", "\t"),
    (b"a\tb\tc\na\tb\tc\td\n", "\t"),
    (b"a b 1 U\na b 1e39 U\n", " "),
    (b"a b 1 T\na b 3e38 T\n", " "),
    (b"a b 1 \xff\na b 1 T\n", " "),
    (b"a\t \nb\tc\n", "\t"),
    (b"a , b\n1 ,2\n", ","),
    (b",\n1,2\n", ","),
    (b"1,2,,\n1,2,,,,\n", ","),
]


@pytest.mark.parametrize(("data", "delimiter"), TRAPS)
@pytest.mark.parametrize("n_columns", [2, 3, 4])
@pytest.mark.parametrize("integers", [True, False])
def test_blocks_do_not_fall_into_the_traps(data: bytes, delimiter: str, n_columns: int, integers: bool) -> None:
    weight, kind = (2 if n_columns > 2 else None), (3 if n_columns > 3 else None)
    layout = Layout(
        delimiter=delimiter,
        quoted=delimiter == ",",
        comment="#",
        n_columns=n_columns,
        header_line=0,
        columns=Columns(src=0, dst=1, weight=weight, type=kind),
        notes=(),
    )
    table = None if kind is None else (("T", 2.0), ("U", 0.0))
    params = ReadParams(on_error="skip", weight=weight, type=kind, type_weights=table)
    check_both_readers(data, layout, params, integers)


@settings(deadline=None, max_examples=400)
@given(soup=soups(), integers=st.booleans())
def test_blocks_mean_the_same_as_lines(soup: tuple[bytes, Layout, ReadParams], integers: bool) -> None:
    check_both_readers(*soup, integers)


def check_both_readers(data: bytes, layout: Layout, params: ReadParams, integers: bool) -> None:
    outcomes: list[Any] = []
    for cut in (None, 1 << 16, 16):
        rejections = Rejections(source="soup", params=params)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fast, "_SMALL", cut)
            try:
                if cut is None:
                    batches = [parse_lines(data, 1, layout, params, integers, rejections)]
                else:
                    batches = list(fast.parse_block(data, 1, layout, params, integers, rejections))
                outcomes.append((together(batches), rejections.n, rejections.examples))
            except NotIntegersError:
                outcomes.append("no integers")
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_plain_lines_really_are_read_by_the_block(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """Guards the property above against a fast path that always gives up."""
    monkeypatch.setattr(fast, "parse_lines", lambda *_: pytest.fail("a plain block was read line by line"))
    for text, options in (
        ("#c\n1\t2\n\n3\t4\r\n", {}),
        ("src,dst,weight,type\n'a,é,1,x\nb,c d,2,x\n", {"type_weights": (("x", 1.0),)}),
        (' 1   2 \n3\t4\n"a" b\n', {}),
        ('"a,b","c"\nd,e\n', {"format": "csv"}),
    ):
        assert read_graph(write(text), ReadParams(**options)).n_edges > 0  # type: ignore[arg-type]


@quick
@given(
    lines=st.lists(st.sampled_from(["1 2", "a b", "#", "", "3 4 5", "é ü", "x"]), max_size=30),
    size=st.integers(1, 60),
    integers=st.booleans(),
)
def test_the_size_of_the_blocks_changes_nothing(lines: list[str], size: int, integers: bool) -> None:
    text = "\n".join(["9 1", *lines])
    text = text.replace("a b", "7 8").replace("é ü", "8 7") if integers else text
    with fsspec.open("memory://room/blocks.txt", "w") as there:
        there.write(text)
    params = ReadParams(on_error="skip", header=False, delimiter=" ", format="edges")
    results = []
    for block_size in (size, 1 << 25):
        edges = read_text(open_text("memory://room/blocks.txt", params), block_size)
        places = [edges.place_of(edge) for edge in range(edges.src.size)]
        ids = edges.node_ids.take(range(len(edges.node_ids)))
        counts = (edges.n_lines, edges.n_rejected, edges.notes)
        results.append((ids, edges.src.tolist(), edges.dst.tolist(), counts, places))
    assert results[0] == results[1]
    numbered = enumerate(text.split("\n"), start=1)
    assert results[0][-1] == [number for number, line in numbered if len(line.split()) == 2]


def test_a_string_after_many_integers_makes_all_of_them_strings(write: Write) -> None:
    path = write("".join(f"{i}\t{i + 1}\n" for i in range(5000)) + "x\t007\n")
    graph = read_graph(path)
    assert graph.n_nodes == 5003
    assert graph.node_ids.find("x") >= 0
    assert graph.node_ids.find("007") >= 0


@pytest.mark.parametrize("bad_line", [2, 31_000, 60_000])
def test_one_bad_line_among_many_is_named_and_can_be_skipped(write: Write, bad_line: int) -> None:
    lines = [f"n{i}\tn{i * 7 % 1000}\t1" for i in range(60_000)]
    lines[bad_line - 1] = "n1\tn2\t1\textra"
    path = write("\n".join(lines), "e.tsv")
    with pytest.raises(InvalidInput, match=f"e.tsv, line {bad_line}: 4 columns where the first line has 3"):
        read_graph(path)
    graph = read_graph(path, ReadParams(on_error="skip"))
    assert (graph.report.n_lines, graph.report.n_rejected) == (60_000, 1)


@quick
@given(pairs=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 9), st.integers(0, 9)), max_size=40))
@example(pairs=[(-(2**63), 2**63 - 1)])
@example(pairs=[(5, 5)])
def test_numbering_agrees_with_a_dictionary(pairs: list[tuple[int, int]]) -> None:
    for kind, dtype, convert in ((IntegerNumbering, pl.Int64, int), (StringNumbering, pl.String, str)):
        numbering = kind()
        for part in (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]):
            columns = [pl.Series([convert(pair[end]) for pair in part], dtype=dtype) for end in (0, 1)]
            numbering.add(Batch(src=columns[0], dst=columns[1], weights=None, n_lines=len(part)))
        ids, src, dst = numbering.finish()
        wanted = sorted({convert(end) for pair in pairs for end in pair})
        assert ids.take(range(len(ids))) == wanted
        assert [(wanted[u], wanted[v]) for u, v in zip(src, dst, strict=True)] == [
            (convert(u), convert(v)) for u, v in pairs
        ]


def test_numbering_grows_beyond_its_first_table() -> None:
    values = (np.arange(50_000, dtype=np.int64) * 2_654_435_761) % (2**61)
    order = np.sort(values)
    for kind, series in ((IntegerNumbering, pl.Series(values)), (StringNumbering, pl.Series(values).cast(pl.String))):
        numbering = kind()
        numbering.add(Batch(src=series, dst=series.reverse(), weights=None, n_lines=50_000))
        ids, src, dst = numbering.finish()
        assert len(ids) == 50_000
        np.testing.assert_array_equal(dst, src[::-1])
        assert [ids[int(src[row])] for row in (0, 1, 49_999)] == series[[0, 1, 49_999]].to_list()
        if kind is IntegerNumbering:
            np.testing.assert_array_equal(order[src], values)


BAD_TEXTS: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    ("empty.tsv", "", {}, "empty.tsv: it is empty; write one edge a line"),
    ("comments.tsv", "# a\n# b\n", {}, "comments.tsv: it holds no edges; write one edge a line"),
    ("blank lines.tsv", "\n\n", {}, "it holds no edges"),
    ("header only.csv", "src,dst\n", {}, "it holds no edges"),
    ("one column.txt", "a\nb\n", {}, "one column.txt, line 1: one column, 'a'; an edge has two: set delimiter"),
    ("one line.txt", "1\t2\n3\n", {}, "one line.txt, line 2: one column, '3'; an edge has two"),
    ("no dst.csv", "#\n1,2\n3,\n", {}, "no dst.csv, line 3: no dst in column 1; fill it in"),
    ("no src.csv", "a,b\n,c\n", {}, "line 2: no src in column 0"),
    ("no quoted src.csv", 'a,b\n"",c\n', {}, "line 2: no src in column 0"),
    ("too many.txt", "1 2\n3 4 5\n", {}, "line 2: 3 columns where the first line has 2"),
    ("quotes.csv", 'a,b\n"c,d\n', {}, r"line 2: its quotes do not match \(.*\); close them"),
    ("text.csv", "a,b,x\n", {"weight": 2, "header": False}, "line 1: weight 'x' is not a number; write a number"),
    ("unicode digit.csv", "a,b,٣\n", {"weight": 2, "header": False}, "line 1: weight '٣' is not a number"),
    ("nan.csv", "a,b,1\na,b,nan\n", {"weight": 2}, "line 2: weight nan; weights are finite, not negative"),
    ("infinite.csv", "a,b,1\na,b,-inf\n", {"weight": 2}, "line 2: weight -inf; weights are finite"),
    ("negative.csv", "a,b,1\na,b,-0.5\n", {"weight": 2}, "line 2: weight -0.5; weights are finite, not negative"),
    ("large.csv", "a,b,1\na,b,1e39\n", {"weight": 2}, "line 2: weight 1e39; .* at most 3.4e38"),
    ("no weight.csv", "a,b,1\na,b\n", {"weight": 2}, "line 2: no weight in column 2"),
    ("no type.csv", "a,b,x\na,b,\n", {"type": 2}, "line 2: no type in column 2"),
    (
        "times.csv",
        "src,dst,type,weight\na,b,x,3e38\n",
        {"type_weights": (("x", 2.0),)},
        r"line 2: weight 3e\+38 times 2 is larger than float32 holds",
    ),
    ("sum.csv", "src,dst,weight\na,b,3e38\na,b,3e38\n", {}, "sum.csv: the summed weight of 'a' → 'b' is larger than"),
    (
        "named.csv",
        "origin,target,wieght\na,b,1\n",
        {"weight": "weight"},
        "named.csv, line 1: no column 'weight'; its columns are wieght, origin, target",
    ),
    ("numbered.csv", "a,b\n", {"weight": 2}, "line 1: no column 2; there are 2, numbered from 0"),
    ("two roles.csv", "src,dst\n", {"dst": "src"}, "one column would be read as two: src is column 0 'src', dst is"),
    ("no type column.csv", "src,dst\na,b\n", {"type_weights": (("x", 1.0),)}, "no column 'type'; set type to the"),
    (
        "types.csv",
        "src,dst,type\na,b,x\na,c,y\nb,c,y\nb,d,z\n",
        {"type_weights": (("x", 1.0),)},
        r"types.csv: types without a weight: 'y' \(2 lines\), 'z' \(1 lines\); add 'y' to type_weights, or '\*' for",
    ),
    (
        "dropped.csv",
        "src,dst,type\na,b,x\n",
        {"type_weights": (("x", 0.0),)},
        "type_weights drop every type in it; give one of them a weight above 0",
    ),
    (
        "many types.csv",
        "src,dst,type\n" + "".join(f"a,b,{i}\n" for i in range(10_001)),
        {"type": "type"},
        "more than 10000 distinct types, '0' one of them; set type",
    ),
    ("latin.tsv", b"a\tb\ncaf\xe9\tb\n", {}, r"line 2: src b'caf\\xe9' is not UTF-8; convert the file"),
    ("utf16.csv", "src,dst\na,b\n".encode("utf-16"), {}, "it is UTF-16, not UTF-8; convert it: iconv"),
    ("binary.txt", b"\x00\x01\x02\n", {}, "it is binary, not text in lines; set format"),
    ("graph.gml", "graph []", {}, "graph.gml: .gml is not a format read here; convert it .* networkx.read_gml"),
    ("graph.json.gz", "{}", {}, "graph.json.gz: .json is not a format read here"),
    ("konect.txt", "% sym unweighted\n1 2\n", {}, "line 1: a comment, it seems: '% sym.*; set comment = '%'"),
    ("loops.csv", "#\na,b\n\nb,b\n", {"self_loops": "error"}, "loops.csv, line 4: self-loops: 1, .* node 'b'; set"),
    (
        "live loops.csv",
        "src,dst,weight\na,a,0\nb,b,1\n",
        {"self_loops": "error"},
        "live loops.csv, line 3: self-loops: 1, the first at node 'b'",
    ),
    (
        "twice.csv",
        "src,dst\nb,a\na,b\na,b\n",
        {"duplicates": "error"},
        "twice.csv, line 4: duplicate arcs: 1, the first 'a' → 'b'; set duplicates",
    ),
    (
        "both ways.csv",
        "a,a\na,b\nb,c\nb,a\n",
        {"duplicates": "error", "directed": False, "self_loops": "drop"},
        "both ways.csv, line 4: duplicate arcs: 1, the first 'a' → 'b'",
    ),
    (
        "rejected.txt",
        "1 2\nx\ny\nz\n",
        {"on_error": "skip", "max_errors": 2},
        "line 4: one column, 'z'; it is rejection 3",
    ),
    (
        "all rejected.csv",
        "a,b,c\n",
        {"on_error": "skip", "weight": 2, "header": False},
        "all of its 1 lines were rejected",
    ),
]


@pytest.mark.parametrize(("name", "content", "options", "complaint"), BAD_TEXTS, ids=[case[0] for case in BAD_TEXTS])
def test_bad_text_is_refused_with_file_line_and_fix(
    write: Write, name: str, content: str | bytes, options: dict[str, Any], complaint: str
) -> None:
    path = write(content, name)
    with pytest.raises(InvalidInput, match=complaint) as caught:
        read_graph(path, ReadParams(**options))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('user,item,weight\n"user 0",item 40,3\nuser 1,item 2,1\n', {"user 0", "item 40", "user 1", "item 2"}),
        ("user,item,times\nu0,i4,3\nu1,i2,1\n", {"u0", "i4", "u1", "i2"}),
        ("user,item,times\nu0,i4,3\nu1,i2,often\n", {"user", "item", "u0", "i4", "u1", "i2"}),
        ("user,item,times\nu0,i4,3\nu1,i2\n", {"user", "item", "u0", "i4", "u1", "i2"}),
        ("user,item\nu0,i4\nu1,i2\n", {"user", "item", "u0", "i4", "u1", "i2"}),
        ("u0,i4,2\nu1,i2,3\n", {"u0", "i4", "u1", "i2"}),
    ],
)
def test_text_above_numbers_in_any_column_is_a_header(write: Write, text: str, found: set[str]) -> None:
    graph = read_graph(write(text, "clicks.csv"), ReadParams(on_error="skip"))
    assert set(graph.node_ids) == found
    assert (graph.weights is not None) == ("weight" in text)
