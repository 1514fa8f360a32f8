"""An index on disk, format version 1, 2 where it holds inverted lists, or 3 where a graph lies behind a projection.

``shard-000000.faiss``       FAISS's own format, for ``faiss.read_index``: an ``IndexIDMap`` whose ids are row numbers;
                             in it the vectors, with links, or behind lists of codes or a projected
                             graph (``IndexRefine``)
``shard-000000.copies.npy``  int64 (n_copies, 2), sorted: (a row in the shard, a row equal to it that is not)
``ann.json``                 parameters, what was measured, size and SHA-256 of the files above; written last

Every file is written aside and renamed, so an index opened from the directory stays whole.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, StoreUnavailable
from foundation.npy import open_npy
from vectors.ann.build import BuiltShard
from vectors.ann.params import ANNParams, stated
from vectors.ann.shard import Shard
from vectors.ann.tuning import Measured, Tried, described
from vectors.metrics import Int64s, load_faiss

READABLE: Final = (1, 2, 3)
DESCRIPTION: Final = "ann.json"
_FIX: Final = "build and save the index again"


def shard_names(number: int) -> tuple[str, str]:
    """File names of a shard: its FAISS index and its copies."""
    return f"shard-{number:06d}.faiss", f"shard-{number:06d}.copies.npy"


def write_shard(directory: Path, number: int, shard: BuiltShard) -> None:
    """Write the two files of a shard."""
    index_name, copies_name = shard_names(number)
    copies = io.BytesIO()
    np.save(copies, shard.copies, allow_pickle=False)
    _write(directory / index_name, shard.index.data)
    _write(directory / copies_name, copies.getbuffer())


def write_description(
    directory: Path, n_shards: int, params: ANNParams, measured: Measured | None, *, version: int = 1
) -> None:
    """Write ``ann.json`` beside the shards that are there; it makes the directory an index."""
    files = [_facts(directory / name) for number in range(n_shards) for name in shard_names(number)]
    body = {
        "params": stated(params),
        "measured": None if measured is None else described(measured),
        "files": files,
    }
    document = {"kind": "ann", "format_version": version, **body, "sha256": _body_hash(body)}
    _write(directory / DESCRIPTION, (json.dumps(document, indent=1) + "\n").encode())


def write_index(directory: Path, shards: Sequence[Shard], params: ANNParams, measured: Measured | None) -> None:
    """Write everything; shards left there by a larger index are removed.

    Raises
    ------
    StoreUnavailable
        When the directory cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unavailable(directory, error) from error
    for number, shard in enumerate(shards):
        write_shard(directory, number, shard.built())
    version = 3 if any(shard.matrix is not None for shard in shards) else 2 if shards[0].lists is not None else 1
    write_description(directory, len(shards), params, measured, version=version)
    current = {name for number in range(len(shards)) for name in shard_names(number)}
    for path in directory.glob("shard-*"):
        if path.name not in current:
            path.unlink(missing_ok=True)


def read_index(directory: Path, *, verify: bool) -> tuple[list[Shard], ANNParams, Measured | None]:
    """Everything `write_index` wrote, the vectors and links memory-mapped.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt, ArtifactVersion
        For a file that is not there, is not what was written, or is of another format version.
    """
    document = _read_description(directory / DESCRIPTION)
    try:
        params = ANNParams(**document["params"])
        measured = _measured(document["measured"])
        files = {str(facts["name"]): (int(facts["bytes"]), str(facts["sha256"])) for facts in document["files"]}
    except (TypeError, KeyError, ValueError) as error:
        raise ArtifactCorrupt(
            path=str(directory / DESCRIPTION), what=f"lacks what it must hold ({error})", fix=_FIX
        ) from error
    for name, (size, digest) in files.items():
        _check_file(directory / name, size, digest if verify else None)
    return [read_shard(directory, number) for number in range(len(files) // 2)], params, measured


def read_shard(directory: Path, number: int) -> Shard:
    """One shard, memory-mapped; its bytes are trusted to be those `write_shard` wrote."""
    index_name, copies_name = shard_names(number)
    faiss = load_faiss()
    try:
        copies: Int64s = open_npy(directory / copies_name)
        mapped = faiss.read_index(str(directory / index_name), faiss.IO_FLAG_MMAP_IFC)
    except FileNotFoundError as error:
        raise _missing(directory / index_name) from error
    except (RuntimeError, ValueError, EOFError) as error:
        raise ArtifactCorrupt(path=str(directory / index_name), what="FAISS cannot read it", fix=_FIX) from error
    return Shard.open(mapped, copies)


def _read_description(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or document.get("kind") != "ann":
            raise ArtifactCorrupt(path=str(path), what="does not describe an index of neighbours", fix=_FIX)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(path), what="is not JSON", fix=_FIX) from error
    if document.get("format_version") not in READABLE:
        raise ArtifactVersion(path=str(path), found=document.get("format_version"), readable=READABLE)
    body = {key: document.get(key) for key in ("params", "measured", "files")}
    if document.get("sha256") != _body_hash(body):
        raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
    return document


def _measured(fields: dict[str, Any] | None) -> Measured | None:
    if fields is None:
        return None
    frontier = tuple((int(ef), float(recall)) for ef, recall in fields["frontier"])
    tried = tuple(
        Tried(**{**form, "points": tuple(tuple(point) for point in form["points"])}) for form in fields.get("tried", ())
    )
    return Measured(**{**fields, "frontier": frontier, "tried": tried})


def _body_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _facts(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": _file_hash(path)}


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(path: Path, size: int, digest: str | None) -> None:
    try:
        found = path.stat().st_size
        if found != size:
            raise ArtifactCorrupt(path=str(path), what=f"holds {found} bytes, {size} were written", fix=_FIX)
        if digest is not None and _file_hash(path) != digest:
            raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
    except FileNotFoundError as error:
        raise _missing(path) from error


def _write(path: Path, data: bytes | memoryview) -> None:
    aside = path.with_name(path.name + ".part")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        raise _unavailable(path, error) from error


def _missing(path: Path) -> ArtifactMissing:
    return ArtifactMissing(path=str(path), what="is not there", fix=_FIX)


def _unavailable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        path=str(path), what=f"cannot be written ({error.strerror})", fix="check permissions and space"
    )
