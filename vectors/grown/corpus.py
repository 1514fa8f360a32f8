"""The documents of a grown index as a corpus: ids, texts and fields are looked up in the part that has them."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids, IntegerIds, StringIds, ids_from_arrays, ranges_of_prefix
from vectors.corpus.columns import (
    BoolColumn,
    Bools,
    Column,
    Kind,
    NumberColumn,
    StringColumn,
    Value,
    column_from_values,
)
from vectors.corpus.text_blob import TextBlob, Texts
from vectors.corpus.types import Corpus, CorpusReport
from vectors.grown.rows import GrownRows


def grown_corpus(parts: Sequence[Corpus], rows: GrownRows) -> Corpus:
    """The corpus of the documents that are there; token vectors of the users' own stay with their parts."""
    fields: dict[str, Column] = {
        name: GrownColumn([part.fields[name] for part in parts], rows) for name in parts[0].fields
    }
    texts = GrownTexts([part.text_blob for part in parts], rows)
    lengths = rows.gathered([np.diff(part.text_blob.offsets) for part in parts])
    report = CorpusReport(
        n_read=rows.n_docs,
        n_docs=rows.n_docs,
        n_empty_text=int(np.count_nonzero(lengths == 0)),
        n_rejected=0,
        n_missing_id=0,
        n_duplicates=0,
        text_bytes=int(lengths.sum()),
    )
    positions = np.full(rows.n_docs, -1, dtype=np.int64)  # they are of several files
    ids = GrownIds([part.ids for part in parts], rows)
    return Corpus(ids=ids, text_blob=texts, positions=positions, fields=fields, vectors=None, report=report)


@final
class GrownIds(Ids):
    """Ids of the documents; whole numbers where the base's are, else text."""

    def __init__(self, parts: Sequence[Ids], rows: GrownRows) -> None:
        self._parts, self._rows = parts, rows
        self._whole = isinstance(parts[0], IntegerIds)

    def __len__(self) -> int:
        return self._rows.n_docs

    def __getitem__(self, row: int) -> str | int:
        if not 0 <= row < len(self):
            raise IndexError(row)
        id = self._parts[self._rows.parts[row]][int(self._rows.rows[row])]
        return id if self._whole else str(id)

    def find(self, id: str | int) -> int:
        for ids, places in zip(self._parts, self._rows.places, strict=True):
            row = ids.find(id)
            if row >= 0 and places[row] >= 0 and (self._whole or str(ids[row]) == str(id)):
                return int(places[row])
        return -1

    def prefix(self, text: str, limit: int) -> list[int]:
        found: list[int] = []
        if self._whole:
            for low, high in ranges_of_prefix(text):
                first, last = (bisect.bisect_left(self, bound) for bound in (low, high))
                found.extend(range(first, last)[: max(0, limit - len(found))])
            return found
        row = bisect.bisect_left(self, text)
        while row < len(self) and len(found) < limit and str(self[row]).startswith(text):
            found.append(row)
            row += 1
        return found

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        ids = [self[row] for row in range(len(self))]
        if self._whole:
            return {"ids_int": np.array(ids, dtype=np.int64)}
        return StringIds.from_sorted([str(id) for id in ids]).arrays()

    def keys(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        return ids_from_arrays(self.arrays()).keys(start, stop)


@final
class GrownTexts(Sequence[str]):
    """Texts of the documents; `blob` and `offsets`, as of `TextBlob`, are made when they are asked for."""

    def __init__(self, parts: Sequence[Texts], rows: GrownRows) -> None:
        self._parts, self._rows = parts, rows

    def __len__(self) -> int:
        return self._rows.n_docs

    def __getitem__(self, row: Any) -> Any:
        """The text of a row, or the list of a slice of rows."""
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self._parts[self._rows.parts[row]][int(self._rows.rows[row])]

    def rows(self, start: int, stop: int) -> list[str]:
        """Texts ``start:stop``."""
        return [self[row] for row in range(start, stop)]

    @property
    def blob(self) -> npt.NDArray[np.uint8]:
        return self._whole.blob

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        return self._whole.offsets

    @cached_property
    def _whole(self) -> TextBlob:
        return TextBlob.from_bytes([text.encode() for text in self])


@final
class GrownColumn(Column):
    """A field of the documents; put together when a filter or a copy first needs all of it."""

    def __init__(self, parts: Sequence[Column], rows: GrownRows) -> None:
        self._parts, self._rows = parts, rows

    @property
    def kind(self) -> Kind:
        return self._parts[0].kind

    def __len__(self) -> int:
        return self._rows.n_docs

    def __getitem__(self, row: int) -> Value:
        part = self._parts[int(self._rows.parts[row])]
        return part[int(self._rows.rows[row])]

    def equals(self, value: Value) -> Bools:
        return self._whole.equals(value)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self._whole.arrays()

    @cached_property
    def _whole(self) -> Column:
        kind = self.kind
        if kind == "strings":
            return column_from_values(kind, [self[row] for row in range(len(self))])
        arrays = [part.arrays() for part in self._parts]
        if kind == "string":
            return _joined_strings(arrays, self._rows)
        values = self._rows.gathered([array[kind] for array in arrays])
        valid = self._rows.gathered([array["valid"] for array in arrays])
        return BoolColumn(values, valid) if kind == "bool" else NumberColumn(values, valid)


def _joined_strings(arrays: Sequence[dict[str, npt.NDArray[Any]]], rows: GrownRows) -> StringColumn:
    """Codes of every part as codes of all their strings."""
    blobs = [TextBlob(array["blob"], array["blob_offsets"]) for array in arrays]
    strings = [blob.rows(0, len(blob)) for blob in blobs]
    distinct = sorted(set().union(*strings))
    code = {text: number for number, text in enumerate(distinct)}
    codes = []
    for array, texts in zip(arrays, strings, strict=True):
        new = np.array([*(code[text] for text in texts), -1], dtype=np.int32)  # the last for -1, no string
        codes.append(new[array["string"]])
    return StringColumn(rows.gathered(codes), TextBlob.from_bytes([text.encode() for text in distinct]))
