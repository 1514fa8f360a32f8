"""Estimates against what is then read."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest

from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, estimate_edges
from tests.graph_files import COMPRESSORS, Write, parquet


def test_estimates_are_exact_for_what_fits_the_sample(write: Write) -> None:
    path = write("#\nsrc,dst\na,b\nb,c\nbad\n", "e.csv")
    assert estimate_edges(path, ReadParams()) == (3, 3)
    assert estimate_edges(write(parquet({"a": [1, 2], "b": [2, 3]}), "e.parquet"), ReadParams()) == (2, 3)
    assert estimate_edges(write("# Nodes: 70 Edges: 900\n1\t2\n"), ReadParams()) == (900, 70)
    with pytest.raises(InvalidInput, match="it is empty"):
        estimate_edges(write(""), ReadParams())


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_estimates_of_large_files_are_near(write: Write, suffix: str) -> None:
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, 10**6, (300_000, 2))
    buffer = io.BytesIO()
    pl.DataFrame(pairs, schema=["src", "dst"]).write_csv(buffer)
    lines, nodes = estimate_edges(
        write(COMPRESSORS.get(suffix, bytes)(buffer.getvalue()), f"e.csv{suffix}"), ReadParams()
    )
    assert 0.9 < lines / 300_000 < 1.1
    assert 0.7 < nodes / np.unique(pairs).size < 1.5


def test_estimates_of_files_sorted_by_node_are_near(write: Write) -> None:
    rng = np.random.default_rng(2)
    src = np.repeat(np.arange(60_000), 4)
    pairs = pl.DataFrame({"src": src, "dst": (src + rng.integers(1, 500, src.size)) % 60_000})
    buffer = io.BytesIO()
    pairs.select(pl.format("node-{}", pl.all())).write_csv(buffer)
    lines, nodes = estimate_edges(write(buffer.getvalue(), "e.csv"), ReadParams())
    assert 0.9 < lines / src.size < 1.1
    assert 0.5 < nodes / 60_000 < 2


def test_the_estimate_of_a_broken_line_is_no_error(write: Write) -> None:
    assert estimate_edges(write("1 2\n3\n4 5\n"), ReadParams()) == (3, 4)
