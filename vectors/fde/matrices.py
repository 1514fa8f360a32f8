"""The random part of a fixed dimensional encoding, drawn from its parameters. Source: see `vectors.fde.encode`.

The structured maps: a row x, padded with zeros to a power of two D, is rotated to y = H S x, H the Hadamard matrix
and S a diagonal of random signs. H S' y has the products with D further directions: k_sim bits for each repetition.
For the projections y / √D is laid out as a matrix of d_proj columns; signs of its own and a Hadamard transform of
every column give as many projections as it has rows, each unbiased, and orthogonal to each other. Two rounds for the
bits, because one would give sparse vectors the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.seeds import stream
from vectors.fde.params import FDEParams

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FDEMatrices:
    """The random part of the map, drawn by `fde_matrices` or brought along to reproduce another implementation.

    What a mode does not use is None. ``head`` is dim - d_whole, ``size`` the power of two from it on.

    Attributes
    ----------
    simhash : float32 (num_repetitions, head, k_sim); columns are the normals of the hyperplanes
    projection : float32 (num_repetitions, head, d_proj), or None when ``d_proj`` is
    rotation : float32 (size,), signs of the rotation
    bit_signs : float32 (n, size), n transforms whose outputs are the products with the hyperplanes: that of bit b of
        repetition r is number b · num_repetitions + r
    column_signs : float32 (n, rows, d_proj), n groups of as many projections as rows; None when ``d_proj`` is
    final_slots, final_signs : int64 and float32 (full_dim,), or None when ``d_final`` is
    """

    simhash: Float32s | None = None
    projection: Float32s | None = None
    rotation: Float32s | None = None
    bit_signs: Float32s | None = None
    column_signs: Float32s | None = None
    final_slots: npt.NDArray[np.int64] | None = None
    final_signs: Float32s | None = None


def fde_matrices(dim: int, params: FDEParams) -> FDEMatrices:
    """Draw the matrices for tokens of width ``dim``; normals and projections do not depend on how many there are."""
    shapes = _shapes(dim, params)
    slots, signs = None, None
    if params.d_final is not None:
        random, full = stream(params.seed, "fde.final"), params.full_dim(dim)
        slots = random.integers(0, params.d_final, full)
        signs = (2.0 * random.integers(0, 2, full) - 1.0).astype(np.float32)
    return FDEMatrices(
        simhash=_normals(params, shapes["simhash"]),
        projection=_projections(params, shapes["projection"]),
        rotation=_signs(params.seed, "fde.rotation", shapes["rotation"]),
        bit_signs=_signs(params.seed, "fde.bit_signs", shapes["bit_signs"]),
        column_signs=_signs(params.seed, "fde.column_signs", shapes["column_signs"]),
        final_slots=slots,
        final_signs=signs,
    )


def check_matrices(matrices: FDEMatrices, dim: int, params: FDEParams) -> None:
    """Raise InvalidInput unless ``matrices`` fit ``params`` and tokens of width ``dim``."""
    for name, shape in _shapes(dim, params).items():
        array = getattr(matrices, name)
        found = None if array is None else array.shape
        if found != shape:
            raise _invalid(f"{name} has shape {found}, the parameters ask for {shape}", "pass matching matrices")
    slots = matrices.final_slots
    if slots is not None and slots.size and not 0 <= int(slots.min()) <= int(slots.max()) < (params.d_final or 0):
        raise _invalid(f"final_slots lie outside [0, {params.d_final})", "pass slots of the final encoding")


def _shapes(dim: int, params: FDEParams) -> dict[str, tuple[int, ...] | None]:
    """Shape of every matrix the mode uses, None for the others."""
    full = None if params.d_final is None else (params.full_dim(dim),)
    n_repetitions, head, d_proj = params.num_repetitions, dim - params.d_whole, params.d_proj
    shapes: dict[str, tuple[int, ...] | None] = dict.fromkeys(
        ("simhash", "projection", "rotation", "bit_signs", "column_signs")
    )
    size = _power_of_two(head)
    if params.mode == "structured":
        shapes["bit_signs"] = (-(-n_repetitions * params.k_sim // size), size)
    else:
        shapes["simhash"] = (n_repetitions, head, params.k_sim)
    if params.mode == "reference":
        shapes["projection"] = None if d_proj is None else (n_repetitions, head, d_proj)
    elif d_proj is not None:
        rows = _power_of_two(-(-size // d_proj))
        shapes["column_signs"] = (-(-n_repetitions // rows), rows, d_proj)
    if params.mode == "structured" or shapes["column_signs"] is not None:
        shapes["rotation"] = (size,)
    return shapes | {"final_slots": full, "final_signs": full}


def _normals(params: FDEParams, shape: tuple[int, ...] | None) -> Float32s | None:
    if shape is None:
        return None
    simhash = np.empty(shape, dtype=np.float32)
    for repetition in range(shape[0]):
        normal = stream(params.seed, "fde.simhash", repetition).standard_normal(shape[1:])
        simhash[repetition] = normal.astype(np.float32)
    return simhash


def _projections(params: FDEParams, shape: tuple[int, ...] | None) -> Float32s | None:
    if shape is None:
        return None
    n_repetitions, head, d_proj = shape
    projection = np.zeros(shape, dtype=np.float32)
    for repetition in range(n_repetitions):
        random = stream(params.seed, "fde.projection", repetition)
        if params.projection == "dense":
            projection[repetition] = (2.0 * random.integers(0, 2, (head, d_proj)) - 1.0) / np.sqrt(d_proj)
        else:
            columns = random.integers(0, d_proj, head)
            projection[repetition, np.arange(head), columns] = 2.0 * random.integers(0, 2, head) - 1.0
    return projection


def _signs(seed: int, purpose: str, shape: tuple[int, ...] | None) -> Float32s | None:
    """Random signs, those of a row from a stream of its own."""
    if shape is None:
        return None
    if len(shape) == 1:
        return _sign_row(seed, purpose, 0, shape)
    rows = [_sign_row(seed, purpose, row, shape[1:]) for row in range(shape[0])]
    return np.stack(rows) if rows else np.empty(shape, dtype=np.float32)


def _sign_row(seed: int, purpose: str, row: int, shape: tuple[int, ...]) -> Float32s:
    return (2.0 * stream(seed, purpose, row).integers(0, 2, shape) - 1.0).astype(np.float32)


def _power_of_two(n: int) -> int:
    """The least that is not below ``n``."""
    return 1 << (n - 1).bit_length()


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="fde matrices", what=what, fix=fix)
