"""A flat clustering that finds the number of its communities: spectral, on the Bethe-Hessian.

H(r) = (r² - 1) I - r A + D. Its negative eigenvalues count the communities that links betray, their eigenvectors embed
the nodes. Unlike the Laplacian's they are not caught by nodes of few links in sparse graphs.

Source: Saade, Krzakala, Zdeborová, "Spectral clustering of graphs with the Bethe Hessian", NIPS 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg
import threadpoolctl

from clustering.kmeans import Int32s, check_installed, kmeans
from foundation.errors import InvalidInput, InvalidParams, NotConverged
from foundation.seeds import stream

Float64s = npt.NDArray[np.float64]
_DENSE = 300  # up to so many nodes a dense solver is faster, and exact
_FIRST = 16  # eigenvalues asked for at first; doubled until one is not negative


@dataclass(frozen=True, slots=True, kw_only=True)
class BetheHessianParams:
    """``n_communities`` None finds it, up to ``max_communities``; ``seed`` starts Lanczos and k-means."""

    n_communities: int | None = None
    max_communities: int = 256
    n_starts: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_communities", "max_communities", "n_starts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectralCommunities:
    """What was found.

    Attributes
    ----------
    labels : int32, shape (n_nodes,)
        Numbered by size descending, then by smallest member.
    n_communities : int
        Distinct labels.
    values : float64
        The smallest eigenvalues of the Bethe-Hessian, ascending: those of the communities and, where it was looked
        for, the first one that is not negative.
    """

    labels: Int32s
    n_communities: int
    values: Float64s


def bethe_hessian(links: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """H(r) of an undirected 0/1 matrix without loops, at r = √(mean degree), 1 at least."""
    degree = np.diff(links.indptr).astype(np.float64)
    r = np.sqrt(max(degree.mean(), 1.0))
    return (scipy.sparse.diags_array(r * r - 1 + degree) - r * links).tocsr()


def spectral_communities(weights: scipy.sparse.csr_array, params: BetheHessianParams) -> SpectralCommunities:
    """Part the nodes of an undirected graph; every link counts alike, whatever its weight.

    ``weights`` is square; an entry other than 0 links its row and its column, in both directions. Self-loops are left
    out.

    Raises
    ------
    InvalidInput
        On a matrix that is not square or has no rows, and on more communities than nodes.
    NotConverged
        When Lanczos gives up.
    """
    check_installed("spectral clustering", ("sklearn", "scikit-learn"))
    links = _links(weights)
    n_nodes = links.shape[0]
    if params.n_communities is not None and params.n_communities > n_nodes:
        what, fix = f"{n_nodes} nodes for {params.n_communities} communities", f"ask for at most {n_nodes}"
        raise InvalidInput(source="weights", what=what, fix=fix)
    hessian = bethe_hessian(links)
    most = min(params.n_communities or params.max_communities, n_nodes)
    asked = most if params.n_communities else min(_FIRST, most)
    while True:
        values, vectors = _smallest(hessian, asked, params.seed)
        if params.n_communities or values[-1] >= 0 or asked == most:
            break
        asked = min(2 * asked, most)
    k = params.n_communities or max(int(np.count_nonzero(values < 0)), 1)
    labels = kmeans(vectors[:, :k], k, n_starts=params.n_starts, seed=params.seed)
    return SpectralCommunities(labels=labels, n_communities=int(labels.max()) + 1, values=values[: k + 1])


def _links(weights: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """0/1, both directions, no diagonal."""
    if not scipy.sparse.issparse(weights) or weights.shape[0] != weights.shape[1] or weights.shape[0] < 1:
        what = f"shape {np.shape(weights)}"
        raise InvalidInput(source="weights", what=what, fix="pass a square sparse matrix of at least one node")
    arcs = scipy.sparse.coo_array(weights)
    row, column = arcs.coords
    kept = (arcs.data != 0) & (row != column)
    row, column = row[kept], column[kept]
    ends = np.concatenate((row, column)), np.concatenate((column, row))
    links = scipy.sparse.csr_array((np.ones(ends[0].size), ends), shape=arcs.shape)
    links.sum_duplicates()
    links.data[:] = 1
    return links


def _smallest(hessian: scipy.sparse.csr_array, n_values: int, seed: int) -> tuple[Float64s, Float64s]:
    """Eigenvalues, ascending, and their vectors."""
    n_nodes = hessian.shape[0]
    with threadpoolctl.threadpool_limits(1):
        if n_nodes <= max(_DENSE, 2 * n_values):
            values, vectors = np.linalg.eigh(hessian.toarray())
            return values[:n_values], vectors[:, :n_values]
        start = stream(seed, "bethe_hessian.lanczos").standard_normal(n_nodes)
        try:
            values, vectors = scipy.sparse.linalg.eigsh(hessian, n_values, which="SA", v0=start)
        except scipy.sparse.linalg.ArpackNoConvergence as error:
            algorithm = f"Lanczos for {n_values} values, {len(error.eigenvalues)} found,"
            raise NotConverged(algorithm=algorithm, residual=np.inf, tol=0.0, n_iter=10 * n_nodes) from None
    order = np.argsort(values)
    return values[order], vectors[:, order]
