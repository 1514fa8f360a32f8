"""Is an index kept fresh? What its pointer, its release and its journal say together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

from artifacts.journal import FAILED, RUNNING, SUCCEEDED, Attempt, read_attempts
from artifacts.publish import Release, current_version, read_release
from artifacts.store import Store
from foundation.errors import UnknownId

_KNOWN_OUTCOMES = (*SUCCEEDED, *FAILED, "cancelled")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of an index at one moment; ages are seconds, never negative.

    ``why`` is empty when the index is healthy, else one line for each thing that is wrong. ``last`` is the newest
    attempt that ended of itself (builds of some stages and refused ones tell nothing), ``failed_since`` counts those
    that failed after the last that succeeded.
    """

    index: str
    why: tuple[str, ...]
    version: str | None
    published: str | None
    version_age: float | None
    success: Attempt | None
    success_age: float | None
    last: Attempt | None
    failed_since: int
    running: Attempt | None

    def to_json(self) -> dict[str, Any]:
        """The document of ``health --json``."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("success", "last", "running"):
            fields[name] = None if fields[name] is None else dataclasses.asdict(fields[name])
        for name in ("version_age", "success_age"):
            fields[name] = None if fields[name] is None else round(fields[name], 1)
        return {"index": fields.pop("index"), "healthy": not self.why} | fields | {"why": list(self.why)}


def health(store: Store, index: str, *, max_age: float | None = None, now: datetime | None = None) -> Health:
    """How ``index`` does.

    Parameters
    ----------
    max_age : seconds that may have passed since the last build that succeeded; None for any number

    Raises
    ------
    UnknownId
        Nothing was ever built under that name.
    ArtifactCorrupt, ArtifactVersion
        The served version's release, or the journal, cannot be read.
    """
    attempts = read_attempts(store, index)
    if not attempts and index not in store.index_names():
        read_release(store, index)  # raises, with the names there are
    now = now or datetime.now(UTC)
    version = current_version(store, index)
    release = None if version is None else _release(store, index)
    told = [attempt for attempt in attempts if attempt.outcome in _KNOWN_OUTCOMES]
    success = next((attempt for attempt in reversed(told) if attempt.outcome in SUCCEEDED), None)
    since = [attempt for attempt in told if success is None or attempt.number > success.number]
    failed = [attempt for attempt in since if attempt.outcome in FAILED]
    success_age = _age(now, success.ended()) if success else None
    why = []
    if release is None:
        why.append("nothing is published")
    if told and told[-1].outcome in FAILED:
        why.append(f"the last build {told[-1].outcome}: {told[-1].error}")
    if max_age is not None and success_age is None:
        why.append("no build is known to have succeeded")
    elif max_age is not None and success_age is not None and success_age > max_age:
        why.append(f"the last build that succeeded ended {in_words(success_age)} ago, {in_words(max_age)} are allowed")
    return Health(
        index=index,
        why=tuple(why),
        version=None if release is None else release.version,
        published=None if release is None else release.created,
        version_age=None if release is None else version_age(release, now),
        success=success,
        success_age=success_age,
        last=told[-1] if told else None,
        failed_since=len(failed),
        running=next((attempt for attempt in reversed(attempts) if attempt.outcome == RUNNING), None),
    )


def version_age(release: Release, now: datetime) -> float:
    """Seconds since a version was published."""
    return _age(now, datetime.fromisoformat(release.created))


def last_success_age(store: Store, index: str, now: datetime) -> float | None:
    """Seconds since the last build that succeeded ended; None when the journal knows of none."""
    ended = [attempt.ended() for attempt in read_attempts(store, index) if attempt.outcome in SUCCEEDED]
    return _age(now, ended[-1]) if ended else None


def in_words(seconds: float) -> str:
    """A duration in its largest fitting unit: ``90 s``, ``45 min``, ``26 h``, ``3.5 days``."""
    for unit, size, least in (("days", 86_400, 172_800), ("h", 3_600, 7_200), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _release(store: Store, index: str) -> Release | None:
    try:
        return read_release(store, index)
    except UnknownId:
        return None  # a pointer without releases


def _age(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds())
