"""What a place tells of a source without reading it: enough to know that nothing has changed, if it is told.

A local file has a size, two times and an inode; an object store has an ETag. A mark is worth something only once it
is *settled*: a file that was written a moment ago may be written again within the same tick of the clock, and a time
that lies in the future (the clock was set back, or the file came from elsewhere) says nothing at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, final

from foundation.errors import InvalidInput
from foundation.sources import is_url

SETTLED_NS = 2_000_000_000  # the coarsest clock of a file system in use ticks every two seconds
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
_TIMES = ("LastModified", "last_modified", "updated", "modified", "mtime")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """``facts`` are JSON-able; ``changed_ns`` is the last change, None where a tag speaks for the content itself."""

    facts: Mapping[str, int | str]
    size: int
    changed_ns: int | None

    def is_settled(self, now_ns: int) -> bool:
        """Whether an equal mark, seen later, means equal bytes."""
        return self.changed_ns is None or self.changed_ns + SETTLED_NS <= now_ns


def read_mark(source: str) -> Mark | None:
    """The mark of a path or fsspec URL; None where the place tells too little to go by.

    Raises
    ------
    InvalidInput
        When there is no such file, or the place refuses to speak of it.
    """
    if not is_url(source):
        return _local(source, source)
    if source.startswith("file://"):
        return _local(source.removeprefix("file://"), source)
    if "::" in source:
        return None  # a file in an archive, or a copy kept elsewhere: what is told is not of the source
    return _remote(source)


def _local(path: str, source: str) -> Mark:
    try:
        found = os.stat(Path(path))
    except OSError as error:
        raise unreadable(source, error) from None
    facts = {
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
        "inode": found.st_ino,
    }
    return Mark(facts=facts, size=found.st_size, changed_ns=max(found.st_mtime_ns, found.st_ctime_ns))


def _remote(source: str) -> Mark | None:
    try:
        import fsspec

        place, path = fsspec.core.url_to_fs(source)
        place.invalidate_cache()  # listings may be remembered from before the change
        told: Mapping[str, Any] = place.info(path)
    except Exception as error:  # OSError, and whatever else the place's library raises
        raise unreadable(source, error) from None
    size = told.get("size")
    if not isinstance(size, int):
        return None
    tag = next((str(told[name]) for name in _TAGS if told.get(name)), "")
    changed = next((ns for name in _TIMES if (ns := _nanoseconds(told.get(name))) is not None), None)
    facts: dict[str, int | str] = {"size": size}
    if tag:
        facts["tag"] = tag
    if changed is not None:
        facts["changed_ns"] = changed
    if tag and not tag.startswith("W/"):
        return Mark(facts=facts, size=size, changed_ns=None)
    return None if changed is None else Mark(facts=facts, size=size, changed_ns=changed)


def _nanoseconds(value: Any) -> int | None:
    """A time as fsspec's places write it: a datetime, seconds, ISO 8601, or HTTP's form."""
    if isinstance(value, int | float):
        return int(value * 1_000_000_000)
    if isinstance(value, str):
        try:
            value = parsedate_to_datetime(value) if "," in value else datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000_000_000)


def unreadable(source: str, error: Exception) -> InvalidInput:
    """What went wrong while looking at or reading a source, as an error for users."""
    if isinstance(error, FileNotFoundError):
        return InvalidInput(source=source, what="no such file", fix="check the path in the config")
    if isinstance(error, IsADirectoryError):
        return InvalidInput(source=source, what="is a directory", fix="name a file")
    said = getattr(error, "strerror", None) or (str(error).strip() or type(error).__name__).splitlines()[0]
    return InvalidInput(source=source, what=f"cannot be read ({said})", fix="check the source in the config")
