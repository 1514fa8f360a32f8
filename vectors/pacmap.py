"""Vectors in a plane whose groups are theirs: PaCMAP.

Source: Wang, Huang, Rudin, Shaposhnik, Understanding How Dimension Reduction Tools Work, JMLR 22(201), 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from foundation.errors import InvalidParams
from foundation.seeds import key
from foundation.threads import Crew, even_ranges
from vectors.ann.exact import exact_top_k
from vectors.kernels.pacmap import add_forces, draw_far, draw_mid_near
from vectors.pacmap_neighbours import Nearest, nearest_rows
from vectors.plane import principal_plane

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]

# All of these as in the paper: section 5 and its appendix on the optimiser.
SPARE: Final = 50  # nearest rows beyond those wanted, among which scaled distances choose
PHASES: Final = (100, 100, 250)  # steps
START: Final = 0.01  # of the two principal components
RATE, DECAY, SQUARE_DECAY, TINY = 1.0, 0.9, 0.999, 1e-7  # Adam
SOFT_NEAR, SOFT_MID, SOFT_FAR = 10.0, 10_000.0, 1.0
_ROWS = 4096  # a range of one thread


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PaCMAPParams:
    """Pairs of each row: neighbours, and in proportion to them pairs of middling distance and pairs far apart."""

    n_neighbors: int = 10
    mid_near_ratio: float = 0.5
    far_ratio: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.n_neighbors <= 200:
            raise InvalidParams(name="n_neighbors", value=self.n_neighbors, allowed="1 to 200")
        for name in ("mid_near_ratio", "far_ratio"):
            if not 0 <= getattr(self, name) <= 20:
                raise InvalidParams(name=name, value=getattr(self, name), allowed="0 to 20")


def pacmap(vectors: Float32s, params: PaCMAPParams, n_threads: int = 1) -> Float32s:
    """Place the directions of ``vectors`` (float32 (n, dim), finite) in the plane.

    Near means near by cosine: rows are divided by their lengths first, a zero row stays zero. Groups, and to a degree
    how they lie to each other, are kept; distances are not. Bytes do not depend on ``n_threads``.

    Returns
    -------
    float32, shape (n, 2)
        A single row is at (0, 0).
    """
    units = directions(vectors)
    return place(units, nearest(units, 0, len(units), params, n_threads), params, n_threads)


def directions(vectors: Float32s) -> Float32s:
    """Every row divided by its length; a zero row stays zero."""
    units = np.array(vectors, dtype=np.float32, order="C")
    for start, stop in even_ranges(len(units), _ROWS):
        lengths = np.sqrt(np.einsum("ij,ij->i", units[start:stop], units[start:stop], dtype=np.float64))
        lengths[lengths == 0] = 1.0
        units[start:stop] = vectors[start:stop] / lengths[:, np.newaxis]
    return units


def nearest(units: Float32s, start: int, stop: int, params: PaCMAPParams, n_threads: int = 1) -> Nearest:
    """Candidates of rows [start, stop) among all, as `vectors.pacmap_neighbours` finds them."""
    return nearest_rows(units, start, stop, params.n_neighbors + SPARE, n_threads)


def place(units: Float32s, found: Nearest, params: PaCMAPParams, n_threads: int = 1) -> Float32s:
    """The points, from the candidates of all rows."""
    n = len(units)
    if n < 2:
        return np.zeros((n, 2), dtype=np.float32)
    ranges = even_ranges(n, _ROWS)
    near = _near(found, params.n_neighbors)
    mid = np.empty((n, round(params.mid_near_ratio * params.n_neighbors)), dtype=np.int32)
    far = np.empty((n, min(round(params.far_ratio * params.n_neighbors), n - 1 - near.shape[1])), dtype=np.int32)
    with threadpool_limits(1):  # sums of several threads would round by their number
        points = principal_plane(units).points.astype(np.float64) * START
    with Crew(min(n_threads, len(ranges))) as crew:

        def run(kernel: Callable[..., None], *arrays: object) -> None:
            crew.run(lambda start, stop: kernel(start, stop, *arrays), ranges)

        mid_key, far_key = (np.uint64(key(params.seed, f"pacmap.{pairs}")) for pairs in ("mid", "far"))
        run(draw_mid_near, units, mid_key, mid)
        run(draw_far, near, far_key, far)
        kinds = [(_partners(near), SOFT_NEAR), (_partners(mid), SOFT_MID), (_partners(far), SOFT_FAR)]
        mean, square = np.zeros_like(points), np.zeros_like(points)
        for step in range(1, sum(PHASES) + 1):
            gradient = np.zeros_like(points)
            for ((starts, partners), softness), weight in zip(kinds, _weights(step), strict=True):
                if weight:  # d of s/(softness + d) is softness/(softness + d)², of 1/(1 + d) it is -1/(1 + d)²
                    strength = 2.0 * weight * softness
                    run(add_forces, points, starts, partners, strength, softness, gradient)
            mean = DECAY * mean + (1 - DECAY) * gradient
            square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * gradient**2
            rate = RATE * math.sqrt(1 - SQUARE_DECAY**step) / (1 - DECAY**step)
            points -= rate * mean / (np.sqrt(square) + TINY)
    return points.astype(np.float32)


def neighbours_kept(points: Float32s, units: Float32s, k: int = 10, most: int = 1000) -> float:
    """Share of the k nearest rows of ``units`` that are among the k nearest points, over ``most`` rows at even steps.

    Both are found exactly.
    """
    n = len(points)
    k = min(k, n - 1)
    if k < 1:
        return 1.0
    rows = np.arange(min(n, most), dtype=np.int64) * n // min(n, most)
    true, _ = exact_top_k(units, units[rows], k, metric="l2", exclude=rows)
    there, _ = exact_top_k(points, points[rows], k, metric="l2", exclude=rows)
    return float((there[:, :, np.newaxis] == true[:, np.newaxis, :]).any(axis=1).mean())


def _near(found: Nearest, n_neighbors: int) -> Int32s:
    """Those with the smallest d² / (σ_i σ_j), where σ is the mean distance of the 4th to the 6th nearest."""
    wanted = min(n_neighbors, found.rows.shape[1])
    around = found.distances[:, 3:6] if found.distances.shape[1] > 3 else found.distances
    sigma = np.maximum(around.mean(axis=1, dtype=np.float64), 1e-10)
    scaled = found.distances.astype(np.float64) ** 2 / (sigma[:, np.newaxis] * sigma[found.rows])
    order = np.argsort(scaled, axis=1, kind="stable")[:, :wanted]
    return np.ascontiguousarray(np.take_along_axis(found.rows, order, axis=1))


def _partners(pairs: Int32s) -> tuple[npt.NDArray[np.int64], Int32s]:
    """Both ends of all pairs, by row: a pair pulls either way."""
    n, each = pairs.shape
    ends = np.concatenate([np.repeat(np.arange(n, dtype=np.int32), each), pairs.ravel()])
    others = np.concatenate([ends[n * each :], ends[: n * each]])
    starts = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=n), out=starts[1:])
    return starts, others[np.argsort(ends, kind="stable")]


def _weights(step: int) -> tuple[float, float, float]:
    """Of near, middling and far pairs at a step: the first phase places groups, the last one what is in them."""
    first, second, _ = PHASES
    if step <= first:
        done = (step - 1) / first
        return 2.0, 1000.0 * (1 - done) + 3.0 * done, -1.0
    return (3.0, 3.0, -1.0) if step <= first + second else (1.0, 0.0, -1.0)
