"""Releases: which artifacts make up a version of an index, and the pointer to the one that is served.

A version is named by the digests of its stages, so the same build is the same version. `publish` checks every
byte of what the release names, writes ``versions/<version>.json``, and replaces ``CURRENT`` in one step; until
then, and if anything fails, readers go on seeing the version before.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artifacts.manifest import digest_of, sealed, unsealed
from artifacts.reports import remove_reports
from artifacts.store import Store, index_name, object_name
from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, UnknownId

VERSION = 2  # 1 had no seal
READABLE = (1, 2)
CURRENT = "CURRENT"
_DAMAGED_RELEASE = "build it again, or remove this file and rollback to another version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published version.

    ``stages`` maps a stage to the directory name of its artifact under ``objects/``; ``config`` is the whole
    effective configuration; ``measured`` the qualities found during the build, per stage.
    """

    format_version: int
    index: str
    version: str
    created: str
    config: Mapping[str, Any]
    stages: Mapping[str, str]
    measured: Mapping[str, Any] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    n_bytes: int = 0


def version_name(index: str, digests: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits from the index's name and the digests of its stages."""
    return digest_of({"index": index, "stages": dict(digests)})[:12]


def publish(store: Store, index: str, config: Mapping[str, Any], stages: Mapping[str, str], version: str) -> Release:
    """Check every file of ``stages`` (artifact names), write the release and point ``CURRENT`` at it.

    In a directory every byte is read; in a bucket sizes are compared, since every upload was checked on arrival.

    Raises
    ------
    ArtifactCorrupt
        When a byte differs from its manifest; nothing is published then.
    """
    release = write_release(store, index, config, stages, version)
    point_current(store, index, version)
    return release


def write_release(
    store: Store,
    index: str,
    config: Mapping[str, Any],
    stages: Mapping[str, str],
    version: str,
    *,
    sound: Collection[str] = (),
) -> Release:
    """Check every file of ``stages`` and write the release; ``CURRENT`` stays where it is.

    ``sound`` are artifacts of a release whose files were checked when it was published: they are not read again.

    Raises
    ------
    ArtifactCorrupt
        When a byte differs from its manifest; nothing is written then.
    """
    manifests = {}
    for stage, name in stages.items():
        manifest = store.manifest(name)
        bad = [] if name in sound else store.place.damage(object_name(name), manifest, deep=False)
        if bad:
            raise ArtifactCorrupt(
                path=bad[0].rpartition(": ")[0],
                what=bad[0].rpartition(": ")[2],
                fix=f"build again with --force {stage}",
            )
        manifests[stage] = manifest
    release = Release(
        format_version=VERSION,
        index=index,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        config=config,
        stages=dict(stages),
        measured={stage: dict(m.measured) for stage, m in manifests.items() if m.measured},
        stats={stage: dict(m.stats) for stage, m in manifests.items() if m.stats},
        n_bytes=sum(m.n_bytes for m in manifests.values()),
    )
    store.place.write(release_name(index, version), sealed(asdict(release)).encode())
    return release


def point_current(store: Store, index: str, version: str) -> None:
    """Make ``version`` the one that is served."""
    store.place.write(f"{index_name(index)}/{CURRENT}", f"{version}\n".encode())


def current_version(store: Store, index: str) -> str | None:
    """The served version, or None when nothing was ever published."""
    try:
        return store.place.read(f"{index_name(index)}/{CURRENT}").decode(errors="backslashreplace").strip()
    except FileNotFoundError:
        return None


def version_names(store: Store, index: str) -> list[str]:
    """Versions that have a release file, readable or not, sorted."""
    names = store.place.names(f"{index_name(index)}/versions")
    return [name.removesuffix(".json") for name in names if name.endswith(".json")]


def release_name(index: str, version: str) -> str:
    """Where a release is below the store."""
    return f"{index_name(index)}/versions/{version}.json"


def read_release(store: Store, index: str, version: str | None = None) -> Release:
    """A release by version (a unique prefix is enough); None means the one that is served.

    Raises
    ------
    UnknownId
        No such index or version.
    ArtifactCorrupt, ArtifactVersion
        The release file cannot be read.
    """
    if index not in store.index_names():
        nearest = tuple(difflib.get_close_matches(index, store.index_names(), n=3, cutoff=0.5))
        raise UnknownId(kind="index", id=index, where=store.address, nearest=nearest)
    known = version_names(store, index)
    if version is None:
        version = current_version(store, index)
        if version is None:
            raise ArtifactMissing(
                path=f"{store.address}/{index_name(index)}",
                what="nothing is published",
                fix="run purlieu build, or rollback to a version",
            )
        if version not in known:
            raise ArtifactCorrupt(
                path=f"{store.address}/{index_name(index)}/{CURRENT}",
                what=f"names version {version!r}, which is not there",
                fix=f"build again, or: purlieu rollback {index} VERSION ({_some(known)})",
            )
    matches = [name for name in known if name == version] or [
        name for name in known if version and name.startswith(version)
    ]
    if len(matches) != 1:
        raise UnknownId(kind="version", id=version, where=f"index {index}", nearest=_nearest(version, known))
    return _read_release(store, index, matches[0])


def _nearest(version: str, known: Sequence[str]) -> tuple[str, ...]:
    """At most three versions: those that start like it, else those that look like it, else any."""
    like = [name for name in known if version and name.startswith(version)]
    return tuple(like[:3] or difflib.get_close_matches(version, known, n=3) or known[:3])


def _some(known: Sequence[str]) -> str:
    return ", ".join(known[:3]) if known else "there is none"


def _read_release(store: Store, index: str, version: str) -> Release:
    name = release_name(index, version)
    path = f"{store.address}/{name}"
    try:
        raw = json.loads(store.place.read(name))
        if raw["format_version"] not in READABLE:
            raise ArtifactVersion(path=path, found=raw["format_version"], readable=READABLE)
        release = Release(**unsealed(raw))
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ArtifactVersion):
            raise
        raise ArtifactCorrupt(path=path, what=f"not a release ({error})", fix=_DAMAGED_RELEASE) from None
    if not isinstance(release.stages, dict) or not isinstance(release.config, dict):
        raise ArtifactCorrupt(path=path, what="a table of the release is not an object", fix=_DAMAGED_RELEASE)
    return release


