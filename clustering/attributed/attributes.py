"""What is known of nodes, as a matrix of nodes by attribute values.

Every column becomes a vertex of the augmented graph. Binary attributes (words of a text, tags) are such a matrix
already; categories and numbers become one here. Matrices can be put side by side (``scipy.sparse.hstack``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from foundation.errors import InvalidInput, InvalidParams


def categories(values: Sequence[Any] | npt.NDArray[Any]) -> scipy.sparse.csr_array:
    """One column per distinct value, in ascending order; a node without one has None and an empty row.

    Raises
    ------
    InvalidInput
        On values that cannot be ordered, NaN among them.
    """
    given = list(values)
    known = [(node, value) for node, value in enumerate(given) if value is not None]
    if any(value != value for _, value in known):
        raise _invalid("a category is NaN", "use None for nodes without one")
    try:
        column = {value: i for i, value in enumerate(sorted({value for _, value in known}))}
    except TypeError as error:
        raise _invalid(f"categories cannot be ordered ({error})", "use values of one type") from None
    rows, columns = [node for node, _ in known], [column[value] for _, value in known]
    return scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(given), len(column)))


def bins(values: npt.NDArray[np.floating], n_bins: int = 8) -> scipy.sparse.csr_array:
    """One column per bin of (almost) equally many nodes; equal numbers share a bin, so there may be fewer.

    Parameters
    ----------
    values : float, shape (n_nodes,), finite
    """
    numbers = np.asarray(values)
    if n_bins < 1:
        raise InvalidParams(name="n_bins", value=n_bins, allowed="1 or more")
    if numbers.ndim != 1 or numbers.dtype.kind not in "fiu":
        raise _invalid(f"{numbers.dtype} of shape {numbers.shape}", "pass one number per node")
    if (bad := np.flatnonzero(~np.isfinite(numbers))).size:
        raise _invalid(f"the number of node {bad[0]} is {numbers[bad[0]]}", "leave such nodes out, or fill them in")
    if not numbers.size:
        return scipy.sparse.csr_array((0, 0))
    ranked = np.sort(numbers)
    edges = np.unique(ranked[(np.arange(1, n_bins) * numbers.size) // n_bins])
    return categories(np.searchsorted(edges, numbers, side="right").tolist())


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="attributes", what=what, fix=fix)
