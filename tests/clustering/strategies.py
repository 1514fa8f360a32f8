"""What the tests of communities draw: families of sets, and small graphs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from graph.csr import CSRGraph

# Small numbers make overlaps, the others reach into every part of an element's 64 bits.
ELEMENTS = st.integers(0, 12) | st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33 + 1, 2**62])


def set_families(max_sets: int = 8, max_size: int = 9) -> st.SearchStrategy[list[list[int]]]:
    """Lists of lists of elements, with empty, equal and overlapping ones and repeated elements."""
    return st.lists(st.lists(ELEMENTS, max_size=max_size), max_size=max_sets)


def as_csr(sets: list[list[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(indptr, indices) of a family of sets."""
    indptr = np.cumsum([0] + [len(members) for members in sets], dtype=np.int64)
    return indptr, np.array([element for members in sets for element in members], dtype=np.int64)


@st.composite
def community_graphs(draw: st.DrawFn, max_nodes: int = 10, directed: bool | None = None) -> CSRGraph:
    """Graphs with lone nodes, self-loops and parallel arcs."""
    n = draw(st.integers(1, max_nodes))
    ends = st.integers(0, n - 1)
    arcs = np.array(draw(st.lists(st.tuples(ends, ends), max_size=3 * n)), dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(
        arcs[:, 0],
        arcs[:, 1],
        n_nodes=n,
        directed=draw(st.booleans()) if directed is None else directed,
        duplicates=draw(st.sampled_from(["first", "keep"])),
    )
