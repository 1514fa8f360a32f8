"""Retention: which old versions of an index go after a build, and what goes with them.

Versions are put in the order in which retention saw them built or served, which ``indexes/<name>/order.json``
remembers: a clock that was wrong for a week must not decide for months what is old.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import final

from artifacts.publish import Release, current_version, release_name, releases
from artifacts.reports import is_withheld, remove_reports
from artifacts.store import Store, index_name
from foundation.errors import InvalidParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionParams:
    """How many old versions stay; with neither key all of them do.

    Attributes
    ----------
    keep : versions kept besides the served one, and as many of those that the gate withheld; None keeps by age alone
    keep_days : versions no older than this are kept as well; None keeps by number alone
    """

    keep: int | None = None
    keep_days: float | None = None

    def __post_init__(self) -> None:
        if self.keep is not None and self.keep < 1:
            raise InvalidParams(name="keep", value=self.keep, allowed="at least 1: running services may still read it")
        if self.keep_days is not None and not 0 <= self.keep_days < 36_500:
            raise InvalidParams(name="keep_days", value=self.keep_days, allowed="0 or more days, less than a century")

    @property
    def is_off(self) -> bool:
        return self.keep is None and self.keep_days is None


def apply_retention(
    store: Store, index: str, params: RetentionParams, *, before: str | None = None
) -> tuple[list[str], int]:
    """Remove versions of ``index`` that are beyond both limits, and the artifacts that only they named.

    The served version stays, whatever its age or place, and so does ``before``, the one that was served until now:
    running services may not have let go of it yet. Unfinished work and what no version ever named are left to gc.

    Returns
    -------
    (versions removed, bytes freed)

    Raises
    ------
    StoreLocked
        When a build of any index is running.
    ArtifactCorrupt, ArtifactVersion
        When a release of any index cannot be read: what it names is not known, so nothing is removed.
    """
    if params.is_off:
        return [], 0
    with store.collecting():
        everything = {name: releases(store, name) for name in store.index_names()}
        served = current_version(store, index)
        ordered = _remember_order(store, index, everything.get(index, []), served)
        gone = _expired(store, ordered, params, served, before)
        if not gone or (served is not None and served not in {release.version for release in ordered}):
            return [], 0
        candidates = {name for release in gone for name in release.stages.values()}
        expired = {release.version for release in gone}
        named = {
            name
            for other, found in everything.items()
            for release in found
            if other != index or release.version not in expired
            for name in release.stages.values()
        }
        for release in gone:
            store.place.remove(release_name(index, release.version))
            remove_reports(store, index, release.version)
        freed = sum(store.discard(name) for name in sorted(candidates - named))
    return [release.version for release in gone], freed


def _expired(
    store: Store, ordered: Sequence[Release], params: RetentionParams, served: str | None, before: str | None
) -> list[Release]:
    """Versions beyond ``keep`` of their sort and older than ``keep_days``, oldest first."""
    limit = None if params.keep_days is None else datetime.now(UTC) - timedelta(days=params.keep_days)
    gone, n_kept = [], {True: 0, False: 0}
    for release in reversed(ordered):
        if release.version == served:
            continue
        withheld = is_withheld(store, release.index, release.version)
        n_kept[withheld] += 1
        within = release.version == before or (params.keep is not None and n_kept[withheld] <= params.keep)
        if not within and (limit is None or _is_older(release.created, limit)):
            gone.append(release)
    return gone[::-1]


def _is_older(created: str, limit: datetime) -> bool:
    """A time that cannot be read, or that lies in the future, is not old."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) < limit


def _remember_order(store: Store, index: str, found: Sequence[Release], served: str | None) -> list[Release]:
    """All versions, oldest first: those seen before as they were, the others by their time, the served one last."""
    seen = _read_order(store, index)
    rank = {version: number for number, version in enumerate(seen)}
    ordered = sorted(
        found,
        key=lambda release: (
            release.version == served,
            rank.get(release.version, len(seen)),
            release.created,
            release.version,
        ),
    )
    versions = [release.version for release in ordered]
    if versions != seen:
        store.place.write(f"{index_name(index)}/order.json", (json.dumps(versions) + "\n").encode())
    return ordered


def _read_order(store: Store, index: str) -> list[str]:
    """What was remembered; nothing, when there is nothing or it is damaged: times decide then."""
    try:
        seen = json.loads(store.place.read(f"{index_name(index)}/order.json"))
    except (FileNotFoundError, ValueError):
        return []
    return [str(version) for version in seen] if isinstance(seen, list) else []
