"""Documents checked one by one as they come out of a file, then sorted into a `Corpus`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds, StringIds
from vectors.corpus.columns import Column, Kind, column_from_values, kind_of
from vectors.corpus.files import Unreadable
from vectors.corpus.text_blob import TextBlob
from vectors.corpus.types import DEFAULT_ID, DEFAULT_TEXT, OTHER_ID, Corpus, CorpusParams, CorpusReport
from vectors.tokens.columns import check_token_list, take_documents
from vectors.tokens.multivector import MultiVectors

_KEPT_ERRORS = 5


class _Rejected(Exception):
    """Why one document cannot be used."""

    def __init__(self, what: str, fix: str) -> None:
        self.what = what
        self.fix = fix


class Collector:
    """Documents in the order of the file, checked one by one."""

    def __init__(self, source: str, params: CorpusParams, kinds: Mapping[str, Kind] | None = None) -> None:
        """``kinds`` of fields are those of an index that these documents are added to: they need not have them all."""
        self._source = source
        self._params = params
        self._id_field: str | None = None if params.id == DEFAULT_ID else params.id
        self._ids: list[str | int] = []
        self._lines: dict[str, int] = {}
        self._texts: list[bytes] = []
        self._positions: list[int] = []
        self._added = kinds is not None
        self._kinds: dict[str, tuple[Kind, int]] = {field: (kind, 0) for field, kind in (kinds or {}).items()}
        self._values: dict[str, list[Any]] = {field: [] for field in params.fields}
        self._tokens: list[npt.NDArray[np.float32]] = []
        self._dim: int | None = None
        self._unseen = {*params.text, *params.fields} | ({params.vectors} if params.vectors else set())
        self.n_read = self._n_empty = self._n_missing_id = self._n_duplicates = 0
        self._errors: list[str] = []
        self._n_rejected = 0

    def add(self, number: int, record: Mapping[str, Any] | Unreadable) -> None:
        """Take one document or reject it; ``number`` is its line or row, from 1."""
        self.n_read += 1
        try:
            self._take(number, record)
        except _Rejected as rejected:
            error = InvalidInput(source=self._source, what=rejected.what, fix=rejected.fix, line=number)
            if self._params.on_error == "stop":
                raise error from None
            self._n_rejected += 1
            if len(self._errors) < _KEPT_ERRORS:
                self._errors.append(str(error))
            if self._n_rejected > self._params.max_errors:
                what = f"{self._n_rejected} documents cannot be used, the first: {self._errors[0]}"
                raise InvalidInput(source=self._source, what=what, fix="mend them or raise max_errors") from None

    def _take(self, number: int, record: Mapping[str, Any] | Unreadable) -> None:
        if isinstance(record, Unreadable):
            raise _Rejected(record.what, record.fix)
        if self._unseen:
            self.saw(record.keys())
        id = self._id(record)
        first = self._lines.get(str(id))
        if first is not None:
            self._n_duplicates += 1
            raise _Rejected(f"id {str(id)!r} was already used in line {first}", "give every document its own id")
        text = self._text(record)
        values = {field: self._value(field, record.get(field)) for field in self._values}
        if self._params.vectors is not None:
            self._tokens.append(self._vectors(record.get(self._params.vectors), number))
        for field, value in values.items():
            if value is not None:
                self._kinds.setdefault(field, (_kind(field, value), number))
            self._values[field].append(value)
        self._lines[str(id)] = number
        self._ids.append(id)
        self._texts.append(text.encode())
        self._positions.append(self.n_read - 1)
        self._n_empty += not text or text.isspace()

    def saw(self, names: Iterable[str]) -> None:
        """Fields that documents have."""
        self._unseen.difference_update(names)

    def _id(self, record: Mapping[str, Any]) -> str | int:
        if self._id_field is None:
            self._id_field = OTHER_ID if DEFAULT_ID not in record and OTHER_ID in record else DEFAULT_ID
        id = record.get(self._id_field)
        if id is None or id == "":
            self._n_missing_id += 1
            raise _Rejected(f"there is no id in {self._id_field!r}", "give every document an id, or name its field")
        if not isinstance(id, str | int) or isinstance(id, bool):
            raise _Rejected(f"the id {id!r} is neither a string nor an integer", "use strings or integers as ids")
        return id

    def _text(self, record: Mapping[str, Any]) -> str:
        parts = []
        for field in self._params.text:
            value = record.get(field)
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                value = " ".join(value)
            if value is not None and not isinstance(value, str):
                raise _Rejected(f"the text {field!r} is {_described(value)}", "make it a string or name another field")
            if value:
                parts.append(value)
        return " ".join(parts)

    def _value(self, field: str, value: Any) -> Any:
        if value is None or value != value:  # null, or the NaN that stands for it in a table of numbers
            return None
        kind = _kind(field, value)
        before, line = self._kinds.get(field, (kind, 0))
        if kind != before:
            where = f"in line {line} it was" if line else "in the index it is"
            what = f"the field {field!r} is {_described(value)}, {where} {_KIND_NAMES[before]}"
            raise _Rejected(what, "give a field one kind of value")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise _Rejected(f"the field {field!r} is {value}, more than 64 bits hold", "make it a string")
        return value

    def _vectors(self, value: Any, number: int) -> npt.NDArray[np.float32]:
        try:
            tokens = check_token_list(value, source=self._source, column=str(self._params.vectors), number=number)
        except InvalidInput as error:
            raise _Rejected(error.what, error.fix) from None
        if tokens.size:
            if self._dim is not None and tokens.shape[1] != self._dim:
                what = f"its vectors have {tokens.shape[1]} numbers, those before have {self._dim}"
                raise _Rejected(what, "use one encoder for all documents")
            self._dim = tokens.shape[1]
        return tokens

    def corpus(self) -> Corpus:
        """All that was taken, sorted by id."""
        self.check_complete()
        whole = all(isinstance(id, int) and -(2**63) <= id < 2**63 for id in self._ids)
        keys: list[Any] = self._ids if whole else [str(id) for id in self._ids]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        vectors = None
        if self._params.vectors is not None:
            vectors = take_documents(
                MultiVectors.from_list(self._tokens, dim=self._dim), np.array(order, dtype=np.int64)
            )
        texts = TextBlob.from_bytes([self._texts[doc] for doc in order])
        return Corpus(
            ids=_sorted_ids([keys[doc] for doc in order], whole),
            text_blob=texts,
            positions=np.array([self._positions[doc] for doc in order], dtype=np.int64),
            fields={field: self._column(field, order) for field in self._params.fields},
            vectors=vectors,
            report=CorpusReport(
                n_read=self.n_read,
                n_docs=len(order),
                n_empty_text=self._n_empty,
                n_rejected=self._n_rejected,
                n_missing_id=self._n_missing_id,
                n_duplicates=self._n_duplicates,
                text_bytes=int(texts.offsets[-1]),
                first_errors=tuple(self._errors),
            ),
        )

    def check_complete(self) -> None:
        """Hold all documents together to what a corpus must have."""
        if not self._ids:
            found = f"none of its {self.n_read} documents can be used" if self.n_read else "it holds no document"
            hint = f"the first error: {self._errors[0]}" if self._errors else "check the path and the format"
            raise InvalidInput(source=self._source, what=found, fix=hint)
        if self._added:
            return
        self.check_fields()
        if self._params.vectors is not None and self._dim is None:
            what = f"no document has a vector in {self._params.vectors!r}"
            raise InvalidInput(source=self._source, what=what, fix="give the documents vectors or drop the option")

    def missing(self) -> list[str]:
        """Fields that are asked for, and that no document has so far."""
        unseen = set(self._unseen)
        if self._params.text == DEFAULT_TEXT and (self._params.vectors or not unseen.issuperset(DEFAULT_TEXT)):
            unseen -= {*DEFAULT_TEXT} - {*self._params.fields}
        return sorted(unseen)

    def check_fields(self) -> None:
        """Refuse fields that no document has."""
        if missing := self.missing():
            names = ", ".join(map(repr, missing))
            raise InvalidInput(source=self._source, what=f"no document has the field {names}", fix="check the name")

    def _column(self, field: str, order: list[int]) -> Column:
        values = self._values[field]
        kind = self._kinds[field][0] if field in self._kinds else "string"
        if kind == "number" and any(isinstance(value, float) for value in values):
            large = next((value for value in values if isinstance(value, int) and float(value) != value), None)
            if large is not None:
                what = f"the field {field!r} has fractions, and {large}, which no 64-bit float holds exactly"
                raise InvalidInput(source=self._source, what=what, fix="make it a string")
        return column_from_values(kind, [values[doc] for doc in order])


_KIND_NAMES: dict[Kind, str] = {
    "number": "a number",
    "bool": "true or false",
    "string": "a string",
    "strings": "a list of strings",
}


def _kind(field: str, value: Any) -> Kind:
    kind = kind_of(value)
    if kind is None:
        what = f"the field {field!r} is {_described(value)}"
        raise _Rejected(what, "keep numbers, true or false, strings, or lists of strings")
    return kind


def _described(value: Any) -> str:
    kind = kind_of(value)
    if kind is not None:
        return _KIND_NAMES[kind]
    if isinstance(value, dict):
        return "an object"
    return "a list of other things than strings" if isinstance(value, list) else f"a {type(value).__name__}"


def _sorted_ids(ids: list[Any], whole: bool) -> Ids:
    if not whole:
        return StringIds.from_sorted(ids)
    values = np.array(ids, dtype=np.int64)
    is_range = values[0] == 0 and values[-1] == values.size - 1
    return IntegerIds(values.size, None if is_range else values)
