"""Scratch memory for threads that encode, made once and handed on: new memory costs as much as a document each time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from vectors.fde.plan import new_lanes, new_room
from vectors.kernels.fde_room import Finish, Room
from vectors.kernels.fde_tokens import Lanes, Plan


@final
class Rooms:
    """As many rooms as threads ever ask at a time, for documents of at most ``longest`` tokens."""

    def __init__(self, plan: Plan, finish: Finish, longest: int, d_whole: int, *, vectors: bool) -> None:
        self._wanted = (plan, finish, longest, d_whole)
        self._vectors = vectors
        self._spare: deque[tuple[Lanes, Room]] = deque()

    @contextmanager
    def one(self) -> Iterator[tuple[Lanes, Room]]:
        """Lanes and scratch for the caller's thread alone; after an error they are not used again."""
        try:
            held = self._spare.pop()  # one step: no other thread gets the same
        except IndexError:
            held = new_lanes(self._wanted[0], vectors=self._vectors), new_room(*self._wanted)
        yield held
        self._spare.append(held)
