"""Some lines of a text as a small graph over their own ids, and counts of what was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.ids import Ids, ids_from_arrays
from graph.assembly import NO_WEIGHTS
from graph.kernels.rows import count_ends, place_ends
from graph.readers.lines import N_EXAMPLES, NotIntegersError
from graph.readers.numbering import IntegerNumbering, StringNumbering
from graph.readers.pieces import Text

Arrays = Mapping[str, npt.NDArray[Any]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was found in the lines of a chunk; plain values, so that it can be written as JSON.

    Attributes
    ----------
    n_text_lines : lines of any kind
    n_lines : lines of data, rejected ones and those of dropped types among them
    n_dropped : lines whose type weighs 0
    n_zero_weight, n_self_loops : edges that weigh 0, and of the others those from a node to itself
    rejected : number in the chunk, from 0, of the first lines rejected, each with what is wrong
    types : lines by type
    integers : whether ids were read as integers
    """

    n_text_lines: int = 0
    n_lines: int = 0
    n_rejected: int = 0
    n_dropped: int = 0
    n_zero_weight: int = 0
    n_self_loops: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    integers: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Arcs of some lines, by the node they are stored at.

    Attributes
    ----------
    ids : the sorted ids of all edges that count, n of them, those of dropped loops and weightless edges too
    indptr : int64, shape (n + 1,)
    indices : int32, positions in ``ids``; in the order of the lines, not sorted
    weights : float32, or None when all are 1
    """

    ids: Ids
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32] | None

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        weights = {} if self.weights is None else {"weights": self.weights}
        return {**self.ids.arrays(), "indptr": self.indptr, "indices": self.indices, **weights}

    @classmethod
    def of(cls, arrays: Arrays) -> Chunk:
        """The inverse of `arrays`."""
        ids, weights = ids_from_arrays(arrays), arrays.get("weights")
        return cls(ids=ids, indptr=arrays["indptr"], indices=arrays["indices"], weights=weights)


def make_chunk(text: Text, lines: bytes, integers: bool) -> tuple[Chunk, Counts]:
    """The graph of some lines.

    Arcs that weigh nothing, and loops where they are dropped, are left out; of an undirected graph every arc is stored
    at both of its ends. Ids that are no integers after all are read as strings.
    """
    try:
        piece = text.parse(lines, integers)
    except NotIntegersError:
        integers = False
        piece = text.parse(lines, integers)
    numbering: IntegerNumbering | StringNumbering = IntegerNumbering() if integers else StringNumbering()
    types: dict[str, int] = {}
    for batch in piece.batches:
        numbering.add(batch)
        for name, n in batch.types.items():
            types[name] = types.get(name, 0) + n
    parts = [batch.weights for batch in piece.batches if batch.weights is not None]
    weights = np.concatenate(parts) if parts else None
    n_lines, n_dropped = (sum(getattr(batch, name) for batch in piece.batches) for name in ("n_lines", "n_dropped"))
    piece.batches.clear()
    ids, src, dst = numbering.finish()
    weights = None if weights is None or np.all(weights == 1) else weights
    n_zero, n_loops = 0, 0
    if weights is not None and (n_zero := int(weights.size - np.count_nonzero(weights))):
        alive = weights != 0
        src, dst, weights = src[alive], dst[alive], weights[alive]
    loop = src == dst
    if (n_loops := int(np.count_nonzero(loop))) and text.params.self_loops == "drop":
        src, dst, weights = src[~loop], dst[~loop], None if weights is None else weights[~loop]
    counts = Counts(
        n_text_lines=piece.n_lines,
        n_lines=n_lines,
        n_rejected=len(piece.rejected),
        n_dropped=n_dropped,
        n_zero_weight=n_zero,
        n_self_loops=n_loops,
        rejected=[(line, error.what) for line, error in piece.rejected[:N_EXAMPLES]],
        types=types,
        integers=integers,
    )
    return _placed(ids, src, dst, weights, both=not text.params.directed), counts


def _placed(
    ids: Ids, src: npt.NDArray[Any], dst: npt.NDArray[Any], weights: npt.NDArray[np.float32] | None, *, both: bool
) -> Chunk:
    indptr = np.zeros(len(ids) + 1, dtype=np.int64)
    count_ends(src, dst, both, indptr)
    given = NO_WEIGHTS if weights is None else weights
    indices = np.empty(int(indptr[-1]), dtype=np.int32)
    placed = np.empty(indices.size if weights is not None else 0, dtype=np.float32)
    place_ends(src, dst, given, both, indptr[:-1].copy(), indices, placed)
    return Chunk(ids=ids, indptr=indptr, indices=indices, weights=None if weights is None else placed)
