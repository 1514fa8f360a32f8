"""A SPANN index on disk, format version 3: a directory.

``lists.bin``            coded rows in lists (`vectors.kernels.spann_codes`), pages of 4,096 bytes
``lists.ats.npy`` and ``lists.counts.npy``   first byte and number of rows of every list
``heads.*.npy``          the heads, their cells and what finds them (`vectors.spann.heads`)
``rotation.*.npy``       signs and order of the random rotation
``vectors.npy``          float32 (n, dim), of length one under cosine: what candidates are compared by in the end
``copies.npy``           int64 (n_copies, 2), sorted: (a row in the lists, a row equal to it that is not)
``spann.json``           parameters, what was measured, size and SHA-256 of the files above; written last

Versions 1 and 2 are still read. Their cells are one region, ``heads.centre.npy`` and ``heads.root.npy``; version 1 did
not say what pruning was worth.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion
from foundation.npy import open_npy
from vectors.metrics import Int64s
from vectors.spann.heads import ARRAYS, REGIONS, Heads, one_region
from vectors.spann.measured import Measured
from vectors.spann.params import SpannParams, stated
from vectors.spann.postings import Table
from vectors.spann.space import Space

VERSION: Final = 3
READABLE: Final = (1, 2, 3)
DESCRIPTION: Final = "spann.json"
LISTS: Final = "lists.bin"
VECTORS: Final = "vectors.npy"
_FIX: Final = "build the index again"


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """All that is kept in memory."""

    heads: Heads
    table: Table
    copies: Int64s
    n_rows: int
    params: SpannParams
    measured: Measured


def write_arrays(directory: Path, heads: Heads, table: Table, copies: Int64s) -> None:
    """Everything but the lists, the vectors and the description."""
    for name, array in _arrays(heads, table, copies).items():
        np.save(directory / name, array, allow_pickle=False)


def write_description(directory: Path, opened: Opened) -> None:
    """Write ``spann.json`` beside the files that are there; it makes the directory an index."""
    heads, table = opened.heads, opened.table
    names = sorted([LISTS, VECTORS, *_arrays(heads, table, opened.copies)])
    body = {
        "params": stated(opened.params),
        "space": {"dim": heads.space.dim, "longest": heads.space.longest, "n_rows": opened.n_rows},
        "measured": dataclasses.asdict(opened.measured),
        "files": [
            {"name": name, "bytes": (directory / name).stat().st_size, "sha256": _file_hash(directory / name)}
            for name in names
        ],
    }
    document = {"kind": "spann", "format_version": VERSION, **body, "sha256": body_hash(body)}
    aside = directory / f"{DESCRIPTION}.part"
    aside.write_text(json.dumps(document, indent=1) + "\n")
    aside.replace(directory / DESCRIPTION)


def read(directory: Path, *, verify: bool) -> Opened:
    """What is kept in memory of an index; every file is there and as long as it was, and with ``verify`` has its hash.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt, ArtifactVersion
        For a file that is not there, is not what was written, or is of another format version.
    """
    document = _read_description(directory / DESCRIPTION)
    try:
        params = SpannParams(**document["params"])
        measured = Measured.parse(document["measured"])
        facts = document["space"]
        files = {str(file["name"]): (int(file["bytes"]), str(file["sha256"])) for file in document["files"]}
        for name, (size, digest) in files.items():
            _check_file(directory / name, size, digest if verify else None)
        space = Space(
            metric=params.metric,
            dim=int(facts["dim"]),
            longest=float(facts["longest"]),
            signs=open_npy(directory / "rotation.signs.npy"),
            order=open_npy(directory / "rotation.order.npy"),
        )
        heads = Heads.of(space, _read_heads(directory, document["format_version"]))
        table = Table(
            ats=np.array(open_npy(directory / "lists.ats.npy")),
            counts=np.array(open_npy(directory / "lists.counts.npy")),
            n_bytes=files[LISTS][0],
            block_bytes=space.block_bytes,
        )
        copies = np.array(open_npy(directory / "copies.npy"))
        n_rows = int(facts["n_rows"])
    except FileNotFoundError as error:
        if isinstance(error, ArtifactMissing):
            raise
        raise _missing(Path(str(error.filename))) from error
    except (TypeError, KeyError, ValueError) as error:
        what = f"lacks what it must hold ({error})"
        raise ArtifactCorrupt(path=str(directory / DESCRIPTION), what=what, fix=_FIX) from error
    return Opened(heads=heads, table=table, copies=copies, n_rows=n_rows, params=params, measured=measured)


def _arrays(heads: Heads, table: Table, copies: Int64s) -> dict[str, Any]:
    return {
        **{f"heads.{name}.npy": array for name, array in heads.arrays().items()},
        "rotation.signs.npy": heads.space.signs,
        "rotation.order.npy": heads.space.order,
        "lists.ats.npy": table.ats,
        "lists.counts.npy": table.counts,
        "copies.npy": copies,
    }


def _read_heads(directory: Path, version: int) -> dict[str, npt.NDArray[Any]]:
    def array(name: str) -> npt.NDArray[Any]:
        return np.array(open_npy(directory / f"heads.{name}.npy"))

    if version >= 3:
        return {name: array(name) for name in ARRAYS}
    own = {name: array(name) for name in ARRAYS if name not in REGIONS}
    return own | one_region(array("centre"), array("root"), own["centroids"].shape[0])


def _read_description(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _missing(path) from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(path), what="is not JSON", fix=_FIX) from error
    if not isinstance(document, dict) or document.get("kind") != "spann":
        raise ArtifactCorrupt(path=str(path), what="does not describe a SPANN index", fix=_FIX)
    if document.get("format_version") not in READABLE:
        raise ArtifactVersion(path=str(path), found=document.get("format_version"), readable=READABLE)
    body = {key: document.get(key) for key in ("params", "space", "measured", "files")}
    if document.get("sha256") != body_hash(body):
        raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
    return document


def body_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


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


def _missing(path: Path) -> ArtifactMissing:
    return ArtifactMissing(path=str(path), what="is not there", fix=_FIX)
