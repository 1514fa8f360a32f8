"""Candidates for FastRP's iteration weights: spread evenly at first, then ever nearer to the best one found.

Only the ratios of the weights matter to classifiers of scaled columns and to cosines, and good ones span decades (the
authors search the last one in [1, 64]), so all steps are multiplications. Source of the even spread: Roberts, *The
Unreasonable Effectiveness of Quasirandom Sequences*, 2018: multiples of the powers of a generalised golden ratio.
"""

from __future__ import annotations

import numpy as np

from foundation.seeds import stream

Weights = tuple[float, ...]

LOWEST, HIGHEST = -3.0, 6.0  # powers of 2
ZERO = 0.3  # chance that a hop before the last counts nothing
CHANGE = 0.15  # chance that a step drops a hop or takes one up


def spread_weights(n: int, max_hops: int, seed: int) -> list[Weights]:
    """``n`` candidates of 2 to ``max_hops`` hops (1 where that is all), spread evenly; the last hop is never 0."""
    steps = _golden(max_hops + 1) ** -np.arange(1.0, max_hops + 2)
    start = stream(seed, "weight_search.spread").random(max_hops + 1)
    points = (start + np.outer(np.arange(1, n + 1), steps)) % 1.0
    candidates = []
    for point in points:
        least = min(2, max_hops)
        n_hops = least + int(point[0] * (max_hops - least + 1))
        shares = point[1 : n_hops + 1]
        weights = [0.0 if share < ZERO else _weight((share - ZERO) / (1 - ZERO)) for share in shares[:-1]]
        candidates.append((*weights, _weight(shares[-1])))
    return candidates


def near_weights(best: Weights, n: int, max_hops: int, width: float, seed: int, round_: int) -> list[Weights]:
    """``n`` candidates around ``best``: every weight times 2**(``width`` · Gaussian), now and then a hop more or less."""
    draw = stream(seed, "weight_search.near", round_)
    padded = np.array([*best, *[0.0] * (max_hops - len(best))])
    counted = np.abs(padded[padded != 0])
    usual = float(np.exp(np.mean(np.log(counted)))) if counted.size else 1.0
    candidates = []
    for _ in range(n):
        factors = 2.0 ** (width * draw.standard_normal(max_hops))
        changes = draw.random(max_hops) < CHANGE
        weights = np.where(changes, np.where(padded == 0, usual, 0.0), padded) * factors
        candidates.append(tuple(weights.tolist()) if weights.any() else best)
    return candidates


def tidy_weights(weights: Weights, rescale: bool) -> Weights:
    """Three digits each, no zeros at the end, and with ``rescale`` the least one (of those that are not 0) 1."""
    least = min((abs(weight) for weight in weights if weight), default=1.0) if rescale else 1.0
    tidy = [float(f"{weight / least:.3g}") for weight in weights]
    while len(tidy) > 1 and tidy[-1] == 0:
        tidy.pop()
    return tuple(tidy)


def _weight(share: float) -> float:
    return float(2 ** (LOWEST + (HIGHEST - LOWEST) * share))


def _golden(n: int) -> float:
    """The root above 1 of x**(n + 1) = x + 1."""
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (n + 1))
    return root
