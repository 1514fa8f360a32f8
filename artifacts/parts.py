"""Finished partitions of a stage that is still being built.

``work/<digest>/parts/<round>-<start>-<stop>/`` holds the arrays of one partition and ``part.json``, which names
their checksums. A part arrives by rename, so one that is there is whole; the next build reuses it, whoever made it.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from artifacts.arrays import Array, open_array, write_array
from artifacts.disk import explained, sync_directory, write_file
from artifacts.manifest import FileEntry
from artifacts.place import Place
from foundation.errors import ArtifactCorrupt, ArtifactMissing
from foundation.pieces import Pieces

PART = "part.json"


@final
@dataclass(frozen=True, slots=True)
class Part:
    """One finished partition: its range, its statistics and its arrays."""

    path: Path
    start: int
    stop: int
    stats: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    program: str = ""

    def array(self, name: str) -> Array:
        """One array of the part, memory-mapped."""
        return open_array(self.path, name, self.files)

    def arrays(self, suffix: str = "") -> dict[str, Array]:
        """All arrays whose name ends with ``suffix``, keyed by what stands before it."""
        names = [name.removesuffix(".npy") for name in self.files]
        return {name.removesuffix(suffix): self.array(name) for name in names if name.endswith(suffix)}


def part_name(round_: int, start: int, stop: int) -> str:
    """Name of a partition's result below the stage's work directory."""
    return f"parts/{round_}-{start}-{stop}"


def part_path(work: Path, round_: int, start: int, stop: int) -> Path:
    """Where a partition's result lives on this machine."""
    return work / part_name(round_, start, stop)


def write_part(
    place: Place,
    name: str,
    start: int,
    stop: int,
    arrays: Mapping[str, Array] | Iterable[tuple[str, Array | Pieces]],
    stats: Mapping[str, Any],
    program: str = "",
) -> None:
    """Write a part aside and deliver it as ``name``; one that arrived first wins. ``program`` says what made it.

    Arrays that come one by one are written one by one, and ``stats`` are looked at after the last.
    """
    path = place.root / name
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with explained(path):
        if aside.exists():
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        try:
            named: Iterable[tuple[str, Array | Pieces]] = arrays.items() if isinstance(arrays, Mapping) else arrays
            files = {f"{name}.npy": asdict(write_array(aside, name, array)) for name, array in named}
            record = {"start": start, "stop": stop, "stats": dict(stats), "files": files, "program": program}
            write_file(aside / PART, json.dumps(record, sort_keys=True, allow_nan=False).encode())
            sync_directory(aside)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)  # half a part is of no use, and the disk may be full
            raise
    try:
        place.deliver(aside, name, PART)
    except FileExistsError:
        shutil.rmtree(aside)


def read_part(path: Path) -> Part:
    """Open a finished part.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt
    """
    try:
        raw = json.loads((path / PART).read_bytes())
        files = {
            name: FileEntry(bytes=e["bytes"], sha256=e["sha256"], dtype=e["dtype"], shape=tuple(e["shape"]))
            for name, e in raw["files"].items()
        }
        return Part(path, int(raw["start"]), int(raw["stop"]), raw["stats"], files, raw.get("program", ""))
    except FileNotFoundError:
        raise ArtifactMissing(path=str(path), what="the partition is not there", fix="run the build again") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactCorrupt(
            path=str(path), what=f"not a finished partition ({error})", fix="remove it and build again"
        ) from None
