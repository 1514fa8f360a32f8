"""Links of a set of nodes, counted by where they lead.

Layout   CSR rows: ``indptr`` int64, ``indices`` int32 or int64; ``inside`` is a zeroed bit per node, uint64.
Threads  single-threaded; no shared state.
Limits   rows without repeated links.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

_SIX, _LOW, _ONE = np.int64(6), np.int64(63), np.uint64(1)


@numba.njit(nogil=True, cache=True)
def count_links(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    members: npt.NDArray[np.int64],
    inside: npt.NDArray[np.uint64],
) -> tuple[int, int, int]:
    """Links of the distinct ``members``: all of them, those to members, and those to themselves."""
    volume = within = loops = 0
    for member in members:
        inside[member >> _SIX] |= _ONE << np.uint64(member & _LOW)
    for member in members:
        volume += indptr[member + 1] - indptr[member]
        for at in range(indptr[member], indptr[member + 1]):
            other = np.int64(indices[at])
            within += int((inside[other >> _SIX] >> np.uint64(other & _LOW)) & _ONE)
            loops += int(other == member)
    return volume, within, loops
