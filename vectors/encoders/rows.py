"""Steps that encoders share: cutting and scaling rows, reading and hashing model files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams

Float32s = npt.NDArray[np.float32]


def cut_columns(rows: npt.NDArray[Any], dim: int | None, *, source: str) -> npt.NDArray[Any]:
    """The first ``dim`` columns; a view. Raises InvalidParams when there are fewer."""
    if dim is None:
        return rows
    if dim > rows.shape[1]:
        raise InvalidParams(name="dim", value=dim, allowed=f"up to {rows.shape[1]}, the width of {source}")
    return rows[:, :dim]


def row_norms(rows: Float32s) -> Float32s:
    """Euclidean length of each row, float32. Each depends on its row alone: a sum along it, no matrix product."""
    return np.asarray(np.sqrt(np.sum(np.square(rows, dtype=np.float64), axis=1)), dtype=np.float32)


def unit_rows(rows: Float32s) -> Float32s:
    """Rows scaled to length 1, a new array; zero rows stay zero."""
    norms = row_norms(rows)
    norms[norms == 0.0] = 1.0
    return np.ascontiguousarray(rows / norms[:, None])


def count_zero_rows(rows: Float32s) -> int:
    return int(np.count_nonzero(~rows.any(axis=1)))


def read_model_file(path: Path, *, role: str) -> bytes:
    """The file's bytes; ``role`` says in an error what was looked for."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInput(source=str(path), what=f"the {role} is not there", fix="check the path") from error
    except OSError as error:
        what = f"the {role} cannot be read ({error.strerror or type(error).__name__})"
        raise InvalidInput(source=str(path), what=what, fix="check the path") from error


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
