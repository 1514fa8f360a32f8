"""Best first, ties by node."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clustering.ordering import best_first


@given(values=st.lists(st.integers(-2, 3), max_size=20), k=st.none() | st.integers(0, 22), data=st.data())
def test_the_best_come_first_and_equals_by_node(values: list[int], k: int | None, data: st.DataObject) -> None:
    nodes = data.draw(st.permutations(range(len(values))))
    expected = sorted(range(len(values)), key=lambda i: (-values[i], nodes[i]))[:k]
    got = best_first(np.array(values, dtype=np.float64), np.array(nodes, dtype=np.int64), k)
    assert got.tolist() == expected
