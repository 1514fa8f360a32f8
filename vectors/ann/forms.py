"""The forms an index can take, and how many bytes each needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["flat", "hnsw", "ivf", "ivfsq", "ivfpq", "rabitq"]
AskedStorage = Literal["float32", "float16", "int8"]
Storage = Literal["float32", "float16", "int8", "uint8"]

LISTED: Final[tuple[Kind, ...]] = ("ivf", "ivfsq", "ivfpq", "rabitq")  # vectors in inverted lists
STORAGES: Final[tuple[AskedStorage, ...]] = ("float32", "float16", "int8")  # widest first
# uint8 is what lists keep, without loss, of vectors that are whole numbers from 0 to 255; nobody asks for it.
BYTES_PER_VALUE: Final[dict[Storage, int]] = {"float32": 4, "float16": 2, "int8": 1, "uint8": 1}

# Columns that lists keep when nothing else is asked for. On 784 pixels 128 columns of floats or bits and 64 of bytes
# were the quickest at recall .95 and .99; product codes of 4 bits were so on all columns, and useless behind a
# projection, which puts most of the variance into few of them.
_COLUMNS: Final = {"ivf": 128, "ivfsq": 64, "rabitq": 128}
_MORE_COLUMNS: Final = 128  # of bytes, where the first few tell little: FastRP's 256 are searched twice as fast
_WORTH: Final = 1.5  # fewer columns must save this factor, else projecting costs more than it gains
_WIDE_CODES: Final = 512  # columns from which eight, not four, share a product code


@dataclass(frozen=True, slots=True, kw_only=True)
class ListForm:
    """Vectors in inverted lists: codes of ``n_columns`` columns in ``n_lists`` lists.

    ``is_projected`` when the columns are not the vectors' own. ``n_codes`` are the codes of 4 bits of a vector
    ("ivfpq"), 0 in other kinds.
    """

    kind: Kind
    n_lists: int
    n_columns: int
    is_projected: bool
    n_codes: int = 0

    @property
    def code_bytes(self) -> int:
        """Bytes of a vector in its list, without its number."""
        return {
            "ivf": 4 * self.n_columns,
            "ivfsq": self.n_columns,
            "ivfpq": -(-self.n_codes // 2),
            "rabitq": -(-self.n_columns // 8) + 8,  # two floats correct the estimate
        }[self.kind]


def list_form(kind: Kind, n: int, dim: int, *, n_lists: int | None = None, n_columns: int | None = None) -> ListForm:
    """The form of n vectors of ``dim`` values; ``n_lists`` and ``n_columns`` where they were asked for."""
    if n_lists is None:
        n_lists = usual_lists(kind, n)
    wanted = _COLUMNS.get(kind, dim) if n_columns is None else n_columns
    if n_columns is None and wanted * _WORTH > dim:
        wanted = dim
    width = min(wanted, dim)
    if kind == "rabitq" and width >= 8:
        width -= width % 8
    # One-bit codes are rotated in any case: their error is without bias under a random rotation only.
    is_projected = width < dim or kind == "rabitq"
    n_codes = width // _code_width(width) if kind == "ivfpq" else 0
    return ListForm(kind=kind, n_lists=n_lists, n_columns=width, is_projected=is_projected, n_codes=n_codes)


def usual_lists(kind: Kind, n: int) -> int:
    """Lists for n vectors: the power of two nearest, on a logarithmic scale, to the square root of n.

    Lists of bytes are opened for next to nothing, so many short ones pay: for them it is a third of n^(2/3), if more.
    """
    n_lists = 1
    while n_lists * n_lists * 2 < n or (kind == "ivfsq" and (3 * n_lists) ** 6 * 8 < n**4):
        n_lists *= 2
    return n_lists


def more_columns(dim: int) -> int | None:
    """Columns of bytes to try beside the usual ones; None where they would save too little."""
    return None if dim < _MORE_COLUMNS * _WORTH else _MORE_COLUMNS


def _code_width(width: int) -> int:
    """Columns that share a product code: as many as divide the width, so that none are left over."""
    return next(columns for columns in ((8, 4, 2, 1) if width >= _WIDE_CODES else (4, 2, 1)) if width % columns == 0)


def walked_columns(kind: Kind, dim: int, n_columns: int | None) -> int | None:
    """Columns that a graph is walked on behind a projection; None for a graph of the vectors, and for other kinds."""
    return n_columns if kind == "hnsw" and n_columns is not None and n_columns < dim else None


def index_bytes(
    n: int, dim: int, kind: Kind, storage: Storage, m: int, form: ListForm | None = None, n_columns: int | None = None
) -> int:
    """Bytes of an index in memory, when no two vectors are equal.

    A vector's values and its 8-byte id; per point of a graph 2·m links of 4 bytes on the lowest level, m on
    each higher one (one point in m - 1 on average has one), an 8-byte offset and a 4-byte level. Lists add a vector's
    code and number, their centroids, and the projection, those of bytes also a length of 4 bytes. A graph behind a
    projection keeps ``n_columns`` floats of every vector, and the projection.
    """
    size = n * (dim * BYTES_PER_VALUE[storage] + 8)
    if kind == "hnsw":
        size += n * (int(4 * (2 * m + m / (m - 1))) + 12)
        size += 4 * (walked_columns(kind, dim, n_columns) or 0) * (n + dim)
    if kind in LISTED:
        lists = list_form(kind, n, dim) if form is None else form
        size += n * (lists.code_bytes + 8) + 4 * lists.n_columns * (lists.n_lists + dim * lists.is_projected)
        size += 4 * n if kind == "ivfsq" else 0
    return size
