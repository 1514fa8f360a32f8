"""A batch of edges as columns, and what their types weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.readers.params import EVERY_OTHER_TYPE, ReadParams

Ends = pl.Series | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some edges of a source, in its order.

    Attributes
    ----------
    src, dst : ids, both int64 or both String
    weights : float32, or None when every edge weighs 1
    n_lines : lines of data read for it, rejected and dropped ones included
    n_dropped : lines whose type weighs 0
    types : lines by type, dropped ones included
    lines : line of the file of every edge, from 1; None where nobody asked
    """

    src: Ends
    dst: Ends
    weights: npt.NDArray[np.float32] | None
    n_lines: int
    n_dropped: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    lines: npt.NDArray[np.int64] | None = None


def type_factor(params: ReadParams, name: str) -> float | None:
    """What a type weighs; None where the table has no answer."""
    table = dict(params.type_weights or ((EVERY_OTHER_TYPE, 1.0),))
    return table.get(name, table.get(EVERY_OTHER_TYPE))


def make_batch(
    frame: pl.DataFrame, params: ReadParams, n_lines: int, lines: npt.NDArray[np.int64] | None = None
) -> Batch:
    """Apply the types to sound columns ``src``, ``dst`` and, where the source has them, ``weight`` and ``type``.

    A type without a weight is kept and counted: only the end of the file tells how many there are. A weight beyond
    float32 comes out infinite.
    """
    weights: npt.NDArray[Any] | None = frame["weight"].to_numpy() if "weight" in frame.columns else None
    types: dict[str, int] = {}
    n_dropped = 0
    if "type" in frame.columns:
        types = dict(frame["type"].value_counts().sort("type").iter_rows())
        factors = {name: type_factor(params, name) for name in types}
        if params.type_weights is not None:
            filled = [1.0 if factor is None else factor for factor in factors.values()]
            factor = np.empty(0) if frame.is_empty() else _replaced(frame["type"], list(factors), filled)
            weights = factor if weights is None else weights * factor
            kept = factor != 0
            n_dropped = int(kept.size - np.count_nonzero(kept))
            if n_dropped:
                frame, weights = frame.filter(pl.Series(kept)), weights[kept]
                lines = None if lines is None else lines[kept]
    with np.errstate(over="ignore", under="ignore"):
        rounded = None if weights is None else weights.astype(np.float32)
    return Batch(
        src=frame["src"],
        dst=frame["dst"],
        weights=rounded,
        n_lines=n_lines,
        n_dropped=n_dropped,
        types=types,
        lines=lines,
    )


def _replaced(types: pl.Series, names: list[str], factors: list[float]) -> npt.NDArray[np.float64]:
    return types.replace_strict(names, factors, return_dtype=pl.Float64).to_numpy()
