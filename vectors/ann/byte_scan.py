"""All rows of byte codes, scanned where FAISS keeps them by a kernel of our own, many queries to one reading.

FAISS decodes every byte to a float, anew for every query; here queries become whole numbers
(`vectors.kernels.byte_scan`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.ann.byte_lists import largest_word, scale_of
from vectors.kernels.byte_blocks import CHUNK, ROWS
from vectors.kernels.byte_lists import ROOM
from vectors.kernels.byte_scan import scan_bytes
from vectors.metrics import Float32s, Int64s

_BLOCK_BYTES: Final = 1 << 19  # of codes that are held against all queries, from a core's own cache
_KEY_BYTES: Final = 8 << 20  # of candidates gathered for the queries of one reading


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByteScan:
    """What a scan needs to know of an ``IndexScalarQuantizer`` of 8 bits, whose ``codes`` are uint8 (n_rows, width)."""

    codes: npt.NDArray[np.uint8]
    offsets: Float32s
    steps: Float32s

    @classmethod
    def open(cls, flat: Any, codes: npt.NDArray[np.uint8]) -> ByteScan | None:
        """None of rows narrower than what is read at a time, and of none."""
        if codes.shape[0] == 0 or codes.shape[1] < CHUNK:
            return None
        offsets, steps = scale_of(flat.sq)
        return cls(codes=codes, offsets=offsets, steps=steps)

    def greatest(self, queries: Float32s, n: int) -> tuple[Float32s, Int64s]:
        """The n <= n_rows greatest products of each query and their rows, best first: float32 and int64 (n_queries, n).

        A product is off by up to half a step of the query's words a column, some 2⁻¹⁵ of the query's largest part.
        """
        n_rows, width = self.codes.shape
        rows, values = (
            np.empty((queries.shape[0], n), dtype=np.int64),
            np.empty((queries.shape[0], n), dtype=np.float32),
        )
        block = max(ROWS, _BLOCK_BYTES // width // ROWS * ROWS)
        together = max(1, _KEY_BYTES // (8 * (min(ROOM * n, n_rows) + 2 * ROWS)))
        for start, stop in even_ranges(queries.shape[0], together):
            scan_bytes(
                queries[start:stop],
                self.codes.ctypes.data,
                n_rows,
                width,
                self.offsets,
                self.steps,
                largest_word(width),
                block,
                rows[start:stop],
                values[start:stop],
            )
        return values, rows
