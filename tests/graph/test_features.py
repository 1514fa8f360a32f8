"""Node features read from files of every kind agree with a plain loop over the rows; what cannot be used is refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from foundation.errors import EngineError, InvalidInput, InvalidParams
from foundation.ids import Ids, IntegerIds, StringIds
from graph.features import FeatureParams, estimate_features, read_features

FORMATS = ("parquet", "csv", "tsv", "jsonl", "csv.gz", "jsonl.zst")
ABC = StringIds.from_sorted(["a", "b", "c"])
NUMBERS = st.sampled_from([0.0, 1.0, 1.0, -2.5]) | st.floats(-(2.0**100), 2.0**100, width=32)
TEXTS = st.text('ab,";é7 0', min_size=1, max_size=4).map(str.strip).filter(bool)
INTEGERS = st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Nodes, and rows for some of them and for others; the values of the others are no numbers."""

    ids: Ids
    rows: list[tuple[str | int, list[float | None]]]
    params: FeatureParams


def ids_of(values: list[Any]) -> Ids:
    if isinstance(values[0], str):
        return StringIds.from_sorted(sorted(values))
    ordered = np.array(sorted(values), dtype=np.int64)
    whole = bool((ordered == np.arange(ordered.size)).all())
    return IntegerIds(ordered.size, None if whole else ordered)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    some_ids: st.SearchStrategy[Any] = draw(st.sampled_from([TEXTS, INTEGERS]))
    everything = draw(st.lists(some_ids, min_size=1, max_size=9, unique=True))
    n_nodes = draw(st.integers(1, len(everything)))
    nodes, others = everything[:n_nodes], everything[n_nodes:]
    described = nodes[: draw(st.integers(1, n_nodes))]
    width = draw(st.integers(1, 3))
    values = st.lists(NUMBERS, min_size=width, max_size=width)
    rows: list[tuple[str | int, list[float | None]]] = [(node, list(draw(values))) for node in described]
    rows += [(other, [None] * width) for other in others]
    ways = ["zero", "mean"] if len(described) < n_nodes else ["error", "zero", "mean"]
    params = FeatureParams(missing_features=draw(st.sampled_from(ways)), standardize=draw(st.booleans()))
    return Case(ids=ids_of(nodes), rows=draw(st.permutations(rows)), params=params)


def expected(case: Case) -> npt.NDArray[np.float64]:
    """A loop over columns and nodes, in float64."""
    known = {str(id): values for id, values in case.rows}
    nodes = [str(case.ids[row]) for row in range(len(case.ids))]
    out = np.empty((len(nodes), len(case.rows[0][1])))
    for column in range(out.shape[1]):
        there = np.array([known[node][column] for node in nodes if node in known], dtype=np.float64)
        mean, spread = there.mean(), there.std()
        for row, node in enumerate(nodes):
            absent = mean if case.params.missing_features == "mean" else 0.0
            value = known[node][column] if node in known else absent
            assert value is not None
            if case.params.standardize:
                value = 0.0 if there.min() == there.max() else (value - mean) / spread
            out[row, column] = value
    return out


def write(path: Path, rows: list[tuple[Any, list[Any]]]) -> None:
    names = [f"c{column}" for column in range(len(rows[0][1]))]
    data: bytes
    if path.suffix == ".parquet":
        columns = {name: pl.Series([row[1][at] for row in rows], dtype=pl.Float64) for at, name in enumerate(names)}
        pl.DataFrame({"node": [row[0] for row in rows], **columns}).write_parquet(path)
        return
    if "jsonl" in path.name:
        lines = [json.dumps({"node": id} | dict(zip(names, values, strict=True))) for id, values in rows]
        data = "\n\n".join(lines).encode()
    else:
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t" if "tsv" in path.name else ",")
        writer.writerows([["node", *names], *([id, *values] for id, values in rows)])
        data = text.getvalue().encode()
    compress = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(path.suffix, bytes)
    path.write_bytes(compress(data))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), format=st.sampled_from(FORMATS))
