"""How the token vectors of an index are kept, and what that costs in exactness."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, final, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from vectors.kernels.packing import row_errors
from vectors.tokens.lengths import Unnormalised
from vectors.tokens.multivector import MultiVectors, readonly
from vectors.tokens.packed import PackedTokens, Storage, packed_width
from vectors.tokens.residuals import Codebook, ResidualParams, row_bytes

Float32s = npt.NDArray[np.float32]

_UNIT = 1e9  # errors are added up as whole numbers of this, so that no order of parts changes a digit


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStorageParams:
    """How token vectors are kept; the keys from ``bits`` to ``seed`` belong to "residual".

    Attributes
    ----------
    storage : "float32", as the encoder made them (4 bytes a token of a static encoder, whatever its width); "float16"
        or "bfloat16", half of it; "int8", a quarter; "residual", a centroid and a few bits a number
    bits : residual: bits a number, 2 or 4
    n_centroids : residual: centroids, at most 65536; None takes 4 · √tokens, to a power of two, at most 4096
    sample : residual: tokens per centroid that k-means is trained on
    seed : residual: of the sample and of k-means
    unnormalised : vectors whose length is not 1, of documents and of queries: "keep", "normalize" or "refuse"; those of
        documents are counted in any case
    """

    storage: Literal["float32", "float16", "bfloat16", "int8", "residual"] = "float32"
    bits: int = 4
    n_centroids: int | None = None
    sample: int = 64
    seed: int = 0
    unnormalised: Unnormalised = "keep"

    def __post_init__(self) -> None:
        if self.unnormalised not in get_args(Unnormalised):
            allowed = ", ".join(map(repr, get_args(Unnormalised)))
            raise InvalidParams(name="unnormalised", value=self.unnormalised, allowed=allowed)
        if self.storage not in ("float32", *get_args(Storage)):
            allowed = ", ".join(map(repr, ("float32", *get_args(Storage))))
            raise InvalidParams(name="storage", value=self.storage, allowed=allowed)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("storage", "unnormalised"):
                continue
            if self.storage != "residual" and value != field.default:
                raise InvalidParams(name=field.name, value=value, allowed="only with storage = 'residual'")
        self.residual()

    @property
    def packed(self) -> Storage | None:
        """What tokens are packed as; None where they stay as they are."""
        return None if self.storage == "float32" else self.storage

    def residual(self) -> ResidualParams:
        """What decides residual codes; raises InvalidParams where it cannot run."""
        return ResidualParams(bits=self.bits, n_centroids=self.n_centroids, sample=self.sample, seed=self.seed)

    def token_bytes(self, dim: int) -> int:
        """Bytes a token takes on disk."""
        if self.storage == "float32":
            return 4 * dim
        if self.storage == "residual":
            return row_bytes(dim, self.bits) + 2
        width, kind = packed_width(self.storage, dim)
        return width * kind.itemsize + (4 if self.storage == "int8" else 0)


@final
class PackingError:
    """Added up over tokens, in any order: how far from the vectors what is decoded lies."""

    def __init__(self) -> None:
        self._n, self._cosine, self._distance = 0, 0, 0

    def add(self, vectors: Float32s, decoded: Float32s) -> None:
        """Count some tokens; those that are zero have no direction and are passed over."""
        cosines, distances = np.empty(vectors.shape[0]), np.empty(vectors.shape[0])
        row_errors(readonly(vectors), readonly(decoded), cosines, distances)
        counted = np.isfinite(cosines)
        self._n += int(np.count_nonzero(counted))
        self._cosine += int(np.rint(cosines[counted] * _UNIT).astype(np.int64).sum())
        self._distance += int(np.rint(distances[counted] * _UNIT).astype(np.int64).sum())

    def report(self) -> dict[str, float]:
        """``mean_cosine`` of vectors and what came back, ``mean_relative_l2`` of their distance; exact if no token."""
        n = max(1, self._n)
        cosine = self._cosine / n / _UNIT if self._n else 1.0
        return {"mean_cosine": round(cosine, 6), "mean_relative_l2": round(self._distance / n / _UNIT, 6)}


def as_set(block: Float32s) -> MultiVectors:
    """Some tokens as the only document."""
    return MultiVectors(vectors=block, offsets=np.array([0, block.shape[0]], dtype=np.int64))


def as_multivectors(sets: MultiVectors | PackedTokens) -> MultiVectors:
    """The documents as float32: as they are, or decoded."""
    return sets if isinstance(sets, MultiVectors) else sets.to_multivectors()


def codebook_of(centroids: Float32s, widths: Float32s, bits: int) -> Codebook:
    """A codebook from arrays that may be memory-mapped."""
    return Codebook(centroids=readonly(centroids), widths=readonly(widths), bits=bits)