def releases(store: Store, index: str) -> list[Release]:
    """All releases of an index, newest first."""
    found = (_read_release(store, index, version) for version in version_names(store, index))
    return sorted(found, key=lambda release: (release.created, release.version), reverse=True)


def readable_releases(store: Store, index: str) -> tuple[list[Release], list[str]]:
    """The releases that can be read, newest first, and what is wrong with each of the others."""
    found, bad = [], []
    for version in version_names(store, index):
        try:
            found.append(_read_release(store, index, version))
        except (ArtifactCorrupt, ArtifactVersion) as error:
            bad.append(str(error))
    return sorted(found, key=lambda release: (release.created, release.version), reverse=True), bad


def artifact_path(store: Store, release: Release, stage: str) -> Path:
    """Directory of a stage's artifact on this machine, fetched if need be.

    Raises
    ------
    UnknownId
        When the index was built without that stage.
    """
    name = release.stages.get(stage)
    if name is None:
        raise UnknownId(kind="stage", id=stage, where=f"index {release.index}", nearest=tuple(release.stages))
    return store.bring(name)


def damage(store: Store, release: Release) -> tuple[int, list[str]]:
    """Number of files checked, and what is wrong with which."""
    from artifacts.kinds import check_readable  # loads every codec and what they open, which `ls` need not wait for

    checked, bad = 0, []
    for stage, name in sorted(release.stages.items()):
        try:
            manifest = store.manifest(name)
            check_readable(f"{store.address}/{object_name(name)}", manifest)
        except (ArtifactMissing, ArtifactCorrupt, ArtifactVersion) as error:
            bad.append(f"{stage}: {error}")
            continue
        checked += len(manifest.files)
        bad.extend(f"{stage}: {line}" for line in store.place.damage(object_name(name), manifest, deep=True))
    return checked, bad


def collect_garbage(store: Store, keep: int) -> tuple[list[str], int]:
    """Drop all but the served and the ``keep`` newest versions of every index, and what nothing names any more.

    Returns
    -------
    (what was removed, bytes freed)
    """
    removed: list[str] = []
    freed = 0
    with store.collecting():
        named: set[str] = set()
        for index in store.index_names():
            served = current_version(store, index)
            for rank, release in enumerate(releases(store, index)):
                if rank < keep or release.version == served:
                    named.update(release.stages.values())
                else:
                    store.place.remove(release_name(index, release.version))
                    remove_reports(store, index, release.version)
                    removed.append(f"{index}@{release.version}")
        for room in ("objects", "work", "trash"):
            for name in store.place.names(room):
                if room == "objects" and name in named:
                    continue
                freed += store.place.remove(f"{room}/{name}")
                removed.append(name)
        for lock in store.place.names("locks"):
            if lock.startswith("object-"):
                store.place.remove(f"locks/{lock}")
    return removed, freed