@example(
    case=Case(ids=ids_of(["7", "007"]), rows=[("007", [1.0]), ("7", [2.0])], params=FeatureParams(standardize=False)),
    format="csv",
)
@example(
    case=Case(ids=ids_of([0, 7]), rows=[("007", [1.0]), ("+0", [2.0])], params=FeatureParams(standardize=False)),
    format="tsv",
)
def test_a_file_agrees_with_a_loop_over_its_rows(tmp_path: Path, case: Case, format: str) -> None:
    path = tmp_path / f"features.{format}"
    write(path, case.rows)
    found = read_features(path, case.ids, case.params)
    if all(str(id).lstrip("+0") != str(id) for id, _ in case.rows) and isinstance(case.ids, IntegerIds):
        case = Case(ids=case.ids, rows=[(int(id), values) for id, values in case.rows], params=case.params)
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.values, expected(case), rtol=1e-5, atol=1e-5)
    nodes = {str(case.ids[row]) for row in range(len(case.ids))}
    described = {str(id) for id, _ in case.rows}
    assert (found.n_rows, found.n_missing) == (len(case.rows), len(nodes - described))
    assert found.n_unmatched == len(described - nodes)
    assert found.columns == tuple(f"c{column}" for column in range(found.values.shape[1]))
    sizes = estimate_features(path, case.params)
    assert (sizes.n_rows, sizes.n_features) == (found.n_rows, found.values.shape[1])


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), data=st.data())
def test_bytes_do_not_depend_on_the_format_or_the_order_of_the_rows(
    tmp_path: Path, case: Case, data: st.DataObject
) -> None:
    found = set()
    for format in ("parquet", "csv", "jsonl"):
        write(tmp_path / f"features.{format}", data.draw(st.permutations(case.rows)))
        found.add(read_features(tmp_path / f"features.{format}", case.ids, case.params).values.tobytes())
    assert len(found) == 1


def test_more_columns_than_are_worked_on_at_a_time_are_all_right(tmp_path: Path) -> None:
    given_values = np.random.default_rng(5).normal(3, 2, (50, 37))
    np.save(tmp_path / "wide.npy", given_values)
    found = read_features(tmp_path / "wide.npy", IntegerIds(50))
    wanted = (given_values - given_values.mean(axis=0)) / given_values.std(axis=0)
    np.testing.assert_allclose(found.values, wanted, atol=1e-5)
    assert found.columns == ("matrix[37]",)


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "m.npy.gz"])
def test_row_i_of_a_matrix_is_the_node_with_the_id_i(tmp_path: Path, name: str) -> None:
    matrix = np.arange(12, dtype=np.int16).reshape(6, 2)
    data = io.BytesIO()
    if "npz" in name:
        np.savez(data, features=matrix, other=np.zeros(3))
    else:
        np.save(data, matrix)
    (tmp_path / name).write_bytes(gzip.compress(data.getvalue()) if name.endswith("gz") else data.getvalue())
    params = FeatureParams(standardize=False, missing_features="zero")
    found = read_features(tmp_path / name, ids_of([1, 4, 9]), params)
    assert found.values.tolist() == [[2, 3], [8, 9], [0, 0]]
    assert (found.n_rows, found.n_missing, found.n_unmatched) == (6, 1, 4)


