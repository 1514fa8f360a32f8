"""Directories of ``.npy`` files: written with checksums, opened memory-mapped."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from artifacts.disk import HashingFile, explained
from artifacts.manifest import FileEntry
from foundation.errors import ArtifactCorrupt, ArtifactMissing
from foundation.npy import open_npy
from foundation.pieces import Pieces

Array = npt.NDArray[Any]


def write_array(directory: Path, name: str, array: Array | Pieces) -> FileEntry:
    """Write ``directory/name.npy`` in C order."""
    if isinstance(array, Pieces):
        return write_pieces(directory, name, array.pieces, array.dtype, array.shape)
    return write_pieces(directory, name, [array], array.dtype, array.shape)


def write_pieces(
    directory: Path, name: str, pieces: Iterable[Array], dtype: npt.DTypeLike, shape: tuple[int, ...]
) -> FileEntry:
    """Write ``directory/name.npy`` of ``shape`` from arrays that follow one another along the first axis.

    Pieces are taken one at a time, so that the whole never has to be in memory.
    """
    wanted = np.dtype(dtype)
    path = directory / f"{name}.npy"
    with explained(directory), path.open("wb") as raw:
        file = HashingFile(raw)
        header = {"descr": np.lib.format.dtype_to_descr(wanted), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(cast("Any", file), cast("Any", header))
        written = 0
        for piece in pieces:
            block = np.ascontiguousarray(piece, dtype=wanted)
            if block.size:
                file.write(block.reshape(-1).view(np.uint8).data)
            written += block.size
        if written != math.prod(shape):
            raise ValueError(f"{name}: pieces hold {written} values, shape {shape} needs {math.prod(shape)}")
        raw.flush()
        os.fsync(raw.fileno())
    return FileEntry(bytes=file.n_bytes, sha256=file.hexdigest(), dtype=wanted.str, shape=tuple(shape))


def open_array(directory: Path, name: str, files: Mapping[str, FileEntry]) -> Array:
    """Open ``name`` memory-mapped after checking size, dtype and shape against the manifest.

    The map is copy-on-write: the file cannot change through it, and compiled kernels see the ordinary
    writable array type, so that none of them is compiled a second time for read-only input.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt
    """
    path = directory / f"{name}.npy"
    entry = files.get(f"{name}.npy")
    if entry is None:
        raise ArtifactCorrupt(path=str(directory), what=f"the manifest names no {name}.npy")
    check_size(path, entry)
    try:
        array = open_npy(path)
    except (ValueError, OSError) as error:
        raise ArtifactCorrupt(path=str(path), what=f"not a readable array ({error})") from None
    if array.dtype.str != entry.dtype or array.shape != entry.shape:
        raise ArtifactCorrupt(
            path=str(path),
            what=f"holds {array.dtype.str} {array.shape}, the manifest says {entry.dtype} {entry.shape}",
        )
    return array


def check_size(path: Path, entry: FileEntry) -> None:
    """Compare the size on disk with the manifest's."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise ArtifactMissing(
            path=str(path), what="a file of the artifact is not there", fix="build again with --force for its stage"
        ) from None
    if found != entry.bytes:
        raise ArtifactCorrupt(path=str(path), what=f"{found} bytes on disk, the manifest says {entry.bytes}")
