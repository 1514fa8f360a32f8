"""Parquet."""

from __future__ import annotations

import gzip
import math
from typing import Any

import fsspec
import polars as pl
import pytest

from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, read_graph
from tests.graph_files import Wanted, Write, edges_of, parquet

PARQUETS: list[tuple[dict[str, Any], dict[str, Any], Wanted]] = [
    ({"src": [5, 7], "dst": [7, 5]}, {}, {(5, 7): 1, (7, 5): 1}),
    ({"weight": [0.5], "dst": ["b"], "src": ["a"]}, {}, {("a", "b"): 0.5}),
    ({"a": pl.Series([1], dtype=pl.UInt8), "b": pl.Series([2], dtype=pl.Int64)}, {}, {(1, 2): 1}),
    ({"a": pl.Series(["x"], dtype=pl.Categorical), "b": [2]}, {}, {("x", "2"): 1}),
    ({"a": ["1"], "b": ["2"]}, {}, {("1", "2"): 1}),
    ({"n": [3], "a": [1], "b": [2]}, {"src": "a", "dst": 2, "weight": "n"}, {(1, 2): 3}),
    (
        {"src": [1, 1], "dst": [2, 3], "type": ["x", "y"]},
        {"type_weights": (("x", 2.0), ("*", 0.0))},
        {(1, 2): 2},
    ),
    ({"src": [1, None, 3], "dst": [2, 3, 4], "weight": [1.0, 1.0, math.nan]}, {"on_error": "skip"}, {(1, 2): 1}),
]


@pytest.mark.parametrize(("columns", "options", "wanted"), PARQUETS)
def test_parquet_is_read(write: Write, columns: dict[str, Any], options: dict[str, Any], wanted: Wanted) -> None:
    data = parquet(columns)
    assert edges_of(read_graph(write(data, "e.parquet"), ReadParams(**options))) == wanted
    assert edges_of(read_graph(write(gzip.compress(data), "e.parquet.gz"), ReadParams(**options))) == wanted
    with fsspec.open("memory://room/e.parquet", "wb") as there:
        there.write(data)
    assert edges_of(read_graph("memory://room/e.parquet", ReadParams(**options))) == wanted


BAD_PARQUETS: list[tuple[dict[str, Any] | bytes, dict[str, Any], str]] = [
    (b"", {}, "it is no readable Parquet file"),
    (b"PAR1 and then nothing", {}, "it is no readable Parquet file: .*; check the file, or set format"),
    ({"src": [1.5], "dst": [1]}, {}, "column 'src' is read as src and holds Float64; src needs integers or strings"),
    ({"src": [1], "dst": [1], "weight": ["x"]}, {}, "column 'weight' is read as weight and holds String; weight needs"),
    ({"src": [1], "dst": [1], "type": [0.5]}, {"type": "type"}, "'type' is read as type and holds Float64"),
    ({"src": pl.Series([2**63], dtype=pl.UInt64), "dst": [1]}, {}, "holds 9223372036854775808, which does not fit"),
    ({"src": [1, None], "dst": [1, 2]}, {}, "row 1: src = None, dst = 2; no value may be empty"),
    ({"src": ["a", ""], "dst": ["b", "c"]}, {}, "row 1: src = '', dst = 'c'"),
    ({"src": [1], "dst": [1], "weight": [-1.0]}, {}, "row 0: src = 1, dst = 1, weight = -1.0; .* not negative"),
    ({"source": [1], "target": [1]}, {"src": "src"}, "no column 'src'; its columns are source, target"),
    ({"src": [], "dst": []}, {}, "(holds Null|holds no edges)"),
    ({"src": [1], "dst": [2], "type": ["x"]}, {"type_weights": (("y", 1.0),)}, r"without a weight: 'x' \(1 rows\)"),
    ({"src": [1, 1], "dst": [2, 2]}, {"duplicates": "error"}, "row 1: duplicate arcs: 1, the first 1 → 2"),
    (
        {"src": [1, 1], "dst": [2, 2], "type": ["x", "y"], "weight": [1.0, 3e38]},
        {"type_weights": (("x", 0.0), ("y", 9.0))},
        "row 1: its weight times that of its type is larger than float32 holds",
    ),
]


@pytest.mark.parametrize(("content", "options", "complaint"), BAD_PARQUETS)
def test_bad_parquet_is_refused(
    write: Write, content: dict[str, Any] | bytes, options: dict[str, Any], complaint: str
) -> None:
    path = write(content if isinstance(content, bytes) else parquet(content), "e.parquet")
    with pytest.raises(InvalidInput, match=complaint) as caught:
        read_graph(path, ReadParams(**options))
    assert str(caught.value).startswith(str(path))