def test_arrays_become_as_many_features_and_truth_values_become_numbers(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "name": ["c", "a", "b", "d"],
            "list": [[5, 6], [1, 2], [3, 4], [9]],
            "text": ["x"] * 4,
            "flag": [True, False, True, None],
        }
    )
    fixed = frame.with_columns(pl.Series("list", [[5.0, 6], [1, 2], [3, 4], [0, 0]], dtype=pl.Array(pl.Float32, 2)))
    lines = "".join(json.dumps(row) + "\n" for row in frame.iter_rows(named=True))
    frame.write_parquet(tmp_path / "list.parquet")
    fixed.write_parquet(tmp_path / "fixed.parquet")
    (tmp_path / "lines.jsonl").write_text(lines)
    for name in ("list.parquet", "fixed.parquet", "lines.jsonl"):
        found = read_features(tmp_path / name, ABC, FeatureParams(standardize=False))
        assert found.values.tolist() == [[1, 2, 0], [3, 4, 1], [5, 6, 1]]
        assert (found.columns, found.left_out) == (("list[2]", "flag"), ("text",))
        assert estimate_features(tmp_path / name).n_features == 3
        params = FeatureParams(standardize=False, feature_columns=("flag", "list"))
        assert read_features(tmp_path / name, ABC, params).values.tolist() == [[0, 1, 2], [1, 3, 4], [1, 5, 6]]


@pytest.mark.parametrize(
    "text",
    [
        ",x\na,1\nb,3\nc,5\n",  # as pandas writes an index without a name
        "id,x,\r\na,1,\r\nb,3,\r\nc,5,\r\n",
        '\ufeff"id,",x\n"a",1\nb,"3"\n c , 5 ',
        "id;x;words\na;1;p, q\nb;3;r\nc;5;s\n",
        "id\tx\n\na\t1\nb\t3\n\nc\t5\n\n",
        "id,x\nc,5\nd,word\nb,3\na,1\n",
        "id,2023\na,1\nb,3\nc,5\n",
    ],
)
def test_tables_as_programs_write_them_are_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.csv").write_bytes(text.encode())
    params = FeatureParams(standardize=False)
    assert read_features(tmp_path / "f.csv", ABC, params).values.tolist() == [[1], [3], [5]]


def test_numbers_far_apart_are_standardized_all_the_same(tmp_path: Path) -> None:
    for values in ((1e308, -1e308, 1e308), (5e-324, 0.0, 5e-324), (1e16, 1e16 + 2, 1e16), (2.0, 2.0, 2.0)):
        write(tmp_path / "f.csv", [(id, [repr(value)]) for id, value in zip("abc", values, strict=True)])
        found = read_features(tmp_path / "f.csv", ABC).values[:, 0]
        high, low = (0.0, 0.0) if values[0] == values[1] else (2**-0.5, -(2**0.5))
        wanted = [high, low, high] if values[0] >= values[1] else [-high, -low, -high]
        np.testing.assert_allclose(found, wanted, atol=1e-6)


CSV = "id,x,y\na,1,p\nb,2,q\nc,3,r\n"


