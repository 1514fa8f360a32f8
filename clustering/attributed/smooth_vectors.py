"""Smooth vectors of a Laplacian: those that vary least along links.

By bootstrap (adaptive) algebraic multigrid: random vectors are relaxed until what is left is what relaxation cannot
remove, a hierarchy is built that keeps it, and the hierarchy finds the next vector. PyAMG's ``adaptive_sa_solver``
without smoothed prolongation: attribute vertices with many links would fill the coarse matrices. A Rayleigh–Ritz
step turns the vectors into approximate eigenvectors. Or exactly, by Lanczos.

Source: Brezina, Falgout, MacLachlan, Manteuffel, McCormick, Ruge, "Adaptive smoothed aggregation", SIAM 2005.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg
import threadpoolctl

from clustering.kmeans import check_installed
from foundation.errors import NotConverged
from foundation.seeds import key, stream

Float64s = npt.NDArray[np.float64]
_DENSE = 300  # up to so many rows a dense solver is faster than any other, and exact
_SHIFT = 1e-6  # makes the Laplacian definite
_numpys_own = threading.Lock()


class SmoothVectors(NamedTuple):
    """Orthonormal columns, float64 (n_rows, n_vectors), and their Rayleigh quotients, ascending."""

    vectors: Float64s
    values: Float64s


def multigrid_vectors(
    laplacian: scipy.sparse.csr_array, n_vectors: int, *, iterations: int, seed: int
) -> SmoothVectors:
    """``n_vectors`` smooth vectors by multigrid; ``iterations`` relaxations of each. Equal seeds give equal vectors."""
    if laplacian.shape[0] <= max(_DENSE, 2 * n_vectors):
        return _dense(laplacian, n_vectors)
    check_installed("smooth vectors by multigrid", ("pyamg", "pyamg"))
    import pyamg

    shifted = laplacian + _SHIFT * scipy.sparse.eye_array(laplacian.shape[0])
    with threadpoolctl.threadpool_limits(1), _global_seed(key(seed, "attributed.multigrid") % 2**32):
        solver, _ = pyamg.aggregation.adaptive_sa_solver(
            scipy.sparse.csr_matrix(shifted), num_candidates=n_vectors, candidate_iters=iterations, smooth=None
        )
        basis, _ = np.linalg.qr(np.asarray(solver.levels[0].B, dtype=np.float64))
        values, turn = np.linalg.eigh(basis.T @ (laplacian @ basis))
        return SmoothVectors(basis @ turn, values)


def exact_vectors(laplacian: scipy.sparse.csr_array, n_vectors: int, *, seed: int) -> SmoothVectors:
    """The ``n_vectors`` eigenvectors of least eigenvalue, by Lanczos from a fixed start.

    Raises
    ------
    NotConverged
        When Lanczos gives up.
    """
    n_rows = laplacian.shape[0]
    if n_rows <= max(_DENSE, 2 * n_vectors):
        return _dense(laplacian, n_vectors)
    start = stream(seed, "attributed.lanczos").standard_normal(n_rows)
    turned = 2 * scipy.sparse.eye_array(n_rows) - laplacian  # Lanczos finds the upper end sooner
    with threadpoolctl.threadpool_limits(1):
        try:
            values, vectors = scipy.sparse.linalg.eigsh(turned, n_vectors, which="LA", v0=start)
        except scipy.sparse.linalg.ArpackNoConvergence as error:
            found = len(error.eigenvalues)
            raise NotConverged(
                algorithm=f"Lanczos for {n_vectors} vectors, {found} found,",
                residual=np.inf,
                tol=0.0,
                n_iter=10 * n_rows,
            ) from None
    order = np.argsort(-values)
    return SmoothVectors(vectors[:, order], 2 - values[order])


def _dense(laplacian: scipy.sparse.csr_array, n_vectors: int) -> SmoothVectors:
    with threadpoolctl.threadpool_limits(1):
        values, vectors = np.linalg.eigh(laplacian.toarray())
    return SmoothVectors(vectors[:, :n_vectors], values[:n_vectors])


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """NumPy's global stream, which PyAMG draws from, seeded inside and as it was outside; one block at a time."""
    with _numpys_own:
        before = np.random.get_state()  # noqa: NPY002  # this is the state PyAMG uses
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
