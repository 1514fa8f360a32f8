"""Estimated Jaccard distances of sets as dissimilarities, from their sketches."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np

from clustering.medoids.dissimilarities import EVERY, Chosen, Dissimilarities, Rows, numbers, room
from clustering.minhash import estimate_jaccard
from clustering.sets import frozen
from clustering.sketches.sketch import Sketches
from foundation.threads import even_ranges

_BLOCK_BYTES: Final = 1 << 20  # signatures that every candidate meets while they are in cache


@final
class SketchDissimilarities(Dissimilarities):
    """1 - estimated similarity of sketches; a set without elements is at 1 from every set, itself included."""

    def __init__(self, sketches: Sketches) -> None:
        self._signatures = frozen(sketches.signatures)

    def __len__(self) -> int:
        return len(self._signatures)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def rows(self, candidates: Chosen, objects: Chosen = EVERY) -> Rows:
        asked, others = self._signatures[candidates], numbers(objects, len(self))
        out = room(len(asked), others.size)
        for start, stop in even_ranges(others.size, max(1, _BLOCK_BYTES // (4 * self._signatures.shape[1]))):
            out[:, start:stop] = 1 - estimate_jaccard(asked, self._signatures[others[start:stop]])
        return frozen(out)