@pytest.mark.parametrize(
    ("name", "data", "options", "what"),
    [
        ("f.csv", "", {}, "f.csv: it is empty"),
        ("f.csv", "id,x\n", {}, "f.csv: it holds no rows"),
        ("f.csv", "id\na\nb\nc\n", {}, "no column of numbers beside the ids in 'id'; it has no other column"),
        ("f.csv", "a,1.5\nb,2\n", {}, "f.csv, line 1: a row of numbers where the columns' names should be: '1.5'"),
        ("f.csv", "0,1\n1,2\n", {}, "line 1: a row of numbers"),
        ("f.csv", "id,x,x\na,1,2\n", {}, "line 1: two columns are called 'x'"),
        ("f.csv", "id,x\na,1\nb,2,3\nc,3\n", {}, "f.csv, line 3: 3 fields where the header names 2"),
        ("f.csv", b"id,x\na,1\n\xff,2\n", {}, "f.csv, line 3: is not UTF-8"),
        ("f.csv", 'id,x\na,1\n"b,2\nc,3\n', {}, "f.csv, line 3: it makes no row"),
        ("f.csv", "id,x\na,1\n,2\nc,3\n", {}, "row 2 has no id in column 'id'"),
        ("f.csv", "id,x\na,1\nb,2\na,3\nc,3\n", {}, "row 3, id 'a': it is given twice, first in row 1"),
        ("f.csv", "id,x\na,1\nb,2\nc,3\nz,4\nz,5\n", {}, "row 5, id 'z': it is given twice, first in row 4"),
        ("f.csv", "id,x\nc,1\nb,nan\na,inf\n", {}, "row 2, id 'b': 'x' is missing, or no number"),
        ("f.csv", "id,x\nc,1\nb,2\na,-inf\n", {}, "row 3, id 'a': 'x' is -inf"),
        ("f.csv", "id,x\nc,1\nb\na,2\n", {}, "row 2, id 'b': 'x' is missing, or no number"),
        ("f.csv", "id,x\nc,1\nb,N/A\na,2\n", {}, "row 2, id 'b': 'x' is missing, or no number"),
        ("f.csv", "id,x\nc,1e300\nb,2\na,2\n", {"standardize": False}, "'x' is 1e+300; float32 cannot hold it"),
        ("f.csv", CSV, {"feature_columns": ("y",)}, "row 1, id 'a': column 'y' holds text, 'p'"),
        ("f.csv", CSV, {"feature_columns": ("x", "yy")}, "no column 'yy'; did you mean 'y'?"),
        ("f.csv", CSV, {"feature_columns": ("id",)}, "column 'id' is that of the ids"),
        ("f.csv", CSV, {"feature_id": "node"}, "no column 'node'; its columns are id, x, y"),
        ("f.csv", CSV, {"feature_id": "y"}, "none of its 3 ids is a node of the graph: the first is 'p', nodes are"),
        ("f.csv", "id,x\na,1\nb,2\n", {}, "1 of 3 nodes have no row; the first is 'c'"),
        ("f.jsonl", "\n\n", {}, "f.jsonl: it holds no rows"),
        ("f.jsonl", '{"id": "a", "x": 1}\n{"id": "b",\n', {}, "f.jsonl, line 2: this is not JSON"),
        ("f.jsonl", '{"id": "a", "x": 1}\n\n[2]\n', {}, "f.jsonl, line 3: this is a JSON list, no object"),
        ("f.jsonl", '{"id": "a", "x": 1}\n{"id": 1.5}\n', {}, "f.jsonl, line 2: 'id' is 1.5, no id"),
        ("f.jsonl", '{"id": "a", "x": 1}\n{"x": 1}\n', {}, "line 2 has no id in column 'id'"),
        ("f.jsonl", '{"id": "a", "x": 1}\n\n{"id": "b"}\n{"id": "c", "x": 1}\n', {}, "f.jsonl, line 3: id 'b': 'x' is"),
        ("f.jsonl", '{"id": "a", "x": 1}\n{"id": "b", "x": "p"}\n{"id": "c", "x": 1}\n', {}, "it has only x"),
        ("f.parquet", b"PAR1", {}, "f.parquet: it is no readable Parquet file: "),
        ("f.npy", b"\x93NUMPY", {}, "f.npy: it is no file of plain NumPy arrays"),
        ("f.npz", b"PK\x03\x04", {}, "f.npz: it is no file of plain NumPy arrays"),
        ("f.npz", b"", {}, "f.npz: it is no file of plain NumPy arrays"),
        ("f.xlsx", b"PK", {}, "f.xlsx: .xlsx is not a format of features"),
        ("f.csv", None, {}, "f.csv: there is no such file"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, name: str, data: str | bytes | None, options: dict[str, Any], what: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(InvalidInput) as caught:
        read_features(tmp_path / name, ABC, FeatureParams(**options))
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert what in said
    assert said.startswith(name)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        ({"id": ["a", "b", "c"], "v": [[1], [1, 2], [3]]}, "row 2, id 'b': 'v' is an array of 2 where others have 1"),
        ({"id": ["a", "b", "c"], "v": [[1], None, [3]]}, "row 2, id 'b': 'v' holds nothing"),
        ({"id": ["a", "b", "c"], "v": [[1], [None], [3]]}, "row 2, id 'b': 'v'[0] is missing, or no number"),
        ({"id": [0.5, 1.5], "v": [1, 2]}, "column 'id' holds Float64, no ids"),
        ({"id": ["a", None], "v": [1, 2]}, "row 2 has no id in column 'id'"),
        ({"id": ["a", "b", "c"], "v": [[]] * 3}, "no column of numbers"),
    ],
)
def test_columns_of_a_table_that_cannot_be_used_are_refused(tmp_path: Path, frame: dict[str, Any], what: str) -> None:
    pl.DataFrame(frame).write_parquet(tmp_path / "f.parquet")
    with pytest.raises(InvalidInput) as caught:
        read_features(tmp_path / "f.parquet", ABC)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("matrix", "ids", "what"),
    [
        (np.ones(3), IntegerIds(3), "float64 of shape (3,); write a matrix of numbers"),
        (np.ones((3, 0)), IntegerIds(3), "shape (3, 0)"),
        (np.ones((0, 3)), IntegerIds(3), "it holds no rows"),
        (np.array([["a"], ["b"]]), IntegerIds(2), "<U1 of shape (2, 1)"),
        (np.ones((2, 2)), IntegerIds(3), "1 of 3 nodes have no row; the first is 2"),
        (np.array([[1.0], [np.nan]]), IntegerIds(2), "row 2, id 1: 'matrix'[0] is missing, or no number"),
        (np.ones((3, 1)), ABC, "the rows of a matrix are the nodes 0, 1, …, and this graph's are like 'a'"),
    ],
)
def test_a_matrix_that_cannot_be_used_is_refused(tmp_path: Path, matrix: Any, ids: Ids, what: str) -> None:
    np.save(tmp_path / "f.npy", matrix)
    with pytest.raises(InvalidInput) as caught:
        read_features(tmp_path / "f.npy", ids)
    assert what in str(caught.value)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), format=st.sampled_from(("csv", "jsonl", "parquet", "npy", "npz")))
