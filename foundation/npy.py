"""Opening ``.npy`` files from several threads at a time.

NumPy reads a file's header with Python's own parser, which in CPython 3.11 fails now and then when two threads are in
it ("AST constructor recursion depth mismatch"). The header of a plain array is one line of a known form: it is read
here by a pattern, and nothing else is accepted.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

import numpy as np
import numpy.typing as npt

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '([<>|][biufcSU]\d+)', 'fortran_order': (True|False), 'shape': \(((?:\d+, )*(?:\d+,?)?)\), \} *\n"
)


@final
class NpyHeader(NamedTuple):
    """What an array is, and where in the file its values begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    offset: int


def read_npy_header(path: Path) -> NpyHeader:
    """The header of a plain array: numbers, booleans or fixed-width text, no fields and no objects.

    Raises
    ------
    ValueError
        It is not one.
    """
    with path.open("rb") as file:
        start = file.read(8)
        if start[:6] != _MAGIC or start[6:] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
            raise ValueError("it does not begin as an array does")
        width = 2 if start[6] == 1 else 4
        length = int.from_bytes(file.read(width), "little")
        text = file.read(min(length, 1 << 16))
    found = _HEADER.fullmatch(text)
    if found is None:
        raise ValueError("its header is not that of a plain array")
    try:
        dtype = np.dtype(found[1].decode())
    except TypeError as error:
        raise ValueError(str(error)) from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    shape = tuple(int(size) for size in found[3].decode().replace(",", " ").split())
    return NpyHeader(dtype, shape, "F" if found[2] == b"True" else "C", 8 + width + length)


def open_npy(path: Path) -> npt.NDArray[Any]:
    """A plain array, mapped copy-on-write: the file cannot change through it.

    Raises
    ------
    ValueError
        The file is not a plain array, or shorter than its header says.
    """
    header = read_npy_header(path)
    n_bytes = header.dtype.itemsize * math.prod(header.shape)
    if path.stat().st_size - header.offset < n_bytes:
        raise ValueError(f"it ends before its {math.prod(header.shape)} values do")
    if n_bytes == 0:
        return np.zeros(header.shape, dtype=header.dtype, order=header.order)
    mapped = np.memmap(path, header.dtype, mode="c", offset=header.offset, shape=header.shape, order=header.order)
    return np.asarray(mapped)
