"""The files of a growing index that are not an index: its state, ids and tombstones, and the lock of its writers."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, StoreLocked, StoreUnavailable
from foundation.npy import open_npy
from vectors.metrics import Int64s

VERSION: Final = 1
CURRENT: Final = "current.json"
_FIX: Final = "build it again"


def read_state(place: Path) -> dict[str, Any]:
    """What `write_state` wrote last, checked."""
    path = place / CURRENT
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactMissing(path=str(path), what="is not there", fix=_FIX) from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(path), what="is not JSON", fix=_FIX) from error
    if not isinstance(document, dict) or document.get("kind") != "ann_segments":
        raise ArtifactCorrupt(path=str(path), what="does not describe a growing index", fix=_FIX)
    if document.get("format_version") != VERSION:
        raise ArtifactVersion(path=str(path), found=document.get("format_version"), readable=(VERSION,))
    body = {name: document.get(name) for name in ("params", "generation", "next_id", "segments", "deleted")}
    if document.get("sha256") != _body_hash(body):
        raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
    return document


def read_array(path: Path, digest: str, *, verify: bool) -> Int64s:
    """What `write_array` wrote, memory-mapped; its hash is compared where ``verify``."""
    try:
        if verify and file_hash(path) != digest:
            raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
        found: Int64s = open_npy(path)
    except FileNotFoundError as error:
        raise ArtifactMissing(path=str(path), what="is not there", fix=_FIX) from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(path), what="is no array", fix=_FIX) from error
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _body_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def write_array(path: Path, array: Int64s) -> None:
    """Write int64 numbers as ``.npy``, whole or not at all."""
    content = io.BytesIO()
    np.save(content, np.asarray(array, dtype=np.int64), allow_pickle=False)
    _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(path.name + ".part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise StoreUnavailable(path=str(path), what=what, fix="check permissions and space") from error


def write_state(place: Path, body: dict[str, Any]) -> None:
    """Make a state the current one."""
    document = {"kind": "ann_segments", "format_version": VERSION, **body, "sha256": _body_hash(body)}
    _write(place / CURRENT, (json.dumps(document, indent=1) + "\n").encode())


@contextlib.contextmanager
def locked(place: Path) -> Iterator[None]:
    """One writer at a time; a second one is refused rather than kept waiting. The system frees a dead writer's lock."""
    with (place / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreLocked(path=str(place), holder="another writer") from error
        yield
