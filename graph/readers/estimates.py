"""How many edges and nodes a source has, before it is read."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foundation.errors import InvalidInput
from graph.readers.blocks import parse_block
from graph.readers.formats import MATRICES, format_of
from graph.readers.layout import find_layout, name_columns
from graph.readers.lines import Rejections
from graph.readers.matrices import read_matrix
from graph.readers.params import ReadParams
from graph.readers.sources import pieces, size_of
from graph.readers.tables import open_parquet
from graph.readers.text import without_header

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse

_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 50_000
_SNAP = re.compile(rb"^#.*\bNodes:\s*(\d+)\s+Edges:\s*(\d+)", re.MULTILINE)
_MARKET = re.compile(
    rb"%%MatrixMarket matrix coordinate \w+ (\w+)[^\n]*\n(?:%[^\n]*\n|[ \t\r]*\n)*[ \t]*(\d+)[ \t]+\d+[ \t]+(\d+)",
    re.IGNORECASE,
)


def estimate_edges(
    source: str | Path | nx.Graph[Any] | scipy.sparse.sparray | scipy.sparse.spmatrix, params: ReadParams
) -> tuple[int, int]:
    """About how many edges and nodes `graph.edge_list.read_graph` would find, for planning.

    Text is judged by its first megabyte and the size of the file: lines by their mean length, nodes by how the number
    of distinct ids grows from the first half of the sample to the whole of it. SNAP's and Matrix Market's own counts
    are believed. Exact for text that fits the sample, for Parquet's rows, and for what is read whole anyway: other
    matrices, and objects in memory. Bad lines are passed over.

    Raises
    ------
    InvalidInput
        For a source that cannot be opened or has no data where it begins.
    """
    if not isinstance(source, str | Path):
        if hasattr(source, "number_of_edges"):
            return int(source.number_of_edges()), int(source.number_of_nodes())
        return int(source.nnz), int(source.shape[0])
    format = format_of(source, params.format)
    if format == "parquet":
        return _of_parquet(source, params)
    if format == "matrix_market" and (counts := _of_market(source)) is not None:
        return counts
    if format in MATRICES:
        matrix = read_matrix(source, format)
        return int(matrix.nnz), int(matrix.shape[0])
    return _of_text(source, params)


def _sample(source: str | Path) -> tuple[bytes, float]:
    """The first megabyte of the plain bytes in whole lines, and how many times that the whole is (1: all of it)."""
    held, n_held, consumed = [], 0, 0
    reading = pieces(source)
    for piece, consumed in reading:  # noqa: B007 - used below
        held.append(piece)
        n_held += len(piece)
        if n_held >= _SAMPLE_BYTES:
            break
    sample = b"".join(held)
    size = size_of(source)
    if next(reading, None) is None or size is None:
        return sample.removeprefix(b"\xef\xbb\xbf"), 1.0
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    return whole.removeprefix(b"\xef\xbb\xbf"), max(1.0, size * (n_held / consumed) / len(whole))


def _of_text(source: str | Path, params: ReadParams) -> tuple[int, int]:
    sample, times = _sample(source)
    if not sample:
        raise InvalidInput(source=str(source), what="it is empty", fix="write one edge a line: src, dst")
    if found := _SNAP.search(sample):
        return int(found[2]), int(found[1])
    sample = sample if sample.endswith(b"\n") else sample + b"\n"
    layout = find_layout(sample, params, str(source))
    lenient = Rejections(source=str(source), params=params, stops=False)
    batches = list(parse_block(without_header(sample, layout), 1, layout, params, False, lenient))
    src, dst = (pl.concat([getattr(batch, end) for batch in batches]) for end in ("src", "dst"))
    n_lines = sum(batch.n_lines for batch in batches)
    return round(n_lines * times), _grown(src, dst, times)


def _of_parquet(source: str | Path, params: ReadParams) -> tuple[int, int]:
    data = open_parquet(source)
    table = pl.scan_parquet(data)
    n_rows = int(table.select(pl.len()).collect().item())
    names = table.collect_schema().names()
    columns = name_columns(names, len(names), params, str(source))
    head = table.select(pl.nth(columns.src).alias("src"), pl.nth(columns.dst).alias("dst")).head(_SAMPLE_ROWS).collect()
    return n_rows, _grown(head["src"].cast(pl.String), head["dst"].cast(pl.String), n_rows / max(1, head.height))


def _of_market(source: str | Path) -> tuple[int, int] | None:
    found = _MARKET.match(_sample(source)[0])
    if found is None:
        return None
    n_entries = int(found[3])
    return n_entries if found[1].lower() == b"general" else 2 * n_entries, int(found[2])


def _grown(src: pl.Series, dst: pl.Series, times: float) -> int:
    """Distinct ids in ``times`` as many edges, were they to go on growing by the power law of the sample."""
    half = src.len() // 2
    whole: int = pl.concat((src, dst)).n_unique()
    if times <= 1 or half == 0:
        return whole
    exponent: float = math.log2(whole / pl.concat((src[:half], dst[:half])).n_unique())
    return round(whole * math.pow(times, min(max(exponent, 0.0), 1.0)))
