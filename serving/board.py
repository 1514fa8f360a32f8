"""Figures that the worker processes of one service show each other, in memory they share.

Each worker writes its own slot and reads all others; nobody waits for anybody, so a worker that hangs or dies holds
nobody up, and what it counted stays. The process that made the workers writes how many live and how many died.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import final

SLOT = 512 << 10  # bytes a worker: figures of some 350 pairs of route and status take 70 KiB; untouched pages cost none
_ALIVE = struct.Struct("<QQ")  # workers that live, workers that died
_TAKEN = struct.Struct("<Q")  # connections a worker has, or `_CLOSED`
_CLOSED = 2**64 - 1
_HEAD = struct.Struct("<QII")  # reloads asked for; length and CRC-32 of the figures
_TRIES = 100


@final
class Board:
    """Shared memory of ``n_workers`` slots; make it before the workers are forked.

    A slot has one writer. A reader that comes while it writes sees by the checksum that it must read again.
    """

    def __init__(self, n_workers: int = 1) -> None:
        self.n_workers = n_workers
        self._slots = _ALIVE.size + n_workers * _TAKEN.size
        self._memory = mmap.mmap(-1, self._slots + n_workers * SLOT)
        self.count(n_workers, 0)
        for worker in range(n_workers):
            self.take(worker, None)

    def count(self, alive: int, died: int) -> None:
        """Write how many workers live, and how many died since the start; for the process that made them."""
        _ALIVE.pack_into(self._memory, 0, alive, died)

    @property
    def alive(self) -> int:
        return int(_ALIVE.unpack_from(self._memory, 0)[0])

    @property
    def died(self) -> int:
        return int(_ALIVE.unpack_from(self._memory, 0)[1])

    def take(self, worker: int, n_connections: int | None) -> None:
        """Write how many connections ``worker`` has; None: it takes no more."""
        _TAKEN.pack_into(self._memory, self._taken(worker), _CLOSED if n_connections is None else n_connections)

    def fewest(self, worker: int) -> int | None:
        """The fewest connections that one of the others has; None where no other takes any."""
        found = (
            int(_TAKEN.unpack_from(self._memory, self._taken(other))[0])
            for other in range(self.n_workers)
            if other != worker
        )
        return min((taken for taken in found if taken != _CLOSED), default=None)

    def write(self, worker: int, figures: bytes) -> None:
        """Show the figures of ``worker``; such as do not fit are not shown, and the ones before stay."""
        start = self._start(worker)
        if len(figures) > SLOT - _HEAD.size:
            return
        asked = _HEAD.unpack_from(self._memory, start)[0]
        first = start + _HEAD.size
        self._memory[first : first + len(figures)] = figures
        _HEAD.pack_into(self._memory, start, asked, len(figures), zlib.crc32(figures))

    def read(self, worker: int) -> bytes:
        """The figures that ``worker``, or the one that had its slot before, showed last; empty before the first."""
        start = self._start(worker)
        for _ in range(_TRIES):
            _, length, checksum = _HEAD.unpack_from(self._memory, start)
            first = start + _HEAD.size
            figures = self._memory[first : first + min(length, SLOT)]
            if zlib.crc32(figures) == checksum:
                return figures
        return b""  # it died while it wrote

    def ask_reload(self, worker: int) -> None:
        """Have every worker look at keys and pointers, as ``worker`` was asked to."""
        start = self._start(worker)
        asked, length, checksum = _HEAD.unpack_from(self._memory, start)
        _HEAD.pack_into(self._memory, start, asked + 1, length, checksum)

    def reloads(self) -> int:
        """How often that was asked, of all workers together."""
        return sum(_HEAD.unpack_from(self._memory, self._start(worker))[0] for worker in range(self.n_workers))

    def _taken(self, worker: int) -> int:
        return _ALIVE.size + worker * _TAKEN.size

    def _start(self, worker: int) -> int:
        return self._slots + worker * SLOT
