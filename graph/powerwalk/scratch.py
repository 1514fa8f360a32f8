"""Room for queries, kept between calls: fresh pages would cost more than a query does."""

from __future__ import annotations

from typing import final

import numpy as np

from graph.kernels.answer import Scratch
from graph.kernels.selection import BINS


@final
class ScratchPool:
    """Hands out `Scratch` to one thread at a time; 45 bytes per node and thread, 8 more for synchronous rounds."""

    def __init__(self, n_nodes: int, n_components: int) -> None:
        self._n_nodes = n_nodes
        self._n_components = n_components
        self._free: list[Scratch] = []

    def take(self) -> Scratch:
        """One nobody else has; give it back clean, or not at all."""
        try:
            return self._free.pop()  # a list's pop and append are safe between threads
        except IndexError:
            return new_scratch(self._n_nodes, self._n_components)

    def give(self, scratch: Scratch) -> None:
        """Take back what a kernel left clean."""
        self._free.append(scratch)


def new_scratch(n_nodes: int, n_components: int) -> Scratch:
    """Clean room for one thread."""
    return Scratch(
        state=np.zeros(2 * n_nodes),
        seen=np.zeros(n_nodes, dtype=np.bool_),
        touched=np.empty(n_nodes, dtype=np.int32),
        front=np.empty(n_nodes, dtype=np.int32),
        following=np.empty(n_nodes, dtype=np.int32),
        moving=np.empty(0),
        keys=np.empty(n_nodes, dtype=np.uint64),
        histogram=np.empty(BINS, dtype=np.int32),
        spread=np.zeros(n_components),
        rest=np.zeros(n_components),
    )
