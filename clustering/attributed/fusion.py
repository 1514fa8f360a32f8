"""Communities from links and attributes together.

The graph is augmented by a vertex per attribute value, its smooth vectors embed all vertices, and k-means parts the
rows of the nodes, each scaled to length one.

Source: D'Ambra, Vassilevski, Cutillo, "Multilevel embedding and clustering of attributed graphs by bootstrap algebraic
multigrid", arXiv:2109.09367; rows of length one are those of Ng, Jordan, Weiss, NIPS 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.attributed.augmented import augmented, normalised_laplacian, read_attributes, read_links
from clustering.attributed.balance import fit
from clustering.attributed.smooth_vectors import exact_vectors, multigrid_vectors
from clustering.kmeans import Int32s, check_installed, kmeans
from foundation.errors import InvalidInput, InvalidParams

Float64s = npt.NDArray[np.float64]
OMEGAS: Final = (1.0, 0.0, 0.1, 0.2, 0.3, 0.5, 2.0)  # of equally good ones the first is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedParams:
    """Everything that decides the communities.

    Attributes
    ----------
    n_communities : 1 or more
    omega : weight of a link between a node and an attribute value of it; 0 leaves attributes out. None tries `OMEGAS`
        and keeps the one whose communities have the largest product of modularities, on links and on attributes
    vectors : "multigrid", or "exact" eigenvectors by Lanczos
    iterations : relaxations of each vector (multigrid only)
    n_starts : starts of k-means, the best is kept
    seed : of the vectors' start and of k-means
    """

    n_communities: int
    omega: float | None = None
    vectors: Literal["multigrid", "exact"] = "multigrid"
    iterations: int = 10
    n_starts: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_communities", "iterations", "n_starts"):
            if getattr(self, name) < 1:
                raise InvalidParams(name=name, value=getattr(self, name), allowed="1 or more")
        if self.omega is not None and not 0 <= self.omega < np.inf:
            raise InvalidParams(name="omega", value=self.omega, allowed="finite numbers of 0 or more, or None")
        if self.vectors not in ("multigrid", "exact"):
            raise InvalidParams(name="vectors", value=self.vectors, allowed="multigrid, exact")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributedCommunities:
    """What was found.

    Attributes
    ----------
    labels : int32, shape (n_nodes,)
        Numbered by size descending, then by smallest member.
    omega : float
        As given or chosen; 0 without attributes.
    embedding : float64, shape (n_nodes, n_communities)
        Rows of length one; zero for a node without links and attributes, whose label means nothing.
    values : float64, shape (n_communities,)
        Rayleigh quotients of the embedding's columns, ascending, never below the exact eigenvalues.
    n_isolated : int
        Nodes without links and attributes.
    """

    labels: Int32s
    omega: float
    embedding: Float64s
    values: Float64s
    n_isolated: int


def attributed_communities(
    weights: scipy.sparse.csr_array,
    attributes: scipy.sparse.csr_array | npt.NDArray[Any] | None,
    params: AttributedParams,
) -> AttributedCommunities:
    """Part nodes by links and attributes.

    Parameters
    ----------
    weights : (n_nodes, n_nodes), finite, not negative
        Links; both directions are averaged, self-loops left out.
    attributes : (n_nodes, n_values), finite, not negative
        How strongly each node has each value, 0 or 1 as a rule; `clustering.attributed.attributes` makes such matrices.
        None leaves them out.

    Raises
    ------
    InvalidInput
        On matrices that do not fit, and on more communities than nodes.
    MissingExtra
        Without scikit-learn, or PyAMG for multigrid.
    """
    check_installed("clustering with attributes", ("sklearn", "scikit-learn"))
    links, known = read_links(weights), None if attributes is None else read_attributes(attributes, weights.shape[0])
    if params.n_communities > (n_nodes := links.shape[0]):
        what, fix = f"{n_nodes} nodes for {params.n_communities} communities", f"ask for at most {n_nodes}"
        raise InvalidInput(source="weights", what=what, fix=fix)
    if known is None or known.nnz == 0:
        return _at(0.0, links, None, params)
    if params.omega is not None:
        return _at(params.omega, links, known, params)
    tried = [_at(omega, links, known, params) for omega in OMEGAS]
    return max(tried, key=lambda found: fit(links, known, found.labels))


def _at(
    omega: float, links: scipy.sparse.csr_array, known: scipy.sparse.csr_array | None, params: AttributedParams
) -> AttributedCommunities:
    """Communities with attribute links of this weight."""
    n_nodes, k = links.shape[0], params.n_communities
    adjacency = links if known is None or omega == 0 else augmented(links, known, omega)
    laplacian = normalised_laplacian(adjacency)
    if params.vectors == "exact":
        found = exact_vectors(laplacian, k, seed=params.seed)
    else:
        found = multigrid_vectors(laplacian, k, iterations=params.iterations, seed=params.seed)
    linked = np.diff(adjacency.indptr)[:n_nodes] > 0
    embedding = np.where(linked[:, None], found.vectors[:n_nodes], 0.0)
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    np.divide(embedding, length, out=embedding, where=length > 0)
    return AttributedCommunities(
        labels=kmeans(embedding, k, n_starts=params.n_starts, seed=params.seed),
        omega=omega,
        embedding=embedding,
        values=found.values,
        n_isolated=int(np.count_nonzero(~linked)),
    )
