"""A corpus: documents with an id, a text, fields to filter by, and perhaps token vectors of the user's own.

Read from JSON lines or Parquet, sorted by id (strings by their UTF-8 bytes, integers by value when all are), so that
row numbers do not depend on the order of the file. Everything is plain arrays that can be saved and memory-mapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from foundation.sources import sample_source
from vectors.corpus.changes import Changes, overlaid
from vectors.corpus.collector import Collector
from vectors.corpus.columns import Kind
from vectors.corpus.files import (
    Records,
    Unreadable,
    document_format,
    json_lines,
    json_records,
    parquet_records,
    parquet_sample,
)
from vectors.corpus.types import OTHER_ID, Corpus, CorpusParams, CorpusReport, corpus_from_arrays

__all__ = [
    "Corpus",
    "CorpusEstimate",
    "CorpusParams",
    "CorpusReport",
    "corpus_from_arrays",
    "estimate_docs",
    "read_corpus",
    "read_records",
]

_SAMPLE_BYTES = 1 << 20


def read_corpus(
    source: str | Path,
    params: CorpusParams,
    *,
    changes: Changes | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Corpus:
    """Read a file or URL of documents; ``.gz``, ``.zst`` and ``.bz2`` are seen through.

    ``changes`` are laid over its documents. ``kinds`` are the fields' of an index that the documents are added to: they
    are held to these, and need not have every field.

    Raises
    ------
    InvalidInput
        Names the file and the line (of Parquet: the row) when the source cannot be read, a document cannot be used
        (no JSON object, no id, an id twice, a text that is no string, a field of another kind than before; see
        ``CorpusParams.on_error``), a named field is in no document, or there is no document at all.
    """
    records = read_records(source, params)
    collector = Collector(str(source), params, kinds)
    for number, record in records if changes is None else overlaid(records, changes, params):
        collector.add(number, record)
    return collector.corpus()


def read_records(source: str | Path, params: CorpusParams) -> Records:
    """The documents of a file, unchecked; of Parquet the columns that are wanted."""
    columns = read_columns(source, params)
    return json_records(source) if columns is None else parquet_records(source, columns)


def read_columns(source: str | Path, params: CorpusParams) -> tuple[str, ...] | None:
    """The columns that are read of a Parquet file; None for JSON lines, of which everything is."""
    if document_format(source, params.format) != "parquet":
        return None
    return (params.id, OTHER_ID, *params.text, *params.fields, *((params.vectors,) if params.vectors else ()))


class CorpusEstimate(NamedTuple):
    """Number of documents and bytes of text, extrapolated unless the sample was everything."""

    n_docs: int
    text_bytes: int


def estimate_docs(source: str | Path, params: CorpusParams) -> CorpusEstimate:
    """Size of a corpus from its first megabyte (of Parquet: the exact number of rows and the first thousand texts).

    Documents that `read_corpus` would refuse count as documents here.

    Raises
    ------
    InvalidInput
        When the source cannot be read.
    """
    if document_format(source, params.format) == "parquet":
        n_docs, records = parquet_sample(source, params.text)
        n_seen, sampled = len(records), sum(_text_bytes(record, params) for record in records)
        return CorpusEstimate(n_docs, round(sampled * n_docs / n_seen) if n_seen else 0)
    n_bytes = _SAMPLE_BYTES
    head, total = sample_source(source, n_bytes)
    while len(head) < total and b"\n" not in head:
        n_bytes *= 4
        head, total = sample_source(source, n_bytes)
    whole = head if len(head) >= total else head[: head.rindex(b"\n") + 1]
    scale = total / max(1, len(whole))
    records = [{} if isinstance(record, Unreadable) else record for _, record in json_lines(whole.splitlines())]
    return CorpusEstimate(
        round(len(records) * scale), round(sum(_text_bytes(record, params) for record in records) * scale)
    )


def _text_bytes(record: Mapping[str, Any], params: CorpusParams) -> int:
    parts = [value for field in params.text if isinstance(value := record.get(field), str) and value]
    return len(" ".join(parts).encode())
