"""How well communities fit links and attributes, without knowing the truth: what chooses omega."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse


def fit(links: scipy.sparse.csr_array, attributes: scipy.sparse.csr_array, labels: npt.NDArray[np.integer]) -> float:
    """Modularity on the links times modularity on the attributes; 0 when either is not positive.

    The second is that of the graph in which two nodes are linked through every value they share, a value's links
    weighing its strength in all. A product because the two modularities differ in scale.
    """
    n_communities = int(labels.max()) + 1
    members = scipy.sparse.csr_array(
        (np.ones(labels.size), (labels, np.arange(labels.size))), shape=(n_communities, labels.size)
    )
    by_links = _modularity((members @ links @ members.T).diagonal(), members @ links.sum(axis=1))
    counts = (members @ attributes).tocsr()
    strength = np.asarray(attributes.sum(axis=0))
    shared = counts.multiply(counts).multiply(np.divide(1, strength, out=np.zeros_like(strength), where=strength > 0))
    by_attributes = _modularity(shared.sum(axis=1), counts.sum(axis=1))
    return max(by_links, 0.0) * max(by_attributes, 0.0)


def _modularity(inside: npt.NDArray[np.float64], volume: npt.NDArray[np.float64]) -> float:
    """Of communities with such weights inside (both directions) and such volumes."""
    total = float(volume.sum())
    return float(inside.sum() / total - ((volume / total) ** 2).sum()) if total > 0 else 0.0
