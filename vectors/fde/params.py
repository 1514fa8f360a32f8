"""What decides a fixed dimensional encoding. Source: see `vectors.fde.encode`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from foundation.errors import InvalidParams

MODES = ("reference", "gaussian+structured", "structured")
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
    mode : the family of random maps. "reference": normals and projections drawn one by one (paper); "structured":
        signed Hadamard transforms for both, many times faster; "gaussian+structured": normals as in the reference,
        projections structured
    projection : of mode "reference": "dense", ±1/√d_proj (paper), or "count_sketch", one ±1 per coordinate (C++
        reference)
    d_whole : the last so many numbers of every token's vector are not hashed: encodings end with their sum. For
        encoders that give a document one vector for the whole of it, in dimensions of its own; 0 is the paper's map
    """

    num_repetitions: int = 20
    k_sim: int = 5
    d_proj: int | None = 16
    d_final: int | None = None
    seed: int = 0
    fill_empty: bool = True
    mode: str = "structured"
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
        if self.mode not in MODES:
            raise InvalidParams(name="mode", value=self.mode, allowed=", ".join(MODES))
        if self.projection not in PROJECTIONS:
            raise InvalidParams(name="projection", value=self.projection, allowed=", ".join(PROJECTIONS))
        if self.mode != "reference" and self.projection != "dense":
            raise InvalidParams(name="projection", value=self.projection, allowed=f'"dense" with mode = "{self.mode}"')
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

    def config_hash(self, dim: int) -> str:
        """32 hexadecimal digits of all that decides encodings of tokens of width ``dim``: those of documents and of
        queries compare where these are equal, which their width does not tell. Keep it beside encodings of your own.

        Matrices that were passed to the encoder are not in it.
        """
        said = json.dumps({"dim": dim, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]
