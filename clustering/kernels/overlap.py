"""Exact overlaps of one set with all others, through lists of who has an element.

Layout   owners of element e are ``owners[starts[e]:starts[e + 1]]``, each once; ``common`` int64 (n_sets,), zeros.
Threads  ``common`` and ``met`` belong to one thread.
Limits   the caller sets ``common[met[:n]]`` back to 0.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from clustering.kernels.search import count_common


@numba.njit(nogil=True, cache=True)
def overlaps(
    members: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    owners: npt.NDArray[np.int32],
    common: npt.NDArray[np.int64],
    met: npt.NDArray[np.int32],
) -> int:
    """``common[s]`` becomes how many of ``members`` set s has, for the sets ``met[:n]``; return n."""
    n = 0
    for i in range(members.size):
        for at in range(starts[members[i]], starts[members[i] + 1]):
            owner = owners[at]
            if common[owner] == 0:
                met[n] = owner
                n += 1
            common[owner] += 1
    return n


@numba.njit(nogil=True, cache=True)
def count_shared(
    members: npt.NDArray[Any],
    sets: npt.NDArray[np.int64],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    out: npt.NDArray[np.int64],
) -> None:
    """``out[i]`` becomes how many of the ascending ``members`` the CSR row ``sets[i]``, ascending too, has."""
    for i in range(sets.size):
        row = sets[i]
        out[i] = count_common(members, 0, members.size, indices, indptr[row], indptr[row + 1])
