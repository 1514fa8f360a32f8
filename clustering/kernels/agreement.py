"""Expected mutual information of two random partitions of given sizes.

Layout   ``first`` and ``second`` int64: the different sizes; ``n_first``, ``n_second``: how many communities have them.
Threads  single-threaded; sums run in the order given.
Limits   exact up to rounding: the terms left out are smaller than `_NEGLIGIBLE` of the largest one.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

_NEGLIGIBLE = 1e-18


@numba.njit(nogil=True, cache=True)
def expected_information(
    first: npt.NDArray[np.int64],
    n_first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    n_second: npt.NDArray[np.int64],
) -> float:
    """Mean mutual information, in nats, of partitions drawn at random among all of these sizes.

    Two communities of sizes a and b share a hypergeometric number of nodes. Its chances are walked from the likeliest
    value to both sides by their ratios, so that neither factorials nor underflow limit the size.
    """
    n = 0
    for i in range(first.size):
        n += first[i] * n_first[i]
    information = 0.0
    for i in range(first.size):
        for j in range(second.size):
            a, b = first[i], second[j]
            lowest, highest = max(a + b - n, 0), min(a, b)
            mode = ((a + 1) * (b + 1)) // (n + 2)
            mode = min(max(mode, lowest), highest)
            scale = n / (a * b)
            mass, weighted = 1.0, 0.0
            if mode > 0:
                weighted = mode * math.log(mode * scale)
            chance, shared = 1.0, mode
            while shared < highest and chance > _NEGLIGIBLE:
                chance *= (a - shared) * (b - shared) / ((shared + 1.0) * (n - a - b + shared + 1))
                shared += 1
                mass += chance
                weighted += chance * shared * math.log(shared * scale)
            chance, shared = 1.0, mode
            while shared > lowest and chance > _NEGLIGIBLE:
                chance *= shared * (n - a - b + float(shared)) / ((a - shared + 1.0) * (b - shared + 1.0))
                shared -= 1
                mass += chance
                if shared > 0:
                    weighted += chance * shared * math.log(shared * scale)
            information += n_first[i] * n_second[j] * (weighted / mass) / n
    return information
