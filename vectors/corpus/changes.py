"""Documents added to a corpus and removed from it since its source was read: what is laid over the source.

Kept as JSON lines, ``{"add": {…}}`` with the whole document and ``{"remove": "id"}``, in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from foundation.errors import ArtifactCorrupt
from vectors.corpus.files import Records, Unreadable
from vectors.corpus.types import DEFAULT_ID, OTHER_ID, CorpusParams

Record = Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """``added``: documents by the text of their id, which replace one of that id; ``removed``: ids, none of these."""

    added: Mapping[str, Record] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def to_bytes(self) -> bytes:
        """What `read_changes` reads: equal changes give equal bytes."""
        import orjson

        lines = [(id, orjson.dumps({"add": record}, option=orjson.OPT_SORT_KEYS)) for id, record in self.added.items()]
        lines += [(id, orjson.dumps({"remove": id})) for id in self.removed]
        return b"".join(line + b"\n" for _, line in sorted(lines))


def read_changes(path: Path | str, params: CorpusParams) -> Changes:
    """What was written of `Changes.to_bytes`.

    Raises
    ------
    ArtifactCorrupt
        When it is something else.
    """
    import orjson

    added: dict[str, Record] = {}
    removed: set[str] = set()
    try:
        for line in Path(path).read_bytes().splitlines():
            change = orjson.loads(line)
            if "remove" in change:
                removed.add(change["remove"])
            else:
                added[str(change["add"][_id_field(change["add"], params)])] = change["add"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(path=str(path), what=f"these are no changes ({error})") from None
    return Changes(added=added, removed=frozenset(removed))


def as_added(record: Record, id_field: str, params: CorpusParams) -> dict[str, Any]:
    """A document as it is kept: where the field of the id is left to the first document of a file, with both names."""
    kept = {name: value for name, value in record.items() if value is not None}
    if params.id == DEFAULT_ID:
        kept[DEFAULT_ID] = record[id_field]
        kept.setdefault(OTHER_ID, record[id_field])
    return kept


def ids_of(records: Records, params: CorpusParams) -> Iterator[tuple[int, str | None, Record | Unreadable, str]]:
    """Number, text of the id (None where there is none), document, and the field of the ids, of each record."""
    id_field: str | None = None
    for number, record in records:
        if isinstance(record, Unreadable):
            yield number, None, record, ""
            continue
        id_field = _id_field(record, params) if id_field is None else id_field
        id = record.get(id_field)
        yield number, None if id is None else str(id), record, id_field


def overlaid(records: Records, changes: Changes, params: CorpusParams) -> Records:
    """Records of a source without those that were replaced or removed, then the added ones."""
    number = 0
    for number, id, record, _ in ids_of(records, params):
        if id is None or (id not in changes.added and id not in changes.removed):
            yield number, record  # type: ignore[misc]  # what JSON gave is a dict
    for after, id in enumerate(sorted(changes.added), start=number + 1):
        yield after, dict(changes.added[id])


def still_needed(
    records: Records, changes: Changes, params: CorpusParams, columns: Collection[str] | None = None
) -> Changes:
    """The changes that a source does not hold yet: documents it lacks or has otherwise, and removed ones it has.

    Of a source of which only some ``columns`` were read, these are compared.
    """
    added, there = dict(changes.added), set()
    for _, id, record, id_field in ids_of(records, params):
        if id is None or isinstance(record, Unreadable):
            continue
        if id in added and _same(as_added(record, id_field, params), added[id], columns):
            del added[id]
        elif id in changes.removed:
            there.add(id)
    return Changes(added=added, removed=frozenset(there))


def _same(record: Record, added: Record, columns: Collection[str] | None) -> bool:
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in record.items()}
    return plain == {name: value for name, value in added.items() if columns is None or name in columns}


def _id_field(record: Record, params: CorpusParams) -> str:
    """As the collector of a corpus chooses it."""
    if params.id != DEFAULT_ID:
        return params.id
    return OTHER_ID if DEFAULT_ID not in record and OTHER_ID in record else DEFAULT_ID
