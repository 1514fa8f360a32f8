"""Codec of the powers of FastRP: blocks of rows in narrow storage, as `graph.propagation.Rows` describes them.

``start_*`` are the nodes' own rows, in the order of the nodes; ``hop1_*``, ``hop2_*``, … the powers, in the order of
the places that `graph.propagation.Walk` gives the nodes of the graph. Each is ``values`` (n_rows, width) with
``scales`` and ``squares`` (n_rows, width / group); width is ``dim`` rounded up to whole groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from artifacts.arrays import Array
from artifacts.artifact import Artifact, ArtifactWriter
from foundation.threads import even_ranges

KIND = "powers"
VERSION = 1
READABLE = (1,)
ARRAYS = ("values", "scales", "squares")
ROWS = 65_536  # rows joined at a time

Block = tuple[Array, Array, Array]


@final
@dataclass(frozen=True, slots=True)
class KeptPowers:
    """Powers on disk, memory-mapped; hop 0 are the nodes' own rows."""

    artifact: Artifact
    n_nodes: int
    dim: int
    n_hops: int

    def block(self, hop: int) -> Block:
        """``values``, ``scales``, ``squares`` of whole rows."""
        values, scales, squares = (self.artifact.array(f"{_prefix(hop)}_{name}") for name in ARRAYS)
        return values, scales, squares

    def panel(self, hop: int, start: int, stop: int) -> Block:
        """The same of columns [start, stop) and the padding of their last group; ``start`` begins a group."""
        values, scales, squares = self.block(hop)
        group = values.shape[1] // max(1, scales.shape[1])
        first, last = start // group, -(-stop // group)
        return values[:, first * group : last * group], scales[:, first:last], squares[:, first:last]


def write_powers(writer: ArtifactWriter, hops: Sequence[Sequence[Block]], n_nodes: int, dim: int) -> dict[str, Any]:
    """Write the panels of hop 0, 1, … side by side; the counts to put in the manifest are returned."""
    for hop, panels in enumerate(hops):
        for name, arrays in zip(ARRAYS, zip(*panels, strict=True), strict=True):
            shape = (arrays[0].shape[0], sum(array.shape[1] for array in arrays))
            writer.pieces(f"{_prefix(hop)}_{name}", _joined(arrays), arrays[0].dtype, shape)
    return {"n_nodes": n_nodes, "dim": dim, "n_hops": len(hops) - 1}


def open_powers(path: Path) -> KeptPowers:
    """The powers at ``path``."""
    artifact = Artifact.open(path, KIND, READABLE)
    n_nodes, dim, n_hops = (int(artifact.manifest.stats[name]) for name in ("n_nodes", "dim", "n_hops"))
    return KeptPowers(artifact, n_nodes, dim, n_hops)


def _joined(arrays: Sequence[Array]) -> Iterator[Array]:
    for start, stop in even_ranges(arrays[0].shape[0], ROWS):
        yield np.concatenate([array[start:stop] for array in arrays], axis=1)


def _prefix(hop: int) -> str:
    return f"hop{hop}" if hop else "start"
