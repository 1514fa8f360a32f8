"""Every metric as Euclidean distance between rotated vectors of length about one.

Under cosine vectors have length one, so distance orders as the score does. For inner product a row x gets one more
value, ``sqrt(M² - |x|²)``, M the longest row's length, and a query a zero there: then all rows are equally long,
and the nearest row is the one of the greatest product (Bachrach et al., "Speeding up the Xbox recommender system",
RecSys 2014). All are divided by a power of two near M, lest squares overflow or vanish, and rotated at random, so that
a code's step suits all values alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from vectors.kernels.rotation import rotate_rows
from vectors.kernels.spann_blocks import HEAD_BYTES, LANES, PAIR_BYTES
from vectors.metrics import Float32s, Int64s, Metric, row_norms

_N_ROUNDS: Final = 3
_FARTHEST: Final = 1000.0  # a query farther out is brought here along its direction: float32 tells rows apart no better
_LARGEST_SUM: Final = 2**31 - 1


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Space:
    """How vectors become what lists hold.

    Attributes
    ----------
    dim : values of a vector as given
    longest : length of the longest row
    signs, order : the rotation, float32 and int64 of shape (n_rounds, dim, or dim + 1 for inner product)
    """

    metric: Metric
    dim: int
    longest: float
    signs: Float32s
    order: Int64s

    @classmethod
    def drawn(cls, metric: Metric, dim: int, longest: float, seed: int) -> Space:
        """With a rotation drawn by ``seed``."""
        n_values = dim + (metric == "inner_product")
        draw = stream(seed, "spann.rotation")
        signs = draw.integers(0, 2, (_N_ROUNDS, n_values)) * 2.0 - 1.0
        order = np.stack([draw.permutation(n_values) for _ in range(_N_ROUNDS)])
        return cls(
            metric=metric, dim=dim, longest=longest, signs=signs.astype(np.float32), order=order.astype(np.int64)
        )

    @property
    def n_pairs(self) -> int:
        """Pairs of values that codes keep."""
        return -(-int(self.signs.shape[1]) // 2)

    @property
    def width(self) -> int:
        """Values of a row here, zeros behind those that mean something."""
        return -(-2 * self.n_pairs // LANES) * LANES

    @property
    def block_bytes(self) -> int:
        """Bytes of 16 coded rows."""
        return HEAD_BYTES + PAIR_BYTES * self.n_pairs

    @property
    def largest_code(self) -> int:
        """Of a query's int16 codes: their products with a row's must add up within int32."""
        return min(32767, _LARGEST_SUM // (127 * 2 * self.n_pairs))

    @property
    def _scale(self) -> float:
        """A power of two that float32 can be multiplied by twice without loss."""
        return 2.0 ** -math.frexp(self.longest)[1] if self.longest > 0 else 1.0

    def rows(self, parsed: Float32s) -> Float32s:
        """Rows as `vectors.metrics.parse_rows` gives them -> (n, width)."""
        out = np.zeros((parsed.shape[0], self.width), dtype=np.float32)
        out[:, : self.dim] = parsed * np.float64(self._scale)
        if self.metric == "inner_product":
            rest = (self.longest * self._scale) ** 2 - row_norms(np.ascontiguousarray(out[:, : self.dim]))
            out[:, self.dim] = np.sqrt(np.maximum(rest, 0.0))
        rotate_rows(out, self.signs, self.order)
        return out

    def queries(self, parsed: Float32s) -> Float32s:
        """Queries as `vectors.metrics.parse_queries` gives them -> (n, width)."""
        out = np.zeros((parsed.shape[0], self.width), dtype=np.float32)
        lengths = np.sqrt(row_norms(parsed))
        if self.metric == "inner_product":  # any length gives the same order: that of the longest row
            factors = np.divide(self.longest * self._scale, lengths, out=np.ones_like(lengths), where=lengths > 0)
        else:
            with np.errstate(over="ignore"):
                scaled = lengths * self._scale
            most = np.minimum(scaled, _FARTHEST)
            factors = np.divide(most, lengths, out=np.ones_like(lengths), where=lengths > 0)
        out[:, : self.dim] = parsed * factors[:, None]
        rotate_rows(out, self.signs, self.order)
        return out


def block_views(data: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int32], Float32s]:
    """The same blocks as int32 and as float32."""
    return data.view(np.int32), data.view(np.float32)
