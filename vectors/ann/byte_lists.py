"""Inverted lists of byte codes, scanned where FAISS keeps them by kernels of our own.

FAISS decodes every byte to a float; we turn the query into whole numbers instead (`vectors.kernels.byte_lists`). The
codes are not copied, and the file is plain FAISS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.kernels.byte_blocks import CHUNK, ROWS
from vectors.kernels.byte_lists import ROOM, row_constants, scan_byte_lists
from vectors.metrics import Float32s, Int64s, load_faiss

_ALL = np.zeros(0, dtype=np.bool_)
_TOGETHER: Final = 1024  # queries, at most, that meet each list while a core has it
_KEY_BYTES: Final = 8 << 20  # of candidates gathered for them


def scale_of(quantizer: Any) -> tuple[Float32s, Float32s]:
    """What code 0 of each column of FAISS's 8-bit quantizer stands for, and one step of a code; float32 (width,)."""
    least, wide = np.split(load_faiss().vector_to_array(quantizer.trained), 2)
    steps = (wide / np.float32(255)).astype(np.float32)
    return (least + steps / np.float32(2)).astype(np.float32), steps


def largest_word(width: int) -> int:
    """What the words of a query may reach: 128 times all of them must stay below 2³¹."""
    return min(32_767, (2**31 - 1) // (128 * width))


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByteLists:
    """What a scan needs to know of an ``IndexIVFScalarQuantizer``, whose memory must outlive this.

    Attributes
    ----------
    code_ats, id_ats : int64, shape (n_lists,); addresses of each list's codes and numbers
    sizes, starts : int64, shape (n_lists,); rows of each list, and how many lie in the lists before it
    stride : bytes between two rows of codes
    constants : float32, shape (n + 16,); squared length of each row, list after list; zeros for dot products
    steps : float32, shape (n_columns,); what one step of a code stands for
    largest : what the words of a query reach
    padded : uint8, shape (n, 32): the codes, where a row of them is narrower than what is read at a time
    """

    code_ats: Int64s
    id_ats: Int64s
    sizes: Int64s
    starts: Int64s
    stride: int
    constants: Float32s
    steps: Float32s
    largest: int
    euclidean: bool
    padded: npt.NDArray[np.uint8]

    @classmethod
    def open(cls, index: Any, sizes: Int64s, id_ats: Int64s, *, euclidean: bool) -> ByteLists:
        """From the index, the sizes of its lists and where their numbers lie; reads every code once, for its length."""
        faiss = load_faiss()
        width, numbers = int(index.d), range(index.nlist)
        offsets, steps = scale_of(index.sq)
        starts = np.cumsum(sizes) - sizes
        constants = np.zeros(int(sizes.sum()) + ROWS, dtype=np.float32)
        padded = np.zeros((int(sizes.sum()) if width < CHUNK else 0, CHUNK), dtype=np.uint8)
        for number in numbers:
            if sizes[number] == 0:
                continue
            codes = faiss.rev_swig_ptr(index.invlists.get_codes(number), int(sizes[number]) * width)
            codes, these = codes.reshape(-1, width), slice(starts[number], starts[number] + sizes[number])
            if euclidean:
                row_constants(codes, offsets, steps, constants[these])
            if width < CHUNK:
                padded[these, :width] = codes
        places = [index.invlists.get_codes(number) for number in numbers]
        ats = np.array([0 if place is None else int(place) for place in places], dtype=np.int64)
        return cls(
            code_ats=ats if width >= CHUNK else padded.ctypes.data + CHUNK * starts,
            id_ats=id_ats,
            sizes=sizes,
            starts=starts,
            stride=max(width, CHUNK),
            constants=constants,
            steps=steps,
            largest=largest_word(width),
            euclidean=euclidean,
            padded=padded,
        )

    @property
    def n_bytes(self) -> int:
        """Bytes kept beside FAISS's own."""
        return self.constants.nbytes + self.padded.nbytes

    def nearest(
        self, low: Float32s, numbers: Int64s, n: int, wanted: npt.NDArray[np.bool_] | None, *, in_order: bool
    ) -> Int64s:
        """Positions in lists ``numbers`` that look nearest to the queries, int64 (n_queries, n), padded with -1."""
        out = np.empty((low.shape[0], n), dtype=np.int64)
        together = min(_TOGETHER, max(1, _KEY_BYTES // (8 * (ROOM * n + 2 * ROWS))))
        for start, stop in even_ranges(low.shape[0], together):
            scan_byte_lists(
                low[start:stop],
                numbers[start:stop],
                self.code_ats,
                self.id_ats,
                self.sizes,
                self.starts,
                self.stride,
                self.constants,
                self.steps,
                self.largest,
                self.euclidean,
                _ALL if wanted is None else wanted,
                in_order,
                out[start:stop],
            )
        return out
