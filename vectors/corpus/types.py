"""What a corpus is made of: its parameters, its report, and the documents themselves as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from foundation.ids import Ids, ids_from_arrays
from vectors.corpus.columns import Column, column_from_arrays
from vectors.corpus.text_blob import TextBlob, Texts
from vectors.tokens.multivector import MultiVectors

DEFAULT_ID, OTHER_ID = "_id", "id"
DEFAULT_TEXT = ("title", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusParams:
    """What to take from each document.

    Attributes
    ----------
    format : of the file below its compression; "auto" goes by the name (``.parquet``, ``.pq``), else by the first bytes
    id : field with the id; the default ``_id`` gives way to ``id`` when the first document has no ``_id``
    text : fields joined by a blank into the text, strings or lists of strings; a missing, null or empty one is left out
    vectors : field with the document's token vectors, a list of equally long lists of numbers; None for none
    fields : kept for filters and display: numbers, truth values, strings, lists of strings
    on_error : "stop" at the first document that cannot be used, or "skip" and count it
    max_errors : how many documents "skip" may leave out before it stops after all
    """

    format: Literal["auto", "jsonl", "parquet"] = "auto"
    id: str = DEFAULT_ID
    text: tuple[str, ...] = DEFAULT_TEXT
    vectors: str | None = None
    fields: tuple[str, ...] = ()
    on_error: Literal["stop", "skip"] = "stop"
    max_errors: int = 100

    def __post_init__(self) -> None:
        if self.format not in ("auto", "jsonl", "parquet"):
            raise InvalidParams(name="format", value=self.format, allowed="'auto', 'jsonl' or 'parquet'")
        if self.on_error not in ("stop", "skip"):
            raise InvalidParams(name="on_error", value=self.on_error, allowed="'stop' or 'skip'")
        if self.max_errors < 0:
            raise InvalidParams(name="max_errors", value=self.max_errors, allowed="0 or more")
        if not self.id:
            raise InvalidParams(name="id", value=self.id, allowed="the name of a field")
        for name, value in (("text", self.text), ("fields", self.fields)):
            if not isinstance(value, tuple) or not all(isinstance(field, str) and field for field in value):
                raise InvalidParams(name=name, value=value, allowed="a tuple of names of fields")
            if len(set(value)) < len(value):
                raise InvalidParams(name=name, value=value, allowed="each field once")
        if not self.text and self.vectors is None:
            raise InvalidParams(name="text", value=self.text, allowed="at least one field, unless vectors is given")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusReport:
    """What reading found. ``n_read = n_docs + n_rejected``; missing ids and duplicates are among the rejected."""

    n_read: int
    n_docs: int
    n_empty_text: int
    n_rejected: int
    n_missing_id: int
    n_duplicates: int
    text_bytes: int
    first_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corpus:
    """Documents in the order of their ids.

    Attributes
    ----------
    ids : id of each row
    text_blob : text of each row
    positions : int64 (n_docs,), place of each row among the documents of its file, from 0, the rejected ones counted:
        what aligns arrays that follow the file's order
    fields : one column per kept field
    vectors : the user's token vectors; None when the corpus has none
    report : what reading found
    """

    ids: Ids
    text_blob: Texts
    positions: npt.NDArray[np.int64]
    fields: dict[str, Column]
    vectors: MultiVectors | None
    report: CorpusReport

    @property
    def n_docs(self) -> int:
        return len(self.text_blob)

    def text(self, doc: int) -> str:
        """Text of one document."""
        return str(self.text_blob[doc])

    def texts(self, start: int, stop: int) -> list[str]:
        """Texts of documents ``start:stop``."""
        return self.text_blob.rows(start, stop)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What to save; the names of ``fields``, in order, and ``report`` belong beside it."""
        arrays = self.ids.arrays() | {
            "text_blob": self.text_blob.blob,
            "text_offsets": self.text_blob.offsets,
            "positions": self.positions,
        }
        for number, column in enumerate(self.fields.values()):
            arrays |= {f"field_{number}.{part}": array for part, array in column.arrays().items()}
        if self.vectors is not None:
            arrays |= {"vectors": self.vectors.vectors, "vector_offsets": self.vectors.offsets}
        return arrays


def corpus_from_arrays(arrays: Mapping[str, npt.NDArray[Any]], fields: Sequence[str], report: CorpusReport) -> Corpus:
    """The inverse of `Corpus.arrays`; memory-mapped arrays stay so."""
    columns: dict[str, Column] = {}
    for number, name in enumerate(fields):
        prefix = f"field_{number}."
        parts = {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
        columns[name] = column_from_arrays(parts)
    vectors = None
    if "vectors" in arrays:
        vectors = MultiVectors(vectors=arrays["vectors"], offsets=arrays["vector_offsets"])
    return Corpus(
        ids=ids_from_arrays(arrays),
        text_blob=TextBlob(arrays["text_blob"], arrays["text_offsets"]),
        positions=arrays["positions"],
        fields=columns,
        vectors=vectors,
        report=report,
    )