def test_damaged_bytes_are_refused_or_read(tmp_path: Path, data: st.DataObject, format: str) -> None:
    path = tmp_path / f"f.{format}"
    rows: list[tuple[int, list[Any]]] = [(0, [1.5, 2]), (1, [2.5, 3]), (2, [0, -1])]
    if format == "npy":
        np.save(path, np.eye(3))
    elif format == "npz":
        np.savez(path, np.eye(3))
    else:
        write(path, rows)
    raw = bytearray(path.read_bytes())
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    for _ in range(data.draw(st.integers(0, 2))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw))
    said = ""
    try:
        found = read_features(path, IntegerIds(3), FeatureParams(missing_features="mean"))
        assert np.isfinite(found.values).all()
    except EngineError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"feature_id": ""}, "feature_id"),
        ({"feature_columns": ()}, "feature_columns"),
        ({"feature_columns": "ab"}, "feature_columns"),
        ({"feature_columns": ("a", "a")}, "feature_columns"),
        ({"feature_columns": (1,)}, "feature_columns"),
        ({"feature_columns": ("a",), "feature_id": "a"}, "feature_columns"),
        ({"missing_features": "drop"}, "missing_features"),
        ({"standardize": 1}, "standardize"),
    ],
)
def test_params_that_mean_nothing_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        FeatureParams(**options)
    assert caught.value.name == name


@pytest.mark.parametrize("options", [{"feature_id": "a"}, {"feature_columns": ("a",)}])
def test_a_matrix_has_no_columns_to_name(tmp_path: Path, options: dict[str, Any]) -> None:
    np.save(tmp_path / "f.npy", np.eye(3))
    with pytest.raises(InvalidParams, match="nothing for a matrix"):
        read_features(tmp_path / "f.npy", IntegerIds(3), FeatureParams(**options))
