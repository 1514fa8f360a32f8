"""Candidates for FastRP's iteration weights: spread evenly at first, then ever nearer to the best one found.

Only the ratios of the weights matter to classifiers of scaled columns and to cosines, and good ones span decades
(FastRP's authors search the last one in [1, 64]), so all steps are multiplications. Source of the even spread: Roberts,
*The Unreasonable Effectiveness of Quasirandom Sequences*, 2018: multiples of a generalised golden ratio's powers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.seeds import stream

Weights = tuple[float, ...]

FLATTEST, STEEPEST = -1.0, 4.0  # weight of a hop over that of the hop before, as powers of 2
CHANGE = 0.15  # chance that a step drops a hop or takes one up


def spread_weights(n: int, max_hops: int, seed: int) -> list[Weights]:
    """``n`` candidates, spread evenly: runs of hops within 1 … ``max_hops``, each with its own share of the one before.

    Rows grow alike from hop to hop: at a far one little tells them apart, and it takes a large weight to count.
    """
    steps = _golden(max_hops + 1) ** -np.arange(1.0, max_hops + 2)
    start = stream(seed, "weight_search.spread").random(max_hops + 1)
    points = (start + np.outer(np.arange(1, n + 1), steps)) % 1.0
    candidates = []
    for first_share, last_share, *shares in points:
        first = int(first_share * (max_hops + 1) / 2)  # in the nearer half
        last = first + int(last_share * (max_hops - first))
        ratios = [2 ** (FLATTEST + (STEEPEST - FLATTEST) * share) for share in shares[: last - first]]
        candidates.append((*[0.0] * first, *np.cumprod([1.0, *ratios]).tolist()))
    return candidates


def middle_weights(best: Sequence[Weights], max_hops: int) -> Weights:
    """One candidate between several: the geometric mean of every hop's share, 0 where most of them have 0.

    Scores are noisy, so the middle of the best is a safer place to go on from than the very best.
    """
    rows = np.array([[*weights, *[0.0] * (max_hops - len(weights))] for weights in best])
    shares = np.abs(rows) / np.maximum(np.abs(rows).sum(axis=1, keepdims=True), 1e-300)
    counted = rows != 0
    logs = np.log(shares, out=np.zeros_like(shares), where=counted).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    signs = np.where(rows.sum(axis=0) < 0, -1.0, 1.0)
    kept = 2 * counted.sum(axis=0) >= len(rows)
    return tuple(np.where(kept, signs * np.exp(logs), 0.0).tolist()) if kept.any() else best[0]


def near_weights(best: Weights, n: int, max_hops: int, width: float, seed: int, round_: int) -> list[Weights]:
    """``n`` candidates around ``best``: every weight times 2**(``width`` · Gaussian), now and then a hop
    is dropped, or taken up with the weight of the nearest one that counts."""
    draw = stream(seed, "weight_search.near", round_)
    padded = np.array([*best, *[0.0] * (max_hops - len(best))])
    counted = np.flatnonzero(padded)
    nearest = [int(counted[np.argmin(np.abs(counted - hop))]) if counted.size else hop for hop in range(max_hops)]
    taken_up = np.abs(padded[nearest]) if counted.size else np.ones(max_hops)
    candidates = []
    for _ in range(n):
        factors = 2.0 ** (width * draw.standard_normal(max_hops))
        changes = draw.random(max_hops) < CHANGE
        weights = np.where(changes, np.where(padded == 0, taken_up, 0.0), padded) * factors
        candidates.append(tuple(weights.tolist()) if weights.any() else best)
    return candidates


def tidy_weights(weights: Weights, rescale: bool) -> Weights:
    """Three digits each, no zeros at the end, and with ``rescale`` the least one (of those that are not 0) 1."""
    least = min((abs(weight) for weight in weights if weight), default=1.0) if rescale else 1.0
    tidy = [float(f"{weight / least:.3g}") for weight in weights]
    while len(tidy) > 1 and tidy[-1] == 0:
        tidy.pop()
    return tuple(tidy)


def _golden(n: int) -> float:
    """The root above 1 of x**(n + 1) = x + 1."""
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (n + 1))
    return root
