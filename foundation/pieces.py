"""Arrays that are made, and things that are opened, one after another instead of all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """An array in pieces that follow one another along its first axis, so that it never is in memory as a whole."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[npt.NDArray[Any]]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole."""
        return self.dtype.itemsize * math.prod(self.shape)


@final
class Opened(Iterable[T]):
    """What may be gone through again and again, each thing opened when a loop comes to it and held by nobody else.

    A mapped file counts as its process's memory as long as it is mapped, hence one at a time.
    """

    def __init__(self, openers: Sequence[Callable[[], T]]) -> None:
        self._openers = openers

    def __iter__(self) -> Iterator[T]:
        return (open_() for open_ in self._openers)
