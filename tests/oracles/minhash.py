"""Minhash, bucket tables and the ranking procedures, transcribed with Python numbers and dense matrices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import scipy.linalg

from foundation.seeds import key, stream

WORD = 2**32


def signature(elements: Iterable[int], num_perm: int, seed: int) -> list[int]:
    """Smallest hash per slot, or 2**32 - 1 in all of them for no elements."""
    salt = key(seed, "minhash.mix") % WORD
    words = [int(word) for word in stream(seed, "minhash.family").bit_generator.random_raw(num_perm)]
    mixed = [_mix(element, salt) for element in elements]
    if not mixed:
        return [WORD - 1] * num_perm
    return [min(WORD - 2, *(((word >> 32 | 1) * x + word) % WORD for x in mixed)) for word in words]


def _mix(element: int, salt: int) -> int:
    x = element % WORD ^ (element >> 32) * 0x9E3779B1 % WORD ^ salt
    x = (x ^ x >> 16) * 0x85EBCA6B % WORD
    x = (x ^ x >> 13) * 0xC2B2AE35 % WORD
    return x ^ x >> 16


def jaccard(first: Iterable[int], second: Iterable[int]) -> float:
    """Of two sets; 0 when both are empty."""
    left, right = set(first), set(second)
    return len(left & right) / len(left | right) if left or right else 0.0


def meet(first: Sequence[int], second: Sequence[int], n_bands: int, n_rows: int) -> bool:
    """Whether two signatures agree in all slots of some band."""
    bands = [slice(band * n_rows, (band + 1) * n_rows) for band in range(n_bands)]
    return any(list(first[band]) == list(second[band]) for band in bands)


def page_rank(similarity: npt.NDArray[np.float64], seeds: Sequence[int]) -> npt.NDArray[np.float64]:
    """Three damped steps from all ones, the missing mass returned to the seeds after each."""
    n = len(similarity)
    rank = [1.0] * n
    column = [sum(similarity[i][j] for i in range(n)) for j in range(n)]
    for _ in range(3):
        rank = [sum(0.9 * similarity[i][j] / column[j] * rank[j] for j in range(n)) for i in range(n)]
        missing = n - sum(rank)
        for seed in seeds:
            rank[seed] += missing / len(seeds)
    return np.array(rank)


def restarted_rank(weights: npt.NDArray[np.float64], seeds: Sequence[int], restart: float) -> npt.NDArray[np.float64]:
    """Personalised PageRank by one linear system, over the root of a node's summed weights."""
    n, strengths = len(weights), weights.sum(axis=0)
    start = np.zeros(n)
    start[list(seeds)] = 1 / len(seeds)
    rank = np.linalg.solve(np.eye(n) - (1 - restart) * weights / strengths, restart * start)
    return np.asarray(rank / np.sqrt(strengths))


def heat_per_link(adjacency: npt.NDArray[np.float64], seeds: Sequence[int], time: float) -> npt.NDArray[np.float64]:
    """exp(-time (1 - A D^-1)) applied to the uniform vector on the seeds, over the degrees."""
    degree = np.maximum(adjacency.sum(axis=0), 1)
    start = np.zeros(len(adjacency))
    start[list(seeds)] = 1 / len(seeds)
    walk = adjacency / degree
    return np.asarray(scipy.linalg.expm(time * (walk - np.eye(len(adjacency)))) @ start / degree)
