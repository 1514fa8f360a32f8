"""Peak memory of a stretch of work: the process's resident anonymous memory, sampled by a thread of its own.

Anonymous memory is what the machine must really hold: mapped artifacts can be dropped and read again, and are left
out. It is the whole process's, interpreter and libraries included, which is what a memory limit counts as well.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import final

SECONDS = 0.05  # a sample takes some 20 µs
_STATM = "/proc/self/statm"


def resident_memory() -> int:
    """Bytes of anonymous memory this process holds now; 0 on a system that has no ``/proc``."""
    try:
        with open(_STATM, "rb") as file:
            fields = file.read().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


@final
class Peak:
    """The largest of all samples so far, of this process and of those that were told to `include`."""

    def __init__(self) -> None:
        self.n_bytes = resident_memory()
        self._lock = threading.Lock()

    def include(self, n_bytes: int) -> None:
        """Count what was found elsewhere, such as in a worker's process."""
        with self._lock:
            self.n_bytes = max(self.n_bytes, n_bytes)


@contextlib.contextmanager
def watched_memory() -> Iterator[Peak]:
    """Yield the peak of the work done inside, which grows while it runs; a spike between two samples is not seen."""
    peak, ended = Peak(), threading.Event()

    def sample() -> None:
        while not ended.wait(SECONDS):
            peak.include(resident_memory())

    sampler = threading.Thread(target=sample, name="peak memory", daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()
        peak.include(resident_memory())
