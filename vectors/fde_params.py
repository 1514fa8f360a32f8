"""What decides a fixed dimensional encoding: parameters, and the random matrices drawn from them.

Source: see `vectors.fde`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream

Float32s = npt.NDArray[np.float32]

PROJECTIONS = ("dense", "count_sketch")
_MAX_FULL_DIM = 1 << 28  # a gigabyte per encoding: past that a parameter is a mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class FDEParams:
    """Everything that decides the encodings. Documents and queries must be encoded with equal params to be compared.

    Attributes
    ----------
    num_repetitions : independent partitions, concatenated; the paper's R
    k_sim : SimHash bits per repetition, ``2**k_sim`` cells; 0 is a single cell
    d_proj : width a cell is projected to; None keeps the tokens' own
    d_final : width of a last count-sketch over everything; None leaves it out
    seed : of every random matrix
    fill_empty : empty cells of documents take their nearest token; queries are never filled
    projection : "dense", ±1/√d_proj (paper), or "count_sketch", one ±1 per coordinate (C++ reference)
    d_whole : the last so many numbers of every token's vector are not hashed: encodings end with their sum. For
        encoders that give a document one vector for the whole of it, in dimensions of its own; 0 is the paper's map
    """

    num_repetitions: int = 20
    k_sim: int = 5
    d_proj: int | None = 16
    d_final: int | None = None
    seed: int = 0
    fill_empty: bool = True
    projection: str = "dense"
    d_whole: int = 0

    def __post_init__(self) -> None:
        if self.num_repetitions < 1:
            raise InvalidParams(name="num_repetitions", value=self.num_repetitions, allowed="1 or more")
        if not 0 <= self.k_sim < 31:
            raise InvalidParams(name="k_sim", value=self.k_sim, allowed="0 to 30")
        for name, value in (("d_proj", self.d_proj), ("d_final", self.d_final)):
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more, or none")
        if self.projection not in PROJECTIONS:
            raise InvalidParams(name="projection", value=self.projection, allowed=", ".join(PROJECTIONS))
        if self.d_whole < 0:
            raise InvalidParams(name="d_whole", value=self.d_whole, allowed="0 or more")
        self.full_dim(self.d_whole + 1)

    def full_dim(self, dim: int) -> int:
        """Width of all cells before ``d_final``, for tokens of width ``dim``.

        Raises
        ------
        InvalidParams
            Above 2**28, or when ``d_whole`` leaves nothing to hash.
        """
        if self.d_whole >= dim:
            raise InvalidParams(name="d_whole", value=self.d_whole, allowed=f"less than the tokens' width, {dim}")
        width = dim - self.d_whole if self.d_proj is None else self.d_proj
        full = self.num_repetitions * (1 << self.k_sim) * width
        if full > _MAX_FULL_DIM:
            raise InvalidParams(
                name="num_repetitions * 2**k_sim * d_proj", value=full, allowed=f"at most {_MAX_FULL_DIM}; lower one"
            )
        return full

    def fde_dim(self, dim: int) -> int:
        """Width of an encoding, for tokens of width ``dim``."""
        full = self.full_dim(dim)
        return (full if self.d_final is None else self.d_final) + self.d_whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FDEMatrices:
    """The random part of the map, drawn by `fde_matrices` or brought along to reproduce another implementation.

    Attributes
    ----------
    simhash : float32 (num_repetitions, dim - d_whole, k_sim); columns are the normals of the hyperplanes
    projection : float32 (num_repetitions, dim - d_whole, d_proj), or None when ``d_proj`` is
    final_slots, final_signs : int64 and float32 (full_dim,), or None when ``d_final`` is
    """

    simhash: Float32s
    projection: Float32s | None = None
    final_slots: npt.NDArray[np.int64] | None = None
    final_signs: Float32s | None = None


def fde_matrices(dim: int, params: FDEParams) -> FDEMatrices:
    """Draw the matrices for tokens of width ``dim``; a repetition's do not depend on how many there are."""
    full, head = params.full_dim(dim), dim - params.d_whole
    n_repetitions, d_proj = params.num_repetitions, params.d_proj
    simhash = np.empty((n_repetitions, head, params.k_sim), dtype=np.float32)
    projection = None if d_proj is None else np.zeros((n_repetitions, head, d_proj), dtype=np.float32)
    for repetition in range(n_repetitions):
        normal = stream(params.seed, "fde.simhash", repetition).standard_normal((head, params.k_sim))
        simhash[repetition] = normal.astype(np.float32)
        if projection is None or d_proj is None:
            continue
        random = stream(params.seed, "fde.projection", repetition)
        if params.projection == "dense":
            projection[repetition] = (2.0 * random.integers(0, 2, (head, d_proj)) - 1.0) / np.sqrt(d_proj)
        else:
            columns = random.integers(0, d_proj, head)
            projection[repetition, np.arange(head), columns] = 2.0 * random.integers(0, 2, head) - 1.0
    if params.d_final is None:
        return FDEMatrices(simhash=simhash, projection=projection)
    random = stream(params.seed, "fde.final")
    return FDEMatrices(
        simhash=simhash,
        projection=projection,
        final_slots=random.integers(0, params.d_final, full),
        final_signs=(2.0 * random.integers(0, 2, full) - 1.0).astype(np.float32),
    )


def check_matrices(matrices: FDEMatrices, dim: int, params: FDEParams) -> None:
    """Raise InvalidInput unless ``matrices`` fit ``params`` and tokens of width ``dim``."""
    full = None if params.d_final is None else (params.full_dim(dim),)
    n_repetitions, head = params.num_repetitions, dim - params.d_whole
    projection = None if params.d_proj is None else (n_repetitions, head, params.d_proj)
    wanted: dict[str, tuple[int, ...] | None] = {
        "simhash": (n_repetitions, head, params.k_sim),
        "projection": projection,
        "final_slots": full,
        "final_signs": full,
    }
    for name, shape in wanted.items():
        array = getattr(matrices, name)
        found = None if array is None else array.shape
        if found != shape:
            raise _invalid(f"{name} has shape {found}, the parameters ask for {shape}", "pass matching matrices")
    slots = matrices.final_slots
    if slots is not None and slots.size and not 0 <= int(slots.min()) <= int(slots.max()) < (params.d_final or 0):
        raise _invalid(f"final_slots lie outside [0, {params.d_final})", "pass slots of the final encoding")


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="fde matrices", what=what, fix=fix)
