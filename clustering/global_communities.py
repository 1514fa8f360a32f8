"""Communities of a whole graph: every node gets one.

Source: Traag et al., arXiv:1810.08473 (Leiden); Blondel et al., arXiv:0803.0476 (Louvain); Raghavan, Albert, Kumara,
Physical Review E 76:036106, 2007 (label propagation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.consensus import Consensus, consensus
from clustering.kernels.label_propagation import propagate_labels
from clustering.kernels.partition import split_pieces
from clustering.leiden import leiden
from clustering.modularity import modularity_of_rows
from clustering.symmetric import SymmetricRows, symmetric_rows
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import key, stream

Method = Literal["leiden", "louvain", "label_propagation", "components"]
On = Literal["links", "weighted_links", "similarity", "both"]
Labels32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalParams:
    """Everything that decides the communities: equal params on equal graphs give equal bytes.

    Attributes
    ----------
    method : how communities are searched for
    on : which graph is made of the links and their similarities, see `clustering.community_graph`
    threshold : similarity from which two nodes are similar
    resolution : of Leiden and Louvain; higher means smaller communities
    n_iterations : how often Leiden and Louvain begin anew from what they found; they end earlier when nothing changes
    n_runs : seeds whose consensus is taken, 1 for a single run
    agreement : share of the runs that must put two linked nodes together for the link to stay
    attach : nodes left alone join the neighbouring community to which their links weigh most
    """

    method: Method = "leiden"
    on: On = "links"
    threshold: float = 0.2
    resolution: float = 1.0
    n_iterations: int = 3
    n_runs: int = 1
    agreement: float = 0.5
    attach: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choice, of in (("method", self.method, Method), ("on", self.on, On)):
            if choice not in get_args(of):
                raise InvalidParams(name=name, value=choice, allowed=", ".join(get_args(of)))
        for name, value, above, highest in (
            ("threshold", self.threshold, False, 1),
            ("resolution", self.resolution, True, 1e6),
            ("agreement", self.agreement, True, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
                raise InvalidParams(name=name, value=value, allowed=f"a number up to {highest:g}")
            if above and value == 0:
                raise InvalidParams(name=name, value=value, allowed=f"a number above 0, up to {highest:g}")
        for name, value, most in (("n_iterations", self.n_iterations, 1000), ("n_runs", self.n_runs, 1000)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InvalidParams(name=name, value=value, allowed=f"an integer from 1 to {most}")
        if not isinstance(self.attach, bool):
            raise InvalidParams(name="attach", value=self.attach, allowed="true or false")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise InvalidParams(name="seed", value=self.seed, allowed="an integer")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """A community for every node.

    Attributes
    ----------
    labels : int32 (n_nodes,); communities are numbered by size, the largest first, then by their smallest member
    sizes : int64 (n_communities,), descending
    modularity : of the graph searched, at resolution 1; 0 where it has no links
    n_isolated : nodes without a link to another in that graph
    n_attached : nodes that were alone and joined a neighbour
    n_rounds : rounds of consensus, 0 for a single run
    is_stable : False when the runs of a consensus did not come to agree
    run_agreement : share of the links on which two runs of its first round agree, in the mean; 1 for a single run
    notes : sentences on what to know about these communities
    """

    labels: Labels32
    sizes: npt.NDArray[np.int64]
    modularity: float
    n_isolated: int
    n_attached: int
    n_rounds: int
    is_stable: bool
    run_agreement: float
    notes: tuple[str, ...]

    @property
    def n_communities(self) -> int:
        return int(self.sizes.size)


def find_communities(
    weights: scipy.sparse.csr_array,
    params: GlobalParams,
    *,
    links: scipy.sparse.csr_array | None = None,
    n_threads: int = 1,
) -> Labels:
    """Communities of a symmetric matrix of weights, each connected by it (before lone nodes are attached).

    Parameters
    ----------
    weights
        Square and symmetric; 0 and absent are the same; entry (u, u) is a self-loop, which counts for modularity only.
    links
        What lone nodes are attached by, the same nodes; ``weights`` by default. The graph behind a similarity graph
        has links for those that are similar to nobody.
    n_threads
        Runs of a consensus made at a time; a single run has one thread. The bytes are the same.

    Raises
    ------
    InvalidInput
        On a matrix that is not square, not symmetric, or has a negative, NaN or infinite weight; on links of other
        nodes.
    """
    rows = symmetric_rows(weights)
    by = symmetric_rows(links) if params.attach and links is not None else rows
    if by.degree.size != rows.degree.size:
        raise InvalidInput(
            source="links", what=f"{by.degree.size} nodes for {rows.degree.size}", fix="pass links of the same nodes"
        )
    found = _search(rows, params, n_threads)
    pieces = np.empty_like(found.labels)
    n_pieces = split_pieces(rows.indptr, rows.indices, found.labels, pieces)
    attached = attach(pieces, n_pieces, by) if params.attach else pieces
    labels, sizes = by_size(attached)
    n_attached = int(np.count_nonzero(attached != pieces))
    return Labels(
        labels=labels,
        sizes=sizes,
        modularity=modularity_of_rows(rows, labels, sizes.size),
        n_isolated=_count_isolated(rows),
        n_attached=n_attached,
        n_rounds=found.n_rounds,
        is_stable=found.is_stable,
        run_agreement=found.first_agreement,
        notes=tuple(_notes(found, sizes, n_attached)),
    )


def attach(labels: Labels32, n_labels: int, links: SymmetricRows) -> Labels32:
    """``labels`` after every node that is alone has joined the neighbouring community its links weigh most for.

    Communities are those of two nodes and more; of equally heavy ones the first in number is joined. Who has links
    to lone nodes only stays alone.
    """
    sizes = np.bincount(labels, minlength=n_labels)
    alone = sizes[labels] == 1
    src = np.repeat(np.arange(labels.size), np.diff(links.indptr))
    useful = alone[src] & ~alone[links.indices]
    towards = labels[links.indices[useful]]
    pulls = scipy.sparse.csr_array(
        (links.weights[useful], (src[useful], towards)), shape=(labels.size, n_labels), dtype=np.float64
    )
    pulls.sum_duplicates()
    joined = labels.copy()
    some = np.flatnonzero(np.diff(pulls.indptr))
    if some.size:
        heaviest = np.maximum.reduceat(pulls.data, pulls.indptr[some])
        is_best = pulls.data == np.repeat(heaviest, np.diff(pulls.indptr)[some])
        rows = np.repeat(some, np.diff(pulls.indptr)[some])[is_best]
        _, first = np.unique(rows, return_index=True)
        joined[some] = pulls.indices[is_best][first]
    return joined


def by_size(labels: Labels32) -> tuple[Labels32, npt.NDArray[np.int64]]:
    """Labels numbered anew by size, the largest first, then by smallest member; and the sizes, int64."""
    _, smallest, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((smallest, -sizes))
    new = np.empty(order.size, dtype=np.int32)
    new[order] = np.arange(order.size, dtype=np.int32)
    return new[inverse], sizes[order].astype(np.int64)


def _search(rows: SymmetricRows, params: GlobalParams, n_threads: int) -> Consensus:
    if params.method == "components":
        matrix = scipy.sparse.csr_array((rows.weights, rows.indices, rows.indptr), shape=(rows.degree.size,) * 2)
        _, labels = scipy.sparse.csgraph.connected_components(matrix, directed=False)
        return Consensus(labels.astype(np.int32), 0, True, 1.0)

    def run(links: SymmetricRows, seed: int) -> Labels32:
        if params.method == "label_propagation":
            return label_propagation(links, seed)
        return leiden(links, params.resolution, params.n_iterations, seed, refined=params.method == "leiden")

    if params.n_runs == 1:
        return Consensus(run(rows, params.seed), 0, True, 1.0)
    return consensus(rows, run, params.n_runs, params.agreement, params.seed, n_threads=n_threads)


def label_propagation(rows: SymmetricRows, seed: int) -> Labels32:
    """Labels int32 in [0, n_nodes): every node has one its links weigh most for."""
    n = rows.degree.size
    labels = np.arange(n, dtype=np.int32)
    order = stream(seed, "clustering.label_propagation").permutation(n).astype(np.int32)
    propagate_labels(*rows, order, np.uint64(key(seed, "clustering.label_propagation.ties")), labels)
    return labels


def _count_isolated(rows: SymmetricRows) -> int:
    """Nodes without a link to another; a row is sorted and holds each column once."""
    n_links = np.diff(rows.indptr)
    one = np.flatnonzero(n_links == 1)
    return int(np.count_nonzero(n_links == 0) + np.count_nonzero(rows.indices[rows.indptr[one]] == one))


def _notes(found: Consensus, sizes: npt.NDArray[Any], n_attached: int) -> list[str]:
    notes = []
    n_alone = int(np.count_nonzero(sizes == 1))
    if n_alone:
        notes.append(f"{n_alone} of {sizes.size} communities are single nodes")
    if n_attached:
        notes.append(f"{n_attached} lone nodes joined the neighbouring community of largest weight")
    if not found.is_stable:
        notes.append(f"the runs did not agree after {found.n_rounds} rounds: the first run of the last one is given")
    return notes
