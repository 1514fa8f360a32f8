"""An index of codes on disk, format version 1.

``codes.faiss``  the FAISS index, for ``faiss.read_index``; columns are padded with zeros to a multiple of 8
``codes.json``   its form, the lists a query reads, and the size and SHA-256 of the file above
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, StoreUnavailable
from vectors.coded.index import CodedIndex, is_faiss_of
from vectors.coded.params import Form
from vectors.metrics import load_faiss

CODES: Final = "codes.faiss"
DESCRIPTION: Final = "codes.json"
READABLE: Final = (1,)
_FIX: Final = "build and save the index again"


def save_codes(index: CodedIndex, directory: Path) -> None:
    """Write both files into a directory that is there.

    Raises
    ------
    StoreUnavailable
        When they cannot be written.
    """
    data = load_faiss().serialize_index(index.index).tobytes()
    body = {
        "form": dataclasses.asdict(index.form),
        "n_probe": index.n_probe,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    document = {"kind": "codes", "format_version": 1, **body, "seal": _seal(body)}
    try:
        (directory / CODES).write_bytes(data)
        (directory / DESCRIPTION).write_text(json.dumps(document, indent=1) + "\n")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise StoreUnavailable(path=str(directory), what=what, fix="check permissions and space") from error


def open_codes(directory: Path, *, verify: bool = True) -> CodedIndex:
    """Open what `save_codes` wrote; ``verify`` reads the codes once more and checks their hash.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt, ArtifactVersion
        For a file that is not there, differs from what was written, or is of another format version.
    """
    document, path = _described(directory / DESCRIPTION), directory / CODES
    faiss = load_faiss()
    try:
        if path.stat().st_size != document["bytes"]:
            raise ArtifactCorrupt(path=str(path), what=f"does not hold {document['bytes']} bytes", fix=_FIX)
        if verify:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != document["sha256"]:
                    raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
        form = Form(**document["form"])
        index = faiss.read_index(str(path))
    except FileNotFoundError as error:
        raise ArtifactMissing(path=str(path), what="is not there", fix=_FIX) from error
    except (RuntimeError, TypeError) as error:
        raise ArtifactCorrupt(path=str(path), what="FAISS cannot read it", fix=_FIX) from error
    if not is_faiss_of(index, form):
        raise ArtifactCorrupt(path=str(path), what=f"is no {form.kind} of {form.n} encodings", fix=_FIX)
    return CodedIndex(index=index, form=form, n_probe=int(document["n_probe"]))


def _described(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactMissing(path=str(path), what="is not there", fix=_FIX) from error
    except ValueError as error:
        raise ArtifactCorrupt(path=str(path), what="is not JSON", fix=_FIX) from error
    if not isinstance(document, dict) or document.get("kind") != "codes":
        raise ArtifactCorrupt(path=str(path), what="does not describe an index of codes", fix=_FIX)
    if document.get("format_version") not in READABLE:
        raise ArtifactVersion(path=str(path), found=document.get("format_version"), readable=READABLE)
    body = {key: document.get(key) for key in ("form", "n_probe", "bytes", "sha256")}
    if document.get("seal") != _seal(body):
        raise ArtifactCorrupt(path=str(path), what="differs from what was written", fix=_FIX)
    return document


def _seal(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
