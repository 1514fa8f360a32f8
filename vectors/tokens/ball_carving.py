"""Fewer query tokens: those that point the same way become one, their sum.

Source: ball carving, Dhulipala et al., NeurIPS 2024, arXiv:2405.19504, section 3.2 and appendix C.3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from vectors.tokens.multivector import MultiVectors

Float32s = npt.NDArray[np.float32]


def carve_queries(queries: MultiVectors, threshold: float = 0.7) -> MultiVectors:
    """Group each query's tokens and add up every group; MaxSim of the sums costs as many times less.

    The first token that is left takes all that are left with a cosine of ``threshold`` or more to it, until none is
    left. The score is MaxSim's where the tokens of each group have the same best token in the document, and never more
    than it. A token of zeros is a group of its own.

    Raises
    ------
    InvalidParams
        When ``threshold`` is not in (0, 1].
    """
    if not 0.0 < threshold <= 1.0:
        raise InvalidParams(name="threshold", value=threshold, allowed="a cosine in (0, 1]")
    return MultiVectors.from_list([_carved(queries.doc(q), threshold) for q in range(queries.n_docs)], dim=queries.dim)


def _carved(tokens: Float32s, threshold: float) -> Float32s:
    exact = tokens.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact))
    units = exact / np.where(lengths > 0, lengths, 1.0)[:, None]
    near = units @ units.T >= threshold - 1e-9  # a token's cosine with itself may come out below 1
    np.fill_diagonal(near, True)
    left = np.ones(tokens.shape[0], dtype=np.bool_)
    sums = []
    for token in range(tokens.shape[0]):
        if left[token]:
            group = left & near[token]
            sums.append(exact[group].sum(axis=0))
            left &= ~group
    return np.array(sums, dtype=np.float32).reshape(-1, tokens.shape[1])
