"""How many edges and nodes a source has, before it is read."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foundation.errors import InvalidInput
from foundation.sources import random_access, sample_source
from graph.readers.blocks import parse_block
from graph.readers.cutting import MARK
from graph.readers.formats import MATRICES, format_of
from graph.readers.layout import find_layout, name_columns
from graph.readers.lines import Rejections
from graph.readers.matrices import read_matrix
from graph.readers.params import ReadParams
from graph.readers.pieces import without_header

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse

_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 250_000
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
    sample, n_bytes = sample_source(source, _SAMPLE_BYTES)
    if len(sample) == n_bytes:
        return sample.removeprefix(MARK), 1.0
    lines = sample[: sample.rfind(b"\n") + 1] or sample
    return lines.removeprefix(MARK), n_bytes / len(lines)


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
    table = pl.scan_parquet(random_access(source))
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
    """Distinct ids among ``times`` as many edges, for strings.

    In a file sorted by node new ids keep coming, at the rate at which the second half of the sample added to the
    first: a power law. In a file in random order they run out; there the power law is too much, Chao's count of the
    unseen (from ids seen once and twice) too little, and their geometric mean is taken. Integers in a range that the
    first half spans already are no more than the range.
    """
    middle = src.len() // 2
    ids, half = pl.concat((src, dst)), pl.concat((src[:middle], dst[:middle]))
    n_whole: int = ids.n_unique()
    if times <= 1 or middle == 0:
        return n_whole
    growth = min(max(math.log2(n_whole / half.n_unique()), 0.0), 1.0)
    likely = n_whole * math.pow(times, growth)
    if not (_is_sorted_by(src) or _is_sorted_by(dst)):
        seen = ids.value_counts()["count"]
        n_once, n_twice = int((seen == 1).sum()), int((seen == 2).sum())
        unseen = n_once * (n_once - 1) / (2 * (n_twice + 1))
        likely = math.sqrt(likely * min(n_whole + unseen, n_whole * times))
    return round(max(n_whole, min(likely, _span(ids, half))))


def _is_sorted_by(ends: pl.Series) -> bool:
    """Whether lines of one node stand together: many repeats within a half, few from one half to the other."""
    first, second = ends[: ends.len() // 2].unique(), ends[ends.len() // 2 :].unique()
    n_shared = first.is_in(second.implode()).sum()
    return bool(n_shared / first.len() < 1 - first.len() / (ends.len() // 2))


def _span(ids: pl.Series, half: pl.Series) -> float:
    """How many integers lie between the smallest and the largest id; infinite for ids that do not keep a range."""
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count():
        return math.inf
    values, first = numbers.to_numpy(), half.cast(pl.Int64).to_numpy()
    span, span_of_half = (int(part.max()) - int(part.min()) + 1 for part in (values, first))
    return 1.05 * span if span_of_half > 0.95 * span else math.inf
