"""Where a search for medoids stands: the medoids, and the two nearest of every object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from clustering.kernels.medoids import assign, best_swap, descend, first_gain, swap, weigh
from clustering.medoids.dissimilarities import Dissimilarities, Int64s, Rows
from foundation.threads import even_ranges, run_ranges


@final
@dataclass(slots=True, eq=False, kw_only=True)
class State:
    """Changed in place by swaps; the arrays are those of `clustering.kernels.medoids`, for two medoids or more.

    Takes k rows of the dissimilarities and 16 to 24 bytes an object.
    """

    medoids: Int64s
    is_medoid: npt.NDArray[np.bool_]
    medoid_rows: Rows
    near: npt.NDArray[np.int32]
    next_near: npt.NDArray[np.int32]
    least: Rows
    second: Rows
    removal: npt.NDArray[np.float64]
    rounding: float

    def visit(self, rows: Rows, candidates: Int64s, since: int, patience: int, n_threads: int = 1) -> tuple[int, int]:
        """Swap in every candidate that gains, in turn, until ``patience`` in a row did not.

        ``since`` of those came before. With threads, candidates that follow one without a gain are first judged side
        by side up to the first that gains: the same swaps in the same order. Returns the new ``since``, and how many
        swaps there were.
        """
        at = 0
        if n_threads > 1 and since > 0:
            at = self._first_gain(rows, candidates, n_threads)
            since = min(patience, since + int(np.count_nonzero(~self.is_medoid[candidates[:at]])))
        self.rounding, since, n_swaps = descend(
            rows[at:], candidates[at:], self.is_medoid, self.medoids, self.medoid_rows, self.near, self.next_near,
            self.least, self.second, self.removal, self.rounding, since, patience,
        )  # fmt: skip
        return since, n_swaps

    def best(self, rows: Rows, candidates: Int64s) -> tuple[float, int, int]:
        """The swap that gains most among the candidates: change of the loss, candidate (-1 for none), slot."""
        share = np.empty_like(self.removal)
        change, position, slot = best_swap(
            rows, candidates, self.is_medoid, self.near, self.least, self.second, self.removal, share
        )
        return change, int(candidates[position]) if position >= 0 else -1, slot

    def swap(self, slot: int, candidate: int, row: Rows) -> None:
        """Put a candidate into a slot."""
        swap(
            slot, candidate, row, self.is_medoid, self.medoids, self.medoid_rows,
            self.near, self.next_near, self.least, self.second,
        )  # fmt: skip
        self.rounding = weigh(self.near, self.least, self.second, self.removal)

    def _first_gain(self, rows: Rows, candidates: Int64s, n_threads: int) -> int:
        ranges = even_ranges(candidates.size, -(-candidates.size // n_threads))
        found = dict.fromkeys(ranges, candidates.size)

        def work(start: int, stop: int) -> None:
            at = start + first_gain(
                rows[start:stop], candidates[start:stop], self.is_medoid, self.near, self.least, self.second,
                self.removal, self.rounding, np.empty_like(self.removal),
            )  # fmt: skip
            if at < stop:
                found[start, stop] = at

        run_ranges(work, ranges, n_threads)
        return min(found.values(), default=0)


def begin(dissimilarities: Dissimilarities, medoids: Int64s) -> State:
    """The state of some medoids, two or more, all different."""
    n, k, dtype = len(dissimilarities), medoids.size, dissimilarities.dtype
    is_medoid = np.zeros(n, dtype=bool)
    is_medoid[medoids] = True
    medoid_rows = np.array(dissimilarities.rows(medoids))
    near, next_near = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    least, second, removal = np.empty(n, dtype=dtype), np.empty(n, dtype=dtype), np.empty(k, dtype=np.float64)
    assign(medoid_rows, near, next_near, least, second)
    return State(
        medoids=medoids.copy(),
        is_medoid=is_medoid,
        medoid_rows=medoid_rows,
        near=near,
        next_near=next_near,
        least=least,
        second=second,
        removal=removal,
        rounding=weigh(near, least, second, removal),
    )
