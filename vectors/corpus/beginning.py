"""The beginning of a corpus, held to what the whole of it must be: what is wrong there is known before all is read."""

from __future__ import annotations

import io
from pathlib import Path

from foundation.errors import InvalidInput
from foundation.sources import sample_source
from vectors.corpus.collector import Collector
from vectors.corpus.files import document_format, json_lines, parquet_columns
from vectors.corpus.types import DEFAULT_ID, OTHER_ID, CorpusParams

_SAMPLE_BYTES = 1 << 20


def check_beginning(source: str | Path, params: CorpusParams) -> list[str]:
    """Check the first megabyte of JSON lines, or the columns of a Parquet file.

    Returns
    -------
    What may be wrong: fields that no document has so far, where more documents follow.

    Raises
    ------
    InvalidInput
        As `vectors.corpus.read.read_corpus` would.
    """
    collector = Collector(str(source), params)
    if document_format(source, params.format) == "parquet":
        columns = parquet_columns(source)
        if params.id not in columns and not (params.id == DEFAULT_ID and OTHER_ID in columns):
            fix = f"name the field of ids; its columns are {', '.join(columns)}"
            raise InvalidInput(source=str(source), what=f"no document has the field {params.id!r}", fix=fix)
        collector.saw(columns)
        collector.check_fields()
        return []
    head, total = sample_source(source, _SAMPLE_BYTES)
    is_whole = len(head) >= total
    lines = head if is_whole else head[: head.rfind(b"\n") + 1]
    for number, record in json_lines(io.BytesIO(lines)):
        collector.add(number, record)
    if is_whole:
        collector.check_complete()
        return []
    if not (missing := collector.missing()) or not collector.n_read:
        return []
    names = ", ".join(map(repr, missing))
    return [f"{source}: none of the first {collector.n_read:,} documents has the field {names}"]
