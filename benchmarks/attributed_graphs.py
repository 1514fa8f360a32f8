"""Citation graphs with words as attributes and topics as truth, where ../shared/data is present, and a planted one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from benchmarks.labelled_graphs import shared
from clustering.attributed.attributes import categories
from foundation.seeds import stream

Matrix = scipy.sparse.csr_array


@dataclass(frozen=True, kw_only=True)
class Attributed:
    """``attributes`` is None where the data have none."""

    name: str
    links: Matrix
    attributes: Matrix | None
    topics: npt.NDArray[np.integer]


def attributed_graphs() -> Iterator[Attributed]:
    yield blocks()
    for name in ("cora", "citeseer"):
        if (found := _papers(name)) is not None:
            yield found
            yield _largest_part(found)
    if (found := _pubmed()) is not None:
        yield found


def blocks(seed: int = 0) -> Attributed:
    """Four weak blocks of a hundred nodes; a category that is the block, redrawn for a fifth of the nodes."""
    draw = stream(seed, "benchmarks.blocks")
    block = np.repeat(np.arange(4), 100)
    chance = np.where(block[:, None] == block, 0.15, 0.05)
    half = scipy.sparse.csr_array(np.triu(draw.random((400, 400)) < chance, 1), dtype=np.float64)
    category = np.where(draw.random(400) < 0.2, draw.integers(0, 4, 400), block)
    known = categories(category.tolist())
    return Attributed(name="planted blocks", links=(half + half.T).tocsr(), attributes=known, topics=block)


def _papers(name: str) -> Attributed | None:
    """Papers that cite each other, the words in them, and their topic."""
    if (path := shared(f"graphs/{name}.npz")) is None:
        return None
    with np.load(path, allow_pickle=True) as data:
        arcs, words = (
            Matrix((data[f"{part}_data"], data[f"{part}_indices"], data[f"{part}_indptr"]), shape=data[f"{part}_shape"])
            for part in ("adj", "attr")
        )
        topics = data["labels"].astype(np.int64)
    return Attributed(name=name, links=_linked(*arcs.tocoo().coords, topics.size), attributes=words, topics=topics)


def _pubmed() -> Attributed | None:
    """Citations and topics; the file has no words."""
    if (path := shared("graphs/pubmed.npz")) is None:
        return None
    with np.load(path) as data:
        links, topics = _linked(data["src"], data["dst"], int(data["n"])), data["y"]
    return Attributed(name="pubmed", links=links, attributes=None, topics=topics)


def _linked(src: npt.NDArray[np.integer], dst: npt.NDArray[np.integer], n_nodes: int) -> Matrix:
    """Symmetric 0/1, no loops."""
    apart = src != dst
    ends = np.concatenate((src[apart], dst[apart])), np.concatenate((dst[apart], src[apart]))
    links = Matrix((np.ones(ends[0].size), ends), shape=(n_nodes, n_nodes))
    links.sum_duplicates()
    links.data[:] = 1
    return links


def _largest_part(whole: Attributed) -> Attributed:
    """Only the nodes of the largest connected component."""
    _, part = scipy.sparse.csgraph.connected_components(whole.links, directed=False)
    kept = np.flatnonzero(part == np.bincount(part).argmax())
    known = None if whole.attributes is None else whole.attributes[kept]
    links = whole.links[kept][:, kept]
    return Attributed(name=f"{whole.name}, largest part", links=links, attributes=known, topics=whole.topics[kept])
