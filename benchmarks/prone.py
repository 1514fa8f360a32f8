"""ProNE, as a peer: a sparse factorisation, then a band-pass filter of the graph's spectrum.

Source: Zhang, Dong, Wang, Tang, Ding, *ProNE: Fast and Scalable Network Representation Learning*, IJCAI 2019. What the
paper leaves open is as in the program its authors published: a self-loop at every node in the filter,
``(L - μ)² / 2 - 1`` as the argument of the Chebyshev polynomials, and rows of length 1 at the end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse
from scipy.special import iv

from foundation.seeds import stream
from graph.csr import CSRGraph

Float64s = npt.NDArray[np.float64]

STEPS, MU, THETA = 10, 0.2, 0.5  # the paper's
EXPONENT = 0.75  # of the noise distribution, as in word2vec
OVERSAMPLED, ITERATIONS = 10, 5  # of the randomised factorisation (Halko, Martinsson, Tropp 2011)


def prone(graph: CSRGraph, dim: int, seed: int = 0) -> Float64s:
    """Embed every node, float64 (n_nodes, dim)."""
    adjacency = scipy.sparse.csr_array(graph.to_scipy().astype(np.float64))
    return _propagated(adjacency, _factorised(adjacency, dim, seed))


def _factorised(adjacency: scipy.sparse.csr_array, dim: int, seed: int) -> Float64s:
    """Truncated SVD of log p_ij - log P_j on the edges; P_j is the noise's share of j."""
    step = _row_stochastic(adjacency).tocoo()
    noise = np.bincount(step.coords[1], weights=step.data, minlength=step.shape[1]) ** EXPONENT
    values = np.log(step.data) - np.log((noise / noise.sum())[step.coords[1]])
    proximity = scipy.sparse.csr_array((values, step.coords), shape=step.shape)
    block = stream(seed, "benchmarks.prone").standard_normal((step.shape[0], dim + OVERSAMPLED))
    basis = scipy.linalg.qr(proximity @ block, mode="economic")[0]
    for _ in range(ITERATIONS):
        basis = scipy.linalg.qr(proximity.T @ basis, mode="economic")[0]
        basis = scipy.linalg.qr(proximity @ basis, mode="economic")[0]
    left, values, _ = scipy.linalg.svd(basis.T @ proximity, full_matrices=False)
    return _unit_rows((basis @ left)[:, :dim] * np.sqrt(values[:dim]))


def _propagated(adjacency: scipy.sparse.csr_array, block: Float64s) -> Float64s:
    """``A (1 - g(L)) block`` with the Gaussian band-pass g as a Chebyshev series, then its SVD."""
    looped = scipy.sparse.csr_array(adjacency + scipy.sparse.eye_array(adjacency.shape[0]))
    step = _row_stochastic(looped)

    def shifted(x: Float64s) -> Float64s:
        """``(L - μ) x`` for L = 1 - D⁻¹A."""
        return np.asarray((1 - MU) * x - step @ x)

    before, term = block, 0.5 * shifted(shifted(block)) - block
    kept = iv(0, THETA) * before - 2 * iv(1, THETA) * term
    for i in range(2, STEPS):
        before, term = term, shifted(shifted(term)) - 2 * term - before
        kept += 2 * (-1) ** i * iv(i, THETA) * term
    left, values, _ = scipy.linalg.svd(looped @ (block - kept), full_matrices=False)
    return _unit_rows(left * np.sqrt(values))


def _row_stochastic(matrix: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    return scipy.sparse.csr_array(scipy.sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ matrix)


def _unit_rows(block: Float64s) -> Float64s:
    norms = np.linalg.norm(block, axis=1, keepdims=True)
    return np.divide(block, norms, out=np.zeros_like(block), where=norms > 0)
